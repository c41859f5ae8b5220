# SPDX-License-Identifier: Apache-2.0
"""Service manager and rights: notifications, sockets handed over, user, group, root directory."""

import os
import pwd
import grp
import signal
import socket

from rig import Client, NotHere, expect, get, lines, same, until

SITE = """
param listen
param origin
param file default "/dev/null"
global
    threads 2
    log file "${file}"
frontend www
    bind ${listen}
    default_backend pages
backend pages
    server a ${origin}
"""


def notified(r, name):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind("\0" + name[1:] if name[0] == "@" else name)
        s.settimeout(20)
        p, to = r.serve(SITE, env=dict(os.environ, NOTIFY_SOCKET=name))
        same(s.recv(100), b"READY=1", "the first message")
        same(get(to)[0], 200, "status after READY=1")
        busy = Client(to)
        busy.send("/slow")
        until(lambda: r.origin.slow_seen == 1, "the request reaches the origin")
        p.send(signal.SIGTERM)
        same(s.recv(100), b"STOPPING=1", "the second message")
        expect(p.p.poll() is None, "it ended before its request")
        r.origin.go.set()
        same(busy.read()[0], 200, "status of the request in progress")
        same(p.wait(), 0, "exit code")
        s.setblocking(False)
        try:
            expect(False, "a third message: %r", s.recv(100))
        except BlockingIOError:
            pass


def test_notify(r):
    notified(r, r.path("notify"))


def test_notify_abstract(r):
    notified(r, "@weir-%d-%s" % (os.getpid(), os.path.basename(r.folder)))


def test_notify_nobody(r):
    p, to = r.serve(SITE, env=dict(os.environ, NOTIFY_SOCKET=r.path("nobody")))
    same(get(to)[0], 200, "status")
    p.stop(0)


def hand_over(sockets, pid=None):
    """What a service manager does between fork and exec: the sockets become 3, 4, …"""
    def prepare():
        high = [os.dup2(s.fileno(), 100 + i) for i, s in enumerate(sockets)]
        for i, fd in enumerate(high):
            os.dup2(fd, 3 + i)
            os.close(fd)
        os.environ["LISTEN_FDS"] = str(len(sockets))
        os.environ["LISTEN_PID"] = str(pid or os.getpid())
    return prepare


# preexec_fn cannot change the environment of the new program, so a shell puts its own pid there.
SHELL = ["/bin/sh", "-c", "LISTEN_PID=$$ exec \"$@\"", "sh"]


def activated(r, text, sockets, ready, *args, env=None):
    env = dict(os.environ, LISTEN_FDS=str(len(sockets)), LISTEN_FDNAMES="x:y", **(env or {}))
    site = r.build(text)
    return r.start(site, *args, ready=ready, before=SHELL, env=env,
                   preexec_fn=hand_over(sockets), pass_fds=range(3, 3 + len(sockets)))


def listening(r, kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_INET, kind)
    s.bind((r.host, 0))
    if kind == socket.SOCK_STREAM:
        s.listen(10)
    return s


TWO = SITE.replace("    bind ${listen}\n", "    bind ${listen}\n    bind ${second}\n    "
                   "req in respond 200 body \"%{dst_port}\"\n").replace(
                       "param listen", "param listen\nparam second")


def test_activation_matches_by_address(r):
    """Handed over in the other order; the second bind makes a socket of its own."""
    with listening(r) as a, listening(r) as b:
        first, second = a.getsockname(), b.getsockname()
        p = activated(r, TWO, [b, a], [first, second], "--set", "listen=%s:%d" % first, "--set",
                      "second=%s:%d" % second, "--set", "origin=127.0.0.1:1")
        for to in (first, second):
            same(int(get(to)[2]), to[1], "port that answered")
        with open("/proc/%d/net/tcp" % p.pid) as f:
            inodes = f.read()
        for s in (a, b):
            same(inodes.count(" %d " % os.fstat(s.fileno()).st_ino), 1, "the socket handed over")
        p.stop(0)
        same("warning" in p.err(), False, "warnings: " + p.err())
        a.settimeout(5)
        with socket.create_connection(first):
            a.accept()[0].close()       # the manager's socket lives on


def test_activation_unix(r):
    path = r.path("sock")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen()
        p = activated(r, SITE, [s], [path], "--set", "listen=unix@" + path, "--set",
                      "origin=" + r.origin.text())
        same(get(path)[0], 200, "status")
        p.stop(0)
        expect(os.path.exists(path), "the manager's socket file was removed")


def test_activation_tells_what_no_bind_takes(r):
    with listening(r) as a, listening(r) as b:
        to = a.getsockname()
        p = activated(r, SITE, [a, b], [to], "--set", "listen=%s:%d" % to, "--set",
                      "origin=" + r.origin.text())
        until(lambda: "belongs to no bind" in p.err(), "it tells")
        expect("%s:%d" % b.getsockname() in p.err(), "the address is not told: %r", p.err())
        same(get(to)[0], 200, "status")
        p.stop(0)


