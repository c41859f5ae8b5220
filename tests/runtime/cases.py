# SPDX-License-Identifier: Apache-2.0
"""The tests: each gets a rig.World. Here: messages, rules, and what all the cases share."""

import hashlib
import socket

from rig import answers, keeps_answering, same

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
