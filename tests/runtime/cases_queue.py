# SPDX-License-Identifier: Apache-2.0
"""Servers with maxconn: each gets a rig.World."""

import select
import signal
import threading

from cases import GET, case
from rig import Closed, expect, keeps_answering, refused_address, same, side_by_side, together

DONE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Gate:
    """A script whose answers wait: it notes the order of requests and how many there are at a time."""

    def __init__(self):
        self.lock = threading.Condition()
        self.order = []
        self.now = self.most = self.passes = 0

    def open(self, n=1):
        with self.lock:
            self.passes += n
            self.lock.notify_all()

    def script(self, peer, _):
        while True:
            head, _ = peer.request()
            with self.lock:
                self.order.append(head.target)
                self.now += 1
                self.most = max(self.most, self.now)
                self.lock.notify_all()
                self.lock.wait_for(lambda: self.passes > 0, 20)
                self.passes -= 1
                self.now -= 1
            peer.send(DONE)

    def reached(self, n):
        with self.lock:
            expect(self.lock.wait_for(lambda: len(self.order) >= n, 20), "requests at the server:", self.order)


def waiting(w, backend):
    c = w.client()
    c.send(GET % b"/qlen/%b" % backend.encode())
    n = int(c.answer()[1])
    c.close()
    return n


def line_of(w, target):
    """The log line of <target>."""
    w.eventually(lambda: any('"target":"%s"' % target in l for l in w.lines), "log line of " + target)
    return [l for l in w.log() if l["target"] == target][0]


def waits(w, backend, n):
    w.eventually(lambda: waiting(w, backend) == n, "%d wait for %s" % (n, backend))


@case
def S87_ten_places_forty_wait_in_order(w):
    gate = Gate()
    w.start("queue", origin=w.origin(gate.script).address)
    clients = []
    for i in range(50):
        c = w.client()
        c.send(GET % b"/%d" % i)
        clients.append(c)
        if i < 10:
            gate.reached(i + 1)
        else:
            waits(w, "ten", i - 9)
    same(gate.most, 10, "at a time")
    for i in range(50):
        gate.open()
        gate.reached(min(i + 11, 50))
    for c in clients:
        same(c.answer()[0].status, 200)
    same(gate.order, ["/%d" % i for i in range(50)], "order at the server")
    same(gate.most, 10, "at a time")
    last = line_of(w, "/49")
    same((last["end"], last["backend_queue"], last["server_queue"]), ("--", 39, 0))
    expect(last["queue_ms"] >= 0 and last["connect_ms"] >= 0, "times", last)
    same(line_of(w, "/3")["backend_queue"], 0)


@case
def places_are_shared_by_threads(w):
    seen = {}
    w.start("queue", origin=w.origin(together(DONE, seen)).address, threads=4)

    def work():
        c = w.client()
        for _ in range(20):
            c.send(GET % b"/x")
            same(c.answer()[0].status, 200)

    side_by_side(40, work)
    expect(seen["most"] <= 10, "at a time:", seen["most"])
    same(waiting(w, "ten"), 0)


@case
def queue_is_bounded(w):
    gate = Gate()
    w.start("queue", origin=w.origin(gate.script).address)
    clients = []
    for i in range(4):
        c = w.client()
        c.send(GET % b"/one/%d" % i)
        clients.append(c)
        if i:
            waits(w, "one", i)
        else:
            gate.reached(1)
    c = w.client()
    c.send(GET % b"/one/late")
    same(c.answer()[0].status, 503)
    gate.open(4)
    for c in clients:
        same(c.answer()[0].status, 200)
    late = line_of(w, "/one/late")
    same((late["end"], late["status"]), ("PQ", 503))


@case
def queue_timeout(w):
    gate = Gate()
    w.start("queue", origin=w.origin(gate.script).address, wait="100ms")
    first = w.client()
    first.send(GET % b"/one/first")
    gate.reached(1)
    c = w.client()
    c.send(GET % b"/one/second")
    same(c.answer()[0].status, 503)
    w.logged("sQ", status=503, backend="one")
    expect(w.log()[0]["queue_ms"] >= 90, "queue_ms", w.log())
    gate.open()
    same(first.answer()[0].status, 200)
    c.send(GET % b"/one/third")     # the place is free again
    gate.open()
    same(c.answer()[0].status, 200)


