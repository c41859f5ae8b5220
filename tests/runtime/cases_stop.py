# SPDX-License-Identifier: Apache-2.0
"""The stop, and many exchanges at once. Each gets a rig.World."""

import signal
import threading
import time

from cases import GET, body_bytes, case, digest
from cases_server import full_backlog
from cases_tunnel import UPGRADE
from rig import Closed, expect, keeps_answering, same


# -- the stop


@case
def stop_lets_an_exchange_finish(w):
    came, go = threading.Event(), threading.Event()

    def script(peer, _):
        peer.request()
        came.set()
        go.wait(10)
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
        peer.rest()
    w.start(origin=w.origin(script).address)
    idle = w.client()
    c = w.client()
    c.send(GET % b"/a")
    came.wait(10)
    w.signal()
    same(idle.rest(), b"", "idle client")
    go.set()
    head, body = c.answer()
    same((head.get("connection"), body), ("close", b"late"))
    c.at_end()
    same(w.wait(), 0, "exit code")


@case(plain=True)
def stop_answers_what_has_been_sent_already(w):
    """Signal and requests are there together, whichever the process sees first."""
    w.start(origin=w.origin(keeps_answering()).address, drain="20s")
    clients = [w.client() for _ in range(100)]      # more than are served in one turn
    for c in clients[50:]:      # and so the earlier ones have been accepted, too
        c.send(GET % b"/a")
        c.answer()
    w.signal(signal.SIGSTOP)

    def stopped():
        with open("/proc/%d/stat" % w.process.pid, encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "T"
    w.eventually(stopped, "the process stands")
    for c in clients:
        c.send(GET % b"/b")
    w.signal()
    w.signal(signal.SIGCONT)
    for c in clients:
        head, body = c.answer()
        same((head.status, head.get("connection"), body), (200, "close", b"hello"))
        expect(c.at_end() is True, "a clean end")
    same(w.wait(), 0, "exit code")


@case
def the_line_of_a_refused_request_is_logged(w):
    """As received, when it is valid itself and something else is not."""
    w.start()
    for raw, line in ((b"GET /a/../../b HTTP/1.1\r\nHost: h\r\n\r\n", ("GET", "/a/../../b", "HTTP/1.1")),
                      (b"GET /x HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", ("GET", "/x", "HTTP/1.1")),
                      (b"G@T /x HTTP/1.1\r\nHost: h\r\n\r\n", None)):
        c = w.client()
        c.send(raw)
        same(c.answer()[0].status, 400)
        got = w.log(1)[-1]
        same(tuple(got.get(k) or None for k in ("method", "target", "protocol")), line or (None,) * 3)
        w.lines.clear()


def cut_at_the_stop(w, ready):
    w.signal()
    same(w.wait(), 5, "exit code")
    expect("in use" not in w.stderr(), w.stderr())


@case
def stop_cuts_an_answer(w):
    came = threading.Event()
    w.start(origin=w.origin(lambda p, _: (p.request(), came.set(), p.rest())).address, drain="100ms")
    c = w.client()
    c.send(GET % b"/a")
    came.wait(10)
    cut_at_the_stop(w, came)
    w.logged("KD")


@case
def stop_cuts_every_step(w):
    """One client in each step when the drain time is over."""
    came = []

    def script(peer, _):
        head = peer.head()
        if head.target == "/body":
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        elif head.target == "/up":
            peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: upgrade\r\n\r\n")
        came.append(head.target)
        peer.rest()
    w.start(binds=("listen", "listen_proxy"), origin=w.origin(script).address, origin_b=full_backlog(w), drain="100ms",
            connect="20s")
    for raw in (b"GET / HT", GET % b"/wait", GET % b"/body", UPGRADE.replace(b"/a", b"/up"),
                b"POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc", GET % b"/two", GET % b"/two"):
        w.client().send(raw)
    w.client("listen_proxy").send(b"PROXY ")
    w.eventually(lambda: len(came) >= 5, "requests at the server")
    time.sleep(0.1)
    cut_at_the_stop(w, came)


@case
def second_signal_cuts_at_once(w):
    came = threading.Event()
    w.start(origin=w.origin(lambda p, _: (p.request(), came.set(), p.rest())).address, drain="60s")
    c = w.client()
    c.send(GET % b"/a")
    came.wait(10)
    w.signal()
    time.sleep(0.1)
    w.signal()
    same(w.wait(), 5, "exit code")


@case
def stop_while_a_client_is_in_its_handshake(w):
    w.start(binds=("listen_proxy",), head="1s")
    c = w.client("listen_proxy")
    c.send(b"PROXY ")
    time.sleep(0.05)
    w.signal()
    same(w.wait(), 0, "exit code")


@case
def stop_while_a_connect_that_nobody_wants_is_under_way(w):
    w.start(origin=full_backlog(w), connect="20s")
    c = w.client()
    c.send(GET % b"/a")
    time.sleep(0.1)
    c.reset()
    w.log()
    w.signal()
    same(w.wait(), 0, "exit code")


# -- many at once


def check_exchange(w, path, data, chunked):
    """One request with a body, echoed. True: whole and right; False: cleanly cut or refused."""
    try:
        c = w.client()
        head = b"POST %b HTTP/1.1\r\nHost: h\r\n" % path
        if chunked:
            pieces = [data[i:i + 5000] for i in range(0, len(data), 5000)]
            c.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
            c.send(b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n")
        else:
            c.send(head + b"Content-Length: %d\r\n\r\n" % len(data) + data)
        head, body = c.answer()
    except (Closed, ConnectionError, BrokenPipeError):
        return False
    if head.status >= 500:
        return False
    same(head.status, 200)
    same(digest(body), digest(data), "echo")
    c.send(GET % b"/made")
    try:
        same(c.answer()[1], b"made here")
    except (Closed, ConnectionError):
        return False
    return True


def echo_http(peer, number):
    while True:
        _, body = peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def storm(w, workers, rounds):
    """Many exchanges at a time; returns which of them came through. None may be wrong."""
    problems, whole = [], []

    def worker(k):
        for i in range(rounds):
            try:
                n = (1, 100, 20000, 70000, 300000)[(i + k) % 5]
                whole.append(check_exchange(w, (b"/always", b"/never")[i % 2], body_bytes(n), i % 3 == 0))
            except Exception as e:
                problems.append(e)
    threads = [threading.Thread(target=worker, args=(k,)) for k in range(workers)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    expect(not problems, problems)
    return whole


def broken(w):
    return "reset" in (w.fault or "") or "refuse" in (w.fault or "")


@case
def many_at_once(w):
    w.start(origin=w.origin(echo_http).address)
    whole = storm(w, 6, 10)
    expect(broken(w) or all(whole), whole.count(False), "were cut")
    expect(any(whole), "none came through")


@case
def many_at_once_on_several_threads(w):
    w.start(origin=w.origin(echo_http).address, threads=3)
    whole = storm(w, 6, 10)
    expect(broken(w) or all(whole), whole.count(False), "were cut")
    expect(any(whole), "none came through")


@case
def stop_under_load(w):
    """Whatever is under way ends whole, or is refused or cut so that it shows; the process ends by itself."""
    w.start(origin=w.origin(echo_http).address, threads=2)
    result = []
    t = threading.Thread(target=lambda: result.append(storm(w, 6, 10)))
    t.start()
    w.eventually(lambda: len(w.lines) > 10, "load")
    w.signal()
    same(w.wait(), 0, "exit code")
    t.join()
    expect(any(result[0]), "none came through")


@case
def few_buffers(w):
    """More bodies under way than the buffers can hold: each waits for its turn, and an answer once begun is finished."""
    w.start(origin=w.origin(echo_http).address, buffers=24)
    problems, whole = [], []

    def worker(k):
        try:
            for _ in range(3):
                whole.append(check_exchange(w, b"/always", body_bytes(200000), k % 2 == 0))
        except Exception as e:
            problems.append(e)
    threads = [threading.Thread(target=worker, args=(k,)) for k in range(10)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    expect(not problems, problems)
    expect(whole.count(True) > 0, "none came through")
    c = w.client()              # and nothing stays behind
    c.send(GET % b"/made")
    same(c.answer()[0].status, 200)
