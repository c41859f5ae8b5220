# SPDX-License-Identifier: Apache-2.0
"""Health checks: each gets a rig.World. An origin answers the checks of one backend as it is told; when the next check is
there, the one before has been judged."""

import json
import os
import socket
import threading

from cases import GET, case
from cases_control import ask, connect
from rig import expect, keeps_answering, refused_address, same

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BAD = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
CLOSE = b""


class Health:
    """A script: the checks of <watched> wait to be told their answers, those of other backends are good; other requests get
    its name, with <held> after release()."""

    def __init__(self, name=b"x", watched="two", held=False):
        self.name = name
        self.target = "/check/" + watched
        self.lock = threading.Condition()
        self.answers, self.heads, self.order = [], [], []
        self.asking = 0             # checks that wait to be told
        self.passes = 0 if held else 1 << 30

    def script(self, peer, _):
        while True:
            head, _ = peer.request()
            if head.target.startswith("/check/"):
                answer = self.check(head)
                if answer == CLOSE:
                    return
                peer.send(answer)
                continue
            with self.lock:
                self.order.append(head.target)
                self.lock.notify_all()
                self.lock.wait_for(lambda: self.passes > 0, 20)
                self.passes -= 1
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(self.name) + self.name)

    def check(self, head):
        with self.lock:
            if not head.target.startswith(self.target):
                return OK
            self.heads.append(head)
            self.asking += 1
            self.lock.notify_all()
            self.lock.wait_for(lambda: self.answers, 20)
            self.asking -= 1
            return self.answers.pop(0) if self.answers else CLOSE

    def judged(self):
        """Every answer that was given has been judged."""
        with self.lock:
            expect(self.lock.wait_for(lambda: self.asking and not self.answers, 20), "no check came")

    def give(self, *answers):
        self.judged()
        with self.lock:
            self.answers += answers
            self.lock.notify_all()
        self.judged()

    def release(self, n=1):
        with self.lock:
            self.passes += n
            self.lock.notify_all()

    def reached(self, n):
        with self.lock:
            expect(self.lock.wait_for(lambda: len(self.order) >= n, 20), "requests at the server:", self.order)


def start(w, a, b=None, **params):
    """<a>, <b>: healths."""
    for name, health in (("a", a), ("b", b)):
        if health:
            params[name] = w.origin(health.script).address
    w.start("check", control="unix@" + os.path.join(w.folder, "control"), **params)


def servers(w, backend="two"):
    """What show servers tells of the servers of <backend>, by name."""
    c = connect(w)
    rows = [json.loads(l) for l in ask(c, "json show servers")]
    c.close()
    return {r["server"]: r for r in rows if r["backend"] == backend}


def states(w, backend="two"):
    return {name: s["state"] for name, s in servers(w, backend).items()}


def fetch(w, path=b"/", status=200):
    c = w.client()
    c.send(GET % path)
    head, body = c.answer()
    same(head.status, status, path)
    c.close()
    return body


@case(plain=True)
def rise_and_fall_are_counted(w):
    a, b = Health(b"a"), Health(b"b", watched="-")
    start(w, a, b)
    a.judged()
    same(states(w), {"a": "up", "b": "up"}, "at the start")
    a.give(OK)
    a.give(BAD, BAD, OK, BAD, BAD)          # never three in a row
    same(states(w)["a"], "up")
    same({fetch(w) for _ in range(8)}, {b"a", b"b"})
    a.give(BAD)
    same(states(w)["a"], "down")
    same({fetch(w) for _ in range(8)}, {b"b"})
    same(fetch(w, b"/state").split()[0], b"1", "nbsrv")
    a.give(OK, BAD, OK)                     # never two in a row
    same(states(w)["a"], "down")
    a.give(OK)
    same(states(w)["a"], "up")
    same({fetch(w) for _ in range(8)}, {b"a", b"b"})
    row = servers(w)["a"]
    same((row["check"], row["check_status"], row["failures"], row["changes"], row["checks"]), ("ok", 200, 6, 2, 11))
    w.eventually(lambda: "server two/a is down: status 500" in w.stderr(), "log")


@case(plain=True)
def the_first_bad_check_is_enough_at_the_start(w):
    a, b = Health(b"a"), Health(b"b", watched="-")
    start(w, a, b)
    a.give(BAD)
    same(states(w)["a"], "down")
    same(servers(w)["a"]["checks"], 1)
    a.give(OK, OK)
    same(states(w)["a"], "up")
    a.give(BAD, BAD)                        # from now on three
    same(states(w)["a"], "up")


