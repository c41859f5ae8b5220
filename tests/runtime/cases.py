# SPDX-License-Identifier: Apache-2.0
"""The tests: each gets a rig.World."""

import hashlib
import os
import signal
import socket
import threading
import time

from rig import Closed, answers, expect, keeps_answering, refused_address, same

ALL = []
GET = b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BIG = 10 * 1024 * 1024


def case(function=None, slow=False, plain=False):
    """Registers a test. <slow>: waits for a time built in; <plain>: not with injected faults."""
    def add(f):
        f.slow, f.plain = slow, plain
        ALL.append((f.__name__, f))
        return f
    return add(function) if function else add


def fits(function, san, fault):
    return not (function.slow and (san or fault)) and not (function.plain and fault)


def body_bytes(n):
    block = b"".join(b"%07d\n" % i for i in range(8192))
    return (block * (n // len(block) + 1))[:n]


def digest(data):
    return hashlib.sha256(data).hexdigest()


BIG_PAGE = body_bytes(300000)


# -- messages


@case
def keep_alive(w):
    w.start(origin=w.origin(keeps_answering()).address)
    c = w.client()
    for _ in range(3):
        c.send(GET % b"/a")
        head, body = c.answer()
        same((head.status, body), (200, b"hello"))
        same(head.get("x-conn"), "0", "server connection")
    for line in w.log(3):
        same((line["end"], line["status"]), ("--", 200))
    same([l["client_reused"] for l in w.log(3)], [False, True, True])
    same([l["server_reused"] for l in w.log(3)], [False, True, True])


@case
def pipelining(w):
    w.start(origin=w.origin(keeps_answering()).address)
    c = w.client()
    c.send(b"".join(GET % b"/%d" % i for i in range(20)))
    for _ in range(20):
        same(c.answer()[1], b"hello")
    w.log(20)


@case
def pipelined_requests_behind_a_last_one_are_not_served(w):
    o = w.origin(keeps_answering())
    w.start(origin=o.address)
    c = w.client()
    c.send(b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + GET % b"/b")
    head, body = c.answer()
    same((head.get("connection"), body), ("close", b"hello"))
    c.at_end()
    same(len(w.log()), 1, "log lines")


@case
def chunked_both_ways_with_trailers(w):
    got = []

    def script(peer, _):
        head, body = peer.request()
        got.append((head.get("transfer-encoding"), body, peer.trailers))
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n10\r\n0123456789abcdef\r\n"
                  b"0\r\nX-Sum: 7\r\n\r\n")
        peer.rest()
    w.start(origin=w.origin(script).address)
    c = w.client()
    c.send(b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    c.send(b"6\r\n world\r\n0\r\nX-Check: 1\r\nContent-Length: 4\r\n\r\n")
    head, body = c.answer()
    same(body, b"abc0123456789abcdef")
    same(c.trailers, ["X-Sum: 7"], "trailers")
    same(got, [("chunked", b"hello world", ["X-Check: 1"])], "request")
    w.logged("--", status=200)


@case
def body_up_to_the_end_of_the_connection(w):
    def script(peer, _):
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nup to the end")
    w.start(origin=w.origin(script).address)
    c = w.client()
    c.send(GET % b"/a")
    head, body = c.answer()
    same((head.get("transfer-encoding"), body), ("chunked", b"up to the end"))
    c.send(GET % b"/b")
    same(c.answer()[1], b"up to the end")


@case
def old_client(w):
    w.start(origin=w.origin(answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")).address)
    c = w.client()
    c.send(b"GET /a HTTP/1.0\r\nHost: h\r\n\r\n")
    head = c.head()
    same(head.get("transfer-encoding"), None)
    same(c.rest(), b"abc")
    w.logged("--")


@case
def head_and_bodiless_statuses(w):
    raw = {"/204": b"HTTP/1.1 204 No Content\r\n\r\n",
           "/304": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\nETag: \"x\"\r\n\r\n"}

    def script(peer, _):
        while True:
            head, _ = peer.request()
            peer.send(raw.get(head.target, b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"))
    w.start(origin=w.origin(script).address)
    c = w.client()
    for method, path, status, length in (("HEAD", "/a", 200, "10"), ("GET", "/204", 204, None),
                                         ("GET", "/304", 304, "10"), ("HEAD", "/204", 204, None), ("HEAD", "/made", 200, "9")):
        c.send("%s %s HTTP/1.1\r\nHost: h\r\n\r\n" % (method, path))
        head, body = c.answer(none=True)
        same((head.status, head.get("content-length"), body), (status, length, b""), path)
    c.send(GET % b"/made")
    same(c.answer()[1], b"made here")


@case
def continue_is_passed_on(w):
    def script(peer, _):
        head = peer.head()
        same(head.get("expect"), "100-continue")
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        same(peer.body(head), b"body")
        peer.send(OK)
        peer.rest()
    w.start(origin=w.origin(script).address)
    c = w.client()
    c.send(b"POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    same(c.head().status, 100)
    c.send(b"body")
    same(c.answer()[0].status, 200)
    w.logged("--")


@case
def continue_is_refused(w):
    for status in (417, 413):
        def script(peer, _, status=status):
            peer.head()
            peer.send(b"HTTP/1.1 %d No\r\nContent-Length: 2\r\n\r\nno" % status)
            peer.rest()
        w.start(origin=w.origin(script).address)
        c = w.client()
        c.send(b"POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        head, body = c.answer()
        same((head.status, head.get("connection"), body), (status, "close", b"no"))
        c.at_end()
        w.logged("--", status=status)
        w.signal()
        same(w.wait(), 0, "exit code")
        w.lines.clear()


@case
def other_interim_answers(w):
    w.start(origin=w.origin(answers(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK)).address)
    c = w.client()
    c.send(GET % b"/a")
    same(c.head().status, 103)
    same(c.answer()[1], b"ok")
    c = w.client()
    c.send(b"GET /never HTTP/1.0\r\nHost: h\r\n\r\n")
    same(c.head().status, 200)


# -- tunnels


def upgraded(peer, _):
    head, _ = peer.request()
    same(head.get("upgrade"), "chat")
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: upgrade\r\n\r\nfirst")
    data = peer.rest()
    peer.send(b"got %d" % len(data))


UPGRADE = b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n"


@case
def upgrade_with_half_close(w):
    w.start(origin=w.origin(upgraded).address)
    c = w.client()
    c.send(UPGRADE + b"early")
    same(c.head().status, 101)
    same(c.exactly(5), b"first")
    c.send(b"x" * 100000)
    c.end()
    same(c.rest(), b"got 100005")
    w.logged("--", status=101)


@case
def upgrade_ended_by_the_server(w):
    def script(peer, _):
        peer.request()
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: upgrade\r\n\r\nbye")
        peer.end()
        same(peer.rest(), b"after")
    w.start(origin=w.origin(script).address)
    c = w.client()
    c.send(UPGRADE)
    same(c.head().status, 101)
    same(c.rest(), b"bye")
    c.send(b"after")
    c.end()
    w.logged("--")


@case
def upgrade_refused_or_not_asked_for(w):
    w.start(origin=w.origin(answers(OK)).address)
    c = w.client()
    c.send(UPGRADE)
    same(c.answer()[0].status, 200)
    c.send(GET % b"/made")
    same(c.answer()[0].status, 200)
    w.signal()
    same(w.wait(), 0)
    w.lines.clear()
    w.start(origin=w.origin(answers(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")).address)
    c = w.client()
    c.send(GET % b"/a")
    same(c.answer()[0].status, 502)
    w.logged("PH", status=502)


@case
def connect_tunnel(w):
    def script(peer, _):
        same(peer.head().line.split(" ")[0], "CONNECT")
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        same(peer.rest(), b"ping")
        peer.send(b"pong")
    w.start(origin=w.origin(script).address)
    c = w.client()
    c.send(b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n")
    same(c.head().status, 200)
    c.send(b"ping")
    c.end()
    same(c.rest(), b"pong")
    w.logged("--", status=200)


@case
def silent_tunnel_is_cut(w):
    w.start(origin=w.origin(upgraded).address, tunnel="300ms")
    c = w.client()
    c.send(UPGRADE)
    same(c.head().status, 101)
    c.rest()
    w.logged("cD")


@case
def client_that_never_ends_its_half(w):
    def script(peer, _):
        peer.request()
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: upgrade\r\n\r\n")
    w.start(origin=w.origin(script).address, fin="300ms")
    c = w.client()
    c.send(UPGRADE)
    same(c.head().status, 101)
    c.rest()
    w.log()


def echo(peer, _):
    data = peer.rest()
    peer.send(data[::-1])


@case
def tcp_half_close(w):
    w.start("tcp", origin=w.origin(echo).address)
    c = w.client()
    c.send(b"abc")
    c.end()
    same(c.rest(), b"cba")
    w.logged("--")


@case
def tcp_end_before_any_byte(w):
    w.start("tcp", origin=w.origin(lambda p, _: (p.rest(), p.send(b"bye"))).address)
    c = w.client()
    c.end()
    same(c.rest(), b"bye")
    w.logged("--")


@case
def tcp_server_speaks_first(w):
    w.start("tcp", origin=w.origin(lambda p, _: (p.send(b"220 hi"), p.rest())).address, preread="200ms")
    c = w.client()
    same(c.exactly(6), b"220 hi")
    c.end()
    c.at_end()
    w.logged("--")


@case
def tcp_refused_and_dropped(w):
    keep, address = refused_address()
    w.start("tcp", origin=address)
    c = w.client()
    c.send(b"x")
    same(c.rest(), b"")
    same(w.log()[0]["end"], "SC")
    c = w.client(source="127.0.0.3")
    c.send(b"x")
    same(c.rest(), b"")
    same(w.log(2)[1]["end"], "PR")
    keep.close()


@case
def tcp_resets_pass_through(w):
    came = threading.Event()
    seen = []

    def script(peer, number):
        peer.exactly(1)
        if number == 0:
            peer.reset()
            return
        came.set()
        try:
            peer.more()
            seen.append("end")
        except Closed:
            seen.append("reset")
    w.start("tcp", origin=w.origin(script).address)
    c = w.client()
    c.send(b"x")
    same(c.at_end(), "reset")
    c = w.client()
    c.send(b"x")
    came.wait(10)
    c.reset()
    w.eventually(lambda: seen, "server told")
    same(seen, ["reset"])
    same([l["end"] for l in w.log(2)], ["SD", "CD"])


@case
def tcp_big_both_ways(w):
    data = body_bytes(BIG)
    w.start("tcp", origin=w.origin(lambda p, _: p.send(p.exactly(BIG))).address)
    c = w.client()
    threading.Thread(target=c.send, args=(data,), daemon=True).start()
    same(digest(c.exactly(BIG)), digest(data))
    c.end()


# -- big bodies


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


# -- bad clients


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


# -- rules and front side


@case
def answers_of_rules(w):
    w.start()
    c = w.client()
    for path, status, body, end in ((b"/made", 200, b"made here", "LR"), (b"/away", 302, b"", "LR"),
                                    (b"/denied", 403, b"<p>Not for you.</p>\n", "PR"), (b"/gone", 302, b"", "PR")):
        c.send(GET % path)
        head, got = c.answer()
        same((head.status, got), (status, body), path)
        if status == 302:
            same(head.get("location"), "/made")
    same([l["end"] for l in w.log(4)], ["LR", "LR", "PR", "PR"])
    c.send(GET % b"/dropped")
    same(c.rest(), b"")
    same(w.log(5)[4]["end"], "PR")


@case
def rules_that_replace_the_answer(w):
    def script(peer, number):
        head, _ = peer.request()
        peer.send(b"HTTP/1.1 %b No\r\nContent-Length: 100000\r\n\r\n" % head.target[-3:].encode() + b"x" * 50000)
        peer.rest()
    w.start(origin=w.origin(script).address)
    c = w.client()
    for path, status, body in ((b"/judged/418", 502, None), (b"/judged/410", 200, b"instead")):
        c.send(GET % path)
        head, got = c.answer()
        same((head.status, head.get("x-seen")), (status, "yes"))
        same(got, got if body is None else body)
    same([l["end"] for l in w.log(2)], ["PH", "PH"])


@case
def set_connection_close(w):
    w.start(origin=w.origin(keeps_answering()).address)
    c = w.client()
    c.send(GET % b"/last" + GET % b"/b")
    same(c.answer()[1], b"hello")
    same(c.rest(), b"", "nothing after the last answer")


@case
def accept_proxy(w):
    w.start(binds=("listen_proxy",))
    v2 = (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c" + socket.inet_aton("198.51.100.7") + socket.inet_aton("192.0.2.1")
          + (1000).to_bytes(2, "big") + (443).to_bytes(2, "big"))
    for raw in (b"PROXY TCP4 198.51.100.7 192.0.2.1 1000 443\r\n", v2):
        c = w.client("listen_proxy")
        c.send(raw + GET % b"/")
        same(c.answer()[1], b"198.51.100.7:1000 192.0.2.1:443")
        c = w.client("listen_proxy")
        for i in range(len(raw)):
            c.send(raw[i:i + 1])
        c.send(GET % b"/")
        same(c.answer()[1], b"198.51.100.7:1000 192.0.2.1:443")
    c = w.client("listen_proxy")
    c.send(GET % b"/")
    same(c.rest(), b"", "without the header")
    same(w.log()[0]["client"], "198.51.100.7:1000")


@case
def variables_and_log_level_of_a_connection(w):
    w.start(binds=("listen_early",))

    def client(last):
        c = w.client("listen_early")
        c.send(b"PROXY TCP4 198.51.100.%d 192.0.2.1 1000 443\r\n" % last)
        return c

    quiet, other = client(8), client(7)
    for path, value in ((b"/", b"%s"), (b"/change", b"one"), (b"/told", b"%s")):
        for c, last in ((quiet, b"8"), (other, b"7")):
            c.send(GET % path)
            same(c.answer()[1], value.replace(b"%s", b"198.51.100." + last + b" as 192.0.2.99"))
    for last in (10, 9):        # refused when the variable is set already; what was set goes with it
        c = client(last)
        c.send(GET % b"/")
        same(c.rest(), b"")
    lines = w.log(4)
    same([l["target"] for l in lines], ["/", "/change", "/told", "/told"])


@case
def monitor_net_and_conn_drop(w):
    w.start(binds=("listen_watch",), origin=w.origin(keeps_answering()).address)
    c = w.client("listen_watch", source="127.0.0.2")
    same(c.answer()[0].status, 200)
    c = w.client("listen_watch", source="127.0.0.3")
    c.send(GET % b"/")
    same(c.rest(), b"")
    c = w.client("listen_watch")
    c.send(GET % b"/")
    same(c.answer()[1], b"hello")
    same(len(w.log()), 1, "log lines")


# -- the stop


@case
def stop_lets_an_exchange_finish(w):
    came, go = threading.Event(), threading.Event()

    def script(peer, _):
        peer.request()
        came.set()
        go.wait(10)
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
        peer.rest()
    w.start(origin=w.origin(script).address)
    idle = w.client()
    c = w.client()
    c.send(GET % b"/a")
    came.wait(10)
    w.signal()
    same(idle.rest(), b"", "idle client")
    go.set()
    head, body = c.answer()
    same((head.get("connection"), body), ("close", b"late"))
    c.at_end()
    same(w.wait(), 0, "exit code")


@case(plain=True)
def stop_answers_what_has_been_sent_already(w):
    """Signal and requests are there together, whichever the process sees first."""
    w.start(origin=w.origin(keeps_answering()).address, drain="20s")
    clients = [w.client() for _ in range(100)]      # more than are served in one turn
    for c in clients[50:]:      # and so the earlier ones have been accepted, too
        c.send(GET % b"/a")
        c.answer()
    w.signal(signal.SIGSTOP)

    def stopped():
        with open("/proc/%d/stat" % w.process.pid, encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "T"
    w.eventually(stopped, "the process stands")
    for c in clients:
        c.send(GET % b"/b")
    w.signal()
    w.signal(signal.SIGCONT)
    for c in clients:
        head, body = c.answer()
        same((head.status, head.get("connection"), body), (200, "close", b"hello"))
        expect(c.at_end() is True, "a clean end")
    same(w.wait(), 0, "exit code")


@case
def the_line_of_a_refused_request_is_logged(w):
    """As received, when it is valid itself and something else is not."""
    w.start()
    for raw, line in ((b"GET /a/../../b HTTP/1.1\r\nHost: h\r\n\r\n", ("GET", "/a/../../b", "HTTP/1.1")),
                      (b"GET /x HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", ("GET", "/x", "HTTP/1.1")),
                      (b"G@T /x HTTP/1.1\r\nHost: h\r\n\r\n", None)):
        c = w.client()
        c.send(raw)
        same(c.answer()[0].status, 400)
        got = w.log(1)[-1]
        same(tuple(got.get(k) or None for k in ("method", "target", "protocol")), line or (None,) * 3)
        w.lines.clear()


def cut_at_the_stop(w, ready):
    w.signal()
    same(w.wait(), 5, "exit code")
    expect("in use" not in w.stderr(), w.stderr())


@case
def stop_cuts_an_answer(w):
    came = threading.Event()
    w.start(origin=w.origin(lambda p, _: (p.request(), came.set(), p.rest())).address, drain="100ms")
    c = w.client()
    c.send(GET % b"/a")
    came.wait(10)
    cut_at_the_stop(w, came)
    w.logged("KD")


@case
def stop_cuts_every_step(w):
    """One client in each step when the drain time is over."""
    came = []

    def script(peer, _):
        head = peer.head()
        if head.target == "/body":
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        elif head.target == "/up":
            peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: upgrade\r\n\r\n")
        came.append(head.target)
        peer.rest()
    w.start(binds=("listen", "listen_proxy"), origin=w.origin(script).address, origin_b=full_backlog(w), drain="100ms",
            connect="20s")
    for raw in (b"GET / HT", GET % b"/wait", GET % b"/body", UPGRADE.replace(b"/a", b"/up"),
                b"POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc", GET % b"/two", GET % b"/two"):
        w.client().send(raw)
    w.client("listen_proxy").send(b"PROXY ")
    w.eventually(lambda: len(came) >= 5, "requests at the server")
    time.sleep(0.1)
    cut_at_the_stop(w, came)


@case
def second_signal_cuts_at_once(w):
    came = threading.Event()
    w.start(origin=w.origin(lambda p, _: (p.request(), came.set(), p.rest())).address, drain="60s")
    c = w.client()
    c.send(GET % b"/a")
    came.wait(10)
    w.signal()
    time.sleep(0.1)
    w.signal()
    same(w.wait(), 5, "exit code")


@case
def stop_while_a_client_is_in_its_handshake(w):
    w.start(binds=("listen_proxy",), head="1s")
    c = w.client("listen_proxy")
    c.send(b"PROXY ")
    time.sleep(0.05)
    w.signal()
    same(w.wait(), 0, "exit code")


@case
def stop_while_a_connect_that_nobody_wants_is_under_way(w):
    w.start(origin=full_backlog(w), connect="20s")
    c = w.client()
    c.send(GET % b"/a")
    time.sleep(0.1)
    c.reset()
    w.log()
    w.signal()
    same(w.wait(), 0, "exit code")


# -- many at once


def check_exchange(w, path, data, chunked):
    """One request with a body, echoed. True: whole and right; False: cleanly cut or refused."""
    try:
        c = w.client()
        head = b"POST %b HTTP/1.1\r\nHost: h\r\n" % path
        if chunked:
            pieces = [data[i:i + 5000] for i in range(0, len(data), 5000)]
            c.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
            c.send(b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n")
        else:
            c.send(head + b"Content-Length: %d\r\n\r\n" % len(data) + data)
        head, body = c.answer()
    except (Closed, ConnectionError, BrokenPipeError):
        return False
    if head.status >= 500:
        return False
    same(head.status, 200)
    same(digest(body), digest(data), "echo")
    c.send(GET % b"/made")
    try:
        same(c.answer()[1], b"made here")
    except (Closed, ConnectionError):
        return False
    return True


def echo_http(peer, number):
    while True:
        _, body = peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def storm(w, workers, rounds):
    """Many exchanges at a time; returns which of them came through. None may be wrong."""
    problems, whole = [], []

    def worker(k):
        for i in range(rounds):
            try:
                n = (1, 100, 20000, 70000, 300000)[(i + k) % 5]
                whole.append(check_exchange(w, (b"/always", b"/never")[i % 2], body_bytes(n), i % 3 == 0))
            except Exception as e:
                problems.append(e)
    threads = [threading.Thread(target=worker, args=(k,)) for k in range(workers)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    expect(not problems, problems)
    return whole


def broken(w):
    return "reset" in (w.fault or "") or "refuse" in (w.fault or "")


@case
def many_at_once(w):
    w.start(origin=w.origin(echo_http).address)
    whole = storm(w, 6, 10)
    expect(broken(w) or all(whole), whole.count(False), "were cut")
    expect(any(whole), "none came through")


@case
def many_at_once_on_several_threads(w):
    w.start(origin=w.origin(echo_http).address, threads=3)
    whole = storm(w, 6, 10)
    expect(broken(w) or all(whole), whole.count(False), "were cut")
    expect(any(whole), "none came through")


@case
def stop_under_load(w):
    """Whatever is under way ends whole, or is refused or cut so that it shows; the process ends by itself."""
    w.start(origin=w.origin(echo_http).address, threads=2)
    result = []
    t = threading.Thread(target=lambda: result.append(storm(w, 6, 10)))
    t.start()
    w.eventually(lambda: len(w.lines) > 10, "load")
    w.signal()
    same(w.wait(), 0, "exit code")
    t.join()
    expect(any(result[0]), "none came through")


@case
def few_buffers(w):
    """More bodies under way than the buffers can hold: each waits for its turn, and an answer once begun is finished."""
    w.start(origin=w.origin(echo_http).address, buffers=24)
    problems, whole = [], []

    def worker(k):
        try:
            for _ in range(3):
                whole.append(check_exchange(w, b"/always", body_bytes(200000), k % 2 == 0))
        except Exception as e:
            problems.append(e)
    threads = [threading.Thread(target=worker, args=(k,)) for k in range(10)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    expect(not problems, problems)
    expect(whole.count(True) > 0, "none came through")
    c = w.client()              # and nothing stays behind
    c.send(GET % b"/made")
    same(c.answer()[0].status, 200)
