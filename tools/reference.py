#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/reference.md from the tables that the compiler and the runtime are built from.

    tools/reference.py [-o FILE]     the page, to FILE or standard output
    tools/reference.py --words       KIND<tab>WORD for each row, as tools/docs.sh looks for them

Run it from anywhere; it reads the tables of the tree it stands in.
"""

import argparse
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Sections are an enum of the compiler, not a table: what they hold is said here.
SECTIONS = [
    ("global", "no", "options of the whole process"),
    ("profile", "yes", "options of both sides, which sections take by `use_profile`"),
    ("listen", "yes, then an address if wanted", "a frontend and a backend in one"),
    ("frontend", "yes", "receives connections; request rules, outgoing response rules"),
    ("reqrules", "yes", "request rules that `switch` jumps to"),
    ("backend", "yes", "owns servers; rules before them and behind them"),
    ("rsprules", "yes", "response rules that `switch` jumps to"),
    ("checkpoint", "yes", "a rate or concurrency limit"),
    ("set", "yes", "values, one or more a line, or `file F` lines"),
    ("map", "yes, then an operator if wanted", "`KEY VALUE` lines, or `file F` lines"),
    ("test", "a text", "requests, and what must come out"),
]

LISTS = {"q": "req in", "Q": "req out", "s": "rsp in", "S": "rsp out", "c": "conn in",
         "e": "sess in", "t": "req in (tcp)"}
TYPES = {"STR": "text", "INT": "number", "ADDR": "address", "BOOL": "yes or no"}
ARGUMENTS = {"NONE": "", "NAME": "(NAME)", "SECTION": "(SECTION)", "NUM": "(N)",
             "FORMAT": "(FORMAT)", "WORD": "(WORD)"}
OPTION_ARGS = {"D": "DURATION", "S": "SIZE", "N": "COUNT", "R": "N per DURATION", "A": "ADDRESS",
               "F": "FILE", "W": "WORD", "T": "TEXT", "C": "SUBJECT"}
LOG_TYPES = {"WHEN": "text", "ID": "text", "ADDR": "text", "NAME": "text", "TEXT": "text",
             "NUM": "number", "MS": "number or null", "FLAG": "true or false", "END": "text",
             "CAPS": "object"}


def split_args(text):
    """The arguments of one row, at commas outside texts and brackets; texts are joined."""
    args, at, depth, quoted, start = [], 0, 0, False, 0
    while at < len(text):
        c = text[at]
        if quoted:
            if c == "\\":
                at += 1
            elif c == '"':
                quoted = False
        elif c == '"':
            quoted = True
        elif c == "'":
            at += 2
        elif c == "(":
            depth += 1
        elif c == ")":
            depth -= 1
        elif c == "," and depth == 0:
            args.append(text[start:at])
            start = at + 1
        at += 1
    args.append(text[start:])
    return [value(a.strip()) for a in args]


def value(word):
    """A C text as its characters, pieces joined; anything else as it stands."""
    if not word.startswith('"'):
        return word
    pieces = re.findall(r'"((?:[^"\\]|\\.)*)"', word, re.S)
    named = {"n": "\n", "t": "\t", "r": "\r"}
    return re.sub(r"\\(.)", lambda m: named.get(m.group(1), m.group(1)), "".join(pieces))


def rows(path, macro):
    """Every MACRO(...) of a table, as a list of its arguments."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
    out = []
    for m in re.finditer(r"^%s\(" % macro, text, re.M):
        at, depth, quoted = m.end(), 1, False
        while depth:
            c = text[at]
            if quoted:
                at += c == "\\"
                quoted = c != '"'
            elif c == '"':
                quoted = True
            elif c in "()":
                depth += 1 if c == "(" else -1
            at += 1
        out.append(split_args(text[m.end():at - 1]))
    if not out:
        sys.exit("reference.py: %s has no row %s(...)" % (path, macro))
    return out


def code(text):
    """Inline code, safe in a table."""
    return "`%s`" % text.replace("|", "\\|") if text else ""


def cell(text):
    return text.replace("|", "\\|").replace("<", "&lt;")


def table(head, body):
    lines = ["| %s |" % " | ".join(head), "|%s" % ("---|" * len(head))]
    lines += ["| %s |" % " | ".join(line) for line in body]
    return lines


def sections():
    return ["## Sections", "", "A section runs to the next header. Headers are never shortened.", ""
            ] + table(["header", "name", "holds"],
                      [[code(w), n, cell(d)]
                       for w, n, d in SECTIONS])