@case(plain=True)
def no_server_is_left(w):
    a, b = Health(b"a"), Health(b"b")
    start(w, a, b)
    a.give(BAD)
    b.give(CLOSE)
    same({n: s["check"] for n, s in servers(w).items()}, {"a": "status", "b": "closed"})
    fetch(w, b"/", 503)
    w.logged("SC", status=503, backend="two", server="")
    same(fetch(w, b"/state").split()[0], b"0", "nbsrv")
    w.eventually(lambda: "0 of 2 servers usable" in w.stderr(), "log")
    b.give(OK, OK)
    same(fetch(w), b"b")


@case(plain=True)
def backup_serves_when_all_others_are_down(w):
    a = Health(b"a", watched="kept")
    start(w, a, spare=w.origin(keeps_answering(b"spare")).address)
    a.give(OK)
    same({fetch(w, b"/kept") for _ in range(4)}, {b"a"})
    a.give(BAD, BAD, BAD)
    same({fetch(w, b"/kept") for _ in range(4)}, {b"spare"})
    same(fetch(w, b"/state").split()[1], b"1", "nbsrv")
    same(servers(w, "kept")["spare"]["check"], "off")
    a.give(OK, OK)
    same({fetch(w, b"/kept") for _ in range(4)}, {b"a"})


@case(plain=True)
def a_request_at_a_server_that_goes_down_ends_well(w):
    a, b = Health(b"a", held=True), Health(b"b")
    start(w, a, b)
    b.give(BAD)
    c = w.client()
    c.send(GET % b"/")
    a.reached(1)
    a.give(BAD)
    same(states(w), {"a": "down", "b": "down"})
    a.release()
    head, body = c.answer()
    same((head.status, body), (200, b"a"))
    c.send(GET % b"/")
    same(c.answer()[0].status, 503)


@case(plain=True)
def who_waits_for_a_server_that_goes_down_gets_another(w):
    a, b = Health(b"a", watched="hashed"), Health(b"b", watched="-")
    start(w, a, b)
    a.give(OK)
    ask_for = b"GET /hashed HTTP/1.1\r\nHost: h\r\nX-Key: %d\r\n\r\n"
    first, second, key = w.client(), w.client(), 0
    while True:                             # a value that belongs to a
        first.send(ask_for % key)
        if first.answer()[1] == b"a":
            break
        key += 1
    a.passes = 0
    first.send(ask_for % key)
    a.reached(2)
    second.send(ask_for % key)
    w.eventually(lambda: fetch(w, b"/state").split()[2] == b"1", "one waits")
    a.give(BAD, BAD, BAD)
    same(second.answer()[1], b"b")
    a.release()
    same(first.answer()[1], b"a")


@case(plain=True)
def who_waits_for_any_server_is_told_when_there_is_none_and_served_when_one_comes_back(w):
    a, b = Health(b"a", watched="full", held=True), Health(b"b", watched="full", held=True)
    start(w, a, b)
    a.give(OK)
    b.give(BAD)
    first, second, third = w.client(), w.client(), w.client()
    first.send(GET % b"/full/1")
    a.reached(1)
    second.send(GET % b"/full/2")
    w.eventually(lambda: fetch(w, b"/state").split()[3] == b"1", "one waits")
    b.give(OK, OK)                          # its place is free
    b.reached(1)
    third.send(GET % b"/full/3")
    w.eventually(lambda: fetch(w, b"/state").split()[3] == b"1", "one waits")
    b.give(BAD, BAD, BAD)
    a.give(BAD, BAD, BAD)
    same(third.answer()[0].status, 503)
    a.release()
    b.release()
    same((first.answer()[1], second.answer()[1]), (b"a", b"b"))


@case(plain=True)
def requests_that_wait_outlive_a_server_that_comes_and_goes(w):
    """On several threads: there is always one server, so nobody is refused and nobody is forgotten."""
    a, b = Health(b"a", watched="-"), Health(b"b", watched="full")
    start(w, a, b, threads=3)
    failed = []

    def work():
        try:
            for _ in range(10):
                fetch(w, b"/full/x")
        except Exception as e:
            failed.append(repr(e))
    threads = [threading.Thread(target=work) for _ in range(8)]
    for t in threads:
        t.start()
    for _ in range(3):
        b.give(BAD, BAD, BAD)
        b.give(OK, OK)
    for t in threads:
        t.join()
    same(failed, [])
    same(servers(w, "full")["b"]["changes"], 6, "changes")
    same(fetch(w, b"/state").split()[3], b"0", "waiting")