@case
def who_leaves_the_queue_frees_its_place_in_it(w):
    gate = Gate()
    w.start("queue", origin=w.origin(gate.script).address)
    clients = []
    for i in range(4):
        c = w.client()
        c.send(GET % b"/one/%d" % i)
        clients.append(c)
        if i:
            waits(w, "one", i)
        else:
            gate.reached(1)
    clients[2].reset()
    waits(w, "one", 2)
    same(line_of(w, "/one/2")["end"], "CQ")
    gate.open(3)
    for i in (0, 1, 3):
        same(clients[i].answer()[0].status, 200)
    same(gate.order, ["/one/0", "/one/1", "/one/3"])


@case
def who_is_cut_at_the_server_frees_its_place(w):
    gate = Gate()
    w.start("queue", origin=w.origin(gate.script).address)
    first, second = w.client(), w.client()
    first.send(GET % b"/one/0")
    gate.reached(1)
    second.send(GET % b"/one/1")
    waits(w, "one", 1)
    first.reset()
    gate.reached(2)
    gate.open(2)
    same(second.answer()[0].status, 200)


@case
def redispatch_waits_for_the_other_server(w):
    """The one that refuses always has a free place: it is not given to those who come from it."""
    closed, address = refused_address()
    gate = Gate()
    w.start("queue", origin=address, origin_b=w.origin(gate.script).address)
    clients = []
    for i in range(6):
        c = w.client()
        c.send(GET % b"/two/%d" % i)
        clients.append(c)
    gate.reached(1)
    waits(w, "two", 5)
    gate.open(6)
    for c in clients:
        same(c.answer()[0].status, 200)
    same(gate.most, 1, "at a time")
    closed.close()


@case
def stop_lets_those_who_wait_finish(w):
    gate = Gate()
    w.start("queue", origin=w.origin(gate.script).address, drain="10s", threads=2)
    clients = []
    for i in range(3):
        c = w.client()
        c.send(GET % b"/one/%d" % i)
        clients.append(c)
        if i:
            waits(w, "one", i)
        else:
            gate.reached(1)
    w.signal()
    gate.open(3)
    for c in clients:
        same(c.answer()[0].status, 200)
    same(w.wait(), 0, "exit code")


@case
def stop_cuts_those_who_wait(w):
    gate = Gate()
    w.start("queue", origin=w.origin(gate.script).address, drain="100ms", threads=2)
    clients = []
    for i in range(4):
        c = w.client()
        c.send(GET % b"/one/%d" % i)
        clients.append(c)
        if i:
            waits(w, "one", i)
        else:
            gate.reached(1)
    w.signal()
    for c in clients:
        try:
            expect(not c.more(), "an answer")
        except Closed:
            pass
    w.wait()
    gate.open(4)


@case
def storm_at_one_place(w):
    """Many come, wait, leave and are served by one place, on several threads."""
    w.start("queue", origin=w.origin(keeps_answering(b"ok")).address, threads=3)

    def work(number):
        for i in range(15):
            c = w.client()
            c.send(GET % b"/two/x")
            if (number + i) % 3 == 0:
                c.reset()
                continue
            expect(c.answer()[0].status in (200, 503), "status")
            c.close()
    threads = [threading.Thread(target=work, args=(n,)) for n in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    waits(w, "two", 0)
    w.signal(signal.SIGTERM)
    same(w.wait(), 0, "exit code")


@case
def bind_with_two_connections_accepts_the_third_later(w):
    w.start("queue", binds=("listen", "listen_few"), origin=w.origin(keeps_answering(b"ok")).address, threads=2)
    rest, held = [w.client("listen_few") for _ in range(6)], []
    for c in rest:
        c.send(GET % b"/x")

    def serve_one():
        ready = select.select([c.sock for c in rest], [], [], 20)[0]
        c = next(c for c in rest if c.sock in ready)
        same(c.answer()[0].status, 200)
        rest.remove(c)
        held.append(c)

    serve_one()
    serve_one()
    other = w.client()          # the other bind has its own count
    other.send(GET % b"/x")
    same(other.answer()[0].status, 200)
    while rest:
        same(select.select([c.sock for c in rest], [], [], 0)[0], [], "answers beyond the limit")
        held.pop().close()
        serve_one()
