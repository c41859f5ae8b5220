#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds tests/sites/demo.weir, starts it with small origins on loopback, and shows for some
requests the command, the answer, what the origin received and the access log line.

    tools/demo.py WEIR

All ports are given by the kernel. What it starts, it ends. Exit code 0: every answer, every
request at an origin and every log line was as the site's rules say; 1: something was not.
"""

import http.server
import os
import queue
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

SITE = "tests/sites/demo.weir"
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
START_LIMIT = 10        # seconds until the site must listen, a log line be there, the site be gone
BAD_REQUEST = "<BADREQ>"
TRIES = 5               # another process may take a port before the site does
ORIGINS = ("pages", "api", "images_a", "images_b", "admin", "beta")

# (title, curl arguments, host, target, what must be so); {host} goes into the Host field.
REQUESTS = (
    ("A page. The client lies about its address; the server tells too much about itself.",
     ["-H", "X-Forwarded-For: 10.20.0.1", "-H", "Authorization: Basic c2VjcmV0"],
     "www.shop.example", "/hats?size=7",
     {"status": 200, "origin": "pages", "target": "/hats?size=7", "log": "www pages/pages",
      "received": {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http",
                   "authorization": None},
      "answer": {"x-frame-options": "SAMEORIGIN", "server": None, "x-powered-by": None,
                 "cache-control": "no-cache"}}),
    ("A picture: other servers, another path, no cookie.",
     ["-H", "Cookie: cart=17"], "www.shop.example", "/images/logo.png",
     {"status": 200, "origin": "images_a", "target": "/logo.png", "log": "www images/a",
      "received": {"host": "images.shop.example", "cookie": None},
      "answer": {"cache-control": "public, max-age=86400"}}),
    ("The next picture comes from the other picture server.",
     [], "www.shop.example", "/images/hat.png",
     {"status": 200, "origin": "images_b", "target": "/hat.png", "log": "www images/b"}),
    ("The API has rules of its own.",
     ["-X", "POST", "-d", "item=4"], "www.shop.example", "/api/v1/basket",
     {"status": 200, "origin": "api", "target": "/v1/basket", "log": "www api/api",
      "received": {"x-api-version": "1"}, "answer": {"cache-control": "no-store"}}),
    ("The bare domain is redirected, and keeps its query.",
     [], "shop.example", "/hats?size=7",
     {"status": 301, "origin": None, "log": "www -/-",
      "answer": {"location": "http://www.shop.example/hats?size=7"}}),
    ("The admin area is for the office network.",
     [], "www.shop.example", "/admin", {"status": 403, "origin": None, "log": "www -/-"}),
    ("A detour to a forbidden path: what is tested is the normalised path.",
     ["--path-as-is"], "www.shop.example", "/images/../%2egit/config",
     {"status": 404, "origin": None, "log": "www -/-"}),
    ("An answer made by a rule, without any server.",
     [], "www.shop.example", "/robots.txt",
     {"status": 200, "origin": None, "log": "www -/-",
      "answer": {"content-type": "text/plain"}}),
)
EXPLAINED = 6           # of these, the one that weir explain shows


class Origin:
    """A small server in a thread. Each request it gets goes into <received>."""

    def __init__(self, name, received):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            server_version, sys_version = "origin-%s/1" % name, ""

            def reply(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                received.put((name, self.requestline, self.headers.items(), body))
                text = ("hello from %s\n" % name).encode()
                self.send_response(200)
                self.send_header("X-Powered-By", "steam")
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_HEAD = reply

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = "127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def free_ports(count):
    held = [socket.socket() for _ in range(count)]
    try:
        for s in held:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in held]
    finally:
        for s in held:
            s.close()


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Site:
    """The built site. Lines of its standard output, the access log, go into <lines>."""

    def __init__(self, binary, params):
        self.lines = queue.Queue()
        self.errors = tempfile.TemporaryFile()
        argv = [binary]
        for name, value in params.items():
            argv += ["--set", "%s=%s" % (name, value)]
        self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=self.errors)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.child.stdout:
            self.lines.put(line.decode("utf-8", "replace").rstrip("\n"))

    def ready(self, ports):
        end = time.monotonic() + START_LIMIT
        while time.monotonic() < end and self.child.poll() is None:
            if all(listens(p) for p in ports):
                return True
            time.sleep(0.02)
        return False

    def said(self):
        self.errors.seek(0)
        return self.errors.read().decode("utf-8", "replace")

    def stop(self):
        """Asks it to end, as an operator does. Returns its exit code; None: it had to be killed."""
        if self.child.poll() is None:
            self.child.terminate()
        try:
            return self.child.wait(START_LIMIT)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            return None


def start(binary, origins):
    """Starts the site on free ports. Returns it and its port; (None, None) after a message."""
    for _ in range(TRIES):
        port, port_tls = free_ports(2)
        params = {"listen": "127.0.0.1:%d" % port, "listen_tls": "127.0.0.1:%d" % port_tls}
        params.update(("origin_" + name, o.address) for name, o in origins.items())
        site = Site(binary, params)
        if site.ready((port, port_tls)):
            print("started: %s --set listen=%s …" % (os.path.relpath(binary), params["listen"]))
            return site, port
        code = site.stop()
        print("the site did not start (exit code %s)\n%s" % (code, site.said()), file=sys.stderr)
    return None, None


def curl(argv):
    """Runs curl. Returns status, fields by lower-case name, the whole head, and the body."""
    out = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=30,
                         check=False).stdout.decode("utf-8", "replace")
    head, _, body = out.replace("\r\n", "\n").partition("\n\n")
    lines = head.split("\n")
    words = lines[0].split()
    fields = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        fields[name.lower()] = value.strip()
    return int(words[1]) if len(words) > 1 else 0, fields, lines, body


def faults_of(want, status, fields, request):
    """What is not as <want> says, as sentences."""
    faults = []
    if status != want["status"]:
        faults.append("the status is %d, not %d" % (status, want["status"]))
    for name, value in want.get("answer", {}).items():
        if fields.get(name) != value:
            faults.append("the answer's %s is %s" % (name, fields.get(name)))
    if (request and request[0]) != want["origin"]:
        faults.append("it came to origin %s, not %s" % (request and request[0], want["origin"]))
        return faults
    if request and request[1].split()[1] != want["target"]:
        faults.append("the origin was asked for %s" % request[1])
    have = {k.lower(): v for k, v in request[2]} if request else {}
    for name, value in want.get("received", {}).items():
        if have.get(name) != value:
            faults.append("the origin received %s: %s" % (name, have.get(name)))
    return faults


def indent(lines):
    for line in lines:
        print("    " + line)


def take(source):
    try:
        return source.get_nowait()
    except queue.Empty:
        return None


def log_line(site, target, want, faults):
    """The request's line: it comes a moment after the answer."""
    line = BAD_REQUEST
    while BAD_REQUEST in line:          # the connections by which we saw it listen
        try:
            line = site.lines.get(timeout=START_LIMIT)
        except queue.Empty:
            faults.append("there is no log line")
            return "(none)"
    parts = (" %s " % want["log"], " %d " % want["status"], target)
    if not all(part in line for part in parts):
        faults.append("the log line is not as expected")
    return line


