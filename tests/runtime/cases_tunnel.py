# SPDX-License-Identifier: Apache-2.0
"""Tunnels: upgrades, CONNECT, tcp mode. Each gets a rig.World."""

import threading

from cases import BIG, GET, OK, body_bytes, case, digest
from rig import Closed, answers, refused_address, same


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
