# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 from clients, on a real binary. The name of a case begins with the mission row that it shows."""

import hashlib
import os
import signal
import ssl
import struct
import subprocess
import threading

from cases import body_bytes, case
from rig import expect, keeps_answering, same
from rig_h2 import CONTINUATION, DATA, END_STREAM, HEADERS, PING, PRIORITY, RST_STREAM, WINDOW_UPDATE, H2, block

PROTOCOL_ERROR, INTERNAL, FLOW, TIMEOUT, CLOSED, SIZE, REFUSED, CANCEL, COMPRESSION, CALM = 1, 2, 3, 4, 5, 6, 7, 8, 9, 11


def tells(peer, number):
    """A script: answers with the request's body, or as the target says."""
    while True:
        head, body = peer.request()
        if head.target.startswith("/big"):
            body = body_bytes(int(head.target[4:]))
        if head.target == "/chunked":
            peer.send("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n"
                      "5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n")
            continue
        told = "".join("X-Got: %s=%s\r\n" % (n.lower(), v) for n, v in head.fields) + "".join("X-End: %s\r\n" % t for t in peer_trailers(peer))
        peer.send(b"HTTP/1.1 200 OK\r\nX-Line: %s\r\n%sContent-Length: %d\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n"
                  % (head.line.encode("latin-1"), told.encode("latin-1"), len(body)) + (b"" if head.method == "HEAD" else body))


def peer_trailers(peer):
    return getattr(peer, "trailers", [])


class Gate:
    """A script that answers when it is told to."""

    def __init__(self):
        self.asked, self.open = threading.Semaphore(0), threading.Event()

    def __call__(self, peer, number):
        while True:
            peer.request()
            self.asked.release()
            self.open.wait(20)
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def wait(self, n=1):
        for _ in range(n):
            expect(self.asked.acquire(timeout=20), "the origin was not asked")


def start(w, script=tells, **params):
    params.setdefault("certs", os.path.join(os.path.dirname(w.binaries["h2"]), "certs"))
    w.start("h2", binds=("listen", "secure", "old"), origin=w.origin(script).address, **params)


def h2(w, **options):
    c = H2(w, **options)
    w.open.append(c)
    return c


def shake(w, protocols):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(protocols)
    return lambda s: context.wrap_socket(s)


# -- messages

@case
def h2_messages_are_those_of_http1(w):
    """S72, S85: what the server gets of a request in either version; names and hosts alike."""
    start(w)
    c = h2(w)
    got = c.get("/a/../b?q=1", host="Www.Example:81", fields=(("X-A", "1"), ("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers")))
    same((got.status, got.get("x-line")), (200, "GET /b?q=1 HTTP/1.1"))
    same(sorted(got.all("x-got")), ["cookie=a=1; b=2", "host=Www.Example:81", "x-a=1"])
    same(got.all("x-hop") + got.all("connection") + got.all("transfer-encoding"), [], "fields of the connection")
    same(c.get("/seen", host="Seen.Example:80").body, b"2.0 http seen.example /seen ")
    same((c.get("/b", method="HEAD").body, c.get("/b", method="HEAD").whole), (b"", True))


@case
def h2_interim_answers_and_trailers(w):
    start(w)
    c = h2(w)
    got = c.get("/chunked")
    same((got.interim, got.status, got.body, got.trailers), ([103], 200, b"hello", [("x-sum", "7")]))
    s = c.open("/up", method="POST", end=False)
    c.data(s, b"abc")
    c.head(s, [("x-end", "9"), ("content-length", "3")])
    got = c.answer(s)
    same((got.body, [v.lower() for v in got.all("x-end")]), (b"abc", ["x-end: 9"]), "content-length is no trailer")


@case
def s77_bodies_in_both_directions_keep_their_bytes(w):
    start(w)
    c = h2(w)
    text = body_bytes(400000)
    s = c.open("/up", method="POST", fields=(("content-length", str(len(text))),), end=False)
    left = 65535
    at = 0
    while at < len(text):       # as the window allows
        n = min(left, len(text) - at, 16384)
        if not n:
            kind, _, stream, payload = c.read()
            if kind == WINDOW_UPDATE and stream == s:
                left += struct.unpack(">I", payload)[0]
            continue
        c.data(s, text[at:at + n], end=at + n == len(text))
        at, left = at + n, left - n
    same(hashlib.sha256(c.answer(s).body).hexdigest(), hashlib.sha256(text).hexdigest())
    same(c.get("/big700000").body, body_bytes(700000))


