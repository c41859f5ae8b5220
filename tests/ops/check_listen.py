# SPDX-License-Identifier: Apache-2.0
"""Every form of bind, and what happens to the names in the file system."""

import os
import signal
import socket
import stat

from rig import Client, NotHere, expect, get, same, until

SITE = """
param listen
global
    threads 2
frontend www
    bind ${listen}%s
    req in respond 200 body "%%{src} %%{dst_port}"
"""


def served(r, bind, to, options="", **more):
    p = r.start(r.build(SITE % options), "--set", "listen=" + bind, ready=[to], **more)
    return p, get(to)[2]


def test_unix_with_mode(r):
    path = r.path("sock")
    for mode in (0o600, 0o660, 0o666):
        p, _ = served(r, "unix@" + path, path, " mode %o" % mode)
        st = os.stat(path)
        expect(stat.S_ISSOCK(st.st_mode), "no socket")
        same(st.st_mode & 0o777, mode, "mode")
        p.stop(0)
        expect(not os.path.exists(path), "the socket is left behind")


def test_unix_with_owner(r):
    if os.geteuid() != 0:
        raise NotHere("only root can give a file away")
    path = r.path("sock")
    p, _ = served(r, "unix@" + path, path, " uid 65534 gid 65533")
    same((os.stat(path).st_uid, os.stat(path).st_gid), (65534, 65533), "owner")
    p.stop(0)


def test_unix_umask_decides_without_mode(r):
    path = r.path("sock")
    p, _ = served(r, "unix@" + path, path, preexec_fn=lambda: os.umask(0o027))
    same(os.stat(path).st_mode & 0o777, 0o750, "mode")
    p.stop(0)


def test_unix_file_of_a_dead_process_is_replaced(r):
    path = r.path("sock")
    p, _ = served(r, "unix@" + path, path)
    p.kill()
    expect(os.path.exists(path), "no stale file to test with")
    p, body = served(r, "unix@" + path, path)
    expect(body, "no answer")
    p.stop(0)


def test_unix_refuses_what_is_there(r):
    path = r.path("file")
    with open(path, "w") as f:
        f.write("precious")
    code, _, err = r.call(r.build(SITE % ""), "--set", "listen=unix@" + path)
    same(code, 3, "exit code")
    expect("no socket" in err, err)
    with open(path) as f:
        same(f.read(), "precious", "the file")
    code, _, err = r.call(r.build(SITE % ""), "--set", "listen=unix@" + r.path("x" * 120))
    expect(code in (1, 3) and err, "a path that is too long: %d %s", code, err)
    code, _, err = r.call(r.build(SITE % ""), "--set", "listen=unix@" + r.path("none/sock"))
    same(code, 3, "exit code")
    expect("No such file" in err, err)


def test_failed_start_removes_its_socket(r):
    text = (SITE % "").replace("bind ${listen}", "bind ${listen}\n    bind ${second}").replace(
        "param listen", "param listen\nparam second")
    path = r.path("sock")
    with socket.socket() as s:
        s.bind((r.host, 0))
        s.listen()
        code, _, err = r.call(r.build(text), "--set", "listen=unix@" + path, "--set",
                              "second=%s:%d" % s.getsockname())
    same(code, 3, "exit code")
    expect(not os.path.exists(path), "the socket is left behind")


def test_abstract(r):
    name = "weir-%d" % os.getpid()
    p, body = served(r, "abns@" + name, b"\0" + name.encode())
    expect(body, "no answer")
    with open("/proc/net/unix") as f:
        expect("@" + name in f.read(), "no abstract socket")
    p.stop(0)


def ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
            return s.getsockname()[1]
    except OSError:
        raise NotHere("no IPv6")


def test_ipv6(r):
    port = ipv6()
    p, body = served(r, "[::1]:%d" % port, ("::1", port))
    same(body, b"::1 %d" % port, "what rules see")
    p.stop(0)


def test_any_address(r):
    """:PORT is every address, IPv4 and IPv6; the client's IPv4 address is one for the rules."""
    with socket.socket() as s:
        s.bind(("", 0))
        port = s.getsockname()[1]
    p, body = served(r, ":%d" % port, (r.host, port))
    same(body, b"127.0.0.1 %d" % port, "over IPv4")
    try:
        ipv6()
        same(get(("::1", port))[2], b"::1 %d" % port, "over IPv6")
    except NotHere:
        pass
    p.stop(0)


def test_v6only(r):
    ipv6()
    with socket.socket(socket.AF_INET6) as s:
        s.bind(("::", 0))
        port = s.getsockname()[1]
    p, _ = served(r, "[::]:%d" % port, ("::1", port), " v6only")
    try:
        Client((r.host, port)).close()
        expect(False, "IPv4 reaches a bind with v6only")
    except ConnectionRefusedError:
        pass
    p.stop(0)


def test_restart_on_the_same_port(r):
    """Connections of the stopped process, in TIME_WAIT, keep nobody from binding."""
    to = (r.host, r.port())
    for _ in range(3):
        p, _ = served(r, "%s:%d" % to, to)
        c = Client(to)
        c.get()
        p.send(signal.SIGTERM)
        expect(c.ended(), "the idle client got bytes")
        same(p.wait(), 0, "exit code")


def test_name(r):
    port = r.port()
    try:
        socket.getaddrinfo("localhost", port, socket.AF_INET)
    except OSError:
        raise NotHere("localhost has no address")
    site = r.build(SITE % "")
    p = r.spawn([site, "--set", "listen=localhost:%d" % port])

    def up():
        for host in ("127.0.0.1", "::1"):
            try:
                return get((host, port))[0]
            except OSError:
                pass
    same(until(up, "it listens on localhost"), 200, "status")
    p.stop(0)


def test_a_name_without_address(r):
    code, _, err = r.call(r.build(SITE % ""), "--set", "listen=no-such-host.invalid:80")
    same(code, 1, "exit code")
    expect("no address" in err and "site.weir:" in err, err)
