# SPDX-License-Identifier: Apache-2.0
"""Sets and maps that change while the site runs: each gets a rig.World."""

import json
import os
import threading

from cases import case
from cases_control import ask, connect, path
from rig import expect, same

REQUEST = b"GET / HTTP/1.1\r\nHost: %b\r\nX-Q: %b\r\n\r\n"
REFUSED = "error: "
MANY = 99998     # values that many.txt gives the set of that name


def tells(name):
    """An origin's script: answers with its name and the fields X-… of the request, in order."""
    def script(peer, number):
        while True:
            head, _ = peer.request()
            text = name + b"".join(b" %s=%s" % (n.lower().encode(), head.get(n).encode())
                                   for n in ("x-word", "x-many", "x-agent", "x-net", "x-same", "x-starts", "x-size", "x-expr",
                                             "x-code", "x-place") if head.get(n))
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
    return script


def start(w, **params):
    w.start("dynamic", a=w.origin(tells(b"a")).address, b=w.origin(tells(b"b")).address,
            control="unix@" + path(w), **params)
    return connect(w)


def told(w, q=b"-", host=b"h"):
    c = w.client()
    c.send(REQUEST % (host, q))
    got = c.answer()[1].split()
    c.close()
    return {p.split(b"=")[0].decode(): p.split(b"=")[1].decode() for p in got[1:]} | {"to": got[0].decode()}


def refused(c, line):
    got = ask(c, line)
    expect(len(got) == 1 and got[0].startswith(REFUSED), line, got)


def done(c, *lines):
    for line in lines:
        same(ask(c, line), [], line)


@case
def dynamic_sets_begin_as_written_and_change(w):
    c = start(w, threads=2)
    shown = [json.loads(l) for l in ask(c, "json show sets")]
    same(sorted((s.get("set") or s["map"], s["kind"], s["entries"]) for s in shown),
         [("agents", "text", 0), ("both", "text", 1), ("codes", "text", 1), ("exprs", "regex", 1), ("hosts", "text", 2),
          ("many", "text", MANY), ("nets", "address", 1), ("places", "address", 1), ("sizes", "number", 2), ("words", "text", 2)], "show sets")
    same(ask(c, "set list words"), ["value=one", "value=Two"])
    same(ask(c, "set list sizes"), ["value=3", "value=10:20"])
    same(ask(c, "set list nets"), ["value=192.0.2.0/24"])
    same(told(w, b"one").get("x-word"), "yes")
    same(told(w, b"TWO").get("x-word"), "yes")
    same(told(w, b"new").get("x-word"), None)
    done(c, "set add words new", "set add words new", "set del words one", "set add agents bot")
    same(ask(c, "set list words"), ["value=Two", "value=new"])
    same((told(w, b"new").get("x-word"), told(w, b"NEW").get("x-word")), ("yes", "yes"), "as values of the configuration")
    same(told(w, b"one").get("x-word"), None)
    same(told(w, b"a robot!").get("x-agent"), "yes")
    done(c, "set clear words", "set clear agents")
    same(ask(c, "set list words"), [])
    same(told(w, b"new").get("x-word"), None)
    same(told(w, b"a robot!").get("x-agent"), None)


@case
def one_name_asked_in_two_ways_changes_in_both(w):
    c = start(w)
    same({n: v for n, v in told(w, b"same").items() if n in ("x-same", "x-starts")}, {"x-same": "yes", "x-starts": "yes"})
    done(c, "set add both ot")
    same(told(w, b"other").get("x-starts"), "yes")
    same(told(w, b"other").get("x-same"), None)
    same(told(w, b"ot").get("x-same"), "yes")
    done(c, "set del both same")
    same((told(w, b"same").get("x-same"), told(w, b"same").get("x-starts")), (None, None))