@case
def s69_many_streams_over_three_servers(w):
    others = [w.origin(keeps_answering(t)).address for t in (b"other", b"third")]
    start(w, other=others[0], third=others[1])
    c = h2(w)
    asked = [(c.open(t), text) for _ in range(33) for t, text in (("/app", b""), ("/other", b"other"), ("/third", b"third"))]
    for s, text in asked:
        same(c.answer(s).body, text)
    lines = w.log(99)
    same({l["status"] for l in lines}, {200})


@case
def s76_streams_in_turn(w):
    start(w)
    c = h2(w)
    for _ in range(500):
        same(c.get("/seen").status, 200)
    same(c.goaways, [])


# -- one stream and the others

@case
def s70_a_reader_that_stops_stops_nobody_else(w):
    start(w)
    c = h2(w, settings=((4, 1000),))
    c.window = False
    stopped = c.open("/big3000000")
    for _ in range(30):
        s = c.open("/seen")
        same(c.answer(s).status, 200)
    s = c.open("/big900")
    same(c.answer(s).body, body_bytes(900))
    while not c.streams.get(stopped) or len(c.streams[stopped].body) < 1000:
        c.read()
    c.ping()
    same(len(c.streams[stopped].body), 1000, "no more than its window")
    c.frame(RST_STREAM, 0, stopped, struct.pack(">I", CANCEL))
    same(w.log(32)[-1]["end"][:1], "C")


@case
def s71_an_upload_that_waits_stops_nobody(w):
    """The server of the upload reads nothing: what the client sends beyond its window is not asked for."""
    gate = Gate()

    def reads_nothing(peer, number):
        peer.head()
        gate.asked.release()
        gate.open.wait(20)

    start(w, other=w.origin(reads_nothing).address)
    c = h2(w)
    uploads = [c.open("/other", method="POST", end=False) for _ in range(8)]
    for s in uploads:
        c.data(s, b"u" * 65535)
    gate.wait(8)
    same(c.get("/up", method="POST").status, 200)
    s = c.open("/up", method="POST", end=False)
    c.data(s, b"small", end=True)
    same(c.answer(s).body, b"small")
    same(c.get("/stats").status, 200)
    gate.open.set()
    for s in uploads:
        same(c.answer(s).status, 502)


@case
def s78_a_stream_that_is_cut_leaves_its_siblings(w):
    def cuts(peer, number):
        peer.request()
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")

    start(w, other=w.origin(cuts).address)
    c = h2(w)
    cut, dropped = c.open("/other"), c.open("/drop")
    same(c.get("/seen").status, 200)
    same((c.answer(cut).status, c.answer(cut).body, c.answer(cut).reset), (200, b"hello", INTERNAL))
    same((c.answer(dropped).status, c.answer(dropped).reset), (0, CANCEL))
    same(c.get("/seen").status, 200)


@case
def h2_a_tarpit_holds_its_stream_alone(w):
    start(w)
    c = h2(w)
    held = c.open("/tarpit")
    for _ in range(5):
        same(c.get("/seen").status, 200)
    expect(not c.streams.get(held) or not c.streams[held].whole, "still held")
    same(c.answer(held).status, 500)


@case
def h2_a_client_that_leaves_is_heard_of(w):
    gate = Gate()
    start(w, gate)
    c = h2(w)
    one, two = c.open("/a"), c.open("/b")
    gate.wait(2)
    c.frame(RST_STREAM, 0, one, struct.pack(">I", CANCEL))
    same(w.log(1)[0]["target"], "/a")
    expect(c.streams.get(two) is None, "the other one waits still")
    c.peer.reset()
    same([(l["target"], l["end"][:1]) for l in w.log(2)], [("/a", "C"), ("/b", "C")])


# -- limits

@case
def h2_streams_above_the_limit_are_refused(w):
    gate = Gate()
    start(w, gate)
    c = h2(w)
    c.ping()
    same(c.peer_settings.get(3), 100)
    streams = [c.open("/a") for _ in range(101)]
    same(c.answer(streams[100]).reset, REFUSED)
    gate.open.set()
    for s in streams[:100]:
        same(c.answer(s).body, b"ok")
    same(c.get("/a").status, 200)


@case
def h2_header_lists_are_limited(w):
    start(w)
    c = h2(w)
    same(c.get("/seen", fields=[("x-long", "a" * 9000)]).status, 431)
    same(c.get("/seen", fields=[("x-%d" % i, "") for i in range(70)]).status, 431)
    same(c.get("/" + "a" * 8500).status, 431)
    same(c.get("/seen", fields=[("x-long", "a" * 30000)]).status, 431, "in several frames")
    same(c.get("/seen").status, 200, "the connection goes on")
    c.frame(HEADERS, END_STREAM, 99, block([(":method", "GET")]))
    for _ in range(40):
        c.frame(CONTINUATION, 0, 99, b"")
    same(c.until_end(), [CALM])


