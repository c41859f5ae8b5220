# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 towards servers (S69, S70, S77, S78, S80, S81): origins of frames, written and read here. Each gets a rig.World."""

import ctypes
import os
import ssl
import struct
import threading

from cases import GET, case, digest, body_bytes
from rig import PATIENCE, Closed, Peer, expect, keeps_answering, same

DATA, HEADERS, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 5, 6, 7, 8, 9
END, ACK, WHOLE = 1, 1, 4
REFUSED, CANCEL, PROTOCOL = 7, 8, 1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
BINDS = ("listen", "listen_own", "listen_tls")


class Pair(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("value", ctypes.c_void_p), ("name_len", ctypes.c_size_t),
                ("value_len", ctypes.c_size_t), ("flags", ctypes.c_uint8)]


class Inflater:
    """The header lists of one connection, by libnghttp2."""

    def __init__(self):
        self.lib = ctypes.CDLL("libnghttp2.so.14")
        self.lib.nghttp2_hd_inflate_hd2.restype = ctypes.c_ssize_t
        self.lib.nghttp2_hd_inflate_hd2.argtypes = [ctypes.c_void_p, ctypes.POINTER(Pair), ctypes.POINTER(ctypes.c_int),
                                                    ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
        self.state = ctypes.c_void_p()
        same(self.lib.nghttp2_hd_inflate_new(ctypes.byref(self.state)), 0, "inflater")

    def fields(self, block):
        out, pair, flags = [], Pair(), ctypes.c_int()
        while True:
            flags.value = 0
            n = self.lib.nghttp2_hd_inflate_hd2(self.state, ctypes.byref(pair), ctypes.byref(flags), block, len(block), 1)
            expect(n >= 0, "header block:", block)
            block = block[n:]
            if flags.value & 2:
                out.append((ctypes.string_at(pair.name, pair.name_len), ctypes.string_at(pair.value, pair.value_len)))
            elif flags.value & 1 or not block:
                self.lib.nghttp2_hd_inflate_end_headers(self.state)
                return out


def literal(*fields):
    """A header block, without compression."""
    out = b""
    for name, value in fields:
        expect(len(name) < 127 and len(value) < 127, "short fields")
        out += b"\0%c%b%c%b" % (len(name), name, len(value), value)
    return out


class H2:
    """The server's end of one connection."""

    def __init__(self, peer, settings=b""):
        self.peer, self.inflater = peer, Inflater()
        self.requests, self.bodies, self.seen = {}, {}, []
        same(peer.exactly(len(PREFACE)), PREFACE, "preface")
        self.frame(SETTINGS, 0, 0, settings)

    def frame(self, kind, flags, stream, payload=b""):
        self.peer.send(struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload)

    def read(self):
        """The next frame: (type, flags, stream, payload); SETTINGS and PING are answered."""
        head = self.peer.exactly(9)
        size, (kind, flags, stream) = struct.unpack(">I", b"\0" + head[:3])[0], struct.unpack(">BBI", head[3:])
        payload = self.peer.exactly(size)
        expect(size <= 16384, "a frame of", size)
        self.seen.append((kind, flags, stream, payload))
        if kind == SETTINGS and not flags & ACK:
            self.settings = {k: v for k, v in struct.iter_unpack(">HI", payload)}
            self.frame(SETTINGS, ACK, 0)
        if kind == PING and not flags & ACK:
            self.frame(PING, ACK, 0, payload)
        return kind, flags, stream, payload

    def request(self, upto=None):
        """Reads to the head of the next request: (stream, fields); bodies on the way are kept."""
        while True:
            kind, flags, stream, payload = self.read()
            if kind == HEADERS:
                while not flags & WHOLE:
                    more, flags, again, piece = self.read()
                    same((more, again), (CONTINUATION, stream), "inside a header list")
                    payload += piece
                self.requests[stream] = dict(self.inflater.fields(payload))
                self.bodies[stream] = b""
                return stream, self.requests[stream]
            if kind == DATA:
                self.bodies[stream] += payload
            if upto and upto(kind, flags, stream, payload):
                return stream, None

    def until(self, what):
        """Reads until a frame for which <what>(type, flags, stream, payload) holds."""
        while True:
            frame = self.read()
            if frame[0] == DATA:
                self.bodies[frame[2]] = self.bodies.get(frame[2], b"") + frame[3]
            if what(*frame):
                return frame

    def acknowledged(self):
        """Our SETTINGS hold for what comes from now on."""
        if not any(kind == SETTINGS and flags & ACK for kind, flags, _, _ in self.seen):
            self.until(lambda k, f, s, p: k == SETTINGS and f & ACK)

    def head(self, stream, status=b"200", *fields, end=False):
        self.frame(HEADERS, WHOLE | (END if end else 0), stream, literal((b":status", status), *fields))

    def answer(self, stream, body=b"hello", *fields, status=b"200"):
        self.head(stream, status, *fields)
        self.frame(DATA, END, stream, body)

    def code(self, kind, stream, value):
        self.frame(kind, 0, stream, struct.pack(">I", value))

    def goaway(self, last, code=0):
        self.frame(GOAWAY, 0, 0, struct.pack(">II", last, code))

    def rest(self):
        """Reads to the end of the connection."""
        try:
            while True:
                self.read()
        except Closed:
            pass


def start(w, script, **params):
    o = w.origin(script)
    w.start("h2server", binds=BINDS, origin=o.address, **params)
    return o


def ask(w, path=b"/", bind="listen"):
    c = w.client(bind)
    c.send(GET % path)
    return c


def get(w, path=b"/", bind="listen"):
    head, body = ask(w, path, bind).answer()
    return head.status, body


def serves(h):
    """Answers every request by its path."""
    try:
        while True:
            stream, fields = h.request()
            h.answer(stream, fields[b":path"])
    except Closed:
        pass


@case
def h2_clients_share_a_server_connection(w):
    """S69: ten at a time, none is answered before all are there."""
    def script(peer, number):
        h = H2(peer)
        for _ in range(2):
            streams = [h.request() for _ in range(10)]
            for stream, fields in reversed(streams):
                h.answer(stream, fields[b":path"])
        h.rest()
    o = start(w, script)
    for turn in range(2):
        clients = [ask(w, b"/%d/%d" % (turn, i)) for i in range(10)]
        for i, c in enumerate(clients):
            same(c.answer()[1], b"/%d/%d" % (turn, i))
    same(o.count, 1, "connections")


@case
def h2_request_says_what_h1_said(w):
    """S72, S85: names in lower case, Host as :authority, no field of the connection; push is off (S75)."""
    told = {}

    def script(peer, number):
        h = H2(peer)
        stream, told["fields"] = h.request()
        told["settings"] = h.settings
        h.answer(stream, b"", (b"x-a", b"1"), (b"set-cookie", b"a"), (b"set-cookie", b"b"))
        serves(h)
    start(w, script)
    c = w.client()
    c.send(b"GET /a%7Eb?q=%20 HTTP/1.1\r\nHost: Www.Example:81\r\nX-Up: V v\r\nConnection: x-drop\r\nX-Drop: 1\r\n"
           b"Cookie: a=b; c=d\r\nKeep-Alive: 5\r\nAuthorization: Basic x\r\n\r\n")
    head, body = c.answer()
    same((head.status, body, head.get("x-a"), head.all("set-cookie")), (200, b"", "1", ["a", "b"]))
    same(told["fields"], {b":method": b"GET", b":scheme": b"http", b":authority": b"Www.Example:81", b":path": b"/a~b?q=%20",
                          b"x-up": b"V v", b"cookie": b"a=b; c=d", b"authorization": b"Basic x"})
    same(told["settings"][2], 0, "ENABLE_PUSH")
    c.send(GET % b"/next")
    same(c.answer()[1], b"/next")
    line = w.log(1)[0]
    same((line["end"], line["status"]), ("--", 200))


@case
def h2_answers_of_each_kind(w):
    """HEAD, 204, 304, 1xx, trailers, a body without and with its length, an empty last frame."""
    def script(peer, number):
        h = H2(peer)
        while True:
            try:
                stream, fields = h.request()
            except Closed:
                return
            path = fields[b":path"]
            if fields[b":method"] == b"HEAD":
                h.head(stream, b"200", (b"content-length", b"7"), end=True)
            elif path == b"/204":
                h.head(stream, b"204", end=True)
            elif path == b"/304":
                h.head(stream, b"304", (b"content-length", b"9"), end=True)
            elif path == b"/103":
                h.head(stream, b"103", (b"link", b"</a>"))
                h.answer(stream, b"behind")
            elif path == b"/trailers":
                h.head(stream)
                h.frame(DATA, 0, stream, b"body")
                h.frame(HEADERS, WHOLE | END, stream, literal((b"x-sum", b"5")))
            elif path == b"/length":
                h.head(stream, b"200", (b"content-length", b"5"))
                h.frame(DATA, 0, stream, b"hello")
                h.frame(DATA, END, stream)
            elif path == b"/padded":
                h.head(stream)
                h.frame(DATA, 8 | END, stream, b"\x03abc\0\0\0")
            else:
                h.head(stream, b"200", (b"content-length", b"0"), end=True)
    start(w, script)
    c = w.client()
    for method, path, status, body, length in (
            (b"HEAD", b"/", 200, b"", "7"), (b"GET", b"/204", 204, b"", None), (b"GET", b"/304", 304, b"", "9"),
            (b"GET", b"/length", 200, b"hello", "5"), (b"GET", b"/padded", 200, b"abc", None), (b"GET", b"/none", 200, b"", "0")):
        c.send(method + b" %b HTTP/1.1\r\nHost: h\r\n\r\n" % path)
        head, got = c.answer(none=method == b"HEAD")
        same((head.status, got, head.get("content-length")), (status, body, length), path)
    c.send(GET % b"/103")
    same(c.answer()[0].status, 103)
    same(c.answer()[1], b"behind")
    c.send(GET % b"/trailers")
    same((c.answer()[1], c.trailers), (b"body", ["x-sum: 5"]))


@case
def h2_refused_and_not_looked_at_is_sent_again(w):
    """REFUSED_STREAM and GOAWAY on a connection that was used before: another one answers."""
    def script(peer, number):
        h = H2(peer)
        if number > 1:
            serves(h)
            return
        h.answer(h.request()[0], b"first")
        stream, _ = h.request()
        if number == 0:
            h.code(RST, stream, REFUSED)
        else:
            h.goaway(stream - 2)
        h.rest()
    o = start(w, script)
    same(get(w, b"/a"), (200, b"first"))
    same(get(w, b"/b"), (200, b"first"))       # refused by 0, answered by 1
    for line in w.log(2):
        same(line["end"], "--")
    same(o.count, 2, "connections")


@case
def h2_goaway_is_followed(w):
    """What was looked at is answered on the old connection, which then ends; the next request goes to a new one."""
    here, go = threading.Event(), threading.Event()

    def script(peer, number):
        h = H2(peer)
        if number:
            serves(h)
            return
        stream, _ = h.request()
        h.goaway(stream)
        h.frame(PING, 0, 0, b"12345678")
        h.until(lambda k, f, s, p: k == PING and f & ACK)      # so the GOAWAY was seen
        here.set()
        expect(go.wait(PATIENCE), "the second request")
        h.answer(stream, b"old")
        h.rest()
    o = start(w, script)
    first = ask(w, b"/first")
    expect(here.wait(PATIENCE), "the first request")
    same(get(w, b"/second"), (200, b"/second"))
    go.set()
    same(first.answer()[1], b"old")
    same(o.count, 2, "connections")


@case
def h2_what_may_not_be_repeated_is_not(w):
    """A POST, and a request that a connection without a past refuses again and again."""
    seen = []

    def script(peer, number):
        h = H2(peer)
        if number == 0:
            h.answer(h.request()[0], b"first")
        while True:
            try:
                stream, fields = h.request()
            except Closed:
                return
            seen.append(fields[b":method"])
            h.code(RST, stream, REFUSED)
    start(w, script)
    same(get(w)[1], b"first")
    c = w.client()
    c.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab")
    same(c.answer()[0].status, 502, "POST")
    same(seen, [b"POST"])
    same(get(w)[0], 502, "refused for ever")
    expect(len(seen) < 10, "attempts:", len(seen))


@case
def h2_a_client_that_leaves_resets_its_stream(w):
    """S78: and no other one."""
    def script(peer, number):
        h = H2(peer)
        streams = dict((f[b":path"], s) for s, f in (h.request(), h.request()))
        gone.set()
        frame = h.until(lambda k, f, s, p: k == RST)
        same((frame[2], frame[3]), (streams[b"/leaves"], struct.pack(">I", CANCEL)), "reset")
        h.answer(streams[b"/stays"], b"stayed")
        h.rest()
    gone = threading.Event()
    o = start(w, script)
    stays, leaves = ask(w, b"/stays"), ask(w, b"/leaves")
    expect(gone.wait(PATIENCE), "both requests")
    leaves.reset()
    same(stays.answer()[1], b"stayed")
    same(o.count, 1, "connections")


@case
def h2_bad_answers_are_of_one_stream(w):
    """S78: each is 502, with RST_STREAM where the answer had not ended; the connection goes on."""
    bad = {
        b"/upper": [(b":status", b"200"), (b"X-Up", b"1")],
        b"/none": [(b"x-a", b"1")],
        b"/twice": [(b":status", b"200"), (b":status", b"200")],
        b"/behind": [(b"x-a", b"1"), (b":status", b"200")],
        b"/word": [(b":status", b"abc")],
        b"/101": [(b":status", b"101")],
        b"/path": [(b":status", b"200"), (b":path", b"/")],
        b"/connection": [(b":status", b"200"), (b"connection", b"close")],
        b"/coding": [(b":status", b"200"), (b"transfer-encoding", b"chunked")],
        b"/value": [(b":status", b"200"), (b"x-a", b"a\nb")],
        b"/lengths": [(b":status", b"200"), (b"content-length", b"1"), (b"content-length", b"2")],
    }

    def script(peer, number):
        h = H2(peer)
        while True:
            try:
                stream, fields = h.request()
            except Closed:
                return
            path = fields[b":path"]
            if path == b"/data":
                h.frame(DATA, END, stream, b"x")
                h.until(lambda k, f, s, p, of=stream: (k, s, p) == (RST, of, struct.pack(">I", PROTOCOL)))
            elif path in bad:
                h.frame(HEADERS, WHOLE, stream, literal(*bad[path]))
                h.until(lambda k, f, s, p, of=stream: (k, s, p) == (RST, of, struct.pack(">I", PROTOCOL)))
            else:
                h.answer(stream, path)
    o = start(w, script)
    for path in bad:
        same(get(w, path)[0], 502, path)
        same(get(w, b"/good"), (200, b"/good"), path)
    same(get(w, b"/data")[0], 502, "DATA before the head")
    same(get(w, b"/good"), (200, b"/good"))
    same(o.count, 1, "connections")
    for line in w.log(2 * len(bad))[:2 * len(bad):2]:
        same(line["end"], "PH", line)


@case
def h2_a_body_of_another_length_cuts_the_answer(w):
    def script(peer, number):
        h = H2(peer)
        for body in (b"12", b"12345"):
            stream, _ = h.request()
            h.head(stream, b"200", (b"content-length", b"4"))
            h.frame(DATA, END, stream, body)
        serves(h)
    o = start(w, script)
    for _ in range(2):
        c = ask(w)
        try:
            head, body = c.answer()
            expect(head.status == 502, "a whole answer:", head.raw, body)
        except Closed as e:
            expect(len(e.got) < 4, "too much:", e.got)
    same(get(w, b"/on"), (200, b"/on"))
    same(o.count, 1, "connections")


@case
def h2_errors_of_the_connection_end_it(w):
    """S75, S78: each fault of a server that RFC 9113 calls a connection error; the next request finds another connection."""
    faults = [
        lambda h, s: h.frame(PUSH, WHOLE, s, struct.pack(">I", 2) + literal((b":path", b"/"))),
        lambda h, s: h.frame(HEADERS, WHOLE, s, b"\x80"),               # index 0
        lambda h, s: h.frame(HEADERS, WHOLE | END, s + 2, literal((b":status", b"200"))),
        lambda h, s: h.frame(HEADERS, WHOLE | END, 2, literal((b":status", b"200"))),
        lambda h, s: h.frame(DATA, 0, 0, b"x"),
        lambda h, s: h.frame(SETTINGS, 0, 0, struct.pack(">HI", 2, 1)),  # ENABLE_PUSH of a server
        lambda h, s: h.frame(WINDOW, 0, 0, struct.pack(">I", 0)),
        lambda h, s: h.frame(CONTINUATION, WHOLE, s, b""),
        lambda h, s: h.peer.send(b"\xff\xff\xff\0\0\0\0\0\x01"),
    ]

    def script(peer, number):
        h = H2(peer)
        stream, _ = h.request()
        faults[number](h, stream)
        frame = h.until(lambda k, f, s, p: k == GOAWAY)
        expect(struct.unpack(">I", frame[3][4:])[0] != 0, "no code")
        h.rest()
    o = start(w, script)
    for i in range(len(faults)):
        same(get(w)[0], 502, "fault %d" % i)
    same(o.count, len(faults), "connections")


@case
def h2_bodies_keep_to_the_windows(w):
    """S70, S77: 1 MB each way; the origin's windows are 20 000 bytes and grow when they are empty."""
    big = body_bytes(1000000)

    def script(peer, number):
        h = H2(peer, struct.pack(">HIHI", 4, 20000, 5, 16384))
        h.answer(h.request()[0], b"known")
        h.acknowledged()
        stream, _ = h.request()
        theirs, got, whole = 20000, b"", False
        while not whole:
            kind, flags, of, payload = h.read()
            if kind != DATA:
                continue
            got += payload
            theirs -= len(payload)
            whole = bool(flags & END)
            expect(theirs >= 0, "more than the window")
            if theirs == 0:
                h.code(WINDOW, of, 20000)
                theirs = 20000
            if payload:
                h.code(WINDOW, 0, len(payload))
        same(digest(got), digest(big), "upload")
        h.head(stream)
        windows, at = {0: 65535 - len(b"known"), stream: 65535}, 0      # what we may send
        for kind, _, of, payload in h.seen:
            if kind == WINDOW:
                windows[of] = windows.get(of, 0) + struct.unpack(">I", payload)[0]
        while at < len(big):
            n = min(16384, windows[0], windows[stream], len(big) - at)
            if not n:
                kind, _, of, payload = h.read()
                if kind == WINDOW:
                    windows[of] = windows.get(of, 0) + struct.unpack(">I", payload)[0]
                continue
            h.frame(DATA, 0, stream, big[at:at + n])
            at += n
            windows[0] -= n
            windows[stream] -= n
        h.frame(DATA, END, stream)
        h.rest()
    start(w, script)
    same(get(w)[1], b"known")
    c = w.client()
    c.send(b"PUT /big HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(big) + big)
    head, body = c.answer()
    same((head.status, digest(body)), (200, digest(big)))


@case
def h2_a_reader_that_stops_does_not_stop_others(w):
    """S70: its stream fills its window; another one on the same connection is answered."""
    full = threading.Event()

    def script(peer, number):
        h = H2(peer)
        stream, _ = h.request()
        h.head(stream)
        for _ in range(3):
            h.frame(DATA, 0, stream, b"x" * 16384)
        full.set()
        other, fields = h.request()
        h.answer(other, fields[b":path"])
        h.frame(DATA, END, stream, b"last")
        h.rest()
    o = start(w, script)
    slow = ask(w, b"/slow")
    expect(full.wait(PATIENCE), "the slow request")
    same(get(w, b"/other"), (200, b"/other"))
    same(slow.answer()[1], b"x" * 49152 + b"last")
    same(o.count, 1, "connections")


@case
def h2_what_the_server_allows_at_a_time(w):
    """S87: two; the third request opens another connection."""
    third = threading.Event()

    def script(peer, number):
        h = H2(peer, struct.pack(">HI", 3, 2))
        if number:
            stream, fields = h.request()
            h.answer(stream, fields[b":path"])
            third.set()
            h.rest()
            return
        h.answer(h.request()[0], b"known")
        h.acknowledged()
        streams = [h.request() for _ in range(2)]
        two.set()
        expect(third.wait(PATIENCE), "the third request")
        for stream, fields in streams:
            h.answer(stream, fields[b":path"])
        h.rest()
    two = threading.Event()
    o = start(w, script)
    same(get(w)[1], b"known")
    first = [ask(w, b"/1"), ask(w, b"/2")]
    expect(two.wait(PATIENCE), "two requests")
    same(get(w, b"/3"), (200, b"/3"))
    for i, c in enumerate(first):
        same(c.answer()[1], b"/%d" % (i + 1))
    same(o.count, 2, "connections")


@case
def h2_early_answer_ends_the_upload(w):
    """RFC 9113 8.1: a whole answer, then RST_STREAM with NO_ERROR: it is no failure."""
    def script(peer, number):
        h = H2(peer)
        stream, _ = h.request()
        h.answer(stream, b"enough", status=b"413")
        h.code(RST, stream, 0)
        serves(h)
    o = start(w, script)
    c = w.client()
    c.send(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nabc")
    head, body = c.answer()
    same((head.status, body), (413, b"enough"))
    same(get(w, b"/on"), (200, b"/on"))
    same(o.count, 1, "connections")


@case
def h2_send_proxy_has_a_connection_for_each_request(w):
    """S81: with reuse never."""
    def script(peer, number):
        line = peer.until(b"\r\n")
        expect(line.startswith(b"PROXY TCP4 "), line)
        h = H2(peer)
        stream, fields = h.request()
        h.answer(stream, fields[b":path"])
        h.rest()
    o = start(w, script)
    for i in range(3):
        same(get(w, b"/%d" % i, "listen_own"), (200, b"/%d" % i))
    same(o.count, 3, "connections")


@case
def S90_h2_checks_speak_what_the_server_speaks(w):
    """A check of a server that speaks HTTP/2 alone finds it well, on a connection of its own."""
    checked = threading.Event()

    def script(peer, number):
        h = H2(peer)
        try:
            while True:
                stream, fields = h.request()
                h.answer(stream, fields[b":path"])
                if fields[b":path"] == b"/check":
                    checked.set()
        except Closed:
            pass
    o = w.origin(script)
    w.start("h2server", binds=BINDS, origin_checked=o.address)
    expect(checked.wait(PATIENCE), "a check")
    w.eventually(lambda: get(w, b"/checked") == (200, b"/checked"), "the server is up")


def tls_origin(w, protocols):
    """An origin behind TLS that agrees to one of <protocols>."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(os.path.join(os.path.dirname(w.binaries["h2server"]), "certs", "srv.pem"))
    if protocols:
        made.set_alpn_protocols(protocols)

    def script(peer, number):
        s = made.wrap_socket(peer.sock.dup(), server_side=True)
        inner = Peer(s)
        try:
            if s.selected_alpn_protocol() == "h2":
                h = H2(inner)
                try:
                    while True:
                        stream, fields = h.request()
                        h.answer(stream, b"h2 " + fields[b":scheme"])
                except Closed:
                    pass
            else:
                keeps_answering(b"h1")(inner, number)
        finally:
            s.close()
    return script


def choose(protocols, agreed, must):
    def run(w):
        o = w.origin(tls_origin(w, protocols))
        w.start("h2server", binds=BINDS, origin_tls=o.address)
        same(get(w, b"/", "listen_tls"), (200, agreed))
        same(get(w, b"/must", "listen_tls")[0], must, "proto h2")
    return run


@case
def h2_alpn_agrees_on_h2(w):
    """S80"""
    choose(["h2", "http/1.1"], b"h2 https", 200)(w)


@case
def h2_alpn_agrees_on_h1(w):
    """S80: and a server line that says h2 is not served by it."""
    choose(["http/1.1"], b"h1", 503)(w)


@case
def h2_alpn_agrees_on_nothing(w):
    choose([], b"h1", 503)(w)
