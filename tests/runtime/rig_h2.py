# SPDX-License-Identifier: Apache-2.0
"""A client of HTTP/2 that may say anything. Heads go out as literals; what comes is decoded by libnghttp2."""

import ctypes
import socket
import struct

from rig import Closed, Failure, expect, same

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Pair(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("value", ctypes.c_void_p), ("namelen", ctypes.c_size_t), ("valuelen", ctypes.c_size_t),
                ("flags", ctypes.c_uint8)]


class Inflater:
    """The decoder of one connection."""

    def __init__(self):
        self.lib = ctypes.CDLL("libnghttp2.so.14")
        self.lib.nghttp2_hd_inflate_hd2.restype = ctypes.c_ssize_t
        self.state = ctypes.c_void_p()
        same(self.lib.nghttp2_hd_inflate_new(ctypes.byref(self.state)), 0, "inflater")

    def fields(self, block):
        got, at = [], 0
        while True:
            pair, flags, rest = Pair(), ctypes.c_int(), block[at:]
            n = self.lib.nghttp2_hd_inflate_hd2(self.state, ctypes.byref(pair), ctypes.byref(flags), rest, ctypes.c_size_t(len(rest)), 1)
            expect(n >= 0, "bad header block", block)
            at += n
            if flags.value & 2:
                got.append((ctypes.string_at(pair.name, pair.namelen).decode("latin-1"),
                            ctypes.string_at(pair.value, pair.valuelen).decode("latin-1")))
            if flags.value & 1 or (not n and not flags.value & 2):
                self.lib.nghttp2_hd_inflate_end_headers(self.state)
                return got

    def close(self):
        self.lib.nghttp2_hd_inflate_del(self.state)


class Answer:
    def __init__(self):
        self.interim, self.status, self.fields, self.trailers = [], 0, [], []
        self.body, self.whole, self.reset = b"", False, None

    def all(self, name):
        return [v for n, v in self.fields if n == name]

    def get(self, name):
        values = self.all(name)
        return values[0] if values else None


def number(n, bits, first=0):
    """An integer of RFC 7541 5.1."""
    top = (1 << bits) - 1
    if n < top:
        return bytes([first | n])
    out, n = [first | top], n - top
    while n >= 128:
        out.append(n % 128 + 128)
        n //= 128
    return bytes(out + [n])


def block(fields):
    """Literals without indexing, RFC 7541 6.2.2."""
    out = b""
    for name, value in fields:
        name, value = name.encode("latin-1"), value.encode("latin-1")
        out += b"\0" + number(len(name), 7) + name + number(len(value), 7) + value
    return out


class H2:
    """A connection to bind <bind> of the world <w>; <wrap> puts TLS on its socket."""

    def __init__(self, w, bind="listen", settings=(), wrap=None, preface=True):
        self.peer = w.client(bind)
        if wrap:
            self.peer.sock = wrap(self.peer.sock)
        self.inflater, self.streams, self.next, self.goaways, self.pongs = Inflater(), {}, 1, [], []
        self.peer_settings, self.window, self.acknowledge = {}, True, True
        if preface:
            self.peer.send(PREFACE)
            self.settings(settings)

    def close(self):
        self.peer.close()
        self.inflater.close()

    # -- sending

    def frame(self, kind, flags=0, stream=0, payload=b""):
        self.peer.send(struct.pack(">I", len(payload) << 8 | kind) + struct.pack(">BI", flags, stream) + payload)

    def at_once(self, sends):
        """All that <sends> sends goes out in one piece, so that the peer's end cannot come in between."""
        pieces, send = [], self.peer.send
        self.peer.send = pieces.append
        sends()
        self.peer.send = send
        self.peer.send(b"".join(pieces))

    def settings(self, pairs=()):
        self.frame(SETTINGS, payload=b"".join(struct.pack(">HI", k, v) for k, v in pairs))

    def open(self, target, method="GET", host="h", fields=(), end=True, stream=None):
        """A request head; its stream."""
        if stream is None:
            stream = self.next
        self.next = stream + 2
        pseudo = [(":method", method), (":scheme", "http"), (":authority", host)] + ([] if method == "CONNECT" else [(":path", target)])
        if method == "CONNECT":
            del pseudo[1]
        self.head(stream, pseudo + [(n.lower(), v) for n, v in fields], end)
        return stream

    def head(self, stream, fields, end=True):
        text, kind, flags = block(fields), HEADERS, END_STREAM if end else 0
        while len(text) > 16384:
            self.frame(kind, flags, stream, text[:16384])
            text, kind, flags = text[16384:], CONTINUATION, 0
        self.frame(kind, flags | END_HEADERS, stream, text)

    def data(self, stream, data=b"", end=False):
        """Sends <data> without a look at windows."""
        while len(data) > 16384:
            self.frame(DATA, 0, stream, data[:16384])
            data = data[16384:]
        self.frame(DATA, END_STREAM if end else 0, stream, data)

    def ping(self):
        """Waits until everything that was sent has been looked at."""
        self.frame(PING, 0, 0, b"a round!")
        n = len(self.pongs)
        while len(self.pongs) == n:
            self.read()

    # -- receiving

    def read(self):
        """Reads one frame; what it is."""
        n, kind, flags, stream = self.frame_head()
        payload = self.peer.exactly(n)
        expect(n <= 16384, "a frame of", n)
        s = self.streams.setdefault(stream, Answer())
        if kind == HEADERS:
            while not flags & END_HEADERS:
                more, again, rest, same_stream = self.frame_head()
                same((again, same_stream), (CONTINUATION, stream), "inside a header list")
                payload, flags = payload + self.peer.exactly(more), flags | rest
            self.got_fields(s, self.inflater.fields(payload))
        elif kind == DATA:
            s.body += payload
            if self.window and payload:
                self.frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", n))
                self.frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", n))
        elif kind == RST_STREAM:
            s.reset = struct.unpack(">I", payload)[0]
        elif kind == SETTINGS and not flags & ACK:
            self.peer_settings.update(struct.iter_unpack(">HI", payload))
            if self.acknowledge:
                self.frame(SETTINGS, ACK)
        elif kind == PING and not flags & ACK:
            self.frame(PING, ACK, 0, payload)
        elif kind == PING:
            self.pongs.append(payload)
        elif kind == GOAWAY:
            self.goaways.append(struct.unpack(">II", payload[:8]))
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            s.whole = True
        return kind, flags, stream, payload

    def frame_head(self):
        h = self.peer.exactly(9)
        return int.from_bytes(h[:3], "big"), h[3], h[4], int.from_bytes(h[5:], "big")

    def got_fields(self, s, fields):
        if fields and fields[0][0] == ":status":
            s.status = int(fields[0][1])
            s.fields = fields[1:]
            if s.status < 200:
                s.interim.append(s.status)
        else:
            s.trailers = fields

    def answer(self, stream):
        """The whole answer of a stream, or what came before its reset."""
        while True:
            s = self.streams.setdefault(stream, Answer())
            if s.whole or s.reset is not None:
                return s
            self.read()

    def get(self, target, **options):
        return self.answer(self.open(target, **options))

    def until_end(self):
        """Reads up to the end of the connection; the codes of its GOAWAYs."""
        try:
            while True:
                self.read()
        except (Closed, OSError, socket.timeout) as e:
            if isinstance(e, socket.timeout):
                raise Failure("the connection does not end") from None
        return [code for _, code in self.goaways]