@case
def h2_floods_end_the_connection(w):
    gate = Gate()
    start(w, gate)
    floods = {
        "reset": lambda c: (c.open("/a"), c.frame(RST_STREAM, 0, c.next - 2, struct.pack(">I", CANCEL))),
        "settings": lambda c: c.settings(),
        "ping": lambda c: c.frame(PING, 0, 0, b"12345678"),
        "priority": lambda c: c.frame(PRIORITY, 0, 1, b"\0\0\0\0\0"),
        "empty data": lambda c: c.frame(DATA, 0, 1),
        "refused": lambda c: (c.open("/a", stream=c.next), c.frame(WINDOW_UPDATE, 0, c.next - 2, b"\0\0\0\0")),
    }
    for name, flood in floods.items():
        c = h2(w)
        c.open("/a", method="POST", end=False)
        c.at_once(lambda c=c, flood=flood: [flood(c) for _ in range(700)])
        same(c.until_end(), [CALM], name)
    same(h2(w).get("/seen").status, 200)


@case
def h2_idle_connections_end(w):
    start(w, keepalive="200ms")
    c = h2(w)
    same(c.get("/seen").status, 200)
    same(c.until_end(), [0])


@case
def h2_heads_that_do_not_end_do(w):
    start(w, head="300ms")
    c = h2(w)
    c.acknowledge = False
    c.frame(HEADERS, END_STREAM, 1, block([(":method", "GET")]))
    same(c.until_end(), [0])
    c = h2(w, preface=False)
    c.acknowledge = False
    c.peer.send(b"PRI * HT")
    same(c.until_end(), [0])


@case
def h2_a_client_that_takes_nothing_is_let_go(w):
    """Its window is closed: its stream ends in time, the others are none of that."""
    start(w, client="400ms")
    c = h2(w, settings=((4, 1000),))
    c.window = False
    s = c.open("/big100000")
    same((c.answer(s).reset, len(c.answer(s).body)), (CANCEL, 1000))
    same(w.log(1)[0]["end"][0], "c")
    same(c.get("/seen").status, 200)


@case
def h2_is_not_spoken_where_it_was_not_said(w):
    start(w)
    c = h2(w, bind="old", preface=False)
    c.peer.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    expect(c.peer.rest().startswith(b"HTTP/1.1 505 "), "HTTP/1 answers")
    c = h2(w)
    c.peer = w.client()
    c.peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    same(c.until_end(), [PROTOCOL_ERROR])


# -- TLS

@case
def s80_alpn_decides(w):
    start(w)
    c = h2(w, bind="secure", wrap=shake(w, ["h2", "http/1.1"]))
    same(c.peer.sock.selected_alpn_protocol(), "h2")
    same(c.get("/seen").body, b"2.0 https h /seen h2")
    same(c.get("/big300000").body, body_bytes(300000))
    for offer, agreed in ((["http/1.1"], "http/1.1"), (None, "")):
        p = w.client("secure")
        p.sock = shake(w, offer)(p.sock)
        p.send("GET /seen HTTP/1.1\r\nHost: h\r\n\r\n")
        same(p.answer()[1].decode(), "1.1 https h /seen " + agreed)


@case
def h2_clients_of_others(w):
    """10 000 requests of 10 streams a connection without a loss; curl and nghttp."""
    start(w)
    clear = "http://%s:%d" % (w.address, w.ports["listen"])
    done = run("h2load", "-n", "10000", "-c", "3", "-m", "10", clear + "/seen")
    expect("10000 succeeded, 0 failed, 0 errored" in done, done)
    same(run("curl", "-s", "--http2-prior-knowledge", clear + "/seen").split()[0], "2.0")
    same(run("curl", "-sk", "--http2", "https://%s:%d/seen" % (w.address, w.ports["secure"])).split()[-1], "h2")
    same(run("nghttp", clear + "/big100000"), body_bytes(100000).decode("ascii"))


def run(*argv):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False).stdout


# -- stop

@case
def h2_a_stop_answers_what_has_begun(w):
    gate = Gate()
    start(w, gate)
    c = h2(w)
    s = c.open("/a")
    gate.wait()
    w.signal(signal.SIGTERM)
    while not c.goaways:
        c.read()
    same(c.goaways[0], (0x7fffffff, 0))
    late = c.open("/late")      # on its way when the stop began
    while len(c.goaways) < 2:
        c.read()
    gate.open.set()
    same((c.answer(s).body, c.answer(late).body), (b"ok", b"ok"))
    same(c.goaways[1], (late, 0))
    same(c.until_end(), [0, 0])
    same(w.wait(), 0)


@case
def h2_a_connection_may_be_told_to_end(w):
    start(w)
    c = h2(w)
    same(c.get("/leave").status, 200)
    same(c.until_end(), [0, 0])
