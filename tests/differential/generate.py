# SPDX-License-Identifier: Apache-2.0
"""Random sites and requests. Alphabets are small, so that rules match often."""

import random

HOSTS = ["a.b", "www.a.b", "x.y", "A.b", "a.b.", "img.x.y"]
SEGMENTS = ["a", "b", "A", "ab", "img", "x.b", "a;v=1", "%61", "1"]
WORDS = ["a", "b", "A", "ab", "1", "2", "12", "a.b", "/a", "a/b", "b a", "x=1", "%61", "aba"]
HEADERS = ["x-a", "X-B", "x-c", "referer"]
RSP_HEADERS = ["x-a", "X-B", "server", "x-d"]
COOKIES = ["s", "t"]
QUERIES = ["p", "q"]
METHODS = ["GET", "GET", "GET", "HEAD", "POST", "PUT", "get", "FOO", "OPTIONS"]
STATUSES = [200, 200, 200, 404, 500, 302, 204, 304, 201, 418]
SOURCES = ["10.0.0.1", "10.0.0.2", "10.1.2.3", "192.0.2.1", "2001:db8::1", "2001:db8:1::2"]
TARGETS4 = ["127.0.0.1", "10.9.9.9"]
NETS = ["10.0.0.1", "10.0.0.0/24", "10.0.0.0/8", "2001:db8::/32", "192.0.2.0/24", "0.0.0.0/0"]
REGEXES = ["a", "^/a", "(a)(b)?", "^(.*)/([^/]*)$", "b$", "[0-9]+", "^$", "(A|b)+", "^([^.]*)\\.(.*)$",
           "x.*", "\\.", "(?:a)(.)", "^"]
PATHS = ["/", "/a", "/b", "/a/b", "/img", "/a/", "/A", "/img/a", "/x.b"]


def quoted(s, opts=""):
    return '"' + s.replace('"', '\\"') + '"' + opts


class Rule:
    """A rule in parts, so that it can be shrunk."""

    def __init__(self, direction, actions, test, cond, unless):
        self.direction, self.actions = direction, actions
        self.test, self.cond, self.unless = test, cond, unless

    def copy(self, **change):
        r = Rule(self.direction, self.actions, self.test, self.cond, self.unless)
        r.__dict__.update(change)
        return r

    def text(self):
        s = "    %s %s" % (self.direction, " ; ".join(self.actions))
        if self.test:
            s += " " + self.test
        if self.cond:
            s += " %s %s" % ("unless" if self.unless else "on", cond_text(self.cond))
        return s

    def smaller(self):
        """Rules with one part less."""
        if len(self.actions) > 1:
            for i in range(len(self.actions)):
                yield self.copy(actions=self.actions[:i] + self.actions[i + 1:])
        if self.test:
            yield self.copy(test=None)
        if self.cond:
            yield self.copy(cond=None)
            for c in cond_smaller(self.cond):
                yield self.copy(cond=c)


def cond_text(c, inner=False):
    """A condition is a text, or ("and"|"or", [conditions]), or ("not", condition)."""
    if isinstance(c, str):
        return c
    if c[0] == "not":
        return "!" + cond_text(c[1], True)
    s = (" " if c[0] == "and" else ", ").join(cond_text(k, True) for k in c[1])
    return "( %s )" % s if inner else s


def cond_smaller(c):
    if isinstance(c, str):
        return
    if c[0] == "not":
        yield c[1]
        for k in cond_smaller(c[1]):
            yield ("not", k)
        return
    for i, k in enumerate(c[1]):
        yield k
        if len(c[1]) > 2:
            yield (c[0], c[1][:i] + c[1][i + 1:])
        for s in cond_smaller(k):
            yield (c[0], c[1][:i] + [s] + c[1][i + 1:])


class Section:
    def __init__(self, header, lines, rules):
        self.header, self.lines, self.rules = header, lines, rules

    def text(self):
        return [self.header] + ["    " + l for l in self.lines] + \
               [r if isinstance(r, str) else r.text() for r in self.rules]


