#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the documentation against the code. `make check` calls it.

    tools/docs.py BUILD_DIR      BUILD_DIR holds weir

- docs/reference.md is what tools/reference.py makes of the tables.
- Every word of the tables, every file of stdlib/, and every command and option that `weir -h`,
  `weir COMMAND -h` and `-h` of a built site show, occurs in docs/.
- Every member of the JSON outputs stands in docs/json.md.
- Every relative link of a *.md file leads to a file, and its anchor to a heading.
- Every block marked weir, in README.md and docs/, is a site that lints without errors.
- Every file of the tree that a *.md file names exists.
- No *.md file names a path of the machine.

Prints what is wrong, then "N passed, N failed".
"""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SMALL_SITE = "listen small\n    bind 127.0.0.1:8080\n    server a 127.0.0.1:8081\n"


class Count:
    passed = failed = 0

    def check(self, name, faults):
        """One check: it has failed when <faults> holds a sentence."""
        if not faults:
            self.passed += 1
            return
        self.failed += 1
        print("FAIL " + name)
        for fault in faults:
            print("    " + fault)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def run(argv):
    """Exit code and output, both streams."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300, check=False)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def pages():
    """Every *.md file of the tree, whatever has been built in it."""
    found = ["README.md"]
    for top in ("docs", "tests", "bench", "stdlib"):
        found += glob.glob(top + "/**/*.md", recursive=True)
    return sorted(found)


def check_reference(count):
    code, text = run([sys.executable, "tools/reference.py"])
    faults = []
    if code != 0:
        faults = text.splitlines()
    elif text != read("docs/reference.md"):
        faults = ["docs/reference.md is not what the tables give: run make docs"]
    count.check("reference is current", faults)


def occurs(word, text):
    edge = r"[\w-]" if re.match(r"[\w-]", word) else r"\0"
    last = r"[\w-]" if re.search(r"[\w-]$", word) else r"\0"
    return re.search(r"(?<!%s)%s(?!%s)" % (edge, re.escape(word), last), text) is not None


def check_words(count, text):
    code, out = run([sys.executable, "tools/reference.py", "--words"])
    if code != 0:
        count.check("words of the tables", out.splitlines())
        return
    missing = {}
    for line in out.splitlines():
        kind, word = line.split("\t")
        missing.setdefault(kind, [])
        if not occurs(word, text):
            missing[kind].append("%s %s occurs in no page of docs/" % (kind, word))
    for kind, faults in missing.items():
        count.check("every %s is documented" % kind, faults)


def check_library(count, text):
    faults = []
    for path in sorted(glob.glob("stdlib/*.weir")):
        name = "std/" + os.path.basename(path)[:-len(".weir")]
        if not occurs(name, text):
            faults.append("include \"%s\" occurs in no page of docs/" % name)
    count.check("every file of the library is documented", faults)


def options_of(text):
    """The options that a help text lists: words with a dash at the start of an indented line."""
    found = []
    for line in text.splitlines():
        m = re.match(r"\s+(--?[A-Za-z][\w-]*(,\s+--[\w-]+)?)", line)
        if m:
            found += re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", m.group(1))
    return found


def help_faults(argv, name, text):
    code, out = run(argv)
    if code != 0 or not out.strip():
        return ["%s: exit code %d" % (name, code)]
    return ["%s: option %s occurs in no page of docs/" % (name, o)
            for o in options_of(out) if not occurs(o, text)]


def check_help(count, weir, text, tmp):
    code, out = run([weir, "-h"])
    commands = re.findall(r"^  ([\w-]+)  ", out, re.M)
    count.check("weir -h", [] if code == 0 and commands else ["exit code %d, no command" % code])
    for name in commands:
        faults = help_faults([weir, name, "-h"], "weir " + name, text)
        if not occurs("weir " + name, text):
            faults.append("the command weir %s occurs in no page of docs/" % name)
        count.check("weir %s -h" % name, faults)
    site = os.path.join(tmp, "small.weir")
    with open(site, "w", encoding="utf-8") as f:
        f.write(SMALL_SITE)
    binary = os.path.join(tmp, "small")
    code, out = run([weir, "build", site, "-o", binary])
    count.check("options of a built site",
                help_faults([binary, "-h"], "site", text) if code == 0 else out.splitlines())


def members(value):
    """Names of all members of a JSON value, at any depth."""
    if isinstance(value, list):
        return set().union(*[members(v) for v in value])
    if isinstance(value, dict):
        return set(value).union(*[members(v) for v in value.values()])
    return set()


