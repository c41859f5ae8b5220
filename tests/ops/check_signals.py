# SPDX-License-Identifier: Apache-2.0
"""Stop, stop now, reopen; what a stop does to idle, busy and arriving clients."""

import json
import os
import signal
import threading

from rig import Client, expect, get, lines, same, until

SITE = """
param listen
param origin
param wait default 20s
param file default "/dev/null"
param n default 1
global
    threads ${n}
    drain ${wait}
    log file "${file}" format json
frontend www
    bind ${listen}
    timeout keep-alive 1m
    default_backend pages
backend pages
    server a ${origin}
"""


def stops_gracefully(r, sig):
    p, to = r.serve(SITE)
    idle, busy = Client(to), Client(to)
    same(idle.get()[0], 200, "status")
    busy.send("/slow")
    until(lambda: r.origin.slow_seen == 1, "the request in progress reaches the origin")
    p.send(sig)
    expect(idle.ended(), "the idle client got bytes")
    expect(p.p.poll() is None, "it ended with a request in progress")
    try:
        Client(to).close()
        expect(False, "it still takes connections")
    except ConnectionRefusedError:
        pass
    r.origin.go.set()
    status, headers, body = busy.read()
    same((status, body), (200, b"ok"), "the request in progress")
    same(headers.get("connection"), "close", "Connection of the last answer")
    expect(busy.ended(), "the busy client's connection goes on")
    same(p.wait(), 0, "exit code")


def test_sigterm_finishes_requests(r):
    stops_gracefully(r, signal.SIGTERM)


def test_sigusr1_finishes_requests(r):
    stops_gracefully(r, signal.SIGUSR1)


def test_sigint_finishes_requests(r):
    stops_gracefully(r, signal.SIGINT)


def test_second_sigterm_cuts(r):
    p, to = r.serve(SITE)
    busy = Client(to)
    busy.send("/slow")
    until(lambda: r.origin.slow_seen == 1, "the request reaches the origin")
    p.send(signal.SIGTERM)
    until(lambda: not listening(to), "it stops listening")
    p.send(signal.SIGTERM)
    same(p.wait(), 5, "exit code")
    expect(busy.read()[0] in (0, 503), "the cut client got something else")


def test_second_sigusr1_does_not_cut(r):
    p, to = r.serve(SITE)
    busy = Client(to)
    busy.send("/slow")
    until(lambda: r.origin.slow_seen == 1, "the request reaches the origin")
    for _ in range(3):
        p.send(signal.SIGUSR1)
        until(lambda: not listening(to), "it stops listening")
    r.origin.go.set()
    same(busy.read()[0], 200, "status")
    same(p.wait(), 0, "exit code")


def listening(to):
    try:
        Client(to).close()
        return True
    except OSError:
        return False


def test_drain_time_ends_what_is_left(r):
    p, to = r.serve(SITE, "wait=200ms")
    busy, half = Client(to), Client(to)
    half.s.sendall(b"GET / HT")
    busy.send("/slow")
    until(lambda: r.origin.slow_seen == 1, "the request reaches the origin")
    p.send(signal.SIGTERM)
    same(p.wait(), 5, "exit code")


def test_stop_with_nothing_open_is_0(r):
    for n in ("n=1", "n=4"):
        p, to = r.serve(SITE, n)
        p.stop(0)
        same(lines(p.out_path), [], "output")


def test_stop_while_clients_connect(r):
    """A client that was accepted is answered or closed; the process ends with 0 each time."""
    for n in (1, 2, 4, 2):
        p, to = r.serve(SITE, "n=%d" % n)
        stop = threading.Event()
        odd = []

        def hammer():
            while not stop.is_set():
                try:
                    with Client(to) as c:
                        status = c.get()[0]
                        if status not in (200, 0):
                            odd.append(status)
                except OSError:
                    pass

        crowd = [threading.Thread(target=hammer) for _ in range(6)]
        for t in crowd:
            t.start()
        try:
            until(lambda: p.p.poll() is not None or len(os.listdir("/proc/%d/fd" % p.pid)) > 12,
                  "clients come")
            p.stop(0)
        finally:
            stop.set()
            for t in crowd:
                t.join()
        same(odd, [], "statuses of clients during the stop")


def test_signals_in_a_storm(r):
    p, to = r.serve(SITE, "file=" + r.path("log"))
    for _ in range(200):
        p.send(signal.SIGHUP)
    same(get(to)[0], 200, "status")
    p.stop(0)


def test_sigpipe_is_ignored(r):
    p, to = r.serve(SITE)
    p.send(signal.SIGPIPE)
    same(get(to)[0], 200, "status after SIGPIPE")
    c = Client(to)
    c.send("/size/8000000")
    c.s.recv(1)
    c.close()               # the proxy writes into a closed connection
    same(get(to)[0], 200, "status after a client left")
    p.stop(0)


def test_sighup_as_logrotate_does(r):
    """Rename, then SIGHUP, while requests run: no line is lost, split or written twice."""
    log = r.path("log")
    p, to = r.serve(SITE, "file=" + log, "n=2")
    names = [log] + ["%s.%d" % (log, turn) for turn in range(5)]
    done = []

    def run(who):
        with Client(to) as c:
            for i in range(600):
                if i % 50 == 0:     # what is not yet written fits into one thread's ring: none is dropped
                    until(lambda: sum(len(lines(n)) for n in names) >= len(done) - 150, "lines are written")
                c.get("/%d-%d" % (who, i))
                done.append("/%d-%d" % (who, i))

    crowd = [threading.Thread(target=run, args=(w,)) for w in range(3)]
    for t in crowd:
        t.start()
    for turn in range(5):
        wanted = 300 * (turn + 1)
        until(lambda: len(done) >= wanted, "%d requests are answered" % wanted)
        until(lambda: turn or lines(log), "the first lines")
        os.rename(log, "%s.%d" % (log, turn))
        p.send(signal.SIGHUP)
        until(lambda: os.path.exists(log), "the log is made again")
    for t in crowd:
        t.join()
    p.stop(0)
    seen = []
    for name in names:
        with open(name, "rb") as f:
            text = f.read()
        expect(text.endswith(b"\n") or not text, "%s ends within a line", name)
        seen += [json.loads(line)["target"] for line in text.splitlines()]
    same(sorted(seen), sorted(done), "targets in the logs")
    same(len(lines(log + ".0")) > 0, True, "lines before the first rename")


def test_sighup_when_the_file_cannot_be_made(r):
    folder = r.path("logs")
    os.mkdir(folder)
    log = os.path.join(folder, "log")
    p, to = r.serve(SITE, "file=" + log)
    same(get(to, "/before")[0], 200, "status")
    until(lambda: lines(log), "the first line")
    os.rename(folder, folder + ".old")
    p.send(signal.SIGHUP)
    until(lambda: "stays in use" in p.err(), "it says that the old file stays")
    same(get(to, "/after")[0], 200, "status")
    p.stop(0)
    same(len(lines(os.path.join(folder + ".old", "log"))), 2, "lines in the old file")
