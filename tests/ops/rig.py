# SPDX-License-Identifier: Apache-2.0
"""What the operations tests share: sites built once, processes that are ended, an origin, a client.

Every address is a loopback address of this run alone, and its ports are given by the kernel, so
two runs cannot get in each other's way."""

import json
import os
import random
import shutil
import signal
import socket
import socketserver
import subprocess
import tempfile
import threading
import time

PATIENCE = 20           # seconds that something may take before it counts as never; no measure


class Failure(Exception):
    """An expectation that did not hold; the text says which."""


class NotHere(Exception):
    """The machine lacks what the test needs."""


def expect(value, text, *args):
    if not value:
        raise Failure(text % args if args else text)


def same(got, want, what):
    expect(got == want, "%s: got %r, want %r", what, got, want)


def until(probe, what, patience=PATIENCE):
    """Calls <probe> until it returns something true, and returns that."""
    end = time.monotonic() + patience
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure("never: " + what)
        time.sleep(0.01)


class Proc:
    """A running binary; its output goes to files, so that nobody has to read it."""

    def __init__(self, argv, folder, name, **more):
        self.out_path = os.path.join(folder, name + ".out")
        self.err_path = os.path.join(folder, name + ".err")
        out = more.pop("stdout", None)
        with open(self.out_path, "wb") as o, open(self.err_path, "wb") as e:
            self.p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out or o, stderr=e,
                                      start_new_session=True, **more)
        self.pid = self.p.pid

    def out(self):
        with open(self.out_path, "rb") as f:
            return f.read()

    def err(self):
        with open(self.err_path, "rb") as f:
            return f.read().decode("utf-8", "replace")

    def send(self, sig):
        self.p.send_signal(sig)

    def wait(self, patience=PATIENCE):
        try:
            return self.p.wait(patience)
        except subprocess.TimeoutExpired:
            raise Failure("the process does not end; it said:\n" + self.err())

    def stop(self, want=0, sig=signal.SIGTERM):
        self.send(sig)
        code = self.wait()
        expect(code == want, "exit code %d, not %d; it said:\n%s", code, want, self.err())

    def kill(self):
        if self.p.poll() is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.p.wait()

    def cpu(self):
        """Seconds of processor time used so far."""
        with open("/proc/%d/stat" % self.pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def threads(self):
        return sorted(int(t) for t in os.listdir("/proc/%d/task" % self.pid))

    def fds(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))