def check_json(count, weir, tmp):
    """The commands as the golden tests have them; lint as it is for a site with a mistake."""
    page = read("docs/json.md")
    site = os.path.join(tmp, "bad.weir")
    with open(site, "w", encoding="utf-8") as f:
        f.write("frontend a\nfrontend a\n    tred 3\n")
    texts = {"lint": [run([weir, "lint", "--format", "json", site])[1]]}
    for name in ("explain", "diff", "why", "query", "replay"):
        texts[name] = [read(p) for p in sorted(glob.glob("tests/golden/%s/*.json" % name))]
    for name, outputs in texts.items():
        known = set().union(*[members(json.loads(t)) for t in outputs])
        count.check("JSON of weir " + name, ["docs/json.md says nothing of %s" % m
                                             for m in sorted(known) if not occurs(m, page)])


def without_code(text):
    """The text with fenced blocks and inline code blanked, lines kept."""
    text = re.sub(r"^```.*?^```", lambda m: "\n" * m.group().count("\n"), text, flags=re.S | re.M)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(text):
    """Names of the headings, as a browser of the repository makes them."""
    names = set()
    for m in re.finditer(r"^#+ +(.*)$", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M), re.M):
        name = re.sub(r"[^\w\- ]", "", m.group(1).strip().lower()).replace(" ", "-")
        names.add(name)
    return names


def link_faults(page):
    faults = []
    for m in re.finditer(r"\[[^\]]*\]\(([^)\s]+)\)", without_code(read(page))):
        target, _, anchor = m.group(1).partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        path = os.path.normpath(os.path.join(os.path.dirname(page), target)) if target else page
        if not os.path.exists(path):
            faults.append("%s leads nowhere" % m.group(1))
        elif anchor and path.endswith(".md") and anchor not in anchors(read(path)):
            faults.append("%s: there is no such heading" % m.group(1))
    return faults


def path_faults(page, text):
    homes = {"/home/", "/root/", os.path.expanduser("~") + "/", ROOT + "/"} - {"//", "/"}
    return ["it names %s" % p for p in sorted(homes) if p in text]


def file_faults(text):
    """Names of files, such as `compiler/cmd_*.c`, that match nothing."""
    tops = "compiler|runtime|grammar|generated|stdlib|tests|tools|docs|bench"
    named = set(re.findall(r"`((?:%s)/[\w./*-]+)`" % tops, text))
    return ["there is no %s" % name for name in sorted(named)
            if not glob.glob(name) and not os.path.exists(name + ".c")]     # a program


def check_pages(count):
    for page in pages():
        count.check("files that %s names" % page, file_faults(read(page)))
        count.check("links of " + page, link_faults(page))
        count.check("no path of a machine in " + page, path_faults(page, read(page)))


def blocks(page):
    """(line, text) of each block marked weir."""
    text = read(page)
    for m in re.finditer(r"^```weir\n(.*?)^```", text, re.S | re.M):
        yield text.count("\n", 0, m.start()) + 1, m.group(1)


def check_blocks(count, weir, tmp):
    for page in ["README.md"] + sorted(glob.glob("docs/**/*.md", recursive=True)):
        for line, text in blocks(page):
            site = os.path.join(tmp, "block.weir")
            with open(site, "w", encoding="utf-8") as f:
                f.write(text)
            code, out = run([weir, "lint", site])
            count.check("%s:%d lints" % (page, line), out.splitlines() if code != 0 else [])
            if re.search(r"^test ", text, re.M):
                code, out = run([weir, "test", site])
                count.check("%s:%d passes its tests" % (page, line),
                            out.splitlines() if code != 0 else [])


def main():
    if len(sys.argv) != 2:
        print("usage: tools/docs.sh BUILD_DIR", file=sys.stderr)
        return 2
    weir = os.path.abspath(os.path.join(sys.argv[1], "weir"))
    os.chdir(ROOT)
    count = Count()
    text = "\n".join(read(p) for p in glob.glob("docs/**/*.md", recursive=True))
    text = text.replace("\\|", "|").replace("&lt;", "<")
    check_reference(count)
    check_words(count, text)
    check_library(count, text)
    check_pages(count)
    if os.access(weir, os.X_OK):
        with tempfile.TemporaryDirectory(prefix="weir-docs-") as tmp:
            check_help(count, weir, text, tmp)
            check_blocks(count, weir, tmp)
            check_json(count, weir, tmp)
    else:
        count.check("the compiler", ["%s does not exist: make all" % weir])
    print("%d passed, %d failed" % (count.passed, count.failed))
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
