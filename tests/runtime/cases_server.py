# SPDX-License-Identifier: Apache-2.0
"""The way to the server, and servers that are broken. Each gets a rig.World."""

import os
import socket
import threading
import time

from cases import BIG, GET, OK, body_bytes, case
from rig import Closed, answers, expect, keeps_answering, refused_address, same


# -- the way to the server


@case
def refused_connection(w):
    keep, address = refused_address()
    w.start(origin=address)
    c = w.client()
    c.send(GET % b"/a")
    same(c.answer()[0].status, 503)
    w.logged("SC", status=503, retries=0)
    keep.close()


@case
def refused_connection_is_tried_again(w):
    keep, address = refused_address()
    w.start(origin=address, retries=1)
    c = w.client()
    c.send(GET % b"/a")
    same(c.answer()[0].status, 503)
    w.logged("SC", retries=1)
    keep.close()


@case
def redispatch_to_another_server(w):
    keep, address = refused_address()
    w.start(origin=address, origin_b=w.origin(keeps_answering()).address, retries=1)
    for _ in range(4):
        c = w.client()
        c.send(b"POST /two HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc")
        same(c.answer()[0].status, 200)
    lines = w.log(4)
    same({l["server"] for l in lines}, {"two"})
    expect(any(l["redispatched"] and l["retries"] == 1 for l in lines), "nothing was redispatched")
    keep.close()


def full_backlog(w):
    """A server that takes no connection: its queue is full."""
    o = w.origin(None, backlog=0)
    held = []
    for _ in range(4):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(o.sock.getsockname())
        held.append(s)
        w.open.append(s)
    time.sleep(0.05)
    return o.address


@case
def connect_timeout(w):
    w.start(origin=full_backlog(w), connect="200ms")
    c = w.client()
    c.send(GET % b"/a")
    same(c.answer()[0].status, 503)
    w.logged("sC", status=503)


@case
def connect_timeout_then_another_server(w):
    w.start(origin=full_backlog(w), origin_b=w.origin(keeps_answering()).address, connect="200ms", retries=1)
    for _ in range(2):
        c = w.client()
        c.send(GET % b"/two")
        same(c.answer()[0].status, 200)
    expect(any(l["redispatched"] for l in w.log(2)), "nothing was redispatched")


@case(plain=True)
def stale_connection_is_repeated_when_it_may(w):
    """The server closes its kept connection as the second request comes."""
    seen = []

    def script(peer, number):
        peer.request()
        peer.send(OK)
        if number % 2 == 0:
            seen.append(peer.head().method)
            peer.reset()
        else:
            peer.close()
    w.start(origin=w.origin(script).address)
    for method, status in (("GET", 200), ("POST", 502)):
        c = w.client()
        c.send(GET % b"/a")
        same(c.answer()[0].status, 200)
        c.send("%s /a HTTP/1.1\r\nHost: h\r\n%s\r\n" % (method, "Content-Length: 0\r\n" if method == "POST" else ""))
        same(c.answer()[0].status, status, method)
    same(seen, ["GET", "POST"])
    lines = w.log(4)
    # the third one may meet the end of the second connection on its way: repeated or not, it is answered
    same([(l["status"], l["retries"] if i != 2 else None, l["end"]) for i, l in enumerate(lines)],
         [(200, 0, "--"), (200, 1, "--"), (200, None, "--"), (502, 0, "SH")])