@case(plain=True)
def a_check_asks_as_it_is_told(w):
    a = Health(watched="head")
    start(w, a)
    a.give(b"HTTP/1.1 204 No Content\r\n\r\n")
    same(servers(w, "head")["a"]["check_status"], 204)
    head = a.heads[0]
    same((head.line, head.all("host"), head.get("connection")),
         ("HEAD /check/head?now=1 HTTP/1.1", ["www.example.com"], "close"))
    a.give(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 No\r\nContent-Length: 7\r\n\r\n")
    same((servers(w, "head")["a"]["check"], servers(w, "head")["a"]["check_status"]), ("ok", 401))
    for answer, result in ((OK, "status"), (b"HTTP/1.1 403 No\r\n\r\n", "status"), (b"nonsense\r\n\r\n", "invalid"),
                           (CLOSE, "closed"), (b"HTTP/1.1 204 No Content\r\n\r\n", "ok")):
        a.give(answer)
        same(servers(w, "head")["a"]["check"], result)


@case(plain=True)
def a_silent_server_is_down(w):
    a = Health(b"a")
    start(w, a, timeout="50ms")
    w.eventually(lambda: states(w)["a"] == "down", "down")
    same(servers(w)["a"]["check"], "timeout")


@case(plain=True)
def tcp_checks_connect(w):
    closed, address = refused_address()
    w.start("check", control="unix@" + os.path.join(w.folder, "control"), a=address, c=address,
            b=w.origin(Health(b"b", watched="-").script).address)
    w.eventually(lambda: states(w, "tcp")["gone"] == "down", "down")
    w.eventually(lambda: servers(w, "tcp")["there"].get("checks", 0) > 3, "checks")
    rows = servers(w, "tcp")
    same({n: (r["state"], r["check"]) for n, r in rows.items()},
         {"gone": ("down", "refused"), "moved": ("up", "ok"), "there": ("up", "ok")})
    same(rows["gone"]["changes"], 1)
    same({n: r["check"] for n, r in servers(w, "some").items()}["b"], "off")
    closed.close()


class Resting:
    """A script: answers requests with the connection's number, probes as <told> for that number, good if not told."""

    def __init__(self):
        self.told = {}
        self.probed, self.ended = threading.Semaphore(0), threading.Semaphore(0)

    def script(self, peer, number):
        try:
            while True:
                head, _ = peer.request()
                if head.target == "/rest":
                    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % (number % 10))
                elif head.get("connection") == "close":         # the check
                    peer.send(OK)
                    return
                else:
                    peer.send(self.told.get(number % 10, OK))
                    self.probed.release()
        finally:
            if number % 10 in self.told:
                self.ended.release()


@case(plain=True)
def S50_idle_connections_are_probed(w):
    """One that answers well is kept, one that does not is closed: the server stays up."""
    o = Resting()
    start(w, None, rest=w.origin(o.script).address)
    first = fetch(w, b"/rest")
    for _ in range(3):
        expect(o.probed.acquire(timeout=20), "a probe")
    same(fetch(w, b"/rest"), first, "connection that was probed")
    o.told[int(first)] = BAD
    expect(o.ended.acquire(timeout=20), "the end of the connection")
    expect(fetch(w, b"/rest") != first, "another connection")
    row = servers(w, "rest")["a"]
    same((row["state"], row.get("failures", 0)), ("up", 0), "server")


@case(plain=True, slow=True)
def S50_a_silent_idle_connection_is_closed(w):
    o = Resting()
    start(w, None, rest=w.origin(o.script).address, timeout="3s")
    first = fetch(w, b"/rest")
    o.told[int(first)] = b""
    expect(o.ended.acquire(timeout=20), "the end of the connection")
    expect(fetch(w, b"/rest") != first, "another connection")
    same(servers(w, "rest")["a"]["state"], "up")


@case(plain=True)
def checks_speak_the_proxy_protocol(w):
    seen = []

    def script(peer, _):
        seen.append(peer.exactly(16))
        peer.request()
        peer.send(OK)
    w.start("check", control="unix@" + os.path.join(w.folder, "control"), told=w.origin(script).address)
    w.eventually(lambda: servers(w, "told")["a"]["check"] == "ok", "good")
    expect(any(s[:12] == b"\r\n\r\n\0\r\nQUIT\n" and s[12:] == b"\x20\0\0\0" for s in seen), seen)


