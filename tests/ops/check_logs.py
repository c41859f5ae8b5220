# SPDX-License-Identifier: Apache-2.0
"""What the lines of the access log hold."""

import json
import os
import re
import threading

from rig import Client, expect, get, lines, records, same, until

SITE = """
param listen
param origin
param text default "/dev/null"
param json default "/dev/null"
global
    threads 2
    log file "${text}" format http
    log file "${json}" format json
frontend www
    bind ${listen}
    req in capture h(x-one) as one len 4000
    req in capture h(x-two) as two len 100
    rsp out capture h(x-served) as served len 100
    req in deny 403 path == "/deny"
    req in redir 302 "http://other.example/" path == "/redir"
    req in respond 200 body "x" path == "/respond"
    req in drop path == "/drop"
    req in switch more path =^ "/switch"
    req in setbe pages path == "/setbe"
    req in set X-A b path == "/set"
    default_backend pages
reqrules more
    req in deny 401 path == "/switch/deny"
    req in switch pages path == "/switch/pages"
    default_backend pages
backend pages
    server a ${origin}
"""
NAMED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "runtime", "core",
                     "log_field.def")


def line_of(text, what):
    """Number of the site line that holds <what>; the rig puts one line before the text."""
    return 1 + [i for i, line in enumerate(text.split("\n"), 1) if what in line][0]


def logged(path, n, read=lines):
    until(lambda: len(lines(path)) >= n, "%d lines in the log" % n)
    got = read(path)
    same(len(got), n, "lines in the log")
    return got


def fields():
    """The table of fields: [(type, JSON name, kinds)]."""
    with open(NAMED) as f:
        return re.findall(r'^LOG_FIELD\((\w+), \w+, "(\w+)", "(\w+)"', f.read(), re.M)


TYPES = {
    "WHEN": lambda v: re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", v),
    "ID": lambda v: re.fullmatch(r"[0-9a-f]+-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+", v),
    "ADDR": lambda v: v == "" or re.fullmatch(r"[0-9.]+:\d+", v),
    "NAME": lambda v: isinstance(v, str),
    "TEXT": lambda v: isinstance(v, str),
    "NUM": lambda v: type(v) is int and v >= 0,
    "MS": lambda v: v is None or (type(v) is int and v >= 0),
    "FLAG": lambda v: type(v) is bool,
    "END": lambda v: re.fullmatch(r"[-A-Za-z]{2}", v),
    "CAPS": lambda v: isinstance(v, dict) and all(isinstance(x, str) for x in v.values()),
}


def check_types(record, kind):
    table = [f for f in fields() if kind in f[2]]
    expect(len(table) > 10, "the table of fields was not read")
    same(set(record), {name for _, name, _ in table} | {"type"}, "members")
    for type_, name, _ in table:
        expect(TYPES[type_](record[name]), "%s is %r, which is no %s", name, record[name], type_)


def test_json_has_every_field(r):
    log = r.path("json")
    p, to = r.serve(SITE, "json=" + log)
    with Client(to) as c:
        c.get("/a?b=c", b"X-One: 1\r\n")
        c.get("/second")
        c.get("/deny")
        name = "%s:%d" % c.s.getsockname()
    first, second, denied = logged(log, 3, records)
    for record in (first, second, denied):
        check_types(record, "H")
    want = {"type": "http", "client": name, "listener": "%s:%d" % to, "frontend": "www",
            "backend": "pages", "server": "a", "server_address": r.origin.text(), "status": 200,
            "end": "--", "retries": 0, "redispatched": False, "client_reused": False,
            "server_reused": False, "captures": {"one": "1"},
            "response_captures": {"served": "yes"}, "method": "GET", "target": "/a?b=c",
            "protocol": "HTTP/1.1", "host": "x", "connections": 1, "frontend_connections": 1,
            "backend_connections": 1, "server_connections": 1, "reason": ""}
    same({k: first[k] for k in want}, want, "the first record")
    same(first["bytes_in"], len("GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-One: 1\r\n\r\n"), "bytes_in")
    expect(first["bytes_out"] > len("HTTP/1.1 200 OK\r\n\r\nok"), "bytes_out %d",
           first["bytes_out"])
    for name in ("request_ms", "queue_ms", "connect_ms", "response_ms", "total_ms"):
        expect(first[name] is not None, "%s is null", name)
    same((second["client_reused"], second["server_reused"]), (True, True), "reuse of the second")
    same((denied["status"], denied["server"], denied["server_address"], denied["connect_ms"]),
         (403, "", "", None), "the denied one")


