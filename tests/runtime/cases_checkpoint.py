# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: each gets a rig.World. Nothing waits for a rate to allow more: periods last an hour."""

import os
import threading

from cases import case
from cases_queue import DONE, Gate, line_of
from rig import Closed, expect, keeps_answering, same, side_by_side, together

NAMES = ("rate_few", "conc_one", "queued_one", "queued_few", "conc_five", "queued_five", "queued_slot", "queued_conns",
         "queued_bytes", "rate_errors", "rate_small", "conc_conns", "conc_bytes")


def get(c, path, key="k", more=""):
    c.send("GET %s HTTP/1.1\r\nHost: h\r\n%s%s\r\n" % (path, "X-Key: %s\r\n" % key if key else "", more))


def state(w, name, key="k"):
    c = w.client()
    get(c, "/state", key)
    words = c.answer()[1].decode().split(" ")
    c.close()
    return int(words[NAMES.index(name)])


def stands(w, name, n, key="k"):
    w.eventually(lambda: state(w, name, key) == n, "%s of %s to be %d" % (name, key, n))


def sent(w, path, key="k"):
    c = w.client()
    get(c, path, key)
    return c


@case
def S98_several_checkpoints_are_met_in_turn(w):
    gate = Gate()
    w.start("checkpoint", origin=w.origin(gate.script).address)
    first = sent(w, "/both/0")
    gate.reached(1)
    second = sent(w, "/both/1")
    stands(w, "queued_one", 1)
    same(gate.order, ["/both/0"], "at the server")
    gate.open(2)
    for c in (first, second):
        same(c.answer()[0].status, 200)
    same(gate.most, 1, "at a time")


@case
def S99_the_head_leaves_and_the_queue_goes_on(w):
    gate = Gate()
    w.start("checkpoint", origin=w.origin(gate.script).address)
    for n, go in enumerate(("close", "reset", "end")):
        clients = []
        for i in range(4):
            clients.append(sent(w, "/inner/%d/%d" % (n, i)))
            if i:
                stands(w, "queued_one", i)
            else:
                gate.reached(3 * n + 1)
        getattr(clients[1], go)()
        stands(w, "queued_one", 2)
        line = line_of(w, "/inner/%d/1" % n)
        same((line["end"], line["status"]), ("CQ", 0))
        gate.open(3)
        for c in (clients[0], clients[2], clients[3]):
            same(c.answer()[0].status, 200)
            c.close()
        stands(w, "conc_one", 0)
    same(gate.order, ["/inner/%d/%d" % (n, i) for n in range(3) for i in (0, 2, 3)], "order at the server")


@case
def S100_keys_have_counters_of_their_own(w):
    w.start("checkpoint", origin=w.origin(keeps_answering()).address)
    c = w.client()
    for i in range(30):         # ten more than there is room for would wait in one counter
        get(c, "/small", "k%d" % i)
        same(c.answer()[0].status, 200, "key %d" % i)
    same([state(w, "rate_small", k) for k in ("k0", "k29", "never")], [0, 1, 0], "known keys")
    for key in ("Same", "sAME", "same"):
        get(c, "/few", key)
        same(c.answer()[0].status, 200)
    same(state(w, "rate_few", "SAME"), 3, "h() counts without regard to case")
    for _ in range(5):          # without a key nothing is counted
        get(c, "/few", None)
        same(c.answer()[0].status, 200)


@case
def S101_a_place_is_freed_however_its_exchange_ends(w):
    go = threading.Semaphore(0)

    def script(peer, _):
        while True:
            peer.request()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
            expect(go.acquire(timeout=20), "nobody lets the server go on")
            peer.send(b"rest")

    w.start("checkpoint", origin=w.origin(script).address)
    busy = [sent(w, "/five/%d" % i) for i in range(5)]
    for c in busy:
        c.until(b"half")
    same(state(w, "conc_five"), 5)
    same(state(w, "conc_five", "other"), 0, "of another user")
    sixth = sent(w, "/five/5")
    stands(w, "queued_five", 1)
    busy[2].reset()             # in the middle of the body
    sixth.until(b"half")
    same(state(w, "conc_five"), 5)
    other = sent(w, "/five/x", "other")
    other.until(b"half")
    go.release(7)
    for c in busy[:2] + busy[3:] + [sixth, other]:
        same(c.until(b"rest"), b"")
    stands(w, "conc_five", 0)
    stands(w, "conc_five", 0, "other")


@case
def S102_one_more_than_may_wait_is_refused(w):
    w.start("checkpoint", origin=w.origin(keeps_answering()).address)
    c = w.client()
    for i in range(3):
        get(c, "/few/%d" % i)
        same(c.answer()[0].status, 200)
    waits = []
    for i in range(2):
        waits.append(sent(w, "/few/w%d" % i))
        stands(w, "queued_few", i + 1)
    get(c, "/few/full")
    head, _ = c.answer()
    same((head.status, head.get("x-late")), (503, "yes"))
    line = line_of(w, "/few/full")
    same((line["end"], line["status"]), ("CQ", 503))
    expect(line["rule"].startswith("checkpoint.weir:"), "rule", line)
    same(state(w, "rate_few"), 3, "what was refused is not counted")
    for x in waits:
        x.close()
    stands(w, "queued_few", 0)