class Origin(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Answers /size/N with N bytes, /slow with what it has once <go> is set, else with "ok"."""

    daemon_threads = True
    request_queue_size = 1024
    allow_reuse_address = True

    def __init__(self, host):
        self.go = threading.Event()
        self.slow_seen = 0
        super().__init__((host, 0), OriginTalk)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, request, client_address):
        pass                # the proxy may close at any time

    def text(self):
        return "%s:%d" % self.server_address


class OriginTalk(socketserver.StreamRequestHandler):
    def handle(self):
        while True:
            line = self.rfile.readline()
            if not line:
                return
            size = 0
            while True:
                h = self.rfile.readline()
                if h in (b"\r\n", b""):
                    break
                if h.lower().startswith(b"content-length:"):
                    size = int(h.split(b":")[1])
            self.rfile.read(size)
            path = line.split(b" ")[1]
            body = b"ok"
            if path.startswith(b"/slow"):
                self.server.slow_seen += 1
                self.server.go.wait(PATIENCE)
            if path.startswith(b"/size/"):
                body = b"x" * int(path.split(b"/")[2].split(b"?")[0])
            # In one write: a second one would wait for the first one's acknowledgement.
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Served: yes\r\n\r\n%b"
                             % (len(body), body))


class Client:
    """One client connection."""

    def __init__(self, to, timeout=PATIENCE):
        if isinstance(to, (str, bytes)):
            self.s = socket.socket(socket.AF_UNIX)
            self.s.settimeout(timeout)
            self.s.connect(to)
        else:
            self.s = socket.create_connection(to, timeout)
        self.f = self.s.makefile("rb")

    def send(self, path="/", headers=b"", method=b"GET"):
        if isinstance(path, str):
            path = path.encode()
        self.s.sendall(method + b" " + path + b" HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n")

    def read(self):
        """Returns (status, {header: value}, body) of one answer; status 0: the end came."""
        try:
            line = self.f.readline()
        except ConnectionError:
            line = b""
        if not line:
            return 0, {}, b""
        headers = {}
        while True:
            h = self.f.readline()
            if h in (b"\r\n", b""):
                break
            k, v = h.decode("latin-1").split(":", 1)
            headers[k.lower()] = v.strip()
        body = self.f.read(int(headers.get("content-length", 0)))
        return int(line.split()[1]), headers, body

    def get(self, path="/", headers=b"", method=b"GET"):
        self.send(path, headers, method)
        return self.read()

    def ended(self):
        """Whether the peer closes without a further byte."""
        try:
            return self.f.read(1) == b""
        except ConnectionError:
            return True

    def close(self):
        self.f.close()
        self.s.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def get(to, path="/", headers=b"", method=b"GET"):
    with Client(to) as c:
        return c.get(path, headers, method)


class Rig:
    """Of one test: a folder, processes, and the sites of the whole run."""

    def __init__(self, weir, folder, sites, number):
        self.weir, self.folder, self.sites = weir, folder, sites
        pid = os.getpid()
        self.host = "127.%d.%d.%d" % (1 + (pid >> 8) % 254, pid & 255, 1 + number % 254)
        self.procs, self.closers, self.given = [], [], set()
        self._origin = None

    # -- sites

    def build(self, text, name="site"):
        """The binary of the site <text>; equal texts are built once."""
        if text not in self.sites:
            base = tempfile.mkdtemp(prefix="s", dir=os.path.dirname(self.folder))
            os.chmod(base, 0o755)
            with open(os.path.join(base, name + ".weir"), "w") as f:
                f.write("weir 1\n" + text)
            r = subprocess.run([self.weir, "build", name + ".weir", "-o", name] + self.with_cc(base),
                               cwd=base, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            expect(r.returncode == 0, "weir build:\n%s", r.stdout[-2000:].decode("utf-8", "replace"))
            self.sites[text] = os.path.join(base, name)
        return self.sites[text]

    def with_cc(self, folder):
        """A compiler built with SAN=address has a runtime that is linked with the sanitizers."""
        with open(self.weir, "rb") as f:
            if b"__asan_init" not in f.read():
                return []
        cc = os.path.join(folder, "cc")
        with open(cc, "w") as f:
            f.write("#!/bin/sh\nexec cc -fsanitize=address,undefined \"$@\"\n")
        os.chmod(cc, 0o755)
        return ["--cc", cc]

    def path(self, name):
        return os.path.join(self.folder, name)

    def port(self):
        """A free port, not given out yet. Below the range from which the kernel takes ports for outgoing connections: none of
        these can get in between this and the bind of the one who uses it."""
        while True:
            port = random.randrange(10000, 32000)
            if port in self.given:
                continue
            self.given.add(port)
            with socket.socket() as s:
                try:
                    s.bind((self.host, port))
                except OSError:
                    continue
                return port

    def at(self, port):
        return "%s:%d" % (self.host, port)

    @property
    def origin(self):
        if not self._origin:
            self._origin = Origin(self.host)
            self.closers.append(self._origin.server_close)
            self.closers.append(self._origin.shutdown)
            self.closers.append(self._origin.go.set)
        return self._origin

    # -- processes

    def call(self, binary, *args, env=None, **more):
        """Runs to the end: (exit code, stdout, stderr)."""
        r = subprocess.run([binary] + list(args), stdin=subprocess.DEVNULL, capture_output=True,
                           timeout=PATIENCE, env=env and dict(os.environ, **env), **more)
        return r.returncode, r.stdout.decode(), r.stderr.decode("utf-8", "replace")

    def spawn(self, argv, **more):
        p = Proc(argv, self.folder, "p%d" % len(self.procs), **more)
        self.procs.append(p)
        return p

    def start(self, binary, *args, ready=(), **more):
        """Starts a site and waits until it takes connections at each of <ready>; with none, at
        nothing."""
        before = more.pop("before", [])
        p = self.spawn(list(before) + [binary] + list(args), **more)
        for to in ready:
            def up(to=to):
                expect(p.p.poll() is None, "it ended with %s and said:\n%s", p.p.poll(), p.err())
                try:
                    with Client(to) as c:       # and away again, before the test begins
                        c.s.shutdown(socket.SHUT_WR)
                        c.ended()
                    return True
                except OSError:
                    return False
            until(up, "it listens on %s" % (to,))
        return p

    def serve(self, text, *params, **more):
        """Builds and starts a site with the params listen and origin; returns (process, address
        to connect to)."""
        to = (self.host, self.port())
        args = ["--set", "listen=%s:%d" % to]
        if "param origin" in text:
            args += ["--set", "origin=" + self.origin.text()]
        for p in params:
            args += ["--set", p]
        return self.start(self.build(text), *args, ready=[to], **more), to

    def end(self):
        for p in self.procs:
            p.kill()
        for c in reversed(self.closers):
            c()
        shutil.rmtree(self.folder, ignore_errors=True)


def lines(path):
    """The whole lines of a log file."""
    try:
        with open(path, "rb") as f:
            return f.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return []


def records(path):
    """The JSON records of a log file."""
    return [json.loads(line) for line in lines(path)]
