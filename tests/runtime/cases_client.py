# SPDX-License-Identifier: Apache-2.0
"""Clients that are slow, broken or hostile. Each gets a rig.World."""

import threading
import time

from cases import BIG, GET, body_bytes, case
from cases_server import full_backlog
from rig import expect, keeps_answering, same


SMUGGLING = [
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 4\r\n\r\nabc",
    b"GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n folded\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\nX: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n",
    b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
    b"G@T / HTTP/1.1\r\nHost: h\r\n\r\n",
    b"garbage\r\n\r\n",
]


@case
def smuggling_shapes(w):
    o = w.origin(keeps_answering())
    w.start(origin=o.address)
    for raw in SMUGGLING:
        c = w.client()
        c.send(raw + GET % b"/smuggled")
        head, _ = c.answer()
        expect(head.status in (400, 501), raw, "was answered", head.line)
        same(head.get("connection"), "close", raw)
        same(c.rest(), b"", "more than one answer to %r" % raw)
        c.close()
    for line in w.log(len(SMUGGLING)):
        same(line["end"], "PR", line)
    same(o.count, 0, "connections to the server")


@case
def bad_chunk_in_a_request(w):
    w.start(origin=w.origin(lambda p, _: p.request()).address)
    c = w.client()
    c.send(b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n")
    same(c.answer()[0].status, 400)
    same(c.rest(), b"")
    w.logged("PR", status=400)


@case
def oversized_heads(w):
    w.start()
    for raw, status in ((b"GET /" + b"a" * 10000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414),
                        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 20000 + b"\r\n\r\n", 431),
                        (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: 1\r\n" * 200 + b"\r\n", 431)):
        c = w.client()
        c.send(raw)
        same(c.answer()[0].status, status)
        c.rest()
    same({l["end"] for l in w.log(3)}, {"PR"})
    # The last one can be refused as soon as its 101st line is there; a short read may end just behind it.
    expect(all(l["bytes_in"] >= 600 for l in w.log(3)), "bytes of refused heads", w.log(3))


@case
def S67_dripped_head(w):
    w.start(head="300ms")
    c = w.client()
    c.send(b"GET / HTTP/1.1\r\n")
    head, _ = c.answer()
    same((head.status, head.get("connection")), (408, "close"))
    c.at_end()
    w.logged("cR", status=408)


@case
def silence_before_the_first_request(w):
    w.start(head="200ms")
    same(w.client().rest(), b"")


@case
def dripped_body(w):
    w.start(origin=w.origin(lambda p, _: p.request()).address, body="300ms")
    c = w.client()
    c.send(b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
    same(c.answer()[0].status, 408)
    w.logged("cR", status=408)


@case
def silent_client_in_its_body(w):
    w.start(origin=w.origin(lambda p, _: p.request()).address, client="300ms")
    c = w.client()
    c.send(b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
    same(c.answer()[0].status, 408)
    w.logged("cR", status=408)


@case
def client_that_does_not_read(w):
    def script(peer, _):
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (4 * BIG))
        peer.send(body_bytes(4 * BIG))
    w.start(origin=w.origin(script).address, client="400ms")
    c = w.client(buffer=4096)
    c.send(GET % b"/a")
    w.logged("cD")


@case(slow=True)
def client_slower_than_rate_min(w):
    w.start(origin=w.origin(lambda p, _: p.request()).address)
    c = w.client()
    c.send(b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n")
    for _ in range(60):
        time.sleep(0.2)
        try:
            c.send(b"x" * 20)   # 100 a second; 500 are asked for
        except OSError:
            break
        if w.lines:
            break
    same(c.answer()[0].status, 408)
    w.logged("cR", status=408)


@case
def keepalive_timeout(w):
    w.start(keepalive="200ms")
    c = w.client()
    c.send(GET % b"/made")
    same(c.answer()[0].status, 200)
    c.at_end()
    same(len(w.log()), 1, "log lines")


@case
def client_leaves_in_its_head(w):
    w.start()
    c = w.client()
    c.send(b"GET / HT")
    c.close()
    w.logged("CR")


@case
def client_leaves_in_its_body(w):
    came, ended = threading.Semaphore(0), threading.Semaphore(0)

    def script(peer, _):
        peer.head()
        came.release()
        peer.rest()
        ended.release()
    w.start(origin=w.origin(script).address)
    for leave in ("close", "reset"):
        c = w.client()
        c.send(b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
        expect(came.acquire(timeout=10), "no request at the server")
        getattr(c, leave)()
        expect(ended.acquire(timeout=10), "the server was not told")
    same([l["end"] for l in w.log(2)], ["CR", "CR"])


@case
def client_resets_while_connecting(w):
    w.start(origin=full_backlog(w), connect="1s")
    c = w.client()
    c.send(GET % b"/a")
    time.sleep(0.1)
    c.reset()
    w.logged("CC")


@case
def client_resets_before_the_answer(w):
    came = threading.Event()
    ended = threading.Event()

    def script(peer, _):
        peer.request()
        came.set()
        peer.rest()
        ended.set()
    w.start(origin=w.origin(script).address)
    c = w.client()
    c.send(GET % b"/a")
    came.wait(10)
    c.reset()
    w.logged("CH")
    expect(ended.wait(10), "the server was not told")


@case
def client_resets_in_the_answer(w):
    ended = threading.Event()

    def script(peer, _):
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
        peer.rest()
        ended.set()
    w.start(origin=w.origin(script).address)
    c = w.client()
    c.send(GET % b"/a")
    c.head()
    c.reset()
    w.logged("CD")
    expect(ended.wait(10), "the server was not told")


@case
def client_resets_after_a_bad_request(w):
    w.start()
    for raw in (b"bad\r\n\r\n", b"POST /denied HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n"):
        c = w.client()
        c.send(raw)
        c.reset()
    w.log(2)


@case
def half_closed_client_gets_its_answer(w):
    w.start(origin=w.origin(keeps_answering()).address)
    c = w.client()
    c.send(GET % b"/a" + GET % b"/b")
    c.end()
    same(c.answer()[1], b"hello")
    same(c.answer()[1], b"hello")
    c.at_end()
    same([l["end"] for l in w.log(2)], ["--", "--"])
