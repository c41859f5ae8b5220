# SPDX-License-Identifier: Apache-2.0
"""Plays requests against a built site over sockets: this process is the client and all origins."""

import http.client
import select
import socket
import subprocess
import time

LIMIT = 5.0     # seconds; an exchange takes well under a millisecond, this ends one that hangs
PROXIED = ("f1", "l1")
FRONTS = {"f1": "front1", "f2": "front2", "l1": "front3"}


class Broken(Exception):
    pass


def listen():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(64)
    return s


def split_head(data):
    """Start line and header list of a whole head."""
    lines = data.decode("latin-1").split("\r\n")
    headers = []
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers.append((name, value.strip(" \t")))
    return lines[0], headers


def length_of(headers):
    """Length of the body, -1 for chunks, None when nothing says it."""
    for name, value in headers:
        if name.lower() == "transfer-encoding" and "chunked" in value.lower():
            return -1
    for name, value in headers:
        if name.lower() == "content-length":
            return int(value)
    return None


def chunked_end(data):
    """(body, rest) of a whole chunked body, or None."""
    body, at = b"", 0
    while True:
        eol = data.find(b"\r\n", at)
        if eol < 0:
            return None
        size = int(data[at:eol].split(b";")[0], 16)
        if size == 0:
            end = data.find(b"\r\n\r\n", eol)
            if data[eol:eol + 4] == b"\r\n\r\n":
                return body, data[eol + 4:]
            return None if end < 0 else (body, data[end + 4:])
        if len(data) < eol + 2 + size + 2:
            return None
        body += data[eol + 2:eol + 2 + size]
        at = eol + 4 + size