@case
def dynamic_addresses_numbers_and_expressions(w):
    c = start(w)
    same(told(w).get("x-net"), None)
    done(c, "set add nets 127.0.0.0/8", "set add nets 2001:db8::/32", "map set places 127.0.0.0/8 lo")
    same((told(w).get("x-net"), told(w)["x-place"]), ("yes", "lo"))
    done(c, "map set places 0.0.0.0/0 all")
    same(told(w)["x-place"], "lo", "the longest")
    done(c, "map del places 127.0.0.0/8", "set del nets 127.0.0.0/255.0.0.0")
    same((told(w).get("x-net"), told(w)["x-place"]), (None, "all"))
    same(ask(c, "set list nets"), ["value=192.0.2.0/24", "value=2001:db8::/32"])
    same([told(w, b"x" * n).get("x-size") for n in (2, 3, 9, 10, 20, 21)], [None, "yes", None, "yes", "yes", None])
    done(c, "set add sizes 21", "set del sizes 10:20")
    same([told(w, b"x" * n).get("x-size") for n in (3, 10, 21)], ["yes", None, "yes"])
    same([told(w, q).get("x-expr") for q in (b"x12", b"y12")], ["yes", None])
    done(c, "set add exprs ^y(?:[0-9]+)$", "set del exprs ^x([0-9]+)$")
    same([told(w, q).get("x-expr") for q in (b"x12", b"y12")], [None, "yes"])


@case
def dynamic_maps_choose_texts_and_backends(w):
    c = start(w)
    same([told(w, q)["x-code"] for q in (b"x", b"y")], ["first", "none"])
    done(c, "map set codes y second", "map set codes x  another")
    same(ask(c, "map list codes"), ["key=x value=another", "key=y value=second"])
    same([told(w, q)["x-code"] for q in (b"x", b"y")], ["another", "second"])
    same([told(w, host=h)["to"] for h in (b"a.example", b"b.example", b"c.b.example", b"new")], ["a", "b", "b", "a"])
    done(c, "map set hosts new b", "map set hosts c.b.example a", "map del hosts a.example")
    same([told(w, host=h)["to"] for h in (b"b.example", b"c.b.example", b"new")], ["b", "a", "b"])
    for line in ("map set hosts more nowhere", "map set hosts more main", "map set hosts more a b"):
        refused(c, line)
    same(ask(c, "map list hosts"), ["key=b.example value=b", "key=new value=b", "key=c.b.example value=a"])
    done(c, "map clear hosts")
    same(told(w, host=b"b.example")["to"], "a")


@case
def dynamic_changes_that_are_wrong_change_nothing(w):
    c = start(w)
    before = ask(c, "show sets")
    for line in ("set add nets 300.1.1.1", "set add nets x", "set add sizes x", "set add sizes 9:3", "set add exprs (",
                 "set add exprs [", "set add nothing x", "set add codes x", "map set words x y", "set list nothing",
                 "map list words", "set clear nothing", "map clear words", "set del words nothing", "map del codes none",
                 "map del hosts none", "set add words", "set add", "set", "map", "set clear words x", "set list words x",
                 "map set codes x", "map set codes", "set turn words x", "map add codes x y", "set add words a\x00b"):
        refused(c, line)
    same(ask(c, "show sets"), before)


def replaced(c, what, *entries):
    """The answer to a replacement by <entries>."""
    c.send(what + "\n")
    return ask(c, "\n".join(entries) + "\n")


