# SPDX-License-Identifier: Apache-2.0
"""Regular expressions on a real binary: which engine decides shows where a matcher would give up."""

from cases import case
from rig import same

LONG = "a" * 200


def telling(peer, number):
    while True:
        head, _ = peer.request()
        text = head.get("x-new") or "-"
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))


def ask(w, target):
    c = w.client()
    c.send("GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % target)
    head, body = c.answer()
    c.close()
    return head.status, head.get("location") or body.decode("latin-1")


@case
def s103_automata_decide_where_a_matcher_would_give_up(w):
    w.start("regex", origin=w.origin(telling).address)
    same(ask(w, "/plain/%sb" % LONG)[0], 403)
    same(ask(w, "/plain/%sd" % LONG), (200, "-"))


@case
def s103_groups_are_looked_for_only_in_what_matches(w):
    w.start("regex", origin=w.origin(telling).address)
    same(ask(w, "/taken/%sd" % LONG), (200, "-"))
    same(ask(w, "/taken/aac"), (301, "/to/aa"))
    same(ask(w, "/sub/%sd" % LONG), (200, "/sub/%sd" % LONG))
    same(ask(w, "/sub/aac"), (200, "no"))


@case
def s103_what_is_no_automaton_meets_its_limit(w):
    w.start("regex", origin=w.origin(telling).address)
    same(ask(w, "/back/%sd" % LONG)[0], 501)
    same(ask(w, "/back/aaabaaa")[0], 403)