def show(number, port, site, received):
    """One request, shown and checked. Returns the faults."""
    title, options, host, target, want = REQUESTS[number]
    argv = ["curl", "-s", "-i", "--noproxy", "*"] + options
    argv += ["-H", "Host: " + host, "http://127.0.0.1:%d%s" % (port, target)]
    print("\n%d. %s\n" % (number + 1, title))
    print("  $ " + " ".join(shlex.quote(a) for a in argv if a not in ("--noproxy", "*")))
    status, fields, head, body = curl(argv)
    indent(head + [""] + body.rstrip("\n").split("\n")[:4])
    request = take(received)
    faults = faults_of(want, status, fields, request)
    if request:
        print("  origin %s received" % request[0])
        indent([request[1]] + ["%s: %s" % field for field in request[2]])
    else:
        print("  no origin received anything")
    print("  access log")
    indent([log_line(site, target, want, faults)])
    for fault in faults:
        print("  NOT AS EXPECTED: " + fault)
    return faults


def explain(weir):
    _, _, host, target, _ = REQUESTS[EXPLAINED]
    argv = [weir, "explain", SITE, "--request", "GET " + target, "-H", "Host: " + host]
    print("\nWhy? weir explain runs the same rules without any server:\n")
    print("  $ weir " + " ".join(shlex.quote(a) for a in argv[1:]))
    out = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    indent(out.stdout.decode("utf-8", "replace").rstrip("\n").split("\n"))
    return [] if out.returncode == 0 else ["weir explain failed"]


def demonstrate(weir, binary):
    received = queue.Queue()
    origins = {name: Origin(name, received) for name in ORIGINS}
    site = None
    try:
        site, port = start(binary, origins)
        if not site:
            return ["the site did not start"]
        faults = []
        for number in range(len(REQUESTS)):
            faults += show(number, port, site, received)
        faults += explain(weir)
        code = site.stop()
        print("\nstopped by SIGTERM: exit code %s" % code)
        if code != 0:
            faults.append("the site ended with %s: %s" % (code, site.said()))
            print(site.said(), file=sys.stderr)
        return faults
    finally:
        if site:
            site.stop()
        for origin in origins.values():
            origin.close()


def main():
    if len(sys.argv) != 2:
        print("usage: tools/demo.sh WEIR", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))    # by way of the finally
    weir = os.path.abspath(sys.argv[1])
    binary = os.path.join(os.path.dirname(weir), "demo")
    os.chdir(ROOT)
    print("$ weir build %s -o %s" % (SITE, os.path.relpath(binary)))
    begin = time.monotonic()
    if subprocess.run([weir, "build", SITE, "-o", binary], check=False).returncode != 0:
        return 1
    print("built in %.1f s, %d kB" % (time.monotonic() - begin, os.path.getsize(binary) // 1024))
    faults = demonstrate(weir, binary)
    if faults:
        print("\n%d not as expected" % len(faults))
        return 1
    print("\nall %d answers were as expected; the site is %s, the guide docs/quickstart.md"
          % (len(REQUESTS), SITE))
    return 0


if __name__ == "__main__":
    sys.exit(main())
