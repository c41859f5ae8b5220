# SPDX-License-Identifier: Apache-2.0
"""The control socket: each gets a rig.World."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import threading

from cases import GET, case
from rig import Closed, Peer, expect, keeps_answering, refused_address, same


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
    same(ask(c, "show servers")[:2], ["backend=main server=a state=up requests=0 maxconn=0 check=off",
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
    same(c.until(b"\n"), b"error: a line has at most 1023 bytes", "a line that is too long")
    same(c.until(b"\n"), b"", "the end of the answer")
    expect(c.at_end(), "end")


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


def conns(c, **wanted):
    """Rows of show conn that have these values."""
    rows = [json.loads(l) for l in ask(c, "json show conn")]
    return [r for r in rows if all(r[k] == v for k, v in wanted.items())]


def states(row):
    return tuple(row[k] for k in ("src_l3", "src_l4", "dst_l3", "dst_l4"))


@case
def S18_show_conn_tells_what_is_known_of_addresses(w):
    start(w, threads=2)
    c, client = connect(w), w.client()
    here, there = "%s:%d" % client.sock.getsockname(), "%s:%d" % client.sock.getpeername()

    def row(**wanted):
        found = conns(c, **wanted)
        same(len(found), 1, "rows of %s" % wanted)
        return found[0]

    def get(path):
        client.send(GET % path)
        return client.answer()[1]

    get(b"/")
    w.eventually(lambda: conns(c, side="client", backend="-") and conns(c, side="server", state="idle"), "the request's end")
    mine = row(side="client")
    same((mine["src"], mine["dst"], states(mine)), (here, "-", ("known", "known", "none", "none")))
    same((mine["state"], mine["family"], mine["frontend"], mine["backend"]), ("ready", "ipv4", "main", "-"))
    server = row(side="server")
    same((server["state"], server["backend"], server["server"], server["thread"]), ("idle", "main", "a", mine["thread"]))
    same((server["src"], states(server)), ("-", ("none", "none", "fixed", "fixed")))
    for _ in range(2):          # asked once, known from then on
        same(get(b"/dst"), there.split(":")[0].encode())
        mine = row(side="client")
        same((mine["dst"], states(mine)), (there, ("known",) * 4))
    get(b"/fixed")
    same(states(row(side="server", server="own")), ("fixed", "none", "fixed", "fixed"))
    get(b"/range")
    ranged = row(side="server", backend="range")
    same(states(ranged), ("fixed", "range", "fixed", "fixed"))
    expect(ranged["src"].startswith("127.0.0.8:201"), "source", ranged)
    client.close()
    w.eventually(lambda: not conns(c, side="client"), "the client's end")


@case
def S8_show_conn_has_front_and_back_of_a_request(w):
    came, go = threading.Event(), threading.Event()

    def script(peer, _):
        peer.request()
        came.set()
        go.wait(20)
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        peer.rest()
    o = w.origin(script)
    w.start("control", a=o.address, b=o.address, control="unix@" + path(w), threads=3)
    c, client = connect(w), w.client()
    client.send(GET % b"/fixed")
    expect(came.wait(20), "the request")
    rows = conns(c, frontend="main", backend="fixed")
    same(sorted((r["side"], r["server"], r["state"]) for r in rows), [("client", "-", "ready"), ("server", "own", "ready")])
    go.set()
    client.answer()
    w.eventually(lambda: conns(c, side="client", backend="-"), "between requests")


@case(plain=True)
def S18_S66_the_kernel_is_asked_for_an_address_once_and_when_needed(w):
    """Without strace there is nothing to count by."""
    if not shutil.which("strace"):
        return
    trace = os.path.join(w.folder, "trace")
    start(w, under=("strace", "-D", "-f", "-qq", "-e", "trace=getsockname,getpeername,getsockopt", "-o", trace),
          env={"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"})   # it cannot while traced

    def asked():
        with open(trace, encoding="ascii") as f:
            return [l.split(None, 1)[1].split("(")[0] for l in f if "SO_ERROR" not in l and "resumed" not in l]
    before = len(asked())       # what the start needed
    c, other = w.client(), w.client()
    for _ in range(3):
        c.send(GET % b"/")
        c.answer()
    same(asked()[before:], [], "calls of plain requests")
    for _ in range(3):
        c.send(GET % b"/dst")
        c.answer()
    same(asked()[before:], ["getsockname"], "calls of one connection")
    other.send(GET % b"/dst")
    other.answer()
    same(asked()[before:], ["getsockname"] * 2, "calls of two connections")


@case
def S112_activity_of_groups_is_the_sum_of_their_threads(w):
    """And there are as many rows as threads and groups, no more."""
    start(w, threads=3, groups=2)
    c = connect(w)
    for _ in range(4):
        body(w)

    def rows():
        """Of threads and of groups, and whether nothing has moved in between."""
        threads = [json.loads(l) for l in ask(c, "json show threads")]
        groups = [json.loads(l) for l in ask(c, "json show groups")]
        return threads, groups, threads == [json.loads(l) for l in ask(c, "json show threads")]
    seen = []
    w.eventually(lambda: seen.append(rows()) or seen[-1][2], "rest")
    threads, groups, _ = seen[-1]
    same([(t["thread"], t["group"]) for t in threads], [(1, 1), (2, 2), (3, 2)], "threads")
    same([(g["group"], g["threads"]) for g in groups], [(1, 1), (2, 2)], "groups")
    for g in groups:
        for name in ("turns", "waits", "events", "connections", "asleep", "copied", "spliced"):
            same(g[name], sum(t[name] for t in threads if t["group"] == g["group"]), name)


@case(plain=True)
def S48_retries_take_one_connection_object_and_leave_nothing(w):
    """Refused three times, then another server: one object serves all four attempts. No descriptor is left."""
    keep, dead = refused_address()
    start(w, dead=dead)
    c, client = connect(w), w.client()
    ask(c, "show info")
    client.send(GET % b"/dst")
    client.answer()
    fds = "/proc/%d/fd" % w.process.pid
    before = len(os.listdir(fds))
    client.send(GET % b"/again")
    same(client.answer()[1], b"a")
    pool = next(p for p in map(json.loads, ask(c, "json show pools")) if p["pool"] == "conn")
    same(pool["in_use"], 2)
    if not w.san:               # there each object is an allocation of its own
        same((pool["allocated"], pool["returned"]), (2, 0), "objects of the client and of four attempts")
    same(len(os.listdir(fds)), before + 1, "descriptors")
    same([r["server"] for r in conns(c, side="server")], ["live"])
    keep.close()


@case(plain=True)
def S89_full_buffers_pass_without_a_copy(w):
    """4 MB in pieces of any size: copied are pieces below half a buffer, of which the ends of a message are some."""
    o = w.origin(keeps_answering(b"x" * (4 << 20)))
    w.start("control", a=o.address, b=o.address, control="unix@" + path(w))
    c = connect(w)

    def info():
        return json.loads(ask(c, "json show info")[0])
    before = info()
    same(len(body(w)), 4 << 20, "length")
    after = info()
    expect(after["copied"] - before["copied"] <= (4 << 20) // 50, "copied", before, after)
    expect(after["copies"] - before["copies"] <= 40, "copies", before, after)
    same(json.loads(ask(c, "json show groups")[0])["copied"], after["copied"])