@case
def dynamic_sets_and_maps_are_replaced_at_once(w):
    c = start(w, threads=2)
    same(replaced(c, "set replace words", "three", "four", "three"), [])
    same(ask(c, "set list words"), ["value=three", "value=four"])
    same([told(w, q).get("x-word") for q in (b"one", b"three")], [None, "yes"])
    same(replaced(c, "map replace codes", "x other", "z  last of all"), [])
    same(ask(c, "map list codes"), ["key=x value=other", "key=z value=last of all"])
    same(replaced(c, "set replace both", "sa"), [])
    same((told(w, b"same").get("x-same"), told(w, b"same").get("x-starts")), (None, "yes"))
    same(replaced(c, "set replace words"), [], "by nothing")
    same(ask(c, "set list words"), [])
    many = ["m%d" % i for i in range(20000)]
    same(replaced(c, "set replace many", *many), [])
    same(len(ask(c, "set list many")), 20000)
    same([told(w, q).get("x-many") for q in (b"m0", b"m19999", b"w0")], ["yes", "yes", None])
    for line in ("set replaced, 2 entries", "map replaced, 2 entries", "set replaced, 20000 entries"):
        w.eventually(lambda: "control: %s (uid %d, pid %d)" % (line, os.getuid(), os.getpid()) in w.stderr(), line)
    done(c, "set add words quit")
    w.eventually(lambda: "control: set add words quit (uid" in w.stderr(), "log")


@case
def a_replacement_with_a_fault_changes_nothing(w):
    c = start(w)
    before = ask(c, "show sets")
    for what, entries, why in (("set replace nets", ("10.0.0.0/8", "10.0.0.999", "x"), "line 2: "), ("map replace codes", ("a b", "a c"), "line 2: this key"),
                               ("map replace codes", ("a b", "c"), "line 2: KEY VALUE"), ("map replace hosts", ("x nowhere",), "line 1: no such target"),
                               ("set replace exprs", ("a", "(", "b"), "line 2: ")):
        got = replaced(c, what, *entries)
        expect(len(got) == 1 and got[0].startswith(REFUSED + why), what, got)
        same(ask(c, "show sets"), before)
    refused(c, "set replace nothing")
    refused(c, "map replace words")
    refused(c, "set replace words x")
    other = connect(w)
    c.send("set replace words\nhalf\n")
    expect("another client" in ask(other, "set replace words")[0], "clients are served in the order in which they came")
    done(other, "set add words more")
    c.close()                       # without an end: as if it had not begun
    w.eventually(lambda: replaced(other, "set replace words", "whole") == [], "the next one may begin")
    same(ask(other, "set list words"), ["value=whole"])


@case
def dynamic_sets_have_a_limit(w):
    c = start(w)
    done(c, "set add many x1", "set add many x2", "set add many x1")
    refused(c, "set add many x3")
    same([told(w, q).get("x-many") for q in (b"w0", b"w99997", b"x2", b"x3")], ["yes", "yes", "yes", None])
    done(c, "set del many w5", "set add many x3")
    same([told(w, q).get("x-many") for q in (b"w5", b"x3")], [None, "yes"])
    same(len(ask(c, "set list many")), MANY + 2)
    done(c, "set clear many")
    same([told(w, q).get("x-many") for q in (b"w0", b"x3")], [None, None])


@case
def dynamic_changes_while_requests_run(w):
    c = start(w, threads=3)
    end, wrong = threading.Event(), []

    def asks(q, allowed):
        try:
            client = w.client()
            while not end.is_set():
                client.send(REQUEST % (b"b.example", q))
                text = client.answer()[1]
                if text.split()[0] not in (b"a", b"b") or not any(b"x-code=" + v in text for v in allowed):
                    wrong.append(text)
        except Exception as e:      # told by the test's own thread
            wrong.append(e)
    threads = [threading.Thread(target=asks, args=(q, (b"none", b"first", b"second")))
               for q in (b"x", b"y", b"x", b"new")]
    for t in threads:
        t.start()
    for i in range(300):
        done(c, "map set codes x second", "map set codes y first", "map del codes y", "map set codes x first",
             "set add words new", "set clear words", "map set hosts b.example a", "map set hosts b.example b",
             "set add exprs ^new%d$" % i, "set del exprs ^new%d$" % i, "map clear codes")
    end.set()
    for t in threads:
        t.join()
    same(wrong, [], "answers")
    expect(os.path.exists(path(w)), "control")
