# SPDX-License-Identifier: Apache-2.0
"""Limits that are reached, and threads."""

import os
import re
import resource
import socket
import threading
import time

from rig import Client, NotHere, expect, get, records, same, until

SITE = """
param listen
param origin
param all default 1000
param here default 1000
param n default 1
param buffers default 4000
param file default "/dev/null"
global
    threads ${n}
    maxconn ${all}
    limit buffers ${buffers}
    log file "${file}" format json
frontend www
    bind ${listen}
    maxconn ${here}
    timeout keep-alive 1m
    req in respond 200 body "here" path == "/here"
    default_backend pages
backend pages
    timeout server 1m
    server a ${origin}
"""


def answered(c):
    """Whether an answer is there already."""
    c.s.setblocking(False)
    try:
        return c.s.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return False
    finally:
        c.s.settimeout(20)


def rests(p):
    """A loop that spins uses a second of processor time in a second; one that rests nearly none."""
    before = p.cpu()
    time.sleep(1)
    used = p.cpu() - before
    expect(used < 0.5, "%.2f s of processor time in a second of rest", used)


def all_served(waiting):
    """Reads the answer of each and closes it, in the order in which they get their turn."""
    while waiting:
        done = until(lambda: [c for c in waiting if answered(c)], "one of those that wait is served")
        for c in done:
            same(c.read()[0], 200, "status of one that waited")
            c.close()
        waiting = [c for c in waiting if c not in done]


def at_a_limit(r, *params):
    """Three connections are the limit. The others wait in the backlog and get their turn."""
    p, to = r.serve(SITE, *params)
    until(lambda: p.fds() < 40, "the probe's connection ends")
    held = [Client(to) for _ in range(3)]
    for c in held:
        same(c.get("/here")[0], 200, "status within the limit")
    waiting = [Client(to) for _ in range(5)]
    for c in waiting:
        c.send("/here")
    rests(p)
    for c in waiting:
        expect(not answered(c), "more than 3 connections are served")
    for c in held:
        same(c.get("/here")[0], 200, "status of those within the limit meanwhile")
        c.close()
    all_served(waiting)
    for _ in range(20):
        same(get(to, "/here")[0], 200, "status afterwards")
    p.stop(0)


def test_maxconn_of_the_frontend(r):
    at_a_limit(r, "here=3")


def test_maxconn_of_the_process(r):
    at_a_limit(r, "all=3")


def test_maxconn_with_threads(r):
    at_a_limit(r, "all=3", "n=4")
    at_a_limit(r, "here=3", "n=2")


def test_maxconn_is_never_exceeded(r):
    """Many short connections on two threads against a limit of 5."""
    log = r.path("log")
    p, to = r.serve(SITE, "here=5", "n=2", "file=" + log)

    def run():
        for _ in range(60):
            same(get(to, "/here")[0], 200, "status")

    crowd = [threading.Thread(target=run) for _ in range(12)]
    for t in crowd:
        t.start()
    for t in crowd:
        t.join()
    p.stop(0)
    got = records(log)
    same(len(got), 720, "answers")
    expect(max(x["frontend_connections"] for x in got) <= 5, "more than 5 connections at a time")


def few_descriptors(n):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n))


def test_descriptors_run_out(r):
    """More clients than descriptors: those inside are served, the others wait, one message a
    second, and all goes on when descriptors are free again."""
    p, to = r.serve(SITE, "all=1000", preexec_fn=few_descriptors(64))
    expect("may need" in p.err(), "no warning that descriptors are few: %r", p.err())
    begin = time.monotonic()
    crowd = [Client(to) for _ in range(120)]
    for c in crowd:
        c.send("/here")
    until(lambda: "accepting connections pauses" in p.err(), "it says that it pauses")
    rests(p)
    inside = [c for c in crowd if answered(c)]
    outside = [c for c in crowd if c not in inside]
    expect(30 <= len(inside) < 64, "%d clients are inside", len(inside))
    for c in inside:
        same(c.read()[0], 200, "status")
        same(c.get("/here")[0], 200, "status of the second request")
    time.sleep(1)
    spent = time.monotonic() - begin
    said = p.err().count("accepting connections pauses")
    expect(said <= spent + 1, "%d messages in %.1f s", said, spent)
    for c in inside:
        c.close()
    all_served(outside)
    for _ in range(20):
        same(get(to, "/")[0], 200, "status afterwards, from the origin")
    p.stop(0)


def test_descriptors_run_out_towards_servers(r):
    """Accepted clients that need a server: 200, or 503 when there is no descriptor; no crash."""
    p, to = r.serve(SITE, preexec_fn=few_descriptors(64))
    crowd = [Client(to) for _ in range(100)]
    for c in crowd:
        c.send("/")
    seen = set()
    for c in crowd:
        status = c.read()[0]
        seen.add(status)
        c.close()
    expect(seen <= {200, 503}, "statuses %s", seen)
    expect(200 in seen, "nobody was served")
    same(get(to, "/")[0], 200, "status afterwards")
    p.stop(0)