@case
def S102_who_waits_too_long_is_refused(w):
    gate = Gate()
    w.start("checkpoint", origin=w.origin(gate.script).address)
    gate.open(1)
    c = sent(w, "/late/0")
    same(c.answer()[0].status, 200)
    get(c, "/late/1")
    same(c.answer()[0].status, 503)
    line = line_of(w, "/late/1")
    same((line["end"], line["status"]), ("CD", 503))
    expect(line["queue_ms"] >= 49, "waited", line)
    busy = sent(w, "/late-one/0", "j")       # concurrency, and a queue of three that all come late
    gate.reached(2)
    waits = [sent(w, "/late-one/%d" % i, "j") for i in range(1, 4)]
    for x in waits:
        same(x.answer()[0].status, 503)
    gate.open(1)
    same(busy.answer()[0].status, 200)
    gate.open(1)
    last = sent(w, "/late-one/last", "j2")
    same(last.answer()[0].status, 200)


@case
def S102_a_counter_chooses_another_backend(w):
    w.start("checkpoint", origin=w.origin(keeps_answering(b"main")).address,
            origin_b=w.origin(keeps_answering(b"other")).address)
    c = w.client()
    got = []
    for i in range(4):
        get(c, "/seen/%d" % i)
        got.append(c.answer()[1])
    same(got, [b"main", b"main", b"other", b"other"])
    get(c, "/seen", "fresh")
    same(c.answer()[1], b"main")


@case
def rules_go_on_behind_the_wait(w):
    gate, heads = Gate(), []

    def script(peer, n):
        real = peer.request

        def request():
            head, body = real()
            heads.append(head)
            return head, body
        peer.request = request
        gate.script(peer, n)

    origin = w.origin(script).address
    w.start("checkpoint", origin=origin, origin_b=origin)
    first = sent(w, "/inner/0")
    gate.reached(1)
    second = sent(w, "/part/of/it?q=%41")
    stands(w, "queued_one", 1)
    third = sent(w, "/jump/x")
    stands(w, "queued_one", 2)
    fourth = sent(w, "/outer")
    stands(w, "queued_one", 3)
    noise = w.client()
    for i in range(20):         # whatever else runs meanwhile leaves no trace
        get(noise, "/state", "n%d" % i)
        noise.answer()
    gate.open(4)
    for c in (first, second, third, fourth):
        same(c.answer()[0].status, 200)
    same([h.target for h in heads], ["/inner/0", "/done/of/it?q=%41", "/jump/x", "/outer"], "targets")
    same([heads[3].get(n) for n in ("x-first", "x-out")], ["yes", "yes"], "req out")
    same([heads[1].get(n) for n in ("x-was", "x-part", "x-out", "x-key")], ["/part/of/it", "of/it", "yes", "k"])
    same([heads[2].get(n) for n in ("x-more", "x-more2")], ["0", "yes"])
    same(line_of(w, "/jump/x")["backend"], "other")
    waited = line_of(w, "/part/of/it?q=%41")
    expect(waited["queue_ms"] >= 0 and waited["connect_ms"] >= 0, "times", waited)


@case
def a_body_waits_with_its_request(w):
    bodies = []
    reached, go = threading.Semaphore(0), threading.Semaphore(0)

    def script(peer, _):
        while True:
            bodies.append(peer.request()[1])
            reached.release()
            expect(go.acquire(timeout=20), "nobody lets the server go on")
            peer.send(DONE)

    w.start("checkpoint", origin=w.origin(script).address)
    first = sent(w, "/inner/0")
    expect(reached.acquire(timeout=20), "first")
    body = os.urandom(300000)
    second = w.client()
    second.send(b"POST /inner/1 HTTP/1.1\r\nHost: h\r\nX-Key: k\r\nContent-Length: %d\r\n\r\n" % len(body))
    sender = threading.Thread(target=second.send, args=(body,))
    sender.start()
    stands(w, "queued_one", 1)
    go.release(2)
    for c in (first, second):
        same(c.answer()[0].status, 200)
    sender.join()
    same(bodies[1], body, "body behind the wait")


@case
def one_exchange_takes_one_place(w):
    w.start("checkpoint", origin=w.origin(keeps_answering()).address)
    c = w.client()
    for _ in range(3):
        get(c, "/twice")
        same(c.answer()[0].status, 200)
    stands(w, "conc_one", 0)


@case
def a_server_has_a_checkpoint(w):
    gate = Gate()
    w.start("checkpoint", origin=w.origin(gate.script).address)
    first = sent(w, "/limited/0")
    gate.reached(1)
    waits = []
    for i in range(1, 3):
        waits.append(sent(w, "/limited/%d" % i))
        stands(w, "queued_slot", i)
    waits[0].close()
    stands(w, "queued_slot", 1)
    gate.open(2)
    for c in (first, waits[1]):
        same(c.answer()[0].status, 200)
    same(gate.order, ["/limited/0", "/limited/2"])
    line = line_of(w, "/limited/2")
    same((line["end"], line["server"]), ("--", "a"))
    expect(line["connect_ms"] >= 0 and line["queue_ms"] >= 0, "times", line)