@case
def idle_connection_that_the_server_closes_is_forgotten(w):
    o = w.origin(answers(OK, then=lambda p: p.close()))
    w.start(origin=o.address)
    c = w.client()
    for _ in range(5):
        c.send(b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
        same(c.answer()[0].status, 200)
        time.sleep(0.03)


def connections_for(w, mode):
    """Two requests of a first client, two of a second: numbers of their server connections."""
    numbers = []
    for _ in range(2):
        c = w.client()
        for _ in range(2):
            c.send(GET % (b"/" + mode))
            numbers.append(int(c.answer()[0].get("x-conn")))
    return numbers


@case
def reuse(w):
    wanted = {b"never": [0, 1, 2, 3], b"safe": [0, 0, 1, 0], b"aggressive": [0, 0, 0, 0], b"always": [0, 0, 0, 0]}
    for mode, numbers in wanted.items():
        w.start(origin=w.origin(keeps_answering()).address)
        got = connections_for(w, mode)
        if mode == b"safe":     # the last may take either: what counts is that a first request opens
            expect(got[:3] == [0, 0, 1] and got[3] in (0, 1), "safe", got)
        else:
            same(got, numbers, mode)
        w.signal()
        same(w.wait(), 0)
        w.lines.clear()


@case
def reuse_of_a_connection_used_once(w):
    for mode, second in ((b"aggressive", "1"), (b"always", "0")):
        w.start(origin=w.origin(keeps_answering()).address)
        c = w.client()
        c.send(GET % (b"/" + mode))
        same(c.answer()[0].get("x-conn"), "0")
        c = w.client()
        c.send(GET % (b"/" + mode))
        same(c.answer()[0].get("x-conn"), second, mode)
        w.signal()
        same(w.wait(), 0)
        w.lines.clear()


@case
def proxy_header_sent(w):
    seen = []

    def script(peer, _):
        if peer.exactly(1) == b"P":
            seen.append(("v1", peer.until(b"\r\n")))
        else:
            same(peer.exactly(11), b"\n\r\n\0\r\nQUIT\n")
            head = peer.exactly(4)
            seen.append(("v2", head, peer.exactly(int.from_bytes(head[2:], "big"))))
        while True:
            peer.request()
            peer.send(OK)
    w.start(origin=w.origin(script).address)
    c = w.client()
    for path in (b"/v1", b"/v2"):
        c.send(GET % path)
        same(c.answer()[0].status, 200)
    me, port = c.sock.getsockname()
    there = w.ports["listen"]
    same(seen[0], ("v1", ("ROXY TCP4 %s %s %d %d" % (me, w.address, port, there)).encode()))
    same(seen[1], ("v2", b"\x21\x11\x00\x0c", socket.inet_aton(me) + socket.inet_aton(w.address)
                   + port.to_bytes(2, "big") + there.to_bytes(2, "big")))


@case
def unix_socket_server(w):
    path = os.path.join(w.folder, "origin")
    w.origin(keeps_answering(b"unix"), path=path)
    w.start(socket=path)
    c = w.client()
    for _ in range(2):
        c.send(GET % b"/socket")
        same(c.answer()[1], b"unix")


@case
def unix_socket_that_is_not_there(w):
    w.start()
    c = w.client()
    c.send(GET % b"/socket")
    same(c.answer()[0].status, 503)
    w.logged("SC")


# -- bad servers


def bad_server(w, raw, status, end, wait=False):
    def script(peer, _):
        peer.request()
        peer.send(raw)
        if wait:
            peer.rest()
    w.start(origin=w.origin(script).address, server="300ms" if wait else "20s")
    c = w.client()
    c.send(GET % b"/a")
    head, body = c.answer()
    same((head.status, head.get("connection")), (status, None))
    w.logged(end, status=status)
    c.send(GET % b"/made")      # the client's connection is unharmed
    same(c.answer()[0].status, 200)


@case
def server_closes_without_a_byte(w):
    bad_server(w, b"", 502, "SH")


@case
def server_closes_in_its_head(w):
    bad_server(w, b"HTTP/1.1 200 OK\r\nContent-Le", 502, "SH")


@case
def server_sends_garbage(w):
    bad_server(w, b"\x16\x03\x01garbage\r\n\r\n", 502, "PH")


@case
def server_sends_two_lengths(w):
    bad_server(w, b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 502, "PH")


@case
def server_sends_a_huge_head(w):
    bad_server(w, b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 60000 + b"\r\n\r\n", 502, "PH")


@case
def server_says_nothing(w):
    bad_server(w, b"", 504, "sH", wait=True)


@case
def server_stops_in_its_head(w):
    bad_server(w, b"HTTP/1.1 200 OK\r\n", 504, "sH", wait=True)


@case
def server_sends_more_than_it_said(w):
    o = w.origin(answers(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"))
    w.start(origin=o.address)
    c = w.client()
    for _ in range(3):
        c.send(GET % b"/a")
        same(c.answer()[1], b"ok")


def cut_body(w, head, part, end, wait=False, **params):
    def script(peer, _):
        peer.request()
        peer.send(head + part)
        if wait:
            peer.rest()
    w.start(origin=w.origin(script).address, **params)
    c = w.client()
    c.send(GET % b"/a")
    answer = c.head()
    same(answer.status, 200)
    try:
        c.body(answer)
        expect(False, "a cut body looked whole")
    except Closed as e:
        return e.got
    finally:
        w.logged(end)


@case
def server_closes_in_its_body(w):
    got = cut_body(w, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"x" * 40, "SD")
    same(got, b"x" * 40, "what had come")


@case
def server_closes_in_a_chunk(w):
    cut_body(w, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"20\r\nabc", "SD")


@case
def server_sends_a_bad_chunk(w):
    cut_body(w, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"3\r\nabcdef\r\n", "SD")


@case
def server_stops_in_its_body(w):
    cut_body(w, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"x" * 40, "sD", wait=True, server="300ms")


@case
def cut_body_for_an_old_client_is_a_reset(w):
    def script(peer, _):
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    w.start(origin=w.origin(script).address)
    c = w.client()
    c.send(b"GET /a HTTP/1.0\r\nHost: h\r\n\r\n")
    try:
        while c.more():
            pass
        expect(False, "the end looked whole:", c.ahead)
    except Closed:
        pass
    w.logged("SD")


@case
def server_does_not_take_the_request(w):
    """Its window is full and it does not answer: silence of the server."""
    w.start(origin=w.origin(lambda p, _: (p.head(), time.sleep(2))).address, server="400ms")
    c = w.client()
    c.send(b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % (4 * BIG))

    def push():
        try:
            c.send(body_bytes(4 * BIG))
        except OSError:
            pass
    threading.Thread(target=push, daemon=True).start()
    same(c.answer()[0].status, 504)
    w.logged("sH")
