# SPDX-License-Identifier: Apache-2.0
"""What the tests of the running proxy are made of: its process, raw clients, scripted origins."""

import json
import os
import random
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

PATIENCE = 20       # seconds; nothing here takes long, this ends what hangs


class Failure(AssertionError):
    pass


def expect(condition, *what):
    if not condition:
        raise Failure(" ".join(str(w) for w in what))


def same(got, wanted, what=""):
    expect(got == wanted, "%s: got %r, wanted %r" % (what, got, wanted))


class Closed(Exception):
    """The peer ended, or reset, before what was waited for."""

    def __init__(self, got, reset):
        super().__init__("peer %s after %r" % ("reset" if reset else "closed", got[-200:]))
        self.got = got
        self.reset = reset


class Head:
    def __init__(self, raw):
        self.raw = raw
        lines = raw.decode("latin-1").split("\r\n")
        self.line = lines[0]
        self.fields = [tuple(p.strip() for p in l.split(":", 1)) for l in lines[1:] if l]
        words = self.line.split(" ", 2)
        self.method, self.target = words[0], words[1] if len(words) > 1 else ""
        self.status = int(words[1]) if self.line.startswith("HTTP/") else 0

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name]

    def get(self, name):
        values = self.all(name)
        return values[0] if values else None


class Peer:
    """One end of a connection, with a buffer for what was read ahead."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(PATIENCE)
        self.ahead = b""
        self.left = b""         # bytes of the body that had come when it was cut

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def more(self):
        """Reads once. False at the end."""
        try:
            piece = self.sock.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            raise Closed(self.ahead, True) from None
        self.ahead += piece
        return bool(piece)

    def until(self, mark):
        while mark not in self.ahead:
            if not self.more():
                raise Closed(self.ahead, False)
        data, self.ahead = self.ahead.split(mark, 1)
        return data

    def exactly(self, n):
        while len(self.ahead) < n:
            if not self.more():
                raise Closed(self.ahead, False)
        data, self.ahead = self.ahead[:n], self.ahead[n:]
        return data

    def rest(self):
        """Everything up to the end; a reset counts as an end."""
        try:
            while self.more():
                pass
        except Closed:
            pass
        data, self.ahead = self.ahead, b""
        return data

    def at_end(self):
        """Nothing more comes. True for an end, "reset" for a reset."""
        try:
            expect(not self.ahead and not self.more(), "bytes instead of the end:", self.ahead[:200])
        except Closed:
            return "reset"
        return True

    def head(self):
        return Head(self.until(b"\r\n\r\n"))

    def chunks(self):
        body = b""
        while True:
            size = int(self.until(b"\r\n").split(b";")[0], 16)
            if not size:
                break
            body += self.exactly(size)
            same(self.exactly(2), b"\r\n", "end of chunk")
        trailers = []
        while True:
            line = self.until(b"\r\n")
            if not line:
                return body, trailers
            trailers.append(line.decode("latin-1"))

    def body(self, head, none=False):
        """The body of a message; sets .trailers."""
        self.trailers = []
        if none or head.status in (204, 304) or 100 <= head.status < 200:
            return b""
        if "chunked" in (head.get("transfer-encoding") or ""):
            data, self.trailers = self.chunks()
            return data
        if head.get("content-length") is not None:
            return self.exactly(int(head.get("content-length")))
        return b"" if head.method else self.rest()

    def answer(self, none=False):
        """A whole response: (head, body)."""
        head = self.head()
        if head.status == 0:
            raise Failure("no status line: %r" % head.raw[:200])
        if head.get("content-length") is None and head.get("transfer-encoding") is None and not none \
                and head.status not in (204, 304) and head.status >= 200:
            return head, self.rest()
        return head, self.body(head, none)

    def request(self):
        """A whole request: (head, body)."""
        head = self.head()
        if head.get("content-length") is None and head.get("transfer-encoding") is None:
            return head, b""
        return head, self.body(head)

    def end(self):
        """Ends our direction."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()


class Origin:
    """A listening server: each connection runs <script>(peer, number) in a thread of its own."""

    def __init__(self, script, path=None, backlog=64):
        self.script = script
        self.count = 0
        self.errors = []
        self.heads = []
        self.peers = []
        self.lock = threading.Lock()
        if path:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.bind(path)
        else:
            self.sock = socket.socket()
            self.sock.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:%d" % self.sock.getsockname()[1]
        self.sock.listen(backlog)
        if script:
            threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.sock.accept()
            except OSError:
                return
            with self.lock:
                number, self.count = self.count, self.count + 1
                peer = Peer(s)
                self.peers.append(peer)
            threading.Thread(target=self.serve, args=(peer, number), daemon=True).start()

    def serve(self, peer, number):
        try:
            self.script(peer, number)
        except (Closed, OSError):
            pass
        except Exception as e:      # told by the test's end
            self.errors.append(repr(e))
        finally:
            try:
                peer.close()
            except OSError:
                pass

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        for p in self.peers:
            try:
                p.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def keeps_answering(text=b"hello"):
    """A script: answers every request, on any number of them, with <text>."""
    def script(peer, number):
        while True:
            head, _ = peer.request()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Conn: %d\r\n\r\n" % (len(text), number)
                      + (b"" if head.method == "HEAD" else text))
    return script