class Site:
    def __init__(self):
        self.head, self.sections = [], []

    def lines(self):
        out = list(self.head)
        for s in self.sections:
            out += s.text()
        return out

    def text(self):
        return "\n".join(self.lines()) + "\n"

    def with_rules(self, section, rules):
        s = Site()
        s.head, s.sections = self.head, list(self.sections)
        old = s.sections[section]
        s.sections[section] = Section(old.header, old.lines, rules)
        return s

    def smaller(self):
        """Sites with one thing less, the largest steps first."""
        for i, s in enumerate(self.sections):
            if len(s.rules) > 1:
                half = len(s.rules) // 2
                yield self.with_rules(i, s.rules[half:])
                yield self.with_rules(i, s.rules[:half])
        for i, s in enumerate(self.sections):
            for k in range(len(s.rules)):
                yield self.with_rules(i, s.rules[:k] + s.rules[k + 1:])
        for i, s in enumerate(self.sections):
            for k, r in enumerate(s.rules):
                if isinstance(r, Rule):
                    for less in r.smaller():
                        yield self.with_rules(i, s.rules[:k] + [less] + s.rules[k + 1:])
        for k in range(2, len(self.head)):
            out = Site()
            out.head, out.sections = self.head[:k] + self.head[k + 1:], self.sections
            yield out
        for i in range(len(self.sections)):
            out = Site()
            out.head, out.sections = self.head, self.sections[:i] + self.sections[i + 1:]
            yield out


