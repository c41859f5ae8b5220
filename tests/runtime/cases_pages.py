# SPDX-License-Identifier: Apache-2.0
"""respond stats and respond metrics: each gets a rig.World."""

import re

from cases import GET, case
from cases_queue import Gate
from rig import answers, expect, keeps_answering, refused_address, same

SAMPLE = re.compile(r'^([a-z_:][a-z0-9_:]*)((?:\{(?:[a-z_]+="(?:[^"\\\n]|\\[n"\\])*",?)+\})?) ([0-9]+)$')


def metrics(w, bind="listen"):
    """{name and labels: value} as a strict reader of the text form sees them."""
    c = w.client(bind)
    c.send(GET % b"/metrics")
    head, body = c.answer()
    c.close()
    same((head.status, head.get("content-type")), (200, "text/plain; version=0.0.4; charset=utf-8"))
    values, typed, told = {}, {}, set()
    text = body.decode()
    expect(text.endswith("\n"), "the last line has no end")
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            expect(name not in typed and kind in ("counter", "gauge"), line)
            typed[name] = kind
        elif line.startswith("# HELP "):
            told.add(line.split()[2])
        else:
            m = SAMPLE.match(line)
            expect(m and m.group(1) in typed and m.group(1) in told, "line", line)
            expect(m.group(1) + m.group(2) not in values, "twice", line)
            expect((typed[m.group(1)] == "counter") == m.group(1).endswith("_total"), "name and type", line)
            values[m.group(1) + m.group(2)] = int(m.group(3))
    return values


def start(w, origin, **params):
    w.start("pages", binds=("listen", "listen_one"), origin=origin, **params)


@case
def metrics_count_requests_and_rules(w):
    start(w, w.origin(keeps_answering()).address, threads=2)
    for _ in range(3):
        c = w.client()
        for path in (b"/a", b"/denied", b"/b"):
            c.send(GET % path)
            c.answer()
        c.close()
    w.log(9)
    got = metrics(w)
    same(got['weir_frontend_requests_total{frontend="main"}'], 9)
    same(got['weir_frontend_responses_total{frontend="main",code="2xx"}'], 6)
    same(got['weir_frontend_responses_total{frontend="main",code="4xx"}'], 3)
    same(got['weir_frontend_errors_total{frontend="main",kind="refused"}'], 3)
    same(got['weir_backend_requests_total{backend="plain"}'], 6)
    same(got['weir_server_requests_total{backend="plain",server="a"}'], 6)
    same(got['weir_server_requests_total{backend="plain",server="b"}'], 0)
    same(got['weir_frontend_requests_total{frontend="whole"}'], 0)
    same(got['weir_frontend_connections_total{frontend="main"}'], 4)
    rules = {k: v for k, v in got.items() if k.startswith("weir_rule_runs_total")}
    same(sorted(rules.values()), [0, 0, 1, 3], rules)
    expect(all('file="pages.weir",line="' in k for k in rules), "labels", rules)
    expect(got["weir_copies_total"] >= 6 and got["weir_copied_bytes_total"] >= 30 and got["weir_spliced_bytes_total"] == 0, "S89",
           got)
    expect(got["weir_threads"] == 2 and got['weir_pool_objects{pool="exchange",state="in_use"}'] >= 1, "site", got)
    same(metrics(w)['weir_frontend_requests_total{frontend="main"}'], 10)


@case
def S12_a_listen_is_counted_once_on_each_side(w):
    gate = Gate()
    start(w, w.origin(gate.script).address, threads=2)
    clients = [w.client("listen_one") for _ in range(10)]
    for c in clients:
        c.send(GET % b"/x")
    gate.reached(10)
    got = metrics(w)
    same((got['weir_frontend_connections{frontend="whole"}'], got['weir_backend_requests{backend="whole"}'],
          got['weir_server_requests{backend="whole",server="a"}']), (10, 10, 10))
    same(got["weir_connections"], 11)
    gate.open(10)
    for c in clients:
        c.answer()


@case
def S13_errors_are_counted_where_they_belong(w):
    """A server that fails moves the back side's counters alone, a client that leaves the front side's."""
    keep, address = refused_address()
    start(w, address)
    c = w.client()
    c.send(GET % b"/a")
    same(c.answer()[0].status, 503)
    w.log(1)
    got = metrics(w)
    same(got['weir_backend_errors_total{backend="plain",kind="connect"}'], 1)
    same(got['weir_server_errors_total{backend="plain",server="a",kind="connect"}'], 1)
    same(sum(v for k, v in got.items() if k.startswith("weir_frontend_errors_total")), 0)
    c = w.client()
    c.send(b"GET /slow HTTP/1.1\r\nHo")
    c.close()
    w.log(3)
    got = metrics(w)
    same(got['weir_frontend_errors_total{frontend="main",kind="client"}'], 1)
    same(sum(v for k, v in got.items() if k.startswith("weir_backend_errors_total")), 1)
    keep.close()


@case
def S13_bad_answers_are_the_servers(w):
    start(w, w.origin(answers(b"rubbish\r\n\r\n")).address)
    c = w.client()
    c.send(GET % b"/a")
    same(c.answer()[0].status, 502)
    w.log(1)
    got = metrics(w)
    same(got['weir_backend_errors_total{backend="plain",kind="response"}'], 1)
    same(sum(v for k, v in got.items() if k.startswith("weir_frontend_errors_total")), 0)


@case
def stats_are_a_page_of_their_own(w):
    start(w, w.origin(keeps_answering()).address)
    c = w.client()
    c.send(GET % b"/a")
    c.answer()
    w.log(1)
    for _ in range(2):
        c.send(GET % b"/stats")
        head, body = c.answer()
    same((head.status, head.get("content-type"), head.get("cache-control")), (200, "text/html; charset=utf-8", "no-store"))
    text = body.decode()
    expect(text.startswith("<!doctype html>") and text.rstrip().endswith("</html>"), "whole", text)
    for name in ("main", "whole", "plain", "a", "b (disabled)"):
        expect("<td>%s<td>" % name in text, name, text)
    expect("script" not in text and "http:" not in text and "src=" not in text, "nothing from elsewhere", text)
    c.send(b"HEAD /stats HTTP/1.1\r\nHost: h\r\n\r\n")
    same(c.answer(none=True)[0].status, 200)
    c.send(b"GET /stats HTTP/1.0\r\nHost: h\r\n\r\n")
    head = c.head()
    same(head.get("transfer-encoding"), None)
    expect(c.rest().endswith(b"</html>\n"), "to an old client")
