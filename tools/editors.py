#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the colours of editors from the tables of the language.

    tools/editors.py           editors/vim/syntax/weir.vim and editors/weir.tmLanguage.json
    tools/editors.py --check   is what is there current? Ends with "N passed, N failed".
"""
import argparse
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HEADERS = ["global", "profile", "listen", "frontend", "reqrules", "backend", "rsprules", "checkpoint", "set", "map", "test"]
STARTS = ["req", "rsp", "resp", "conn", "sess", "acl", "param", "assert", "include", "weir"]
LOGIC = ["on", "unless", "not", "in", "out", "all", "if", "then", "as", "never", "always", "default", "override", "file", "dynamic"]
OLD = ["replace", "rebase", "set_host", "remap_uri", "reqadd", "reqdel", "reqidel", "reqisetbe"]


def table():
    """Kind: words, as the reference lists them."""
    out = {}
    text = subprocess.run([sys.executable, os.path.join(ROOT, "tools", "reference.py"), "--words"], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        kind, word = line.split("\t")[:2]
        out.setdefault(kind, []).append(word)
    return out


def alternatives(words):
    return "|".join(re.escape(w).replace(r"\-", "-") for w in sorted(set(words), key=lambda w: (-len(w), w)))


def vim(t):
    def keywords(group, words):
        lines, line = [], ""
        for w in sorted(set(words)):
            if len(line) + len(w) > 70:
                lines.append(line)
                line = ""
            line += " " + w
        return "".join(f"syn keyword {group} contained{x}\n" for x in lines + [line])

    def option(words):
        return r"\s\+".join(w.replace(".", r"\.") for w in words.split())

    options = "".join(f"syn match weirOption /^\\s*\\zs{option(o)}\\ze\\(\\s\\|$\\)/\n" for o in sorted(t["option"], key=lambda o: (o.count(" "), o)))
    subjects = "\\|".join(sorted(set(t["subject"] + ["len", "count"]), key=lambda w: (-len(w), w)))
    return f'''" Vim syntax of Weir sites. Made by tools/editors.py from the tables of the language: do not edit.
if exists("b:current_syntax")
  finish
endif
syn case match
syn iskeyword @,48-57,_,-,.

syn match weirRule /^\\s*\\zs\\(req\\|rsp\\|resp\\|conn\\|sess\\|acl\\|param\\|assert\\|include\\|weir\\)\\>.*/ contains=@weirParts
syn cluster weirParts contains=weirStart,weirAction,weirLogic,weirSubject,weirConverter,weirOperator,weirString,weirNumber,weirComment,weirOld
syn match weirHeader /^\\s*\\zs\\({"|".join(HEADERS).replace("|", chr(92) + "|")}\\)\\>/
{options}{keywords("weirStart", STARTS)}{keywords("weirAction", t["action"] + ["permit"])}{keywords("weirLogic", LOGIC)}{keywords("weirOld", OLD)}syn match weirSubject /\\c\\<\\(req\\.\\)\\?\\({subjects}\\)\\>/ contained
syn match weirConverter /|\\s*\\({"|".join(sorted(t["converter"])).replace("|", chr(92) + "|")}\\)\\>/ contained
syn match weirOperator /\\(\\s\\)\\@<=\\([=!][=~*^%\\/.]\\|[<>]=\\?\\)\\ze\\(\\s\\|$\\)/
syn match weirNumber /\\<\\d\\+\\(us\\|ms\\|[smhdkg]\\)\\?\\>/
syn region weirString start=/"/ skip=/\\\\./ end=/"[icxb]*/ oneline contains=weirComputed,weirBackref
syn region weirString start=/'/ skip=/\\\\./ end=/'[icxb]*/ oneline contains=weirComputed,weirBackref
syn match weirComputed /[$%]{{[^}}]*}}/ containedin=weirRule
syn match weirBackref /\\\\[0-9]/ contained
syn match weirComment /\\(^\\|\\s\\)\\zs#.*/ contains=@Spell

hi def link weirHeader Structure
hi def link weirOption Identifier
hi def link weirStart Statement
hi def link weirAction Function
hi def link weirLogic Conditional
hi def link weirOld Todo
hi def link weirSubject Type
hi def link weirConverter Function
hi def link weirOperator Operator
hi def link weirNumber Number
hi def link weirString String
hi def link weirComputed Special
hi def link weirBackref Special
hi def link weirComment Comment

let b:current_syntax = "weir"
'''


def textmate(t):
    options = "|".join(r"\s+".join(re.escape(w).replace(r"\-", "-") for w in o.split()) for o in sorted(t["option"], key=lambda o: (-len(o), o)))
    subjects = alternatives(t["subject"] + ["len", "count"])

    def text(mark, name):
        return {"name": f"string.quoted.{name}.weir", "begin": mark, "end": mark + r"([icxb]*)|$", "endCaptures": {"1": {"name": "keyword.other.weir"}},
                "patterns": [{"include": "#computed"}, {"name": "constant.character.escape.weir", "match": r"\\."}]}

    return json.dumps({
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "name": "Weir", "scopeName": "source.weir", "fileTypes": ["weir"],
        "comment": "Made by tools/editors.py from the tables of the language: do not edit.",
        "patterns": [
            {"name": "comment.line.number-sign.weir", "match": r"(^|(?<=\s))#.*$"},
            {"match": rf"^\s*({alternatives(HEADERS)})\b(?:\s+([A-Za-z0-9_.-]+))?",
             "captures": {"1": {"name": "storage.type.weir"}, "2": {"name": "entity.name.section.weir"}}},
            {"match": rf"^\s*({alternatives(STARTS)})\b", "captures": {"1": {"name": "keyword.control.weir"}}},
            {"match": rf"^\s*({options})(?=\s|$)", "captures": {"1": {"name": "support.type.property-name.weir"}}},
            {"include": "#computed"},
            text('"', "double"), text("'", "single"),
            {"match": r"(=~|!~)\s+(/(?:[^/\\]|\\.)*/)([icxb]*)", "captures": {"1": {"name": "keyword.operator.weir"}, "2": {"name": "string.regexp.weir"},
                                                                          "3": {"name": "keyword.other.weir"}}},
            {"name": "keyword.operator.weir", "match": r"(?<=\s)([=!][=~*^%/.]|[<>]=?|&&|\|\|)(?=\s)"},
            {"name": "invalid.deprecated.weir", "match": rf"(?<![\w.-])({alternatives(OLD)})(?![\w.-])"},
            {"name": "keyword.control.conditional.weir", "match": rf"(?<![\w.-])({alternatives(LOGIC)})(?![\w.-])"},
            {"name": "support.function.weir", "match": rf"(?<![\w.-])({alternatives(t['action'] + ['permit'])})(?![\w.-])"},
            {"name": "support.function.weir", "match": rf"(?<=\|)({alternatives(t['converter'])})\b"},
            {"name": "variable.language.weir", "match": rf"(?i)(?<![\w.-])(req\.)?({subjects})(?![\w.-])"},
            {"name": "constant.numeric.weir", "match": r"(?<![\w.:-])\d+(us|ms|[smhdkg])?(?![\w.:-])"},
        ],
        "repository": {"computed": {"name": "variable.other.weir", "match": r"[$%]\{[^}]*\}"}},
    }, indent=1, ensure_ascii=False) + "\n"


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--check", action="store_true")
    args = p.parse_args()
    t = table()
    files = {"editors/vim/syntax/weir.vim": vim(t), "editors/weir.tmLanguage.json": textmate(t),
             "editors/vim/ftdetect/weir.vim": "\" Made by tools/editors.py: do not edit.\nau BufRead,BufNewFile *.weir setfiletype weir\n",
             "editors/vim/ftplugin/weir.vim": "\" Made by tools/editors.py: do not edit.\n"
             "setlocal commentstring=#\\ %s expandtab shiftwidth=4 softtabstop=4\nsetlocal formatprg=weir\\ fmt\\ -\n"}
    failed = 0
    for name, text in files.items():
        path = os.path.join(ROOT, name)
        if not args.check:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
            continue
        have = None
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                have = f.read()
        if have != text:
            print(f"FAIL {name} is not current: make editors")
            failed += 1
    if args.check:
        print(f"{len(files) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
