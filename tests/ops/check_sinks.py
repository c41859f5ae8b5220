# SPDX-License-Identifier: Apache-2.0
"""Where log lines go: syslog over UDP and unix sockets, full disks, readers that do not read."""

import json
import os
import re
import signal
import socket
import threading
import time

from rig import Client, expect, get, lines, records, same, until

SITE = """
param listen
global
    threads 2
    log %s
frontend www
    bind ${listen}
    req in capture h(x-fill) as fill len 3000
    req in respond 200 body "x"
"""
SYSLOG = re.compile(rb"<(\d+)>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (\S+) weir (\d+) - - (.*)",
                    re.S)


def parse(message):
    """(priority, process, text) of an RFC 5424 message."""
    match = SYSLOG.fullmatch(message)
    expect(match, "no syslog message: %r", message)
    expect(b"\n" not in message, "a line feed in %r", message)
    return int(match.group(1)), int(match.group(4)), match.group(5)


def receiver(kind, at):
    family = socket.AF_UNIX if isinstance(at, str) else socket.AF_INET
    s = socket.socket(family, kind)
    s.bind(at)
    s.settimeout(20)
    return s


def test_udp(r):
    with receiver(socket.SOCK_DGRAM, (r.host, 0)) as s:
        p, to = r.serve(SITE % ("udp %s:%d format json facility local3" % s.getsockname()))
        for path in ("/a", "/b"):
            get(to, path)
            prio, pid, text = parse(s.recv(65536))
            same((prio, pid), (19 * 8 + 6, p.pid), "priority and process")
            same(json.loads(text)["target"], path, "target")
        p.stop(0)


def test_udp_receiver_comes_back(r):
    with receiver(socket.SOCK_DGRAM, (r.host, 0)) as s:
        at = s.getsockname()
    p, to = r.serve(SITE % ("udp %s:%d" % at))
    for _ in range(20):
        same(get(to)[0], 200, "status while nobody receives")
    with receiver(socket.SOCK_DGRAM, at) as s:
        got = []
        threading.Thread(target=lambda: got.append(parse(s.recv(65536))), daemon=True).start()
        until(lambda: get(to)[0] == 200 and got, "a line comes")
        p.stop(0)


def keep_asking(to, seen):
    """Asks until <seen>() is true."""
    until(lambda: get(to)[0] == 200 and seen(), "lines come")


def test_unix_datagrams(r):
    """As syslogd has it; the receiver goes and comes back."""
    path = r.path("log")
    s = receiver(socket.SOCK_DGRAM, path)
    p, to = r.serve(SITE % ("unix \"%s\" format json" % path))
    get(to, "/first")
    same(json.loads(parse(s.recv(65536))[2])["target"], "/first", "target")
    s.close()
    os.unlink(path)
    for _ in range(5):
        same(get(to)[0], 200, "status while nobody receives")
    s = receiver(socket.SOCK_DGRAM, path)
    got = []
    threading.Thread(target=lambda: got.append(parse(s.recv(65536))), daemon=True).start()
    keep_asking(to, lambda: got)
    s.close()
    p.stop(0)


def reading(server, into, stop_after=None):
    """Takes one connection and collects what comes, in a thread."""
    def run():
        c, _ = server.accept()
        with c:
            while True:
                more = c.recv(65536)
                if not more:
                    return
                into.append(more)
                if stop_after and sum(map(len, into)) >= stop_after:
                    return
    t = threading.Thread(target=run, daemon=True)
    t.start()
    return t


def test_unix_stream(r):
    path = r.path("log")
    s = receiver(socket.SOCK_STREAM, path)
    s.listen()
    first, second = [], []
    reader = reading(s, first, stop_after=1)
    p, to = r.serve(SITE % ("unix \"%s\"" % path))
    keep_asking(to, lambda: first)
    reader.join()
    s.close()                           # the receiver ends with the connection open
    os.unlink(path)
    for _ in range(5):
        same(get(to)[0], 200, "status while nobody receives")
    s = receiver(socket.SOCK_STREAM, path)
    s.listen()
    reader = reading(s, second)
    keep_asking(to, lambda: second)
    p.stop(0)
    reader.join()
    s.close()
    for part in (b"".join(first), b"".join(second)):
        expect(part.endswith(b"\n"), "no whole lines: %r", part[-100:])
        for line in part[:-1].split(b"\n"):
            parse(line)


def test_several_sinks(r):
    a, b = r.path("a"), r.path("b")
    with receiver(socket.SOCK_DGRAM, (r.host, 0)) as s:
        p, to = r.serve(SITE % ("stdout\n    log file \"%s\" format json\n    log file \"%s\"\n"
                                "    log udp %s:%d" % ((a, b) + s.getsockname())))
        for n in range(10):
            get(to, "/%d" % n)
        p.stop(0)
        ids = [x["id"] for x in records(a)]
        same(len(ids), 10, "records")
        for where in (lines(b), lines(p.out_path), [s.recv(65536) for _ in range(10)]):
            same([re.search(rb"id=(\S+)", line).group(1).decode() for line in where], ids, "ids")


