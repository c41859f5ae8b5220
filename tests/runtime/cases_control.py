# SPDX-License-Identifier: Apache-2.0
"""The control socket: each gets a rig.World."""

import json
import os
import signal
import socket
import stat
import subprocess
import threading

from cases import GET, case
from rig import Closed, Peer, expect, keeps_answering, same


def start(w, **params):
    w.start("control", a=w.origin(keeps_answering(b"a")).address, b=w.origin(keeps_answering(b"b")).address,
            control="unix@" + path(w), **params)


def path(w):
    return os.path.join(w.folder, "control")


def connect(w):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path(w))
    peer = Peer(s)
    w.open.append(peer)
    return peer


def ask(c, line):
    """The lines of the answer."""
    c.send(line + "\n")
    got = []
    while True:
        text = c.until(b"\n").decode()
        if not text:
            return got
        got.append(text)


def body(w):
    c = w.client()
    c.send(GET % b"/")
    got = c.answer()[1]
    c.close()
    return got


@case
def control_shows_and_changes(w):
    start(w, threads=2)
    same(stat.S_IMODE(os.stat(path(w)).st_mode), 0o600, "rights")
    c = connect(w)
    expect(any("show servers" in l for l in ask(c, "help")), "help")
    info = json.loads(ask(c, "json show info")[0])
    same((info["site"], info["pid"], info["threads"], info["stopping"]), ("control", w.process.pid, 2, 0))
    same(ask(c, "show servers"), ["backend=main server=a state=up requests=0 maxconn=0 check=off",
                                  "backend=main server=b state=maint requests=0 maxconn=0 check=off"])
    pools = [json.loads(l) for l in ask(c, "json show pools")]
    expect(all(p["allocated"] == p["in_use"] + p["cached"] + p["shared"] for p in pools), "pools", pools)
    threads = [json.loads(l) for l in ask(c, "json show threads")]
    same([(t["thread"], t["group"]) for t in threads], [(1, 1), (2, 1)], "threads")
    same(ask(c, "show tasks"), [], "tasks before they are timed")
    same(ask(c, "profile on"), [])
    same({body(w) for _ in range(4)}, {b"a"})
    w.signal(signal.SIGHUP)     # handled by a task; a request that never waits needs none
    w.eventually(lambda: ask(c, "show tasks"), "tasks")
    tasks = [json.loads(l) for l in ask(c, "json show tasks")]
    expect(all(t["calls"] > 0 and t["task"].startswith("0x") for t in tasks), "tasks", tasks)
    same(ask(c, "profile off"), [])
    same(ask(c, "server main/b enable"), [])
    same({body(w) for _ in range(8)}, {b"a", b"b"})
    same(ask(c, "  server main/a disable\r"), [])
    same({body(w) for _ in range(8)}, {b"b"})
    ask(c, "server main/b disable")
    same(body(w), b"none")
    w.eventually(lambda: "control: server main/b disabled" in w.stderr(), "log")


@case
def control_refuses_what_it_does_not_know(w):
    start(w)
    c = connect(w)
    for line in ("nothing", "show", "show all", "server main/c enable", "server main enable", "server main/a", "server main/a off",
                 "server / disable", "json", "json nothing", "\x00\xff", "SHOW INFO"):
        got = ask(c, line)
        expect(len(got) == 1 and "error" in got[0], line, got)
    same(ask(c, "show servers")[0].split()[2], "state=up")
    c.send("quit\n")
    expect(c.at_end(), "end")
    c = connect(w)
    try:
        c.send(b"x" * 5000)
    except OSError:
        pass
    expect(c.at_end(), "a line that is too long")


@case
def slow_and_many_control_clients_hold_up_nothing(w):
    start(w)
    slow = [connect(w) for _ in range(8)]
    for c in slow:          # asks and does not read: the ninth waits, the site does not
        c.sock.setblocking(False)
        try:
            for _ in range(100000):
                c.sock.send(b"show pools\n" * 50)
        except BlockingIOError:
            pass
    late = connect(w)
    late.send("show info\n")
    same(body(w), b"a")
    slow[0].close()
    expect(late.until(b"\n").startswith(b"site=control"), "the ninth")
    same(body(w), b"a")
    w.signal()
    same(w.wait(), 0, "exit code")
    expect(not os.path.exists(path(w)), "the socket's file stays")


@case
def control_under_load_and_stop(w):
    start(w, threads=3)
    done = threading.Event()

    def asks():
        c = connect(w)
        try:
            while not done.is_set():
                for line in ("show info", "json show servers", "show pools", "server main/b enable", "server main/b disable"):
                    ask(c, line)
        except (Closed, OSError):
            pass
    threads = [threading.Thread(target=asks) for _ in range(4)]
    for t in threads:
        t.start()
    for _ in range(100):
        expect(body(w) in (b"a", b"b"), "body")
    w.signal()
    same(w.wait(), 0, "exit code")
    done.set()
    for t in threads:
        t.join()


@case
def control_socket_that_cannot_be_made_stops_the_start(w):
    for address, says in (("unix@/nowhere/control", b"/nowhere/control"), ("127.0.0.1:1", b"it is unix@PATH")):
        for check in ([], ["--check"]):
            done = subprocess.run([w.binaries["control"], "--set", "control=" + address] + check, capture_output=True,
                                  timeout=20, check=False)
            expect(done.returncode and says in done.stderr, done.returncode, done.stderr)
