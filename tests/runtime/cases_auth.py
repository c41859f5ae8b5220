# SPDX-License-Identifier: Apache-2.0
"""Basic credentials: each gets a rig.World."""

import base64
import os
import subprocess

from cases import case
from rig import expect, same

# All of "opensesame".
USERS = b"""# who may
sha512:$6$rounds=1000$saltysalt$zLDf863Io1ay0DgPgRkEvYQatMUwqesgNaVUwoefq5K7y7U.CQByj66/Eon6pQvZ77fdzzRE994QdwEY43K/E1
sha256:$5$rounds=1000$saltysalt$M8Hz3cXuXky5daFY0ZjvP/zg6HkKEkyok1c3OQ4Me.5

bcrypt:$2b$04$abcdefghijklmnopqrstuuFuhxWRTXIsURoluSTZ1N4tYaWGn9oOi
slow:$6$rounds=200000$saltysalt$h9pknzjDEazzwRlyChCBOUiO8FVufWwvK3aUvsIRuUzUX6F.U/3zmoymQYUWzARCz6/mVOq5wIXABEYChdwaR1
yescrypt:$y$j75$saltysaltysaltys$z4gU90l6rifWtp8vbENFbnz2CdJRXC0YtDM/b9x.i3A
"""
OTHER = b"alice:$6$rounds=1000$saltysalt$zLDf863Io1ay0DgPgRkEvYQatMUwqesgNaVUwoefq5K7y7U.CQByj66/Eon6pQvZ77fdzzRE994QdwEY43K/E1\n"


def start(w, **params):
    path = os.path.join(w.folder, "users")
    for name, text in (("", USERS), (".other", OTHER)):
        with open(path + name, "wb") as f:
            f.write(text)
    w.start("auth", users=path, **params)


def ask(c, path, credentials=None, raw=None):
    line = b""
    if credentials is not None:
        raw = b"Basic " + base64.b64encode(credentials)
    if raw is not None:
        line = b"Authorization: " + raw + b"\r\n"
    c.send(b"GET " + path + b" HTTP/1.1\r\nHost: h\r\n" + line + b"\r\n")
    head, body = c.answer()
    return head.status, head.get("www-authenticate"), body


@case
def auth_takes_the_forms_of_crypt(w):
    start(w)
    c = w.client()
    same(ask(c, b"/open"), (200, None, b"open"))
    status, realm, _ = ask(c, b"/vault")
    same((status, realm), (401, 'Basic realm="the vault"'))
    for user in (b"sha512", b"sha256", b"bcrypt", b"yescrypt"):
        for _ in range(2):      # computed, then remembered
            same(ask(c, b"/vault/x", user + b":opensesame"), (200, None, b"treasure"), user)
        same(ask(c, b"/vault/x", user + b":opensesamf")[0], 401, user)
        same(ask(c, b"/vault/x", user + b":")[0], 401, user)
    same(ask(c, b"/vault", b"nobody:opensesame")[0], 401)
    same(ask(c, b"/other", b"alice:opensesame"), (200, None, b"other treasure"))
    same(ask(c, b"/vault", b"alice:opensesame")[0], 401)        # of the other file, though remembered
    same(ask(c, b"/other", b"sha512:opensesame")[0], 401)


@case
def auth_refuses_what_is_no_credential(w):
    start(w)
    c = w.client()
    good = base64.b64encode(b"sha512:opensesame")
    for raw in (b"", b"Basic", b"Basic ", b"Basic =", b"Basic !!!!", b"Bearer " + good, good, b"Basic " + good[:-4],
                b"Basic " + good + b" x", b"Basic " + base64.b64encode(b"x" * 250 + b":" + b"y" * 250),
                b"Basic " + base64.b64encode(b"sha512:opensesame\0"), b"Basic " + base64.b64encode(b"sha512")):
        same(ask(c, b"/vault", raw=raw)[0], 401, raw)
    same(ask(c, b"/vault", raw=b"basic  " + good)[0], 200)
    c.send(b"GET /vault HTTP/1.1\r\nHost: h\r\nAuthorization: Basic " + good + b"\r\nAuthorization: Basic " + good + b"\r\n\r\n")
    same(c.answer()[0].status, 401, "two lines")


@case
def hashes_take_a_part_of_a_thread_only(w):
    """Wrong passwords come to 503 when the time for them is used up; who is remembered is served."""
    start(w)
    c = w.client()
    same(ask(c, b"/vault", b"sha512:opensesame")[0], 200)
    seen = set()
    for i in range(1000):
        seen.add(ask(c, b"/vault", b"slow:wrong%d" % i)[0])
        if 503 in seen:
            break
    same(seen, {401, 503})
    for _ in range(20):
        same(ask(c, b"/vault", b"sha512:opensesame")[0], 200)


@case
def users_that_cannot_be_read_stop_the_start(w):
    path = os.path.join(w.folder, "users")
    for text, says in ((None, "No such file"), (b"", "no user"), (b"a\n", "users:1: NAME:HASH"),
                       (b"# x\na:{PLAIN}x\n", "users:2: this form"), (b"a:$1$abc$def\n", "this form"),
                       (b"a:$6$x$y\na:$6$x$y\n", "users:2: this name stands here twice"), (b"\0\0\0:\xff", "this form")):
        if text is not None:
            with open(path, "wb") as f:
                f.write(text)
            with open(path + ".other", "wb") as f:
                f.write(OTHER)
        for check in ([], ["--check"]):
            done = subprocess.run([w.binaries["auth"], "--set", "users=" + path] + check, capture_output=True, timeout=20, check=False)
            expect(done.returncode not in (0, None) and says.encode() in done.stderr, says, done.returncode, done.stderr[:500])
