# SPDX-License-Identifier: Apache-2.0
"""The action tarpit: each gets a rig.World."""

import resource
import signal
import time

from cases import GET, case
from rig import Closed, expect, keeps_answering, same

HELD = 10000


@case
def S36_tarpit_answers_after_its_delay(w):
    o = w.origin(keeps_answering())
    w.start(origin=o.address)
    c = w.client()
    began = time.monotonic()
    c.send(GET % b"/tarpit")
    head, _ = c.answer()
    expect(time.monotonic() - began >= 0.45, "answered too early")
    same((head.status, head.get("connection")), (500, "close"))
    c.at_end()
    w.logged("PT", status=500, method="GET", target="/tarpit", host="h", server="")
    expect(w.log()[0]["rule"].startswith("http.weir:"), "rule", w.log())
    same(o.count, 0, "server connections")


@case
def tarpit_of_a_chosen_backend_passes_its_rules(w):
    w.start(origin=w.origin(keeps_answering()).address)
    c = w.client()
    c.send(GET % b"/held/a?b=%41")
    head, body = c.answer()
    same((head.status, head.get("x-held")), (403, "/held/a?b=%41 h"))
    expect(body, "no page")
    c = w.client()
    c.send(b"HEAD /held HTTP/1.1\r\nHost: h\r\n\r\n")
    head, body = c.answer(none=True)
    same(head.status, 403)
    c.at_end()
    long = b"/held/" + b"%41" * 1000
    c = w.client()
    c.send(GET % long)
    head, body = c.answer()
    expect(head.get("x-held").startswith("/held/%41%41") and len(head.get("x-held")) < 260, "cut")


@case
def who_leaves_a_tarpit_is_gone_at_once(w):
    w.start(origin=w.origin(keeps_answering()).address)
    for n, go in enumerate(("close", "reset", "end")):
        c = w.client()
        c.send(GET % b"/pit")
        w.eventually(lambda: connections(w) == 1, "held")
        getattr(c, go)()
        line = w.log(2 * n + 2 if n else 2)
        w.eventually(lambda: len([l for l in w.log() if l["target"] == "/pit"]) == n + 1, "log line")
        line = [l for l in w.log() if l["target"] == "/pit"][-1]
        same((line["end"], line["status"]), ("CT", 0), go)
        expect(line["total_ms"] < 15000, "total_ms", line)


def connections(w):
    """Client connections besides the one that asks."""
    c = w.client()
    c.send(GET % b"/never")
    c.answer()
    c.close()
    return w.log()[-1]["connections"] - 1


@case
def what_comes_behind_a_held_request_is_dropped(w):
    w.start(origin=w.origin(keeps_answering()).address)
    c = w.client()
    c.send((GET % b"/tarpit") * 3 + b"x" * 100000)
    same(c.answer()[0].status, 500)
    expect(c.at_end(), "end")
    w.eventually(lambda: len(w.lines) == 1, "one line")
    c = w.client()
    c.send(b"POST /tarpit HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nabc")
    same(c.answer()[0].status, 500)


@case
def stop_cuts_held_clients(w):
    w.start(origin=w.origin(keeps_answering()).address, drain="100ms")
    clients = [w.client() for _ in range(3)]
    for c in clients:
        c.send(GET % b"/pit")
    w.eventually(lambda: connections(w) == 3, "held")
    w.signal(signal.SIGTERM)
    for c in clients:
        try:
            expect(not c.more(), "an answer")
        except Closed:
            pass
    w.wait()


@case(plain=True)
def S36_held_clients_cost_less_than_a_kilobyte(w):
    if w.san:
        return
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))    # each is a descriptor here too
    held = HELD if most == resource.RLIM_INFINITY else min(HELD, most - 1000)
    w.start("tarpit", clients=held + 600)
    clients = []

    def hold(n):
        for _ in range(n):
            c = w.client()
            c.send(GET % b"/pit")
            clients.append(c)
        w.eventually(lambda: connections(w) == len(clients), "held")
        return w.memory()

    before = hold(500)
    after = hold(held)
    expect((after - before) * 1024 / held <= 1024, "bytes per held client:", (after - before) * 1024 // held)
    for c in clients:
        c.reset()