def lost(p):
    """Lines that the process told as lost, for either reason."""
    said = re.findall(r"(\d+) records dropped .*, (\d+) lines not written", p.err())
    return sum(int(a) + int(b) for a, b in said)


def test_full_disk(r):
    """The site serves on, says so once a second at most, and counts."""
    p, to = r.serve(SITE % "file \"/dev/full\"")
    begin = time.monotonic()
    done = 0
    with Client(to) as c:
        while time.monotonic() < begin + 2.5:
            same(c.get()[0], 200, "status")
            done += 1
    p.stop(0)
    spent = time.monotonic() - begin
    said = [x for x in p.err().splitlines() if "not written" in x]
    expect(1 <= len(said) <= spent + 2, "%d lines in %.1f s:\n%s", len(said), spent, p.err())
    same(lost(p), done, "lines that were counted as lost")


def test_full_disk_recovers(r):
    """A file that reaches the limit of file sizes: lines stay whole, and go on later."""
    import resource

    def small():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

    log = r.path("log")
    p, to = r.serve(SITE % ("file \"%s\" format json" % log), preexec_fn=small)
    with Client(to) as c:
        for n in range(100):
            same(c.get("/%d" % n)[0], 200, "status")
    until(lambda: len(lines(log)) + lost(p) == 100, "every line is written or told as lost")
    with open(log, "rb") as f:
        before = f.read()
    expect(before.endswith(b"\n") and 10000 < len(before) <= 20000, "%d bytes that end with %r",
           len(before), before[-50:])
    os.rename(log, log + ".old")
    p.send(signal.SIGHUP)
    until(lambda: os.path.exists(log), "the log is made again")
    get(to, "/after")
    p.stop(0)
    same([x["target"] for x in records(log)], ["/after"], "targets after the file was changed")
    records(log + ".old")


def test_a_reader_that_does_not_read(r):
    """stdout is a full pipe: the site serves on; what was dropped is told; lines stay whole."""
    out, into = os.pipe()
    p, to = r.serve(SITE % "stdout format json", stdout=into)
    os.close(into)
    fill = b"X-Fill: " + b"f" * 3000 + b"\r\n"
    with Client(to) as c:
        for n in range(1500):
            same(c.get("/%d" % n, fill)[0], 200, "status")
    until(lambda: "dropped" in p.err(), "it says that records were dropped")
    got = []

    def read():
        while True:
            more = os.read(out, 65536)
            if not more:
                return
            got.append(more)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    get(to, "/last")
    time.sleep(0.1)
    p.stop(0)
    reader.join()
    os.close(out)
    text = b"".join(got)
    expect(text.endswith(b"\n"), "the end is %r", text[-80:])
    seen = [json.loads(line)["target"] for line in text.splitlines()]
    same(len(seen) + lost(p), 1501, "lines seen and lines told as lost")


def test_a_reader_that_left(r):
    """stdout is a pipe whose reader ended: no signal, no stop."""
    out, into = os.pipe()
    p, to = r.serve(SITE % "stdout", stdout=into)
    os.close(into)
    os.close(out)
    for _ in range(20):
        same(get(to)[0], 200, "status")
    p.stop(0)


def test_same_file_twice_is_opened_once(r):
    log = r.path("log")
    p, to = r.serve(SITE % ("file \"%s\" format json" % log) +
                    "    log file \"%s\" format json\n" % log)
    get(to, "/a")
    same(len([f for f in os.listdir("/proc/%d/fd" % p.pid)
              if os.path.realpath("/proc/%d/fd/%s" % (p.pid, f)) == os.path.realpath(log)]), 1,
         "descriptors of the log")
    p.stop(0)


def test_file_modes(r):
    log = r.path("log")
    p, to = r.serve(SITE % ("file \"%s\"" % log))
    same(os.stat(log).st_mode & 0o777, 0o640, "mode of the log")
    p.stop(0)


def test_a_reader_that_naps(r):
    """The pipe is full several times, and emptied in between: no line is cut."""
    out, into = os.pipe()
    p, to = r.serve(SITE % "stdout format json", stdout=into)
    os.close(into)
    got = []
    with Client(to) as c:
        for turn in range(3):
            for n in range(60):
                fill = b"X-Fill: " + b"f" * (2900 + (7 * n) % 90) + b"\r\n"
                same(c.get("/%d-%d" % (turn, n), fill)[0], 200, "status")
            until(lambda: "not written" in p.err(), "it says that lines are lost")
            time.sleep(0.2)
            for _ in range(turn + 1):
                got.append(os.read(out, 5000))
    threading.Thread(target=lambda: p.send(signal.SIGTERM), daemon=True).start()
    while True:
        more = os.read(out, 3000)
        if not more:
            break
        got.append(more)
    same(p.wait(), 0, "exit code")
    os.close(out)
    text = b"".join(got).splitlines()
    for line in text:
        json.loads(line)
    same(len(text) + lost(p), 180, "lines seen and lines told as lost")