class Player:
    """A running binary, its clients' connections and the origins behind it."""

    def __init__(self, binary, log):
        self.origins = {listen(): name for name in ("o1", "o2", "o3", "o4")}
        fronts = {front: listen() for front in FRONTS}
        self.ports = {f: s.getsockname()[1] for f, s in fronts.items()}
        args = [binary]
        for f, s in fronts.items():
            args += ["--set", "%s=fd@%d" % (FRONTS[f], s.fileno())]
        for s, name in self.origins.items():
            args += ["--set", "%s=127.0.0.1:%d" % (name, s.getsockname()[1])]
        self.process = subprocess.Popen(args, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                        pass_fds=[s.fileno() for s in fronts.values()])
        for s in fronts.values():
            s.close()
        self.back = {}      # connection: [origin name, bytes]
        self.client = None
        self.client_key = None
        self.poll = select.poll()
        self.by_fd = {}
        for s in self.origins:
            self.add(s)

    def add(self, s):
        self.by_fd[s.fileno()] = s
        self.poll.register(s, select.POLLIN)

    def remove(self, s):
        self.poll.unregister(s)
        del self.by_fd[s.fileno()]
        s.close()

    def close(self):
        self.end_client()
        self.process.terminate()
        try:
            self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for s in list(self.by_fd.values()):
            self.remove(s)

    def ended(self):
        """True when the binary has ended, or does so within a moment."""
        try:
            self.process.wait(0.2)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end_client(self):
        if self.client:
            self.remove(self.client)
        self.client = self.client_key = None

    def connect(self, q):
        key = (q["front"],) + ((q["src"], q["sport"], q["dst"], q["dport"]) if q["front"] in PROXIED else ())
        if self.client and key == self.client_key:
            return b""
        self.end_client()
        self.client = socket.create_connection(("127.0.0.1", self.ports[q["front"]]), LIMIT)
        self.client_key = key
        self.add(self.client)
        if q["front"] not in PROXIED:
            return b""
        family = "TCP6" if ":" in q["src"] else "TCP4"
        return ("PROXY %s %s %s %d %d\r\n" % (family, q["src"], q["dst"], q["sport"], q["dport"])).encode()

    def play(self, q):
        """What happened: {"origin": (name, method, target, headers)|None, "answer": (status, headers, body)|None}"""
        try:
            head = self.connect(q)
        except OSError as e:
            raise Broken("no connection: %s" % e) from e
        if q["front"] not in PROXIED:
            q["seen_src"], q["seen_dst"] = self.client.getsockname(), self.client.getpeername()
        head += request_bytes(q)
        self.got = []
        self.q = q
        data, end = b"", time.monotonic() + LIMIT
        try:
            self.client.sendall(head)
            while True:
                answer = self.whole_answer(q, data, False)
                if answer:
                    return self.result(answer)
                ready = self.poll.poll(max(0, (end - time.monotonic()) * 1000))
                if not ready:
                    raise Broken("no answer within %g s" % LIMIT)
                for fd, _ in ready:
                    s = self.by_fd.get(fd)
                    if s is self.client:
                        more = s.recv(65536)
                        if not more:
                            return self.result(self.whole_answer(q, data, True) if data else None, True)
                        data += more
                    elif s in self.origins:
                        c = s.accept()[0]
                        self.back[c] = [self.origins[s], b""]
                        self.add(c)
                    elif s:
                        self.origin(s)
        except ConnectionError:
            return self.result(None, True)

    def result(self, answer, closed=False):
        if closed or not answer or any(n.lower() == "connection" and "close" in v.lower() for n, v in answer[1]) \
                or self.q["version"] == "1.0" or (self.q["body"] and not self.got):
            self.end_client()
        if len(self.got) > 1:
            raise Broken("the origins got %d requests" % len(self.got))
        return {"origin": self.got[0] if self.got else None, "answer": answer}

    def origin(self, s):
        """Bytes for an origin: a whole request is answered as the request under play says."""
        state = self.back[s]
        try:
            more = s.recv(65536)
        except ConnectionError:
            more = b""
        if not more:
            del self.back[s]
            self.remove(s)
            return
        state[1] += more
        head, sep, rest = state[1].partition(b"\r\n\r\n")
        if not sep:
            return
        line, headers = split_head(head)
        n = length_of(headers)
        if n == -1:
            whole = chunked_end(rest)
            if not whole:
                return
            rest = whole[1]
        elif len(rest) < (n or 0):
            return
        else:
            rest = rest[n or 0:]
        state[1] = rest
        meth, target, _ = (line.split(" ") + ["", ""])[:3]
        self.got.append((state[0], meth, target, headers))
        q = self.q
        out = "HTTP/1.1 %d %s\r\n" % (q["status"], http.client.responses.get(q["status"], ""))
        out += "".join("%s: %s\r\n" % h for h in q["answer"])
        body = "" if meth == "HEAD" or q["status"] in (204, 304) else "hello"
        if q["status"] not in (204, 304):
            out += "Content-Length: 5\r\n"
        s.sendall((out + "\r\n" + body).encode("latin-1"))

    @staticmethod
    def whole_answer(q, data, eof):
        while True:
            head, sep, rest = data.partition(b"\r\n\r\n")
            if not sep:
                if eof:
                    raise Broken("half an answer: %r" % data[:80])
                return None
            line, headers = split_head(head)
            status = int(line.split(" ")[1])
            if status >= 200:
                break
            data = rest
        n = length_of(headers)
        if q["meth"] == "HEAD" or status in (204, 304):
            return status, headers, b""
        if n == -1:
            whole = chunked_end(rest)
            return (status, headers, whole[0]) if whole else None
        if n is None:
            return (status, headers, rest) if eof else None
        return (status, headers, rest[:n]) if len(rest) >= n else None


def request_bytes(q):
    out = "%s %s HTTP/%s\r\n" % (q["meth"], q["target"], q["version"])
    out += "".join("%s: %s\r\n" % h for h in q["headers"])
    if q["body"]:
        out += "Content-Length: %d\r\n" % len(q["body"])
    return (out + "\r\n" + q["body"]).encode("latin-1")