@case(plain=True)
def a_disabled_server_is_not_checked(w):
    a, b = Health(b"a"), Health(b"b", watched="-")
    start(w, a, b)
    a.give(OK)
    c = connect(w)
    ask(c, "server two/a disable")
    same(states(w), {"a": "maint", "b": "up"})
    with a.lock:
        a.answers += [BAD]                  # the check that was under way
        a.lock.notify_all()
    w.eventually(lambda: servers(w)["a"]["checks"] == 2, "judged")
    same({fetch(w) for _ in range(4)}, {b"b"})
    same(len(a.heads), 2, "checks")
    ask(c, "server two/a enable")
    same(states(w)["a"], "up")
    same({fetch(w) for _ in range(4)}, {b"a", b"b"})


@case(plain=True)
def pages_tell_of_checks(w):
    a, b = Health(b"a"), Health(b"b")
    start(w, a, b)
    a.give(OK)
    b.give(BAD)
    page = fetch(w, b"/stats").decode()
    expect("<td>b (down)<br><small>check: status 500, " in page and "<td>a<br><small>check: ok 200, " in page, page)
    rows = dict(l.rsplit(" ", 1) for l in fetch(w, b"/metrics").decode().splitlines() if not l.startswith("#"))
    for name, of, value in (("up", "a", "1"), ("up", "b", "0"), ("checks_total", "a", "1"), ("check_failures_total", "b", "1"),
                            ("changes_total", "b", "1"), ("up", "b", "0")):
        same(rows['weir_server_%s{backend="two",server="%s"}' % (name, of)], value, name)


@case(plain=True)
def a_stop_does_not_wait_for_checks(w):
    a = Health(b"a")
    start(w, a, threads=2)
    a.judged()
    w.signal()
    same(w.wait(), 0, "exit code")


PIECE = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"


@case(plain=True)
def S53_eight_buffers_serve_a_hundred_clients_a_page_and_checks(w):
    """Readers that stop hold all the buffers there are, until others wait for one: requests, pages and checks. Then all of
    them get what they asked for."""
    full, sent = threading.Event(), []

    def script(peer, _):
        while True:
            head, _ = peer.request()
            if head.target != "/big":
                peer.send(OK)
                continue
            peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            n = 0
            while not full.is_set():
                peer.send(PIECE)
                n += 0x4000
            sent.append(n)
            peer.send(b"0\r\n\r\n")

    o = w.origin(script)
    w.start("check", control="unix@" + os.path.join(w.folder, "control"), a=o.address, b=o.address, buffers=8)
    c = connect(w)

    def info(name):
        return json.loads(ask(c, "json show info")[0])[name]
    w.eventually(lambda: all(s.get("checks", 0) > 0 for s in servers(w).values()), "checks")
    slow = [w.client(buffer=4096) for _ in range(4)]
    for s in slow:
        s.send(GET % b"/big")
    w.eventually(lambda: info("buffers") >= 6, "all buffers taken")
    rest = [w.client() for _ in range(96)]
    for i, s in enumerate(rest):
        s.send(GET % (b"/stats" if i % 8 == 0 else b"/small"))
    w.eventually(lambda: info("buffer_waits") > 0, "somebody waits")
    full.set()
    seen = []
    readers = [threading.Thread(target=lambda s=s: seen.append(s.answer())) for s in slow]
    for s, t in zip(slow, readers):
        s.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        t.start()
    for s in rest:
        same(s.answer()[0].status, 200)
    for t in readers:
        t.join()
    w.eventually(lambda: len([l for l in w.lines if "/big" in l]) == 4, "lines")
    bad = [l for l in w.log() if (l["end"], l["status"]) not in (("--", 200), ("PR", 200))]
    same(bad, [], "bad ends")
    same([h.status for h, _ in seen], [200] * len(slow), "long answers")
    same(sorted(len(b) for _, b in seen), sorted(sent), "bytes of long answers")
    done = {n: s["checks"] for n, s in servers(w).items()}
    w.eventually(lambda: all(s["checks"] > done[n] for n, s in servers(w).items()), "checks go on")
    same([(s["state"], s["failures"]) for s in servers(w).values()], [("up", 0)] * 2, "servers")