class Generator:
    def __init__(self, seed, length=1):
        """<length>: how many times as long rule lists are."""
        self.r = random.Random(seed)
        self.length = length
        self.shared = {}
        self.acls = {"req": [], "rsp": []}
        self.where = "req"      # req rsp conn
        self.groups = 0

    def pick(self, xs):
        return self.r.choice(xs)

    def chance(self, p):
        return self.r.random() < p

    # -- values ------------------------------------------------------------------------------

    def path(self):
        n = self.r.randrange(0, 4)
        p = "/" + "/".join(self.pick(SEGMENTS) for _ in range(n))
        if self.chance(0.15):
            p += self.pick(["/", "/.", "/..", "//a", "/./a"])
        return p

    def word(self):
        return self.pick(WORDS)

    def regex(self):
        x = self.pick(REGEXES)
        if self.chance(0.4) and "/" not in x:
            return "/" + x + "/" + ("i" if self.chance(0.3) else "")
        return quoted(x, self.pick(["", "", "i", "c"]))

    def value_for(self, kind):
        if kind == "host":
            return self.pick(HOSTS + ["a", "b", "y", ".b"])
        if kind == "path":
            return self.pick(PATHS + ["a", "b", "/a", "/im"])
        if kind == "meth":
            return self.pick(["GET", "POST", "HEAD", "get", "PU", "OO"])
        if kind == "version":
            return self.pick(["1.1", "1.0", "1"])
        if kind == "scheme":
            return self.pick(["http", "https"])
        if kind == "line":
            return self.pick(["GET /", "HTTP/1.1", "1.0", "/a", "200", "HTTP/1.1 404"])
        return self.word()

    # -- subjects ----------------------------------------------------------------------------

    def subject(self, text=False):
        """A subject as (spelling, kind): kind is that of its values, int, addr or bool."""
        rsp, conn = self.where == "rsp", self.where == "conn"
        pool = []
        if not conn:
            pool += [("host", "host"), ("path", "path"), ("uri", "path"), ("meth", "meth"),
                     ("query", "word"), ("q(%s)" % self.pick(QUERIES), "word"), ("scheme", "scheme")]
        if rsp:
            pool += [("status", "int"), ("status", "int"), ("made", "bool"), ("line", "line"),
                     ("h(%s)" % self.pick(RSP_HEADERS), "word"), ("h(location)", "path"),
                     ("c(%s)" % self.pick(COOKIES), "word"), ("req.h(%s)" % self.pick(HEADERS), "word"),
                     ("req.path", "path"), ("req.c(s)", "word"), ("version", "version"),
                     ("capture(rk)", "word"), ("capture(k)", "word")]
        elif not conn:
            pool += [("h(%s)" % self.pick(HEADERS), "word"), ("h(%s)" % self.pick(HEADERS), "word"),
                     ("c(%s)" % self.pick(COOKIES), "word"), ("line", "line"), ("version", "version"),
                     ("h(host)", "host"), ("capture(k)", "word")]
        pool += [("src", "addr"), ("dst", "addr"), ("src_port", "int"), ("dst_port", "int"),
                 ("random(1)", "int"), ("var(v)", "word"), ("var(w)", "word")]
        if not conn:
            pool += [("tls", "bool"), ("nbsrv(b1)", "int")]
        if self.chance(0.04):
            # of a key that no message has: always 0, in every place where a number may stand
            pool = [("%s(ci)" % self.pick(["rate", "conc", "queued"]), "int")]
        s, kind = self.pick(pool)
        if kind not in ("int", "addr", "bool") and self.chance(0.25):
            s = s.upper() if "(" not in s else self.upper(s)
        if kind in ("int", "addr") and self.chance(0.1):
            return s + "|hash(3)", "int"
        if kind in ("int", "addr") and self.chance(0.1):
            return s + "|map(%s,no)" % ("mi" if kind == "int" else "ma"), "word"
        if kind == "addr" and self.chance(0.3):
            s += "|mask(%d,%d)" % (self.pick([8, 24, 32]), self.pick([32, 48, 128]))
        elif kind not in ("int", "addr", "bool") and self.chance(0.3):
            for _ in range(self.pick([1, 1, 2])):
                s, kind = self.convert(s, kind)
        if kind not in ("int", "bool", "addr") and self.chance(0.08):
            return "len(%s)" % s, "int"
        if kind not in ("int", "bool", "addr") and self.chance(0.08):
            return "count(%s)" % s, "int"
        return s, kind

    @staticmethod
    def upper(s):
        head, arg = s.split("(", 1)
        return head.upper() + "(" + arg

    def convert(self, s, kind):
        if kind in ("int", "addr", "bool"):
            return s, kind
        c = self.pick(["lower", "upper", "urldec", "nosemi", "field", "sub", "map", "list", "json",
                       "base64", "hash"])
        if c == "field":
            return "%s|field(%d,%s)" % (s, self.pick([1, 2, 3, -1]), self.pick(["/", ".", "="])), "word"
        if c == "sub":
            return "%s|sub(/%s/,%s)" % (s, self.pick(["a", "b+", "(.)b", "[0-9]"]), self.pick(["z", "b", "1"])), "word"
        if c == "map":
            return "%s|map(%s%s)" % (s, self.pick(["m1", "m2", "m3"]), self.pick(["", ",a", ",no"])), "word"
        if c == "hash":
            return "%s|hash(%d)" % (s, self.pick([2, 5])), "int"
        return s + "|" + c, kind

    def counter_test(self):
        """A number that other requests have changed, compared so that this decides nothing."""
        return "%s(%s) %s" % (self.pick(["rate", "conc", "queued"]), self.pick(["cr", "cc", "cw"]),
                              self.pick(["< 900000", "<= 900000", ">= 0", "> 900000"])), False

    def test(self):
        if self.chance(0.03):
            return self.counter_test()
        s, kind = self.subject()
        if kind == "bool" or self.chance(0.1):
            return s, False
        neg = self.chance(0.3)
        if kind == "int":
            op = self.pick(["==", "<", "<=", ">", ">="])
            if "len" in s or "count" in s or "hash" in s:
                v = str(self.r.randrange(0, 4))
            elif "port" in s:
                v = self.pick(["80", "443", "1000", "80:443"]) if op == "==" else "80"
            else:
                v = self.pick(["200", "404", "200:299", "500"]) if op == "==" else self.pick(["200", "300"])
            if op == "==" and neg:
                op = "!="
            if self.chance(0.1):
                v = "%{" + self.text_subject() + "}"
            elif self.chance(0.05):
                v = "${n}"
            return "%s %s %s" % (s, op, v), False
        if kind == "addr":
            if self.chance(0.1):
                v = self.pick(["%{h(x-a)}" if self.where == "req" else "%{dst}", "${net}", "%{src}"])
                return "%s %s %s" % (s, "!=" if neg else "==", v), False
            if self.chance(0.15):
                return "%s %s set nets" % (s, "!=" if neg else "=="), False
            return "%s %s %s" % (s, "!=" if neg else "==", " ".join(self.values(lambda: self.pick(NETS)))), False
        op = self.pick(["=", "=", "~", "*", "^", "%", "/", "."])
        sign = "!" if neg else "="
        if op == "=" and self.chance(0.1):
            return "%s %s= %%{%s}" % (s, sign, self.text_subject()), False
        if op in "=^*" and self.chance(0.06):
            return '%s %s%s "${w}"' % (s, sign, op), False
        if op in "=%^*" and self.chance(0.08):
            return "%s %s%s set words" % (s, sign, op), False
        if op == "~":
            if self.chance(0.7):
                rx = self.regex()
                return "%s %s~ %s" % (s, sign, rx), not neg
            return "%s %s~ %s %s" % (s, sign, self.regex(), self.regex()), False
        opts = ["", "", "", "i", "c"] + (["b", "bi"] if op in "^*" else [])
        return "%s %s%s %s" % (s, sign, op, " ".join(
            self.values(lambda: quoted(self.value_for(kind), self.pick(opts))))), False

    def values(self, make):
        return [make() for _ in range(self.pick([1, 1, 2, 3]))]

    def text_subject(self):
        while True:
            s, kind = self.subject()
            if "sub(" not in s or self.chance(0.5):
                return s

    def text(self, literals=None, groups=0):
        out = ""
        for _ in range(self.pick([1, 1, 2, 3])):
            x = self.r.random()
            if x < 0.45:
                out += self.pick(literals or ["a", "b", "A", "1", "-"])
            elif x < 0.8:
                out += "%{" + self.text_subject() + "}"
            elif x < 0.92 and groups:
                out += "\\%d" % self.r.randrange(0, 3)
            else:
                out += "${w}"
        return quoted(out)

    # -- conditions --------------------------------------------------------------------------

    def shared_tests(self):
        """Two or three tests of a few, so that many rules of a long list have some in common."""
        pool = self.shared.setdefault(self.where, [])
        while len(pool) < 8:
            t = self.test()[0]
            if "!" not in t or self.chance(0.3):
                pool.append("(%s)" % t)
        return self.r.sample(pool, self.pick([1, 2, 2, 3]))

    def cond(self, depth=0):
        if not depth and self.length > 1 and self.chance(0.7):
            tests = self.shared_tests()
            return ("and", tests) if len(tests) > 1 else tests[0]
        x = self.r.random()
        if depth > 2 or x < 0.5:
            names = self.acls["rsp" if self.where == "rsp" else "req"]
            if names and self.where != "conn" and self.chance(0.4):
                c = self.pick(names)
            else:
                c = "(%s)" % self.test()[0]
        elif x < 0.65:
            c = ("not", self.cond(depth + 1))
        else:
            c = (self.pick(["and", "or"]), [self.cond(depth + 1) for _ in range(self.pick([2, 2, 3]))])
        return c

    # -- actions -----------------------------------------------------------------------------

    def header_edit(self, groups):
        if self.where == "req" and self.chance(0.1):
            return "rep host %s %s" % (self.regex(), self.text(groups=True))
        names = RSP_HEADERS + ["location", "set-cookie"] if self.where == "rsp" else HEADERS + ["cookie"]
        n = self.pick(names)
        a = self.pick(["add", "append", "set", "set", "rem", "delete", "rep", "rep"])
        if a == "append":
            return "append " + quoted(n + ": " + self.text(groups=groups)[1:-1])
        if a in ("add", "set"):
            return "%s %s %s" % (a, n, self.text(groups=groups))
        if a == "rem":
            return "rem " + n
        if a == "delete":
            return "delete " + quoted(self.pick(["^x-a: ", "^x-[bc]: *a", ": .*b$", "1$"]), self.pick(["", "i"]))
        return "rep %s %s %s" % (n, self.regex(), self.text(groups=True))

    def new_path(self, groups=0):
        return quoted(self.pick(PATHS) + self.pick(["", "", "/%{h(x-a)}", "%{path}" if self.where != "rsp" else ""]))

    def request_edit(self, groups):
        a = self.pick(["host", "path", "query", "uri", "meth", "mapuri", "rewrite", "reqline"])
        if a == "host":
            return "set host " + self.pick([quoted(self.pick(HOSTS)), '"%{h(x-a)}"', '"w.%{host}"'])
        if a == "path":
            return "set path " + self.new_path()
        if a == "query":
            return "set query " + self.pick([quoted("p=1"), '""', '"%{query}&q=2"', '"%{h(x-a)}"'])
        if a == "uri":
            return "set uri " + self.pick([self.new_path(), '"/a?%{query}"', '"http://x.y/b?p=a"', '"/b?"', '"%{h(x-a)}"'])
        if a == "meth":
            return "set meth " + self.pick(["GET", "PUT", '"%{h(x-a)}"', '"%{meth|lower}"'])
        if a == "mapuri":
            return "mapuri %s %s" % (quoted(self.pick(PATHS), self.pick(["", "i"])), self.new_path())
        if a == "rewrite":
            return "rewrite %s %s" % (self.regex(), self.pick([self.new_path(), '"\\0"', '"\\1/a"', '"\\2"']))
        return "reqline %s %s" % (self.pick(['" /a"', '"^GET"', '"1.1$"', '"^(\\S+) /([a-z])"']),
                                  self.pick(['" /b"', '"PUT"', '"1.0"', '"\\1 /b/\\2"', '"x y"']))

    def response_edit(self, groups):
        a = self.pick(["status", "status", "rewrite", "stsline", "maploc"])
        if a == "status":
            return "set status " + self.pick(["200", "404", "503", "204", '"%{h(x-a)}"', '"20%{h(x-a)}"'])
        if a == "rewrite":
            return "rewrite %s %s" % (self.regex(), self.text(groups=True))
        if a == "stsline":
            return "stsline %s %s" % (self.pick(['"404"', '" .*$"', '"^(\\S+) 2"', '"OK"']),
                                      self.pick(['"200"', '" 201 Fine"', '"\\1 4"', '"x y z"', '"Nice"']))
        return "maploc %s %s" % (quoted(self.pick(PATHS)), quoted(self.pick(PATHS)))

    def note(self, groups):
        a = self.pick(["capture", "capture", "setvar", "setvar", "log"])
        if a == "capture":
            return "capture %s as %s%s" % (self.subject()[0], "rk" if self.where == "rsp" else "k",
                                           self.pick(["", " len 2"]))
        if a == "setvar":
            return "setvar %s %s" % (self.pick(["v", "w"]), self.text(groups=groups))
        return "log " + self.pick(["debug", "info", "silent"])

    def final(self, groups):
        a = self.pick(["deny", "deny", "redir", "redir", "respond", "allow"])
        if a == "deny":
            return "deny" + self.pick(["", " 404", " 429", " 418", " 503"])
        if a == "redir":
            code = self.pick(["", "301 ", "307 "])
            form = self.pick(["target", "target", "scheme", "prefix"])
            if form == "target":
                s = self.pick([quoted("/a"), quoted("/a?x=1"), '"http://x.y%{uri}"', '"/%{h(x-a)}"', '"%{h(x-a)}"'])
            elif form == "scheme":
                s = "scheme https"
            else:
                s = "prefix " + self.pick([quoted("http://x.y/"), quoted("/p"), quoted("http://%{host}")])
            return "redir " + code + s + self.pick(["", "", " drop-query", " append-slash", " drop-query append-slash"])
        if a == "respond":
            s = "respond " + self.pick(["200", "201", "404", "204"])
            if self.chance(0.5):
                s += " type text/plain"
            if self.chance(0.5):
                s += " header X-R " + self.text(groups=groups)
            if self.chance(0.6):
                s += " body " + self.text(groups=groups)
            return s
        return "allow"

    def choice(self, at):
        backends = ["b1", "b2", "b3", "l1"]
        rules = ["r%d" % i for i in range(at + 1, 4)]
        x = self.r.random()
        if x < 0.3:
            return "setbe " + self.pick(backends)
        if x < 0.45:
            return "setbe %%{%s|map(%s%s)}" % (self.map_subject(), self.pick(["to1", "to2"]), self.pick(["", ",b2"]))
        if x < 0.55:
            return "switch %%{%s|map(to1)}" % self.map_subject()
        if x < 0.7:
            return "uriremap %s %s%s" % (quoted(self.pick(PATHS[1:]), self.pick(["", "", "i"])), self.pick(backends),
                                         self.pick(["", " " + quoted(self.pick(PATHS))]))
        return "switch " + self.pick(rules * 3 + backends)

    def map_subject(self):
        while True:
            s, kind = self.subject()
            if kind not in ("int", "addr", "bool"):
                return s

    def checkpoint_action(self, direction):
        """What waits never waits long: the requests come one by one, and the limits are far."""
        if direction.startswith("rsp") or self.chance(0.5):
            return "count " + self.pick(["cr", "cc", "cw", "ci"])
        return "pass " + self.pick(["cr", "cc", "ci"])

    def action(self, direction, at, groups):
        if self.chance(0.05):
            return self.checkpoint_action(direction)
        x = self.r.random()
        if direction in ("conn in", "sess in"):
            if direction == "conn in" and x < 0.25:
                return self.pick(["setsrc ", "setdst "]) + self.pick(
                    [quoted(self.pick(SOURCES)), '"%{var(v)}"', '"10.0.0.7:99"'])
            if x < 0.8:
                value = self.pick([self.text(groups=groups), '"%{src}"', '"%{var(w)}a"'])
                return "setvar %s %s" % (self.pick(["v", "w"]), value)
            return self.pick(["allow", "drop", "log debug", "log silent", "log info"])
        if direction == "req in" and at is not None and x < 0.25:
            return self.choice(at)
        if x < 0.5:
            return self.header_edit(groups)
        if x < 0.68:
            return self.request_edit(groups) if self.where == "req" else self.response_edit(groups)
        if x < 0.82:
            return self.note(groups)
        if x < 0.85 and direction == "req in":
            return self.pick(["setsrc ", "setdst "]) + self.pick([quoted(self.pick(SOURCES)), '"%{h(x-a)}"', '"10.0.0.7:99"'])
        if x < 0.87 and self.where == "req":
            return "drop"
        if self.where == "rsp" and x < 0.92 and at is not None and at < 3:
            return "switch s%d" % self.r.randrange(at + 1, 4)
        return self.final(groups)

    def rule(self, direction, at):
        self.where = {"r": "req", "c": "conn", "s": "conn"}[direction[0]]
        if direction.startswith("rsp"):
            self.where = "rsp"
        test, groups = None, False
        if self.chance(0.6 if self.length == 1 else 0.2):
            test, groups = self.test()
            if self.chance(0.1):
                test, groups = "not " + test, False
        if direction == "req in" and at is not None and self.chance(0.06):
            target = self.pick(["r%d" % i for i in range(at + 1, 4)] + ["b1", "b2"])
            test = self.pick(["path", "uri", "URI", "PATH"]) + " " + self.pick(
                ["=^ " + quoted(self.pick(PATHS), self.pick(["", "b"])), "=~ " + quoted(self.pick(["^/a", "a(.)", "/b$"]))])
            return Rule(direction, ['switch %s:"%s"' % (target, self.pick(["/", "/x", "/%{h(x-a)}"]))], test, None, False)
        cond = self.cond() if self.chance(0.4 if self.length == 1 else 0.9) else None
        actions = [self.action(direction, at, groups) for _ in range(self.pick([1, 1, 1, 2, 3]))]
        return Rule(direction, actions, test, cond, self.chance(0.3))

    def early_rules(self, n):
        """Rules of a connection, and one that shows what they have set."""
        shown = Rule("req in", ['add x-c "%{var(v)}|%{var(w)}"'], None, None, False)
        return self.rules(n, ["conn in", "sess in"], None) + [shown]

    def rules(self, n, directions, at):
        return [self.rule(d, at) for d in directions for _ in range(self.r.randrange(0, n * self.length + 1))]

    def make_acls(self, site):
        for side in ("req", "rsp"):
            self.where = side
            for i in range(self.r.randrange(0, 4)):
                name = "%s%d" % ("qa" if side == "req" else "sa", i)
                for _ in range(self.pick([1, 1, 2])):
                    if self.chance(0.7):
                        site.head.append("acl %s %s" % (name, self.test()[0]))
                    else:
                        site.head.append("acl %s on %s" % (name, cond_text(self.cond(1))))
                self.acls[side].append(name)

    def tables(self, site):
        words = self.r.sample(WORDS, 4)
        site.sections.append(Section("set words", ["value " + " ".join(quoted(w) for w in words)], []))
        site.sections.append(Section("set nets", ["value " + " ".join(self.r.sample(NETS, 2))], []))
        for name, op in (("m1", ""), ("m2", " " + self.pick(["=^", "=*", "=."])), ("m3", " =~")):
            pool = REGEXES if op == " =~" else WORDS + ["/a/b", "/img", "www.a.b", "b.a"]
            lines = ["%s %s" % (quoted(k, self.pick(["", "", "c", "i"])), quoted(self.word()))
                     for k in self.r.sample(pool, 4)]
            site.sections.append(Section("map %s%s" % (name, op), lines, []))
        site.sections.append(Section("map mi", ["200 a", "404 b", "80 1", "0 2", "443 A"], []))
        site.sections.append(Section("map ma", ["10.0.0.0/8 a", "10.0.0.1 b", "2001:db8::/32 1", "127.0.0.1 2"], []))
        for name in ("to1", "to2"):
            op = self.pick(["", " =^", " =*", " =~"])
            pool = sorted(set(HOSTS + PATHS + WORDS)) if op != " =~" else REGEXES
            lines = ["%s %s" % (quoted(k), self.pick(["b1", "b2", "b3"])) for k in self.r.sample(pool, 4)]
            site.sections.append(Section("map %s%s" % (name, op), lines, []))

    def checkpoints(self, site):
        keys = ["key src|mask(24,64)", "key h(x-a)", "key path", "key c(s)", ""]
        for name, limit in (("cr", "rate 1000000 per 1s"), ("cc", "concurrency 1000"), ("cw", "window 1m")):
            key = self.pick(keys)
            site.sections.append(Section("checkpoint " + name, [limit] + ([key] if key else []), []))
        site.sections.append(Section("checkpoint ci", ["key h(x-never)", "rate 1 per 1d"], []))

    def options(self, lines):
        if self.chance(0.3):
            lines.append("forwardfor" + self.pick(["", " header X-B", " unless 10.0.0.0/8"]))
        if self.chance(0.3):
            lines.append("error %s redir %s" % (self.pick(["403", "404 503"]), quoted("http://e.x/%d" % self.r.randrange(9))))

    def site(self):
        site = Site()
        site.head = ["weir 1", "param w default a", "param n default 200", "param net default 10.0.0.0/24"]
        site.head += ["param %s default 127.0.0.1:1" % p for p in ("front1", "front2", "front3", "o1", "o2", "o3", "o4")]
        site.sections.append(Section("global", ["threads 1", "log off"] + (["trusted 10.0.0.0/24"] if self.chance(0.3) else []), []))
        self.make_acls(site)
        self.tables(site)
        self.checkpoints(site)
        front = ["req in"] * 2 + ["rsp out"]
        lines = ["bind ${front1} accept-proxy"] + ([] if self.chance(0.2) else ["default_backend " + self.pick(["b1", "b2"])])
        self.options(lines)
        lines += ["req in setvar %s a h(x-never)" % v for v in "vw"]
        lines += ["req in capture path as k h(x-never)", "rsp out capture path as rk h(x-never)"]
        first = self.early_rules(4) if self.chance(0.5) else []
        site.sections.append(Section("frontend f1", lines, first + self.rules(5, front, 0)))
        lines = ["bind ${front2}"]
        if self.chance(0.3):
            site.sections.append(Section("frontend f2", lines + ["use_filters_from f1"], []))
        else:
            lines += ["default_backend " + self.pick(["b1", "b2", "b3"])]
            site.sections.append(Section("frontend f2", lines, self.rules(5, front, 0)))
        lines = ["bind ${front3} accept-proxy", "server a ${o4}"]
        self.options(lines)
        first = self.early_rules(3) if self.chance(0.3) else []
        rules = first + self.rules(2, ["req in", "req out", "rsp in", "rsp out"], 3)
        site.sections.append(Section("listen l1", lines, rules))
        for i in (1, 2, 3):
            lines = ["default_backend b%d" % i] if self.chance(0.3) else []
            site.sections.append(Section("reqrules r%d" % i, lines, self.rules(4, ["req in"], i)))
        for i in (1, 2, 3):
            lines = ["server a ${o%d}" % i]
            if i == 3 and self.chance(0.3):
                lines = ["use_backend_from b1"]
            if self.chance(0.2):
                lines.append("error 503 404 redir \"http://be.x/\"")
            if i == 2 and self.chance(0.2):
                site.sections.append(Section("backend b2", lines + ["use_filters_from b1"], []))
                continue
            rules = self.rules(3, ["req in"], None) + self.rules(3, ["req out"], None) + self.rules(4, ["rsp in", "rsp out"], 0)
            site.sections.append(Section("backend b%d" % i, lines, rules))
        for i in (1, 2, 3):
            site.sections.append(Section("rsprules s%d" % i, [], self.rules(3, ["rsp in", "rsp out"], i)))
        return site

    # -- requests ----------------------------------------------------------------------------

    def headers(self, names):
        out = []
        for n in names:
            for _ in range(self.pick([0, 0, 1, 1, 2])):
                out.append((self.pick([n, n.title(), n]), self.pick(WORDS + ["10.0.0.1", "10.0.0.0/8", "a, b", "a,,b ,\"x,y\"", "404", "200", "http://x.y/", ""])))
        self.r.shuffle(out)
        return out

    def request(self):
        front = self.pick(["f1", "f1", "f1", "f2", "l1"])
        target = self.path()
        if self.chance(0.5):
            target += "?" + "&".join("%s=%s" % (self.pick(QUERIES), self.pick(["1", "a", "ab", ""])) for _ in range(self.pick([1, 2])))
        if self.chance(0.05):
            target = self.pick(["*", "http://x.y" + target, "http://A.B:80/a", "/%zz", "/a/../../b", "/?"])
        version = "1.0" if self.chance(0.1) else "1.1"
        meth = self.pick(METHODS) if target != "*" else "OPTIONS"
        headers = self.headers(HEADERS)
        if self.chance(0.4):
            headers.append(("Cookie", self.pick(["s=1", "s=a; t=2", "t=1;s=ab", "x=1; s = b", "s", "s=1; s=2"])))
            if self.chance(0.3):
                headers.append(("cookie", self.pick(["s=2", "t=1; s=1", "; s=1;", "s=;t", "S=1", "s==1"])))
        if version == "1.1" or self.chance(0.6):
            headers.insert(self.r.randrange(0, len(headers) + 1), (self.pick(["Host", "host"]), self.pick(HOSTS + ["a.b:81", "X.Y"])))
        if self.chance(0.02):
            headers.append(("Host", self.pick(HOSTS)))
        src, dst = self.pick(SOURCES), "127.0.0.1"
        if ":" in src:
            dst = "2001:db8::99"
        else:
            dst = self.pick(TARGETS4)
        status = self.pick(STATUSES)
        answer = self.headers(RSP_HEADERS)
        if status == 302 or self.chance(0.3):
            answer.append(("Location", self.pick(PATHS + ["http://a.b/a/b", "http://x.y/a?b=/a", "//a.b/a", "a", "/a#/a"])))
        if self.chance(0.3):
            answer.append(("Set-Cookie", self.pick(["s=1; Path=/a; HttpOnly", "t=2", "s=a;path=/b", "s = 1 ; x"])))
        if self.chance(0.1):
            answer.append(("Refresh", self.pick(["5; url=/a/b", "0;URL=/b"])))
        return {"front": front, "meth": meth, "target": target, "version": version, "headers": headers,
                "src": src, "sport": self.pick([1000, 80, 50000]), "dst": dst, "dport": self.pick([80, 443, 8080]),
                "status": status, "answer": answer, "body": "xyz" if meth in ("POST", "PUT") and self.chance(0.5) else ""}
