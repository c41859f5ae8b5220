# SPDX-License-Identifier: Apache-2.0
"""Command line, params, --check, --limits."""

import os
import re
import resource
import socket

from rig import Client, NotHere, expect, get, same

SITE = """
param listen
param origin
param conns default 100
param wait default 2s
param office default 10.0.0.0/8
param word default "hello"
param long-name default "none"
global
    maxconn ${conns}
    drain ${wait}
frontend www
    bind ${listen}
    req in respond 200 body "%{src}=${word}" path == "/word"
    req in respond 200 body "${long-name}" path == "/long"
    req in respond 200 body "office" src == ${office}
    default_backend pages
backend pages
    server a ${origin}
"""
NO_PARAM = """
listen one
    bind 127.0.0.1:8080
    server s 127.0.0.1:8081
"""


def test_help(r):
    site = r.build(NO_PARAM)
    for flag in ("--help", "-h"):
        code, out, err = r.call(site, flag)
        same((code, err), (0, ""), flag)
        for option in ("--set", "--check", "--limits", "--version"):
            expect(option in out, "%s is not in the help", option)


def test_version_tells_digests(r):
    code, out, _ = r.call(r.build(NO_PARAM), "--version")
    same(code, 0, "exit code")
    for what in ("source", "program", "runtime"):
        expect(re.search(r"^%s +[0-9a-f]{64}$" % what, out, re.M), "no digest of %s: %s", what, out)


def test_misuse_is_2(r):
    site = r.build(SITE)
    for args in (["--sett", "x=1"], ["extra"], ["--set"], ["--set", "novalue"], ["--set", "=x"],
                 ["-x"], ["--pool-debug", "nonsense"]):
        code, out, err = r.call(site, *args)
        same((args, code), (args, 2), "exit code")
        expect(err and not out, "%s: the message belongs on stderr: %r %r", args, out, err)


def test_unknown_param_is_1(r):
    code, _, err = r.call(r.build(SITE), "--set", "listn=x", "--set", "origin=127.0.0.1:1",
                          "--set", "listen=127.0.0.1:0")
    same(code, 1, "exit code")
    expect("listn" in err and "no such param" in err, err)


def test_unset_param_is_1(r):
    code, _, err = r.call(r.build(SITE))
    same(code, 1, "exit code")
    for name in ("listen", "origin"):
        expect(re.search(r"^site.weir:\d+: .*'%s' is not set" % name, err, re.M), err)


def test_bad_values_are_all_told(r):
    code, _, err = r.call(r.build(SITE), "--set", "listen=127.0.0.1:0", "--set", "origin=127.0.0.1",
                          "--set", "conns=12x", "--set", "wait=3", "--set", "office=10.0.0.0/33")
    same(code, 1, "exit code")
    for line, value in ((10, "12x"), (11, "3"), (18, "127.0.0.1"), (15, "10.0.0.0/33")):
        expect(re.search(r"^site.weir:\d+: .*'%s'" % re.escape(value), err, re.M),
               "%s is not told in:\n%s", value, err)
    same(err.count("\n"), 4, "lines of messages in %r" % err)


def test_params_reach_their_places(r):
    _, to = r.serve(SITE, "word=a=b c", "office=192.0.2.0/24", "conns=5k", "wait=1m")
    expect(get(to, "/word")[2].endswith(b"=a=b c"), "the text")
    _, to = r.serve(SITE, "office=127.0.0.0/8")
    same(get(to, "/")[2], b"office", "a network")
    _, to = r.serve(SITE)
    same(get(to, "/")[2], b"ok", "the default network")
    same(get(to, "/word")[2].split(b"=")[1], b"hello", "the default text")


def test_params_of_the_environment(r):
    env = dict(os.environ, WEIR_word="from-env", WEIR_LONG_NAME="upper")
    _, to = r.serve(SITE, env=env)
    expect(get(to, "/word")[2].endswith(b"=from-env"), "WEIR_word is not taken")
    same(get(to, "/long")[2], b"upper", "WEIR_LONG_NAME")
    _, to = r.serve(SITE, "word=from-set", env=env)
    expect(get(to, "/word")[2].endswith(b"=from-set"), "--set does not win over the environment")
    _, to = r.serve(SITE, "word=first", "word=last")
    expect(get(to, "/word")[2].endswith(b"=last"), "the last --set does not win")


def test_check_passes_without_traces(r):
    text = "param sock\n" + SITE.replace("bind ${listen}", "bind ${listen}\n    bind unix@${sock}"
                                         "\n    log file \"${sock}.log\"")
    sock = r.path("s")
    code, out, err = r.call(r.build(text), "--check", "--set", "sock=" + sock, "--set",
                            "origin=127.0.0.1:1", "--set", "listen=" + r.at(r.port()))
    same((code, err), (0, ""), "code and messages")
    expect("can start" in out, out)
    same(os.listdir(r.folder), [], "files left behind")


