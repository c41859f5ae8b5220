#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What TLS costs a site: memory of an idle client, processor time of a handshake with one request.

    bench/tls.py [--weir build/weir] [--idle 500 2500] [--handshakes 1000] [--rounds 3]

The client is Python's ssl module, so its version of OpenSSL must be the site's. The floor is the time that the library
alone takes for the server's side of the same handshakes and records, counted around each of its calls.
"""

import argparse
import os
import resource
import socket
import ssl
import subprocess
import tempfile
import time

HOST = "127.0.0.1"
SITE = """weir 1
global
    threads 2
    maxconn 9000
frontend www
    bind %s:%d tls cert "%s"
    timeout keep-alive 600s
    timeout client 600s
    req in respond 200 body "x" path == /x
    req in respond 404
"""
GET = b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n"


def certificate(folder):
    path = os.path.join(folder, "site.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=h",
                    "-days", "30", "-keyout", path + ".key", "-out", path], check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return path


def client_context():
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    c.minimum_version = ssl.TLSVersion.TLSv1_3
    return c


class Site:
    def __init__(self, weir, folder, cert):
        with socket.socket() as s:
            s.bind((HOST, 0))
            self.port = s.getsockname()[1]
        with open(os.path.join(folder, "tls.weir"), "w", encoding="ascii") as f:
            f.write(SITE % (HOST, self.port, cert))
        binary = os.path.join(folder, "tls")
        subprocess.run([weir, "build", "--strip", f.name, "-o", binary], check=True)
        print("stripped program: %d bytes" % os.path.getsize(binary))
        self.process = subprocess.Popen([binary], stderr=subprocess.DEVNULL)
        while True:
            try:
                socket.create_connection((HOST, self.port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.05)

    def memory(self, key):
        with open("/proc/%d/smaps_rollup" % self.process.pid, encoding="ascii") as f:
            return next(int(l.split()[1]) for l in f if l.startswith(key + ":"))

    def seconds(self):
        with open("/proc/%d/stat" % self.process.pid, encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def client(self, context):
        s = context.wrap_socket(socket.create_connection((HOST, self.port)))
        s.sendall(GET)
        s.recv(1000)
        return s


def floor(cert, count):
    """Microseconds of the library for the server's side of one handshake, one request and its answer."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, cert + ".key")
    server.num_tickets = 1
    client, spent = client_context(), 0.0

    def timed(f, *args):
        nonlocal spent
        before = time.thread_time()
        try:
            return f(*args)
        except ssl.SSLWantReadError:
            return None
        finally:
            spent += time.thread_time() - before

    for _ in range(count):
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        c, s = client.wrap_bio(down, up), server.wrap_bio(up, down, server_side=True)
        for _ in range(2):
            try:
                c.do_handshake()
            except ssl.SSLWantReadError:
                pass
            timed(s.do_handshake)
        c.write(GET)
        timed(s.read, 1000)
        timed(s.write, b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
        c.read(1000)
    return spent / count * 1e6


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--weir", default="build/weir")
    p.add_argument("--idle", type=int, nargs=2, default=[500, 2500])
    p.add_argument("--handshakes", type=int, default=1000)
    p.add_argument("--rounds", type=int, default=3)
    o = p.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder:
        cert = certificate(folder)
        site, context = Site(os.path.abspath(o.weir), folder, cert), client_context()
        try:
            print("resident after start: %d kB" % site.memory("Rss"))
            for _ in range(o.rounds):
                before = site.seconds()
                for _ in range(o.handshakes):
                    site.client(context).close()
                spent = (site.seconds() - before) / o.handshakes * 1e6
                print("handshake and request: %.0f us, the library alone: %.0f us" % (spent, floor(cert, o.handshakes)))
            keep, at = [], []
            for n in o.idle:
                while len(keep) < n:
                    keep.append(site.client(context))
                time.sleep(1)
                at.append(site.memory("Private_Dirty"))
            print("bytes per idle client: %d" % ((at[1] - at[0]) * 1024 / (o.idle[1] - o.idle[0])))
        finally:
            site.process.terminate()
            site.process.wait()


if __name__ == "__main__":
    main()
