# SPDX-License-Identifier: Apache-2.0
"""Where connections to servers come from and go to: mission rows S17 to S20."""

import socket
import threading

from cases import OK, case
from rig import PATIENCE, Peer, expect, keeps_answering, same


def telling(peer, number):
    """A script: tells who connects, to where, and the number of the connection."""
    there, here = peer.sock.getpeername(), peer.sock.getsockname()
    while True:
        head, _ = peer.request()
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-From: %s:%d\r\nX-To: %s:%d\r\nX-Conn: %d\r\nX-Line: %s\r\n\r\nok"
                  % (there + here + (number, head.line)))


def ask(c, path, **fields):
    c.send("GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n" % (path, "".join(
        "%s: %s\r\n" % (k.replace("_", "-"), v) for k, v in fields.items())))
    return c.answer()[0]


def source(head):
    return head.get("x-from").rsplit(":", 1)[0]


@case
def s19_source_client(w):
    """Address and port of the client; its own connection alone is used again."""
    w.start("address", origin=w.origin(telling).address)
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.77", 0))
    s.connect((w.address, w.ports["listen"]))
    c = Peer(s)
    w.open.append(c)
    me = "%s:%d" % s.getsockname()
    first, second = ask(c, "/client"), ask(c, "/client")
    same((first.get("x-from"), second.get("x-from")), (me, me))
    same((first.get("x-conn"), second.get("x-conn")), ("0", "0"))


@case
def s19_source_client_ip(w):
    """Two connections of one client may share a server connection, two clients never do."""
    w.start("address", origin=w.origin(telling).address)
    a, b = w.client(source="127.0.0.78"), w.client(source="127.0.0.79")
    same([source(ask(a, "/client-ip")), source(ask(b, "/client-ip")), source(ask(a, "/client-ip"))],
         ["127.0.0.78", "127.0.0.79", "127.0.0.78"])


@case
def s19_source_from_a_header(w):
    """The reuse matrix of forced and unset sources on idle connections."""
    w.start("address", origin=w.origin(telling).address)
    c = w.client()
    seen = []
    for x in ("127.0.0.80", "127.0.0.80", "127.0.0.81", None, None, "127.0.0.80"):
        head = ask(c, "/header", **({"x_source": x} if x else {}))
        seen.append((head.get("x-conn"), source(head) == x if x else source(head) != "127.0.0.80"))
    same(seen, [("0", True), ("0", True), ("1", True), ("2", True), ("2", True), ("0", True)])


@case
def s19_header_names_no_address(w):
    w.start("address", origin=w.origin(telling).address)
    c = w.client()
    for text in ("nonsense", "127.0.0.82, 127.0.0.83", "", ":80", "0.0.0.0:+4", "300.1.1.1"):
        same(source(ask(c, "/else", x_source=text)), "127.0.0.9", text)
    same(source(ask(c, "/else", x_source="127.0.0.82:99")), "127.0.0.82")
    same(source(ask(c, "/else")), "127.0.0.9")


@case
def source_of_a_server_beats_that_of_its_section(w):
    w.start("address", origin=w.origin(telling).address)
    same(source(ask(w.client(), "/fixed")), "127.0.0.7")


@case
def s19_port_range(w):
    """Each connection has a port of its own; with none left the request fails, and they come back."""
    held, go = [], threading.Event()

    def script(peer, _):
        held.append(peer.sock.getpeername())
        peer.request()
        go.wait(PATIENCE)
        peer.send(OK)
    w.start("address", origin=w.origin(script).address)
    clients = [w.client() for _ in range(3)]
    for c in clients:
        c.send("GET /range HTTP/1.1\r\nHost: h\r\n\r\n")
    w.eventually(lambda: len(held) == 3, "three connections")
    same(sorted(held), [("127.0.0.8", 20000 + i) for i in range(3)])
    c = w.client()
    same(ask(c, "/range").status, 503)
    w.logged("SC", status=503)
    go.set()
    for other in clients:
        same(other.answer()[0].status, 200)
    w.eventually(lambda: ask(c, "/range").status == 200, "a port that came back")
    expect(held[3][1] in range(20000, 20003), "port of the range:", held[3])


@case
def s20_transparent(w):
    """The client's destination, here as setdst says; a connection to one is not used for another."""
    one, two = w.origin(telling), w.origin(telling)
    w.start("address")
    c = w.client()
    seen = [ask(c, "/there", x_dst=o.address).get("x-to") for o in (one, two, one)]
    same(seen, [one.address, two.address, one.address])
    same((one.count, two.count), (1, 1))


@case
def s20_port_offset(w):
    o = w.origin(telling)
    w.start("address")
    host, port = o.address.split(":")
    same(ask(w.client(), "/offset", x_dst="%s:%d" % (host, int(port) - 1)).get("x-to"), o.address)


@case
def s20_destination_of_the_request(w):
    """proxy: what the request target names, in origin form to the server; a name is not looked up."""
    one, two = w.origin(telling), w.origin(telling)
    w.start("address")
    c = w.client()
    for o in (one, two, one):
        c.send("GET http://%s/x?y HTTP/1.1\r\nHost: %s\r\n\r\n" % (o.address, o.address))
        head = c.answer()[0]
        same((head.status, head.get("x-to"), head.get("x-line")), (200, o.address, "GET /x?y HTTP/1.1"))
    same((one.count, two.count), (1, 1))
    same(ask(c, "/").status, 502)
    same(w.log(4)[3]["end"], "PC")


@case
def s20_connect_is_a_tunnel_to_its_target(w):
    def script(peer, _):
        same(peer.exactly(4), b"ping")
        peer.send(b"pong")
        peer.rest()
    o = w.origin(script)
    w.start("address")
    c = w.client()
    c.send("CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\nping" % (o.address, o.address))
    same(c.head().status, 200)
    same(c.exactly(4), b"pong")
    c.end()
    c.rest()
    w.logged("--", status=200)


@case
def s17_no_connection_is_shared_by_two_targets(w):
    """Two sections whose server has one address: each has connections of its own."""
    o = w.origin(keeps_answering())
    w.start("address", origin=o.address)
    c = w.client(source="127.0.0.1")
    ask(c, "/fixed")
    ask(c, "/header")
    same(o.count, 2)
