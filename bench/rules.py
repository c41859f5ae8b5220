#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a site with many rules of one kind, for measuring lint and diff. Same arguments, same bytes.

usage: rules.py KIND N [EDITS]     KIND: hosts, regexes, networks, agents, mix, tables

Every hundredth rule can never match, because an earlier one takes what it would match. EDITS rules are changed. Kind
tables: hosts, and a map of 10 N entries that a rule asks.
"""
import random
import sys

WORDS = ("shop cart basket item user login admin image video audio file data news blog forum search mail chat map team "
         "docs help status order invoice account report static asset public private media upload export").split()


def word(r):
    return r.choice(WORDS) + r.choice(WORDS) + str(r.randrange(1000))


def hosts(r, i):
    return f"(host =* .{word(r)}.example) (path =^ /{word(r)})"


def regexes(r, i):
    meth = r.choice("GET POST PUT DELETE".split())
    return f'(METH == {meth}) (PATH =~ "^/{word(r)}/[0-9]+(/{r.choice(WORDS)})?$")'


def networks(r, i):
    return f"(src == {r.randrange(1, 224)}.{r.randrange(256)}.{r.randrange(256)}.0/24)"


def agents(r, i):
    return f'(h(user-agent) =% "{word(r)}/{r.randrange(9)}.{r.randrange(9)}")'


KINDS = {"hosts": hosts, "regexes": regexes, "networks": networks, "agents": agents}


def rules(kind, n, r):
    out = []
    for i in range(n):
        make = KINDS[kind] if kind in KINDS else KINDS[r.choice(sorted(KINDS))]
        if i % 100 == 99:
            test = out[r.randrange(len(out))][1] + " (meth == GET)"
        else:
            test = make(r, i)
        out.append((r.choice(("deny", "setbe a", "setbe b", "redir /moved")), test))
    return out


def main():
    kind, n = sys.argv[1], int(sys.argv[2])
    edits = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    all_rules = rules("hosts" if kind == "tables" else kind, n, random.Random(7))
    for k in range(edits):
        at = (k * 7919) % n
        all_rules[at] = ("deny 404" if all_rules[at][0] != "deny 404" else "deny", all_rules[at][1])
    print("weir 1")
    if kind == "tables":
        print("map places\n" + "\n".join("    h%d.example %s" % (i, "ab"[i % 2]) for i in range(10 * n)))
    print("frontend f\n    bind :8080\n    timeout client 10s\n    timeout head 10s\n    default_backend a")
    if kind == "tables":
        print("    req in setbe %{host|map(places)}")
    for action, test in all_rules:
        print(f"    req in {action} on {test}")
    for b in "ab":
        print(f"backend {b}\n    timeout connect 5s\n    timeout server 10s\n    server s 127.0.0.1:{9000 + ord(b)}")


main()