def subject_places(where):
    names = []
    if "q" in where:
        names.append("requests")
    if "s" in where:
        names.append("responses")
    elif "q" in where and "f" not in where:
        names.append("responses (the request's)")
    if "t" in where:
        names.append("tcp rules")
    if "c" in where:
        names.append("conn in")
    if "e" in where:
        names.append("sess in")
    return ", ".join(names)


def subjects():
    body = []
    for _, word, arg, kind, many, where, doc in rows("grammar/subject.def", "SUBJECT"):
        body.append([code(word + ARGUMENTS[arg]), TYPES[kind], "many" if many == "MANY" else "one",
                     subject_places(where), cell(doc) + "."])
    return ["## Subjects", "",
            "In lower case the comparison ignores case, in UPPER CASE it is exact. `many`: the "
            "subject may occur more than once, and one occurrence that matches is enough. In "
            "response rules `req.` in front of a name gives the request's one.", ""
            ] + table(["subject", "type", "values", "may stand in", "what it is"], body) + [
            "", "`len(SUBJECT)` is the length in bytes, `count(SUBJECT)` the number of "
            "occurrences; both are numbers."]


def operators():
    return ["## Operators", ""] + table(
        ["operator", "negated", "a value matches when it …"],
        [[code(yes), code(no), cell(doc)] for _, yes, no, doc in
         rows("grammar/operator.def", "OPERATOR")])


def conv_args(letters):
    names = {"n": "N", "d": "DELIM", "r": "/REGEX/", "t": "TEXT", "m": "MAP"}
    out, optional = [], False
    for c in letters:
        if c == "?":
            optional = True
            continue
        out.append("[%s]" % names[c] if optional else names[c])
    return "(%s)" % ", ".join(out) if out else ""


def converters():
    return ["## Converters", "", "Written after a subject, applied from left to right: "
            "`%{host|lower}`, `src|mask(24,64) == 192.0.2.0`.", ""] + table(
        ["converter", "takes", "gives", "what it does"],
        [[code(word + conv_args(args)), TYPES[i], TYPES[o], cell(doc)]
         for _, word, args, i, o, doc in rows("grammar/converter.def", "CONVERTER")])


def actions():
    ends = {"FINAL": "answers: nothing more runs", "ENDS": "ends this section's rules",
            "GOES_ON": "goes on"}
    body = [[code(word), ", ".join(LISTS[c] for c in where), ends[final],
             cell(doc) + "."]
            for _, word, where, final, doc in rows("grammar/action.def", "ACTION")]
    return ["## Actions", "", "Arguments are in [language.md](language.md#actions).", ""
            ] + table(["action", "rule lists", "then", "effect"], body)


def option_usage(args):
    if not args:
        return ""
    if args == "|":
        return "…"
    out, optional = [], False
    for c in args:
        if c == "?":
            optional = True
        elif c == "*":
            out.append("…")
        elif c == "|":
            out.append("…")
        else:
            out.append("[%s]" % OPTION_ARGS[c] if optional else OPTION_ARGS[c])
    return " ".join(out)


def option_owner(owner):
    names = []
    if "g" in owner:
        names.append("global")
    if "f" in owner:
        names.append("front side")
    if "b" in owner:
        names.append("back side")
    if "r" in owner:
        names.append("reqrules")
    if "k" in owner:
        names.append("checkpoint")
    return ", ".join(names)


def option_profile(owner):
    return "yes" if ("f" in owner or "b" in owner) and "!" not in owner else "no"


def options():
    body = []
    for _, word, owner, args, default, doc in rows("grammar/option.def", "OPTION"):
        body.append([code(word), cell(option_usage(args)), option_owner(owner),
                     option_profile(owner), code(default), cell(doc) + "."])
    return ["## Option statements", "",
            "The front side is `listen` and `frontend`, the back side `listen` and `backend`. A "
            "keyword of several words may be shortened word by word while one keyword fits: "
            "`tim co 5s`. A keyword of one word is written in full. `…`: see "
            "[language.md](language.md#options).", ""] + table(
        ["statement", "arguments", "owner", "in a profile", "default", "meaning"], body)


def plain(form, doc):
    """A printf format as people read it."""
    text = re.sub(r"%(\.\*)?s|%c", "…", form)
    text = re.sub(r"%[0-9]*[dux]", "N", text).replace("%%", "%")
    return text if text != "…" else doc.split(".")[0]