@case
def connections_wait_before_anything_is_read(w):
    heads = []

    def script(peer, _):
        while True:
            heads.append(peer.request()[0])
            peer.send(DONE)

    w.start("checkpoint", binds=("listen", "listen_conn"), origin=w.origin(script).address)
    first = w.client("listen_conn")
    get(first, "/a")
    same(first.answer()[0].status, 200)
    stands(w, "conc_conns", 1)
    second = w.client("listen_conn")
    get(second, "/b")           # comes while the connection waits
    stands(w, "queued_conns", 1)
    third = w.client("listen_conn")
    expect(third.at_end(), "one more than may wait is closed")
    same([h.target for h in heads], ["/a"])
    second.close()
    stands(w, "queued_conns", 0)
    fourth = w.client("listen_conn")
    get(fourth, "/c")
    stands(w, "queued_conns", 1)
    first.close()
    same(fourth.answer()[0].status, 200)
    same(heads[-1].target, "/c")
    same(heads[-1].get("x-early"), "yes yes", "variables set before and behind the wait")
    stands(w, "queued_conns", 0)
    fourth.close()
    stands(w, "conc_conns", 0)


@case
def tcp_waits_with_its_first_bytes(w):
    def script(peer, _):
        peer.send(peer.until(b"\n").upper() + b"\n")
        peer.at_end()

    w.start("checkpoint", binds=("listen", "listen_tcp"), origin=w.origin(script).address)
    first, second = w.client("listen_tcp"), w.client("listen_tcp")
    first.send(b"one\n")
    same(first.until(b"\n"), b"ONE")
    second.send(b"two\n")
    stands(w, "queued_bytes", 1)
    third = w.client("listen_tcp")
    third.send(b"three\n")
    expect(third.at_end(), "one more than may wait is closed")
    first.close()
    same(second.until(b"\n"), b"TWO")
    second.close()
    stands(w, "conc_bytes", 0)
    w.eventually(lambda: sorted(l["end"] for l in w.log() if l["type"] == "tcp") == ["--", "--", "CQ"], "log lines")


@case
def responses_count_under_the_key_of_the_request(w):
    def script(peer, _):
        while True:
            head = peer.request()[0]
            peer.send(b"HTTP/1.1 %s X\r\nContent-Length: 0\r\nX-Key: forged\r\n\r\n" %
                      (b"500" if "bad" in head.target else b"200"))

    w.start("checkpoint", origin=w.origin(script).address)
    c = w.client()
    for path in ("/bad", "/good", "/bad"):
        get(c, path)
        c.answer()
    same([state(w, "rate_errors", k) for k in ("k", "forged")], [2, 0])


@case
def a_full_table_refuses_when_all_its_keys_are_needed(w):
    gate = Gate()
    w.start("checkpoint", origin=w.origin(gate.script).address)
    busy = []
    for i in range(2):
        busy.append(sent(w, "/full/%d" % i, "a%d" % i))
        gate.reached(i + 1)
    c = w.client()
    get(c, "/full/2", "a2")
    same(c.answer()[0].status, 503)
    same(line_of(w, "/full/2")["end"], "CQ")
    gate.open(2)
    for x in busy:
        same(x.answer()[0].status, 200)
    gate.open(1)
    w.eventually(lambda: served(w, "/full/again", "a2"), "room for another key")


def served(w, path, key):
    c = w.client()
    get(c, path, key)
    status = c.answer()[0].status
    c.close()
    return status == 200


@case
def turns_are_shared_by_threads(w):
    seen, clients = {}, []
    w.start("checkpoint", origin=w.origin(together(DONE, seen)).address, threads=4)

    def work():
        c = w.client()
        for _ in range(10):
            get(c, "/five")
            same(c.answer()[0].status, 200)
        clients.append(c)

    side_by_side(40, work)
    expect(seen["most"] <= 5, "at a time:", seen["most"])
    for c in clients:           # each leaves wherever it is then
        get(c, "/five")
    for c in clients:
        c.close()
    stands(w, "conc_five", 0)
    stands(w, "queued_five", 0)


@case
def who_waits_is_cut_when_the_drain_time_is_over(w):
    gate = Gate()
    w.start("checkpoint", binds=("listen", "listen_conn", "listen_tcp"), origin=w.origin(gate.script).address,
            drain="200ms")
    busy = sent(w, "/inner/0")
    gate.reached(1)
    clients = [sent(w, "/inner/1"), sent(w, "/inner/2")]
    stands(w, "queued_one", 2)
    for _ in range(2):
        c = w.client("listen_conn")
        get(c, "/x")
        clients.append(c)
    stands(w, "queued_conns", 1)
    w.signal()
    same(w.wait(), 5, "exit code of a stop that cut exchanges")
    for c in clients:
        try:
            c.rest()
        except Closed:
            pass
    busy.close()
    gate.open(2)
