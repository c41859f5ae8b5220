# SPDX-License-Identifier: Apache-2.0
"""TLS that passes through is routed by its hello: each gets a rig.World."""

import ssl
import struct

from cases import case
from rig import expect, same


def hello(name=None, alpn=()):
    """What OpenSSL sends first."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    out = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def in_records(raw, size):
    """The same message in records of <size> bytes."""
    message = raw[5:]
    return b"".join(b"\x16\x03\x01" + struct.pack(">H", len(message[i:i + size])) + message[i:i + size]
                    for i in range(0, len(message), size))


def tell(name, got):
    def script(peer, _):
        data = b""
        while b"END" not in data:
            expect(peer.more(), "the end before all was there")
            data += peer.ahead
            peer.ahead = b""
        got.append((name, data[:-3]))
        peer.send(name)
        peer.rest()
    return script


def routed(w, got, pieces):
    c = w.client()
    for p in pieces:
        c.send(p)
    c.send(b"END")
    name = c.exactly(3)
    same(got.pop(), (name, b"".join(pieces)), "bytes at the server")
    c.close()
    return name


def start(w, **params):
    got = []
    w.start("hello", origin=w.origin(tell(b"one", got)).address, origin_b=w.origin(tell(b"two", got)).address, **params)
    return got


@case
def hello_chooses_the_server(w):
    got = start(w)
    for name, alpn, server in (("example.org", (), b"two"), ("www.EXAMPLE.org", (), b"two"), ("example.com", (), b"one"),
                               (None, (), b"one"), ("a.b", ("h2", "http/1.1"), b"one"), ("a.b", ("h2", "imap"), b"two"),
                               (None, ("smtp",), b"two"), ("many.example", (), b"two")):
        same(routed(w, got, [hello(name, alpn)]), server, (name, alpn))
    c = w.client()
    c.send(hello("no.example"))
    expect(c.at_end(), "dropped")


@case
def hello_comes_byte_by_byte_in_records_of_any_size(w):
    got = start(w)
    raw = hello("www.example.org", ("h2",))
    same(routed(w, got, [raw[i:i + 1] for i in range(len(raw))]), b"two")
    for size in (1, 2, 3, 7, 100, 300):
        cut = in_records(raw, size)
        same(routed(w, got, [cut]), b"two", size)
        same(routed(w, got, [cut[i:i + 11] for i in range(0, len(cut), 11)]), b"two", size)


@case
def what_is_no_hello_goes_on_at_once(w):
    got = start(w, preread="60s")
    for first in (b"SSH-2.0-x\r\n", b"\x16\x02", b"\x16\x03\x01\x00\x00", b"\x16\x03\x01\x00\x04\x02\0\0\0",
                  b"\x16\x03\x01\xff\xff", b"\x16\x03\x01\x00\x04\x01\xff\xff\xff", b"\0" * 20000):
        same(routed(w, got, [first]), b"one", first)


@case
def a_long_hello_is_read_by_many_tests_of_a_line(w):
    """14 000 bytes of it, in small records, for 15 tests: none finds it absent."""
    got = start(w)
    raw = hello("many.example")
    body = raw[9:]
    extensions = struct.unpack(">H", body[extensions_at(body):extensions_at(body) + 2])[0]
    filler = struct.pack(">HH", 21, 14000) + bytes(14000)
    body = body[:extensions_at(body)] + struct.pack(">H", extensions + len(filler)) + body[extensions_at(body) + 2:] + filler
    message = b"\x01" + struct.pack(">I", len(body))[1:] + body
    same(routed(w, got, [in_records(b"....." + message, 500)]), b"two")


def extensions_at(body):
    at = 34
    at += 1 + body[at]
    at += 2 + struct.unpack(">H", body[at:at + 2])[0]
    return at + 1 + body[at]


@case
def half_a_hello_goes_on_after_preread(w):
    got = start(w, preread="200ms")
    same(routed(w, got, [hello("www.example.org")[:50]]), b"one")
    c = w.client()
    c.send(hello("www.example.org")[:60] + b"END")
    c.end()                     # the end of the client ends the wait, too
    same(c.exactly(3), b"one")


@case
def a_hello_without_end_is_bounded(w):
    start(w, preread="60s")
    c = w.client()
    try:
        c.send(b"\x16\x03\x01\x00\x04\x01\x00\x3b\x00" + b"\x16\x03\x01\x00\x01x" * 3000)
    except OSError:
        pass
    expect(c.at_end(), "end")
    w.logged("PR")