def example(title, text):
    return ["", "%s:" % title, "", "```"] + text.rstrip("\n").split("\n") + ["```"] if text else []


def diagnostics():
    names = {"SEV_ERROR": "error", "SEV_WARNING": "warning", "SEV_INFO": "info"}
    fixes = {"NONE": "no fix", "SAFE": "safe fix", "UNSAFE": "unsafe fix"}
    helps = {row[0]: row for row in rows("compiler/diag_help.def", "HELP")}
    out = ["## Messages of the compiler", "",
           "A code keeps its meaning for ever. Errors stop a build; warnings do not. "
           "`weir explain-code CODE` shows the same text. How findings are selected, suppressed and "
           "fixed: [lint.md](lint.md).", ""]
    for name, severity, form, hint, doc in rows("compiler/diag.def", "DIAG"):
        help_row = helps.get(name)
        kinds = [names[severity]]
        kinds += [help_row[1].lower(), fixes[help_row[2]]] if help_row else []
        out += ["### %s" % name, "", "%s: %s" % (", ".join(kinds), cell(plain(form, doc))), "",
                cell(doc)]
        if hint:
            out += ["", "Hint: %s." % cell(hint.replace("%%", "%"))]
        if help_row:
            out += ["", cell(help_row[3])]
            out += example("Bad", help_row[4]) + example("Good", help_row[5])
        out += [""]
    return out[:-1]


def ends():
    return ["## End codes", "", "Two letters of each log line. The first: who ended it. `C` "
            "client, `S` server, `P` a rule or a limit, `L` answered here, `R` a resource was "
            "missing, `c` and `s` the client or the server timed out, `K` stopped by the operator, "
            "`-` nobody; `CQ` and `CD` with status 503 are a checkpoint's. The second: when. `R` request, `C` connecting, `H` head of the answer "
            "awaited, `D` data, `-` after the end.", ""] + table(
        ["code", "meaning"],
        [[code(word), cell(doc)] for _, word, doc in rows("runtime/proxy/end.def", "END")])


def log_fields():
    body = []
    for kind, _, word, kinds, doc in rows("runtime/core/log_field.def", "LOG_FIELD"):
        body.append([code(word), LOG_TYPES[kind],
                     " and ".join(n for c, n in (("H", "http"), ("T", "tcp")) if c in kinds),
                     cell(doc)])
    return ["## Log fields", "", "Members of a line of `format json`, which begins with `type` "
            "(`http` or `tcp`). Fields are added in later versions, never renamed.", ""
            ] + table(["field", "type", "lines", "meaning"], body)


def page():
    head = ["# Reference", "",
            "Made from the tables in `grammar/`, `compiler/` and `runtime/` by `make docs`: do not "
            "edit. The guide is [language.md](language.md).", "",
            "[Sections](#sections) · [Subjects](#subjects) · [Operators](#operators) · "
            "[Converters](#converters) · [Actions](#actions) · [Options](#option-statements) · "
            "[Messages](#messages-of-the-compiler) · [End codes](#end-codes) · "
            "[Log fields](#log-fields)"]
    parts = [head, sections(), subjects(), operators(), converters(), actions(), options(),
             diagnostics(), ends(), log_fields()]
    return "\n\n".join("\n".join(p) for p in parts) + "\n"


def words():
    out = [("section", w) for w, _, _ in SECTIONS]
    for kind, path, macro, column in (
            ("subject", "grammar/subject.def", "SUBJECT", 1),
            ("operator", "grammar/operator.def", "OPERATOR", 1),
            ("converter", "grammar/converter.def", "CONVERTER", 1),
            ("action", "grammar/action.def", "ACTION", 1),
            ("option", "grammar/option.def", "OPTION", 1),
            ("code", "compiler/diag.def", "DIAG", 0),
            ("end code", "runtime/proxy/end.def", "END", 1),
            ("log field", "runtime/core/log_field.def", "LOG_FIELD", 2)):
        out += [(kind, row[column]) for row in rows(path, macro)]
    return "".join("%s\t%s\n" % pair for pair in dict.fromkeys(out))


def main():
    parser = argparse.ArgumentParser(description="Writes docs/reference.md from the tables.")
    parser.add_argument("-o", metavar="FILE", help="file to write (default: standard output)")
    parser.add_argument("--words", action="store_true", help="list kind and word of each row")
    args = parser.parse_args()
    text = words() if args.words else page()
    if args.o:
        with open(args.o, "w", encoding="utf-8") as f:
            f.write(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