def test_check_leaves_a_running_site_alone(r):
    text = "param sock\n" + SITE.replace("bind ${listen}", "bind ${listen}\n    bind unix@${sock}")
    sock = r.path("s")
    _, to = r.serve(text, "sock=" + sock)
    code, _, err = r.call(r.build(text), "--check", "--set", "sock=" + sock, "--set",
                          "origin=127.0.0.1:1", "--set", "listen=%s:%d" % to)
    same(code, 3, "exit code")
    expect("another process listens" in err and "in use" in err, err)
    same(get(sock, "/")[2], b"ok", "the answer of the site that was running")


def test_check_tells_everything_in_one_run(r):
    text = SITE.replace("global\n", "global\n    user nobody-of-that-name\n    log file \"%s\"\n"
                        "    chroot \"%s\"\n" % (r.path("none/log"), r.path("no-root")))
    with socket.socket() as s:
        s.bind((r.host, 0))
        s.listen()
        port = s.getsockname()[1]
        code, out, err = r.call(r.build(text), "--check", "--set", "listen=%s:%d" % (r.host, port),
                                "--set", "origin=127.0.0.1", "--set", "conns=1x")
    same((code, out), (1, ""), "exit code and output")
    for what in ("'1x'", "'127.0.0.1'", "in use", "nobody-of-that-name", "none/log", "no-root"):
        expect(what in err, "'%s' is not told in:\n%s", what, err)
    again, _, err = r.call(r.build(text), "--check", "--set", "listen=%s:0" % r.host,
                           "--set", "origin=127.0.0.1:1")
    same(again, 3, "exit code when only the system refuses:\n" + err)


def test_start_refuses_what_check_refuses(r):
    text = SITE.replace("global\n", "global\n    user nobody-of-that-name\n")
    code, _, err = r.call(r.build(text), "--set", "listen=%s:0" % r.host, "--set",
                          "origin=127.0.0.1:1")
    same(code, 3, "exit code")
    expect("nobody-of-that-name" in err, err)


def limits(r, fds, *args, text=SITE):
    def small():
        resource.setrlimit(resource.RLIMIT_NOFILE, fds)

    code, out, err = r.call(r.build(text), "--limits", "--set", "listen=127.0.0.1:0", "--set",
                            "origin=127.0.0.1:1", *args, preexec_fn=small)
    same(code, 0, "exit code")
    return out, err


def test_limits_follow_the_descriptors(r):
    text = SITE.replace("    maxconn ${conns}\n", "")
    out, _ = limits(r, (100, 500), text=text)
    fds, fixed = map(int, re.search(r"descriptors +(\d+) .*, (\d+) of them", out).groups())
    same(fds, 500, "descriptors, raised to the hard limit")
    maxconn = int(re.search(r"maxconn +(\d+)", out).group(1))
    same(maxconn, (fds - fixed) // 2, "maxconn: two descriptors each of what is left")


def test_limits_of_the_site(r):
    out, err = limits(r, (1000, 1000), "--set", "conns=200")
    expect(re.search(r"maxconn +200 .*the site", out), out)
    same(err, "", "warnings")
    out, err = limits(r, (256, 256), "--set", "conns=200")
    expect("warning" in err and "256 are allowed" in err, "no warning: %r", err)


def cgroup_limit():
    """The smallest memory limit above this process, read with other means than the binary's."""
    least = None
    with open("/proc/self/cgroup") as f:
        for line in f:
            _, kinds, path = line.rstrip("\n").split(":", 2)
            if kinds == "":
                root, name = "/sys/fs/cgroup", "memory.max"
            elif "memory" in kinds.split(","):
                root, name = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
            else:
                continue
            parts = [p for p in path.split("/") if p]
            for n in range(len(parts) + 1):
                try:
                    with open(os.path.join(root, *parts[:n], name)) as v:
                        value = v.read().strip()
                except OSError:
                    continue
                if value != "max" and int(value) < 1 << 60:
                    least = min(least or int(value), int(value))
    return least


def test_limits_follow_the_cgroup(r):
    text = SITE.replace("    maxconn ${conns}\n", "")
    memory = cgroup_limit()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    out, _ = limits(r, (hard, hard), text=text)
    if not memory:
        expect("no limit" in out, out)
        raise NotHere("no memory limit is set on this machine's cgroup")
    expect("%d bytes" % memory in out, "%d is not in %s", memory, out)
    maxconn = int(re.search(r"maxconn +(\d+)", out).group(1))
    expect(maxconn <= memory // 65536, "maxconn %d for %d bytes", maxconn, memory)


def test_the_limits_that_hold_are_told_at_start(r):
    p, to = r.serve(SITE, "conns=77")
    with Client(to) as c:
        same(c.get("/word")[0], 200, "status")
    p.stop()
    expect("maxconn 77" in p.err(), "no word of the limits at start: %r", p.err())
