# SPDX-License-Identifier: Apache-2.0
"""Rows of the language on a real binary. The name of a case begins with the mission row that it shows."""

from cases import case
from rig import expect, same
from rig_h2 import H2


def telling(peer, number):
    """A script: the answer tells the request's line and its fields."""
    while True:
        head, _ = peer.request()
        lines = "\n".join([head.line] + ["%s: %s" % (n.lower(), v) for n, v in head.fields])
        location = "Location: /back\r\n" if " /loc" in head.line else ""
        peer.send("HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (location, len(lines), lines))


class Got:
    def __init__(self, head, body):
        self.head, text = head, body.decode("latin-1").split("\n")
        self.line, self.fields = text[0], [tuple(x.split(": ", 1)) for x in text[1:] if ": " in x]

    def all(self, name):
        return [v for n, v in self.fields if n == name]


def start(w):
    w.start("language", binds=("listen", "two", "h2"), origin=w.origin(telling).address)


def ask(w, target, host="h", method="GET", bind="listen", fields=()):
    if bind == "listen" and getattr(w, "over_h2", False):
        c = H2(w, "h2")
        head = c.get(target, host=host, method=method, fields=fields)
        c.close()
        return Got(head, head.body)
    c = w.client(bind)
    c.send("%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (method, target, host, "".join("%s: %s\r\n" % f for f in fields)))
    head, body = c.answer(none=method == "HEAD")
    c.close()
    return Got(head, body)


@case
def s02_requests_go_out_as_they_come_back(w):
    start(w)
    got = ask(w, "/")
    same((got.all("x-way"), got.head.all("x-back")), (["f", "b"], ["b", "f"]))


@case
def s03_a_chain_of_rules_reaches_its_backend(w):
    start(w)
    same(ask(w, "/chain").all("x-way"), ["f", "1", "2", "b"])


@case
def refused_requests_pass_no_rules(w):
    """Nothing of a request that is not valid is asked, also when its line is good enough for the log."""
    start(w)
    for target, fields in (("//..?q", ()), ("/", (("Host", "other"),))):
        head = ask(w, target, fields=fields).head
        same((head.status, head.all("x-back")), (400, []), target)


@case
def s05_the_first_choice_of_a_backend_holds(w):
    start(w)
    same(ask(w, "/chain").head.all("x-backend"), [])


@case
def s10_a_listen_runs_its_rules_once(w):
    start(w)
    got = ask(w, "/", bind="two")
    same((got.all("x-way"), got.head.all("x-back")), (["l"], ["l"]))


@case
def s14_error_pages_are_the_backends_else_the_frontends(w):
    start(w)
    for target, page in (("/page/own", "back page"), ("/page/none", "front page")):
        got = ask(w, target)
        same((got.head.status, got.line), (503, page))


@case
def s23_what_is_set_on_the_way_out_is_not_seen_on_the_way_in(w):
    start(w)
    got = ask(w, "/")
    same((got.all("x-out"), got.all("x-tested"), got.head.all("x-in-saw"), got.head.all("x-late")), (["seen"], ["yes"], [""], ["late"]))


@case
def s27_a_condition_of_and_and_or(w):
    """The truth table: OPTIONS or not, a valid method or not, "*" or not, a path or not."""
    start(w)
    for method, target, status in (("OPTIONS", "*", 200), ("OPTIONS", "/", 200), ("GET", "/", 200), ("POST", "/x", 200), ("PUT", "/", 418),
                                   ("DELETE", "/", 418), ("get", "/", 418), ("GETX", "/", 418)):
        same(ask(w, target, method=method, fields=(("Content-Length", "0"),)).head.status, status, (method, target))


@case
def s28_conditions_after_on(w):
    start(w)
    for host, target, line, sent in (("www", "/img/a", "GET /a ", "images"), ("dev.x", "/img", "GET / ", "images"),
                                     ("a.preprod.b", "/x/img", "GET /x/img ", "images"), ("other", "/img/a", "GET /img/a ", "other"),
                                     ("www", "/imgs/a", "GET /imgs/a ", "www"), ("xwww", "/img/a", "GET /img/a ", "xwww"),
                                     ("WWW", "/IMG/a", "GET /IMG/a ", "images"), ("images", "/a", "GET /a ", "images")):
        got = ask(w, target, host=host)
        same((got.line.startswith(line), got.all("host")), (True, [sent]), (host, target, got.line))


@case
def s29_actions_of_one_line_share_its_test(w):
    start(w)
    got = ask(w, "/both/x")
    same((got.line, got.all("x-both")), ("GET /x HTTP/1.1", ["1"]))
    got = ask(w, "/bothx")
    same((got.line, got.all("x-both")), ("GET /bothx HTTP/1.1", []))


@case
def s30_backend_and_prefix_change_together(w):
    start(w)
    for target, line, backend in (("/watch/x?y", "GET /x?y HTTP/1.1", ["watch"]), ("/watched/x", "GET /watched/x HTTP/1.1", []),
                                  ("/chat/x", "GET /x HTTP/1.1", ["watch"]), ("/images/x?y", "GET /x?y HTTP/1.1", ["watch"]),
                                  ("/event/x", "GET /event/x HTTP/1.1", ["watch"])):
        got = ask(w, target)
        same((got.line, got.head.all("x-backend")), (line, backend), target)


@case
def s33_rewrites_use_their_groups_and_make_messages(w):
    start(w)
    same(ask(w, "/user/ann").line, "GET /u?name=ann HTTP/1.1")
    same(ask(w, "/line", fields=(("Content-Length", "0"),)).line, "POST /posted HTTP/1.1")
    got = ask(w, "/broken")
    expect(got.head.status in (400, 500), "a line that is none is never sent", got.head.status)


@case
def s34_edits_of_none_one_and_two_headers(w):
    start(w)
    two = (("X-List", "a"), ("X-List", "b"), ("X-One", "p"), ("X-One", "q"), ("X-Gone", "1"), ("x-gone", "2"), ("X-Del-A", "y"),
           ("X-Del-B", "n"), ("X-Three", "a"), ("X-Three", "abb"), ("X-Three", "c"))
    got = ask(w, "/", host="edits", fields=two)
    same([got.all(n) for n in ("x-list", "x-one", "x-gone", "x-del-a", "x-del-b", "x-three")],
         [["a", "b", "c"], ["only"], [], [], ["n"], ["a", "a<bb>", "c"]], "two and more; S16: the others keep their place")
    got = ask(w, "/", host="edits", fields=(("X-List", "a"), ("X-One", "p"), ("X-Gone", "1"), ("X-Del-A", "y")))
    same([got.all(n) for n in ("x-list", "x-one", "x-gone", "x-del-a", "x-three")], [["a", "c"], ["only"], [], [], []], "one")
    got = ask(w, "/", host="edits")
    same([got.all(n) for n in ("x-list", "x-one", "x-gone", "x-del-a", "x-three")], [["c"], ["only"], [], [], []], "none")


@case
def s15_captures_stay_with_the_front(w):
    """What the front captured is logged with the backend that was chosen afterwards, and seen there."""
    start(w)
    ask(w, "/watch/x", fields=(("X-Note", "kept"),))
    line = w.log(1)[0]
    same((line["frontend"], line["backend"]), ("f", "watch"))
    same(line["captures"], {"before": "/watch/x", "note": "kept"})


@case
def s31_a_remap_without_a_new_prefix_keeps_the_path(w):
    start(w)
    got = ask(w, "/event/x?y=1")
    same((got.line, got.head.get("x-backend")), ("GET /event/x?y=1 HTTP/1.1", "watch"))
    same(ask(w, "/chat/x?y=1").line, "GET /x?y=1 HTTP/1.1")


@case
def s35_deny_of_an_answer_is_502(w):
    start(w)
    same(ask(w, "/secret").head.status, 502)
    same(ask(w, "/", method="PUT", fields=(("Content-Length", "0"),)).head.status, 418)


@case
def s37_answers_are_mapped_back(w):
    start(w)
    same(ask(w, "/watch/loc").head.all("location"), ["/watch/back"])
    head = ask(w, "/status").head
    same((head.status, head.line), (203, "HTTP/1.1 203 mapped"))


@case
def s38_captures_before_and_after_an_edit(w):
    start(w)
    head = ask(w, "/s38/before", host="s38", fields=(("X-Note", "n"),)).head
    same([head.get(n) for n in ("x-before", "x-now", "x-note")], ["/s38/before", "/s38/after", "n"])
    head = ask(w, "/s38/off", host="s38", fields=(("X-Note", "n"),)).head
    same(head.get("x-note"), "", "a capture whose condition is false is empty")


@case
def s39_rep_connection_closes_what_asked_to_stay(w):
    start(w)
    c = w.client()
    c.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    same(c.answer()[0].all("connection"), [])
    c.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: Keep-Alive\r\n\r\n")
    head, _ = c.answer()
    same(head.get("connection"), "close")
    expect(c.at_end(), "the connection ends")


@case
def s67_a_head_that_outgrows_its_limit_is_refused_never_cut(w):
    start(w)
    for n, status in ((100, 200), (1000, 200), (12000, 500)):
        got = ask(w, "/grow", fields=[("x-grow", "g" * n)])
        same(got.head.status, status, "%d bytes" % n)
        same(got.all("x-grown"), ["g" * 8 * n] if status == 200 else [])


# -- over HTTP/2 (S72): the same rules, the same answers

def over_h2(function):
    def run(w):
        w.over_h2 = True
        function(w)
    run.__name__ = function.__name__ + "_over_h2"
    return case(run)


for row in (s02_requests_go_out_as_they_come_back, s03_a_chain_of_rules_reaches_its_backend, s05_the_first_choice_of_a_backend_holds,
            s14_error_pages_are_the_backends_else_the_frontends, s15_captures_stay_with_the_front,
            s23_what_is_set_on_the_way_out_is_not_seen_on_the_way_in, s27_a_condition_of_and_and_or, s28_conditions_after_on,
            s29_actions_of_one_line_share_its_test, s30_backend_and_prefix_change_together,
            s31_a_remap_without_a_new_prefix_keeps_the_path, s33_rewrites_use_their_groups_and_make_messages,
            s34_edits_of_none_one_and_two_headers, s35_deny_of_an_answer_is_502, s38_captures_before_and_after_an_edit,
            s67_a_head_that_outgrows_its_limit_is_refused_never_cut):
    over_h2(row)


@case
def s37_answers_are_mapped_back_over_h2(w):
    w.over_h2 = True
    start(w)
    same(ask(w, "/watch/loc").head.all("location"), ["/watch/back"])
    same(ask(w, "/status").head.status, 203, "HTTP/2 has no reason to show")
