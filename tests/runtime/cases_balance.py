# SPDX-License-Identifier: Apache-2.0
"""Balancing: each gets a rig.World."""

import collections

from cases import GET, case
from cases_queue import Gate
from rig import expect, keeps_answering, same


def start(w, **params):
    """Three servers that answer with their name."""
    w.start("balance", **{n: w.origin(keeps_answering(n.encode())).address for n in "abc"}, **params)


def held(w, **params):
    """Three servers whose answers wait."""
    gates = {n: Gate() for n in "abc"}
    w.start("balance", **{n: w.origin(g.script).address for n, g in gates.items()}, **params)
    return gates


def ask(c, path, key=None):
    c.send(b"GET %b HTTP/1.1\r\nHost: h\r\n%b\r\n" % (path, b"X-Key: %b\r\n" % key if key is not None else b""))
    head, body = c.answer()
    same(head.status, 200)
    return body


def begin(w, path, n, gates):
    clients = []
    for i in range(n):
        c = w.client()
        c.send(GET % path)
        clients.append(c)
        w.eventually(lambda: sum(len(g.order) for g in gates.values()) == i + 1, "request at a server")
    return clients


@case
def leastconn_takes_the_one_with_least_to_do(w):
    for threads in (1, 3):
        gates = held(w, threads=threads)
        clients = begin(w, b"/least", 9, gates)
        same([g.now for g in gates.values()], [3, 3, 3])
        gates["b"].open(2)
        w.eventually(lambda: gates["b"].now == 1, "b has answered")
        w.log(2)
        clients += begin_more(w, b"/least", 2, gates)
        same([g.now for g in gates.values()], [3, 3, 3])
        for g in gates.values():
            g.open(20)
        for c in clients:
            same(c.answer()[0].status, 200)
        w.signal()
        same(w.wait(), 0)
        w.lines.clear()


def begin_more(w, path, n, gates):
    before = sum(len(g.order) for g in gates.values())
    clients = []
    for i in range(n):
        c = w.client()
        c.send(GET % path)
        clients.append(c)
        w.eventually(lambda: sum(len(g.order) for g in gates.values()) == before + i + 1, "request at a server")
    return clients


@case
def leastconn_counts_by_weight(w):
    gates = held(w)
    begin(w, b"/light", 8, gates)
    same([g.now for g in gates.values()], [4, 2, 2])
    for g in gates.values():
        g.open(20)


@case
def first_fills_one_after_the_other(w):
    gates = held(w)
    begin(w, b"/top", 3, gates)
    same([g.now for g in gates.values()], [1, 1, 1])
    for g in gates.values():
        g.open(20)
    w.log(3)
    same([l["server"] for l in sorted(w.log(3), key=lambda l: l["time"])], ["a", "b", "c"])
    c = w.client()
    c.send(GET % b"/top")
    same(c.answer()[0].status, 200)
    same(len(gates["a"].order), 2)


@case
def random_uses_all(w):
    start(w)
    c = w.client()
    seen = collections.Counter(ask(c, b"/any") for _ in range(600))
    expect(len(seen) == 3 and min(seen.values()) >= 100, "shares", seen)


@case
def hash_keeps_values_and_moves_few(w):
    start(w, threads=2)
    keys = [b"user-%d" % i for i in range(600)]
    c, d = w.client(), w.client()
    at = {k: ask(c, b"/hash", k) for k in keys}
    seen = collections.Counter(at.values())
    expect(len(seen) == 3 and min(seen.values()) >= 130, "shares", seen)
    for k in keys[:100]:
        same(ask(d, b"/hash", k.upper()), at[k], "converted")
    less = {k: ask(c, b"/less", k) for k in keys}
    for k in keys:
        expect(less[k] in (b"a", b"c"), "a disabled server")
        expect(at[k] == b"b" or less[k] == at[k], "a value moved without need", k)
    heavy = collections.Counter(ask(c, b"/heavy", k) for k in keys)
    expect(400 <= heavy[b"a"] <= 500, "weight 3 of 4", heavy)
    seen = collections.Counter(ask(c, b"/hash") for _ in range(60))
    expect(len(seen) == 3, "without a value any server", seen)


@case
def source_and_uri(w):
    start(w)
    by_source = {}
    for i in range(2, 60):
        c = w.client(source="127.0.0.%d" % i)
        by_source[i] = ask(c, b"/src/1")
        same(ask(c, b"/src/2"), by_source[i])
        c.close()
    same(set(by_source.values()), {b"a", b"b", b"c"})
    c = w.client()
    by_path = {i: ask(c, b"/uri/%d" % i) for i in range(60)}
    same(set(by_path.values()), {b"a", b"b", b"c"})
    for i in range(60):
        same(ask(c, b"/uri//%d?x=%d" % (i, i)), by_path[i], "same path")


@case
def hash_waits_for_its_server(w):
    gates = held(w)
    clients = []
    for i in range(3):
        c = w.client()
        c.send(b"GET /wait HTTP/1.1\r\nHost: h\r\nX-Key: k\r\n\r\n")
        clients.append(c)

    def waiting():
        c = w.client()
        n = ask(c, b"/")
        c.close()
        return n == b"2"
    w.eventually(waiting, "two wait")
    w.eventually(lambda: sum(g.now for g in gates.values()) == 1, "one is at its server")
    for g in gates.values():
        g.open(3)
    for c in clients:
        same(c.answer()[0].status, 200)
    same(sorted(len(g.order) for g in gates.values()), [0, 0, 3])