def test_activation_for_another_process(r):
    """LISTEN_PID is not ours: the numbers mean nothing."""
    with listening(r) as a:
        p, to = r.serve(SITE, env=dict(os.environ, LISTEN_FDS="1", LISTEN_PID="1"))
        same(get(to)[0], 200, "status")
        p.stop(0)


def test_bad_activation_variables(r):
    for fds, pid in (("x", "1"), ("99999999999999999999", "$$"), ("-1", "$$"), ("", "")):
        env = dict(os.environ, LISTEN_FDS=fds)
        to = (r.host, r.port())
        p = r.start(r.build(SITE), "--set", "listen=%s:%d" % to, "--set",
                    "origin=" + r.origin.text(), ready=[to], env=env, before=SHELL)
        same(get(to)[0], 200, "status")
        p.stop(0)


def test_fd_bind(r):
    with listening(r) as a:
        to = a.getsockname()
        os.set_inheritable(a.fileno(), True)
        p = r.start(r.build(SITE), "--set", "listen=fd@%d" % a.fileno(), "--set",
                    "origin=" + r.origin.text(), ready=[to], pass_fds=[a.fileno()])
        same(get(to)[0], 200, "status")
        p.stop(0)


def test_fd_bind_that_is_no_listener(r):
    with listening(r, socket.SOCK_DGRAM) as a:
        for fd in (a.fileno(), 77):
            code, _, err = r.call(r.build(SITE), "--set", "listen=fd@%d" % fd, "--set",
                                  "origin=127.0.0.1:1", pass_fds=[a.fileno()])
            same(code, 3, "exit code")
            expect("no listening stream socket" in err, err)


# -- rights


def need_root():
    if os.geteuid() != 0:
        raise NotHere("only root can change user, group and root directory")
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise NotHere("there is no user nobody")


def status_of(pid):
    with open("/proc/%d/status" % pid) as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def test_user_and_chroot(r):
    user = need_root()
    root = r.path("root")
    os.mkdir(root)
    text = SITE.replace("global\n", "global\n    user nobody\n    chroot \"%s\"\n" % root)
    log = r.path("log")
    p, to = r.serve(text, "file=" + log)
    for tid in p.threads():
        same(status_of(tid)["Uid"].split(), [str(user.pw_uid)] * 4, "user of thread %d" % tid)
        same(status_of(tid)["Gid"].split(), [str(user.pw_gid)] * 4, "group of thread %d" % tid)
        same(status_of(tid)["Groups"].split(), [str(user.pw_gid)], "groups of thread %d" % tid)
    same(os.readlink("/proc/%d/root" % p.pid), root, "root directory")
    same(os.readlink("/proc/%d/cwd" % p.pid), root, "working directory")
    same(get(to)[0], 200, "status")
    until(lambda: lines(log), "the log that root opened takes lines")
    os.rename(log, log + ".old")
    p.send(signal.SIGHUP)       # no right to make it again: the old one stays, as it says
    until(lambda: "stays in use" in p.err(), "it says that the old file stays")
    get(to)
    p.stop(0)
    same(len(lines(log + ".old")), 2, "lines")


def test_group_alone(r):
    need_root()
    name = "nogroup"
    try:
        gid = grp.getgrnam(name).gr_gid
    except KeyError:
        raise NotHere("there is no group nogroup")
    p, to = r.serve(SITE.replace("global\n", "global\n    group %s\n" % name))
    same(status_of(p.pid)["Gid"].split(), [str(gid)] * 4, "group")
    same(status_of(p.pid)["Uid"].split(), ["0"] * 4, "user")
    p.stop(0)


def test_log_is_reopened_with_the_rights_left(r):
    """A folder that the user may write: SIGHUP makes the file again."""
    user = need_root()
    folder = r.path("logs")
    os.mkdir(folder)
    os.chown(folder, user.pw_uid, user.pw_gid)
    os.chmod(r.folder, 0o755)
    log = os.path.join(folder, "log")
    p, to = r.serve(SITE.replace("global\n", "global\n    user nobody\n"), "file=" + log)
    get(to)
    until(lambda: lines(log), "the first line")
    os.rename(log, log + ".old")
    p.send(signal.SIGHUP)
    until(lambda: os.path.exists(log), "the log is made again")
    get(to)
    p.stop(0)
    same((len(lines(log)), os.stat(log).st_uid), (1, user.pw_uid), "lines and owner")


def test_no_rights(r):
    """An ordinary user cannot change user or root; --check and the start both say so."""
    user = need_root()
    site = r.build(SITE.replace("global\n", "global\n    user root\n"))
    for extra in ([], ["--check"]):
        code, _, err = r.call(site, "--set", "listen=%s:0" % r.host, "--set", "origin=127.0.0.1:1",
                              *extra, user=user.pw_uid, group=user.pw_gid, extra_groups=[])
        same(code, 3, "exit code, having said: " + err)
        expect("root" in err, err)