def test_json_of_tcp(r):
    text = """
param listen
param origin
param json
global
    log file "${json}" format json
listen plain
    mode tcp
    bind ${listen}
    server a ${origin}
"""
    log = r.path("json")
    p, to = r.serve(text, "json=" + log)
    with Client(to) as c:
        same(c.get("/x")[0], 200, "status")
    until(lambda: any(x["bytes_in"] for x in records(log)), "the record of the connection")
    for record in records(log):
        check_types(record, "T")
        same(record["type"], "tcp", "type")
    record = [x for x in records(log) if x["bytes_in"]][0]
    same((record["frontend"], record["backend"], record["server"]), ("plain", "plain", "a"), "names")
    same(record["bytes_in"], len("GET /x HTTP/1.1\r\nHost: x\r\n\r\n"), "bytes_in")
    p.stop(0)


LINE = re.compile(
    rb'^[0-9.]+:\d+ \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] (\S+) (\S+)/(\S+) '
    rb'(-?\d+)/(-?\d+)/(-?\d+)/(-?\d+)/(\d+) (\d{1,3}) (\d+) (\S\S) \d+/\d+/\d+/\d+/\+?\d+ \d+/\d+'
    rb' \{([^{}]*)\}\{([^{}]*)\} "([^"]*)" id=(\S+) rule=(\S+) in=(\d+) reuse=(-|c|s|cs)$')


def test_text_line(r):
    log = r.path("text")
    p, to = r.serve(SITE, "text=" + log)
    with Client(to) as c:
        c.get("/a", b"X-One: o n\r\nX-Two: t|w\r\n")
        c.get("/deny")
    first, denied = [LINE.match(line) or expect(False, "the line is %r", line)
                     for line in logged(log, 2)]
    same(first.group(1, 2, 3, 9, 11, 12, 13, 14, 18),
         (b"www", b"pages", b"a", b"200", b"--", b"o n|t\\x7Cw", b"yes", b"GET /a HTTP/1.1", b"-"),
         "the line")
    same(denied.group(9, 16, 18), (b"403", b"site.weir:%d" % line_of(SITE, "deny 403"), b"c"),
         "the denied one")


def test_deciding_rule(r):
    log = r.path("json")
    p, to = r.serve(SITE, "json=" + log)
    cases = (("/deny", 403, "deny 403"), ("/redir", 302, "redir 302"), ("/respond", 200, "respond"),
             ("/drop", 0, "drop path"), ("/switch/deny", 401, "deny 401"),
             ("/switch/pages", 200, "switch pages"), ("/setbe", 200, "setbe"), ("/none", 200, None), ("/set", 200, None))
    for n, (path, status, what) in enumerate(cases, 1):
        same(get(to, path)[0], status, "status of " + path)
        record = logged(log, n, records)[-1]
        place = "site.weir:%d" % line_of(SITE, what) if what else ""
        same((path, record["rule"], record["status"]), (path, place, status), "rule and status")


def test_no_byte_breaks_a_line(r):
    """Each byte, in the target, in captured headers and in the method, leaves lines whole."""
    text, log = r.path("text"), r.path("json")
    p, to = r.serve(SITE, "json=" + log, "text=" + text)
    sent = 0
    for b in range(256):
        byte = bytes([b])
        for path, headers, method in ((b"/a" + byte + b"b", b"", b"GET"),
                                      (b"/", b"X-One: a" + byte + b"b\r\n", b"GET"),
                                      (b"/", b"X-Two: {" + byte + b"}|\"\\\r\n", b"GET"),
                                      (b"/", b"Host: a" + byte + b"b\r\n", b"GET"),
                                      (b"/", b"", b"G" + byte + b"T")):
            with Client(to) as c:
                c.get(path, headers, method)
                sent += 1
    until(lambda: len(lines(log)) >= sent and len(lines(text)) >= sent, "all %d lines" % sent)
    p.stop(0)
    same((len(lines(text)), len(lines(log))), (sent, sent), "lines")
    got = records(log)
    for line in lines(text):
        expect(re.fullmatch(rb"[ -~]+", line), "a control byte in %r", line)
        match = LINE.match(line)
        expect(match or b"<BADREQ>" in line, "no line of the log: %r", line)
    seen = {x["captures"].get("one") for x in got}
    for b in (0x21, 0x22, 0x5c, 0x7b, 0x80, 0xff, 0x09):
        expect("a%cb" % b in seen, "byte %d was not captured as it is", b)
    for x in got:
        check_types(x, "H")


