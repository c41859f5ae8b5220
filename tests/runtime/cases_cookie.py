# SPDX-License-Identifier: Apache-2.0
"""Stickiness by cookie: each gets a rig.World. Servers answer with their name and the Cookie lines that they got."""

import os

from cases import case
from cases_check import Health
from cases_control import ask, connect
from rig import keeps_answering, refused_address, same


def names(name, *fields):
    """A script: answers with <name> and the Cookie lines, with <fields>."""
    def script(peer, _):
        while True:
            head, _ = peer.request()
            body = "|".join([name] + head.all("cookie"))
            peer.send("HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % ("".join(f + "\r\n" for f in fields), len(body), body))
    return script


def start(w, *fields, **params):
    w.start("cookie", a=w.origin(names("a", *fields)).address, control="unix@" + os.path.join(w.folder, "control"),
            **dict({"b": w.origin(names("b", *fields)).address}, **params))


def fetch(w, path="/", *fields, method="GET"):
    """(body, Set-Cookie lines, head)"""
    c = w.client()
    c.send("%s %s HTTP/1.1\r\nHost: h\r\n%sContent-Length: 0\r\n\r\n" % (method, path, "".join("Cookie: %s\r\n" % f for f in fields)))
    head, body = c.answer()
    same(head.status, 200, path)
    c.close()
    return body.decode(), head.all("set-cookie"), head


def logged(w, states):
    same([l["cookie"] for l in w.log(len(states))], states, "states")


@case(plain=True)
def cookie_is_inserted_and_followed(w):
    start(w)
    body, cookies, head = fetch(w)
    same((body, cookies, head.get("cache-control")), ("a", ["SRV=a; Path=/"], "private"))
    body, cookies, head = fetch(w, "/", "x=1; SRV=second; y=2")
    same((body, cookies, head.get("cache-control")), ("b|x=1; y=2", [], None))
    same(head.get("x-seen"), "second", "rules of the answer see the client's request")
    same(fetch(w, "/", "SRV=second")[0], "b", "no Cookie line is left")
    same(fetch(w, "/", "a", "SRV=second;SRV=second; b =2;")[0], "b|a|b =2", "what others are stays as it is")
    same(fetch(w, "/", "SRV=b")[:2], ("a", ["SRV=a; Path=/"]), "the name is not the value of one that has its own")
    same(fetch(w, "/", "SRV=b; SRV=second")[:2], ("b", []), "the first that is good")
    same(fetch(w, "/", "srv=second; SRVX=second; XSRV=second; SRV")[0], "a|srv=second; SRVX=second; XSRV=second", "names are exact")
    logged(w, ["NI", "VN", "VN", "VN", "II", "VN", "II"])


@case(plain=True)
def cookie_of_a_disabled_server_is_renewed(w):
    start(w)
    c = connect(w)
    ask(c, "server insert/b disable")
    same(fetch(w, "/", "SRV=second")[:2], ("a", ["SRV=a; Path=/"]))
    ask(c, "server insert/b enable")
    same(fetch(w, "/", "SRV=second")[:2], ("b", []))
    logged(w, ["DI", "VN"])


@case(plain=True)
def cookie_of_a_server_that_refuses_is_renewed(w):
    closed, address = refused_address()
    start(w, b=address)
    same(fetch(w, "/", "SRV=second")[:2], ("a", ["SRV=a; Path=/"]))
    logged(w, ["VI"])
    same(w.log()[0]["redispatched"], True)
    closed.close()


@case(plain=True)
def cookie_of_a_server_that_is_given_up_while_waiting_is_renewed(w):
    a = Health(b"a", held=True)
    w.start("cookie", a=w.origin(a.script).address, b=w.origin(names("b")).address,
            control="unix@" + os.path.join(w.folder, "control"))
    first, second = w.client(), w.client()
    first.send(b"GET /held HTTP/1.1\r\nHost: h\r\nCookie: SRV=a\r\n\r\n")
    a.reached(1)
    second.send(b"GET /held HTTP/1.1\r\nHost: h\r\nCookie: SRV=a\r\n\r\n")
    w.eventually(lambda: fetch(w, "/qlen")[0] == "1", "it waits")
    ask(connect(w), "server held/a disable")
    head, body = second.answer()
    same((body, head.all("set-cookie")), (b"b", ["SRV=b; Path=/"]))
    a.release()
    head, body = first.answer()
    same((body, head.all("set-cookie")), (b"a", []))


@case(plain=True)
def cookie_with_attributes_is_seen_by_the_server(w):
    start(w, "Set-Cookie: SRV=own; Path=/x", "Set-Cookie: other=1")
    same(fetch(w, "/plain")[:2],
         ("a", ["other=1", "SRV=a; Path=/; Domain=example.com; HttpOnly; Secure; SameSite=Lax"]))
    body, cookies, head = fetch(w, "/plain", "SRV=b")
    same((body, cookies, head.get("cache-control")), ("b|SRV=b", ["other=1"], None))
    logged(w, ["NI", "VD"])


@case(plain=True)
def cookie_of_the_server_is_rewritten(w):
    start(w, "Set-Cookie: SID=secret; Path=/x; HttpOnly", "Set-Cookie: other=SID=1", "Set-Cookie: SID")
    body, cookies, head = fetch(w, "/rewrite", "SID=b")
    same((body, cookies), ("b|SID=b", ["SID=b; Path=/x; HttpOnly", "other=SID=1", "SID"]))
    same(head.get("cache-control"), "private")
    same(fetch(w, "/rewrite", "SID=none")[1][0], "SID=a; Path=/x; HttpOnly")
    logged(w, ["VR", "IR"])


@case(plain=True)
def cookie_of_the_server_gets_a_prefix(w):
    start(w, "Set-Cookie: SID=s1~x; Path=/x")
    same(fetch(w, "/prefix")[:2], ("a", ["SID=a~s1~x; Path=/x"]))
    same(fetch(w, "/prefix", "SID=b~s1~x; o=1~2")[:2], ("b|SID=s1~x; o=1~2", ["SID=b~s1~x; Path=/x"]))
    same(fetch(w, "/prefix", "SID=s1")[0], "a|SID=s1", "one from before")
    same(fetch(w, "/prefix", "SID=zz~s1")[0], "a|SID=s1", "of a server that is gone")
    logged(w, ["NR", "VR", "NR", "IR"])


@case(plain=True)
def cookie_only_in_answers_to_post(w):
    start(w)
    same(fetch(w, "/post")[:2], ("a", []))
    same(fetch(w, "/post", method="POST")[:2], ("a", ["SRV=a; Path=/"]))
    logged(w, ["NN", "NI"])


@case(plain=True)
def cookies_that_are_too_many_or_long(w):
    start(w)
    body, _, _ = fetch(w, "/", "; ".join(["SRV=none"] * 500) + "; SRV=second; z=1")
    same(body, "b|z=1")
    same(fetch(w, "/", "; SRV=second", ";x;;SRV=b;")[0], "b|x;", "as weir explain says (with a blank behind)")
    body, _, _ = fetch(w, "/", "k=%s; SRV=second;;; =;" % ("v" * 8000))
    same(body, "b|k=%s; ; ; =" % ("v" * 8000))
