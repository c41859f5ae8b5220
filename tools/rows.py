#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each row of docs/testing.md's table of mechanisms names the files whose tests check it. Verifies that there is a row for
each number, and that each file has its number in the name or comment of a test.
    tools/rows.py
Prints what is wrong, then "N passed, N failed"."""

import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join(TOP, "docs", "testing.md")
ROW = re.compile(r"^\| S([0-9]+) \| [^|]+ \| ([^|]+) \|$")
FILE = re.compile(r"`([^`]+)`")
# Those of the language, of the runtime and of its threads.
NUMBERS = [*range(1, 42), *range(48, 50), *range(53, 69), 89, *range(92, 98), *range(104, 115)]


def holds(path, number):
    """The number as a word, or as the beginning of a name: S7, s07_name, s07-name.weir."""
    pattern = re.compile(r"(?<![0-9A-Za-z])[sS]0*%d(?![0-9A-Za-z])" % number)
    with open(path, encoding="utf-8") as f:
        return any(pattern.search(text.replace("_", " ")) for text in (os.path.basename(path), f.read()))


def main():
    with open(PAGE, encoding="utf-8") as f:
        rows = [m.groups() for m in map(ROW.match, f.read().splitlines()) if m]
    wrong = []
    passed = 0
    for number, files in rows:
        missing = []
        for name in FILE.findall(files) or [""]:
            path = os.path.join(TOP, name)
            if not os.path.isfile(path):
                missing.append("%s: no such file" % (name or "(none named)"))
            elif not holds(path, int(number)):
                missing.append("%s: no test names S%s" % (name, number))
        wrong += ["S%s: %s" % (number, m) for m in missing]
        passed += not missing
    have = [int(n) for n, _ in rows]
    wrong += ["S%d: no row" % n for n in NUMBERS if n not in have]
    wrong += ["S%d: more than one row" % n for n in sorted(set(have)) if have.count(n) > 1]
    print("".join("FAIL %s\n" % w for w in wrong) + "%d passed, %d failed" % (passed, len(wrong)))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