def transfers(r, *params):
    p, to = r.serve(SITE, *params)
    odd = []

    def run(n):
        with Client(to) as c:
            c.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            for _ in range(2):
                status, _, body = c.get("/size/%d" % (400000 + n))
                if (status, len(body)) != (200, 400000 + n):
                    odd.append((status, len(body)))

    crowd = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(50)]
    for t in crowd:
        t.start()
    for t in crowd:
        t.join(60)
        expect(not t.is_alive(), "a transfer does not end")
    same(odd, [], "transfers that were cut")
    p.stop(0)


def test_few_buffers(r):
    transfers(r, "buffers=16")


def test_few_buffers_with_threads(r):
    transfers(r, "buffers=32", "n=4")


def test_buffers_uploads(r):
    """Bodies sent to the origin with few buffers."""
    p, to = r.serve(SITE, "buffers=16")
    odd = []

    def run():
        with Client(to) as c:
            body = b"u" * 300000
            c.s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body))
            c.s.sendall(body)
            status = c.read()[0]
            if status != 200:
                odd.append(status)

    crowd = [threading.Thread(target=run, daemon=True) for _ in range(50)]
    for t in crowd:
        t.start()
    for t in crowd:
        t.join(60)
        expect(not t.is_alive(), "an upload does not end")
    same(odd, [], "uploads that failed")
    p.stop(0)


def spread(r, n, groups=1):
    log = r.path("log%d" % n)
    text = SITE.replace("threads ${n}\n", "threads ${n}\n    thread-groups %d\n" % groups)
    p, to = r.serve(text, "n=%d" % n, "file=" + log)
    crowd = [Client(to) for _ in range(40 * n)]
    for c in crowd:
        c.send("/")
    for c in crowd:
        same(c.read()[0], 200, "status")
    for c in crowd:
        c.close()
    names = p.threads()
    p.stop(0)
    by_thread = {}
    for x in records(log):
        tid = x["id"].split("-")[2]
        by_thread[tid] = by_thread.get(tid, 0) + 1
    same(sum(by_thread.values()), 40 * n, "records")
    same(len(by_thread), n, "threads that served: %s" % by_thread)
    expect(min(by_thread.values()) >= 10, "connections are not spread: %s", by_thread)
    expect(len(names) >= n + 1, "%d threads and the log writer: %s", n, names)


def test_two_threads(r):
    spread(r, 2)


def test_four_threads(r):
    spread(r, 4)


def test_two_groups(r):
    spread(r, 4, 2)


def test_threads_that_cannot_be(r):
    site = r.build(SITE)
    for n in ("0", "1025", "100000"):
        code, _, err = r.call(site, "--set", "listen=127.0.0.1:0", "--set", "origin=127.0.0.1:1",
                              "--set", "n=" + n)
        same(code, 1, "exit code of %s threads" % n)
        expect(("threads 65" if n == "65" else "'%s' is out of range: 1 to 1024" % n) in err, err)


def test_numbers_bound_at_start_have_their_ranges(r):
    site = r.build("""param t
param heads
global
    limit headers ${heads}
listen a
    bind 127.0.0.1:8080
    timeout client ${t}
    server s 127.0.0.1:1
""")
    for t, heads, told in (("0s", "50", ":8: '0s' is out of range: 1 to "), ("5s", "7", ":5: '7' is out of range: 8 to 400"),
                           ("5s", "401", ":5: '401' is out of range: 8 to 400"), ("4000d", "50", " ms")):
        code, _, err = r.call(site, "--check", "--set", "t=" + t, "--set", "heads=" + heads)
        same(code, 1, "exit code of t=%s heads=%s" % (t, heads))
        expect(told in err, err)
    code, _, err = r.call(site, "--check", "--set", "t=3000d", "--set", "heads=8")
    same(code, 0, "exit code: " + err)


def test_idle_process_rests(r):
    p, to = r.serve(SITE, "n=2")
    with Client(to) as c:
        c.get("/here")
        time.sleep(1.5)         # the log writer's last nap
        rests(p)
    p.stop(0)


STARVED = """
param listen
param origin
global
    limit buffers 16
frontend www
    bind ${listen}
    timeout head 2s
    default_backend pages
backend pages
    server a ${origin}
"""


def test_s54_timeouts_hold_while_buffers_are_wanted(r):
    """Forty clients send half a head each; 16 buffers is all there is. Those that have one and those
    that wait for one are ended at their time, with a message or, for lack of a buffer, without.
    Then all goes on."""
    p, to = r.serve(STARVED)
    crowd = [Client(to) for _ in range(40)]
    begin = time.monotonic()
    for c in crowd:
        c.s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Half: " + b"x" * 3000)
    ends = []
    for c in crowd:
        ends.append(c.read()[0])
        c.close()
    spent = time.monotonic() - begin
    same(set(ends), {0, 408}, "ends, with a message and without")
    expect(1.5 <= spent < 15, "the last one was ended after %.1f s; timeout head is 2 s", spent)
    for _ in range(10):
        same(get(to, "/size/100000")[0], 200, "status afterwards")
    p.stop(0)