def test_long_texts_are_cut_not_split(r):
    text, log = r.path("text"), r.path("json")
    p, to = r.serve(SITE, "json=" + log, "text=" + text)
    same(get(to, b"/" + b"u" * 7000, b"X-One: " + b"\xff" * 3500 + b"\r\n")[0], 200, "status")
    record = logged(log, 1, records)[0]
    expect(4000 < len(record["target"]) <= 4096, "%d bytes of the target", len(record["target"]))
    same(record["captures"]["one"], "\xff" * 3500, "capture")
    same(len(logged(text, 1)), 1, "text lines")
    p.stop(0)


def test_ids_are_unique(r):
    log = r.path("json")
    p, to = r.serve(SITE, "json=" + log)

    crowd = [Client(to) for _ in range(8)]

    def run(c):
        for _ in range(25):
            c.get("/respond")

    # A turn fits into one thread's ring, and each waits for the lines of the one before: none is dropped.
    for turn in range(20):
        busy = [threading.Thread(target=run, args=(c,)) for c in crowd]
        for t in busy:
            t.start()
        for t in busy:
            t.join()
        logged(log, 200 * (turn + 1))
    for c in crowd:
        c.close()
    p.stop(0)
    ids = [x["id"] for x in records(log)]
    same(len(ids), 4000, "records")
    same(len(set(ids)), 4000, "different ids")
    same(len({i.split("-")[2] for i in ids}), 2, "threads that served")


LEVELS = """
param listen
param origin
param low
param high
global
    log file "${low}" format json
    log file "${high}" format json level debug
frontend www
    bind ${listen}
    req in log debug path == "/debug"
    req in log silent path == "/silent"
    req in log err path == "/err"
    req in respond 200 body "x"
"""


def test_levels(r):
    low, high = r.path("low"), r.path("high")
    p, to = r.serve(LEVELS, "low=" + low, "high=" + high)
    for path in ("/debug", "/silent", "/err", "/plain"):
        get(to, path)
    p.stop(0)
    same([x["target"] for x in records(low)], ["/err", "/plain"], "level info")
    same([x["target"] for x in records(high)], ["/debug", "/err", "/plain"], "level debug")


def test_log_off(r):
    text = """
param listen
param other
param file
global
    log file "${file}" format json
frontend quiet
    bind ${listen}
    log off
    req in respond 200 body "q"
frontend loud
    bind ${other}
    req in respond 200 body "l"
"""
    log, port = r.path("log"), r.port()
    p, to = r.serve(text, "file=" + log, "other=" + r.at(port))
    same(get(to)[2], b"q", "body")
    same(get((r.host, port))[2], b"l", "body")
    p.stop(0)
    same([x["frontend"] for x in records(log)], ["loud"], "frontends in the log")


def test_stdout_in_both_forms(r):
    for form in ("http", "json"):
        text = """
param listen
global
    log stdout format %s
frontend www
    bind ${listen}
    req in respond 200 body "x"
""" % form
        p, to = r.serve(text)
        get(to, "/one")
        get(to, "/two")
        p.stop(0)
        got = p.out().split(b"\n")
        same(len(got), 3, "lines")
        for line, path in zip(got, ("/one", "/two")):
            seen = json.loads(line)["target"] if form == "json" else line.split(b'"')[1].decode()
            expect(path in seen, "%s is not in %r", path, line)


def test_reasons_of_bad_requests(r):
    log = r.path("json")
    p, to = r.serve(SITE, "json=" + log)
    with Client(to) as c:
        c.s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        same(c.read()[0], 400, "status")
    record = logged(log, 1, records)[0]
    check_types(record, "H")
    expect(record["reason"], "no reason is told")
    expect(record["end"] != "--", "the end is %s", record["end"])
