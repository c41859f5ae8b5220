# SPDX-License-Identifier: Apache-2.0
"""Big bodies, early answers, slow readers and writers. Each gets a rig.World."""

import time

from cases import BIG, BIG_PAGE, GET, OK, body_bytes, case, digest
from rig import answers, expect, same


@case
def slow_reader(w):
    data = body_bytes(BIG)

    def script(peer, _):
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG)
        peer.send(data)
        peer.rest()
    w.start(origin=w.origin(script).address)
    c = w.client(buffer=8192)
    c.send(GET % b"/a")
    head = c.head()
    before = w.memory()
    got = [c.exactly(1000)]
    for _ in range(5):
        time.sleep(0.05)
        got.append(c.exactly(10000))
    expect(w.san or w.memory() < before + 4096, "memory grew by", w.memory() - before, "kB")
    got.append(c.exactly(int(head.get("content-length")) - 51000))
    same(digest(b"".join(got)), digest(data))
    w.logged("--")


def half_of_big(then):
    """Announces BIG bytes, sends half of them fast, then does <then>."""
    def script(peer, _):
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG)
        peer.send(body_bytes(BIG)[:BIG // 2])
        then(peer)
    return script


@case
def reader_stops_in_a_big_body(w):
    def script(peer, _):
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG)
        try:
            peer.send(body_bytes(BIG))
        except OSError:
            pass
    w.start(origin=w.origin(script).address, client="500ms")
    c = w.client(buffer=8192)
    c.send(GET % b"/a")
    c.head()
    same(digest(c.exactly(2000000)), digest(body_bytes(BIG)[:2000000]))
    w.logged("cD")


@case
def server_stops_in_a_big_body(w):
    w.start(origin=w.origin(half_of_big(lambda peer: peer.rest())).address, server="500ms")
    c = w.client()
    c.send(GET % b"/a")
    c.head()
    same(digest(c.exactly(BIG // 2)), digest(body_bytes(BIG)[:BIG // 2]))
    w.logged("sD")


@case
def server_resets_in_a_big_body(w):
    w.start(origin=w.origin(half_of_big(lambda peer: peer.reset())).address)
    c = w.client()
    c.send(GET % b"/a")
    c.head()
    expect(len(c.rest()) < BIG, "a whole body")
    w.logged("SD")


@case
def slow_writer_chunked_to_a_slow_server(w):
    data = body_bytes(BIG)
    got = []

    def script(peer, _):
        head = peer.head()
        time.sleep(0.3)
        got.append(digest(peer.body(head)))
        peer.send(OK)
        peer.rest()
    w.start(origin=w.origin(script).address)
    c = w.client()
    c.send(b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    before = w.memory()
    for i in range(0, BIG, 100000):
        piece = data[i:i + 100000]
        c.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        if i == 2000000:
            time.sleep(0.05)
            expect(w.san or w.memory() < before + 4096, "memory grew by", w.memory() - before, "kB")
    c.send(b"0\r\n\r\n")
    same(c.answer()[1], b"ok")
    same(got, [digest(data)])
    w.logged("--")


@case
def big_answer_of_small_chunks(w):
    def script(peer, _):
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        peer.send(b"7\r\nabcdefg\r\n" * 50000 + b"0\r\n\r\n")
        peer.rest()
    w.start(origin=w.origin(script).address)
    c = w.client()
    c.send(GET % b"/a")
    same(digest(c.answer()[1]), digest(b"abcdefg" * 50000))


@case
def S59_early_answer_to_a_big_upload(w):
    """The client sends all of it before it reads; the whole answer arrives, each of a hundred times."""
    def script(peer, _):
        peer.head()
        peer.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\ntoo much")
        peer.end()
        peer.rest()
    w.start(origin=w.origin(script).address)
    data = body_bytes(1 << 18)
    for _ in range(100):
        c = w.client()
        c.send(b"POST /never HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(data))
        try:
            c.send(data)
        except OSError:
            pass
        head, body = c.answer()
        same((head.status, body), (413, b"too much"))
        c.close()


@case
def early_answer_made_here(w):
    w.start()
    data = body_bytes(1 << 20)
    for _ in range(20):
        c = w.client()
        c.send(b"POST /denied HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(data))
        try:
            c.send(data)
        except OSError:
            pass
        head, body = c.answer()
        same((head.status, body), (403, b"<p>Not for you.</p>\n"))
        c.close()


@case
def answer_made_before_a_small_body_keeps_the_connection(w):
    w.start(origin=w.origin(answers(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno")).address)
    c = w.client()
    for path, status in ((b"/denied", 403), (b"/a", 403), (b"/made", 200)):
        c.send(b"POST %b HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n01234" % path)
        if path != b"/a":
            same(c.answer()[0].status, status)
        c.send(b"56789")
        if path == b"/a":
            same(c.answer()[0].status, status)
    c.send(b"POST /made HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n0123")
    same(c.answer()[0].get("connection"), "close", "large")
    c = w.client()
    c.send(b"POST /made HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n")
    same(c.answer()[0].get("connection"), "close", "100-continue")
    c.at_end()
    c = w.client()
    c.send(b"POST /made HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n")
    same(c.answer()[0].status, 200)
    c.reset()
    same([l["end"] for l in w.log(6)], ["PR", "--", "LR", "LR", "LR", "LR"])


@case
def made_answer_larger_than_the_queues(w):
    w.start(buffers=64)
    clients = [w.client(buffer=4096) for _ in range(8)]
    for c in clients:
        c.send(GET % b"/big")
    for c in clients:
        head, body = c.answer()
        same((head.status, digest(body)), (404, digest(BIG_PAGE)))
        c.send(b"HEAD /big HTTP/1.1\r\nHost: h\r\n\r\n")
        same(c.answer(none=True)[0].get("content-length"), str(len(BIG_PAGE)))
        c.send(b"GET /" + b"a" * 10000 + b" HTTP/1.1\r\nHost: h\r\n\r\n")
        head, body = c.answer()
        same((head.status, digest(body)), (414, digest(BIG_PAGE)))
        c.at_end()
        c.close()
    c = w.client(buffer=4096)
    c.send(b"GET /" + b"a" * 10000 + b" HTTP/1.1\r\nHost: h\r\n\r\n")
    c.head()
    c.reset()