def together(raw, seen):
    """A script: answers every request with <raw>; seen["most"] becomes how many there were at a time."""
    lock = threading.Lock()
    seen.update(now=0, most=0)

    def script(peer, _):
        while True:
            peer.request()
            with lock:
                seen["now"] += 1
                seen["most"] = max(seen["most"], seen["now"])
            os.sched_yield()
            with lock:
                seen["now"] -= 1
            peer.send(raw)
    return script


def side_by_side(n, work):
    """Runs <work> in <n> threads; what one of them raises fails the test."""
    failed = []

    def run():
        try:
            work()
        except Exception as e:
            failed.append(repr(e))
    threads = [threading.Thread(target=run) for _ in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    same(failed, [])


def answers(raw, then=None):
    """A script: reads a request, sends <raw>, then waits for the end, or does <then>."""
    def script(peer, number):
        peer.request()
        peer.send(raw)
        if then:
            then(peer)
        else:
            peer.rest()
    return script


def refused_address():
    """Where nobody listens: the port stays ours, so nobody else gets it."""
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    return s, "127.0.0.1:%d" % s.getsockname()[1]


class World:
    """One test's processes and sockets."""

    def __init__(self, binaries, address, san, fault):
        self.binaries = binaries
        self.san = san          # freed memory is kept for a while: do not measure it
        self.address = address
        self.fault = fault
        self.open = []
        self.folder = tempfile.mkdtemp(prefix="weir-rt-")
        self.process = None
        self.lines = []
        self.grown = threading.Condition()
        self.ports = {}

    # -- the proxy

    def port(self):
        """A free port, not given out yet. Below the range from which the kernel takes ports for outgoing connections: none of
        these can get in between this and the bind of the one who uses it."""
        while True:
            port = random.randrange(10000, 32000)
            if port in self.ports.values():
                continue
            with socket.socket() as s:
                try:
                    s.bind((self.address, port))
                except OSError:
                    continue
                return port

    def start(self, site="http", binds=("listen",), env=None, under=(), **params):
        """Starts the proxy, by the command <under> if there is one, and waits until it says that it is ready."""
        for b in binds:
            self.ports[b] = self.port()
            params[b] = "%s:%d" % (self.address, self.ports[b])
        argv = list(under) + [self.binaries[site]]
        for k, v in params.items():
            argv += ["--set", "%s=%s" % (k, v)]
        ready = os.path.join(self.folder, "ready")
        if os.path.exists(ready):       # of a process that the test has ended
            os.unlink(ready)
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        told.bind(ready)
        told.settimeout(PATIENCE)
        full = dict(os.environ, NOTIFY_SOCKET=ready, **(env or {}))
        full.pop("WEIR_FAULT", None)
        if self.fault:
            full["WEIR_FAULT"] = self.fault
        self.errors = open(os.path.join(self.folder, "stderr"), "wb+")
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=self.errors, env=full)
        threading.Thread(target=self.read_log, args=(self.process.stdout,), daemon=True).start()
        try:
            same(told.recv(100), b"READY=1", "start")
        except socket.timeout:
            raise Failure("not ready: " + self.stderr()) from None
        finally:
            told.close()

    def read_log(self, stream):
        for line in stream:
            with self.grown:
                self.lines.append(line.decode("latin-1"))
                self.grown.notify_all()

    def log(self, n=1):
        """The first <n> access log lines, as objects."""
        with self.grown:
            done = self.grown.wait_for(lambda: len(self.lines) >= n, PATIENCE)
            expect(done, "%d log lines, wanted %d" % (len(self.lines), n))
            return [json.loads(l) for l in self.lines]

    def logged(self, end, **fields):
        """The one log line there is has end code <end> and <fields>."""
        line = self.log()[0]
        same(line["end"], end, "end code of %s" % line)
        for k, v in fields.items():
            same(line[k], v, k)

    def stderr(self):
        self.errors.seek(0)
        return self.errors.read().decode("latin-1")

    def memory(self):
        """Resident kB of the proxy."""
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as f:
            return next(int(l.split()[1]) for l in f if l.startswith("VmRSS"))

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self):
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure("the proxy did not end: " + self.stderr()) from None

    def finish(self, ok):
        """Ends everything. The proxy must end on SIGTERM with 0 unless the test has ended it."""
        for o in self.open:
            o.close()
        try:
            if self.process and self.process.poll() is None:
                if ok:
                    self.signal()
                    code = self.wait()
                    expect(code == 0, "exit code %d: %s" % (code, self.stderr()))
            if ok:
                for o in self.open:
                    expect(not getattr(o, "errors", None), "origin:", getattr(o, "errors", None))
        finally:
            if self.process:
                if self.process.poll() is None:
                    self.process.kill()
                self.process.wait()
                self.errors.close()
            for name in os.listdir(self.folder):
                os.unlink(os.path.join(self.folder, name))
            os.rmdir(self.folder)

    # -- peers

    def client(self, bind="listen", source=None, buffer=None):
        s = socket.socket()
        s.settimeout(PATIENCE)
        if buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        if source:
            s.bind((source, 0))
        s.connect((self.address, self.ports[bind]))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = Peer(s)
        self.open.append(peer)
        return peer

    def origin(self, script, **options):
        o = Origin(script, **options)
        self.open.append(o)
        return o

    def eventually(self, condition, what):
        """For states that no message tells of."""
        end = time.monotonic() + PATIENCE
        while not condition():
            expect(time.monotonic() < end, "never came true:", what)
            time.sleep(0.01)
