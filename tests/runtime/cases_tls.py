# SPDX-License-Identifier: Apache-2.0
"""TLS on both sides, by Python's library and the certificates that make_certificates makes: each gets a rig.World."""

import json
import os
import socket
import ssl
import subprocess

import cases
from cases import GET, case
from rig import PATIENCE, Closed, Peer, expect, keeps_answering, same


def openssl(folder, *words, extensions=None):
    done = subprocess.run(("openssl",) + words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    expect(done.returncode == 0, "openssl", words, done.stderr)


def join(folder, name):
    with open(os.path.join(folder, name + ".pem"), "wb") as out:
        for part in (name + ".crt", name + ".key"):
            with open(os.path.join(folder, part), "rb") as f:
                out.write(f.read())


def make_certificates(folder):
    """NAME.pem is NAME.crt and NAME.key. ca signs one, wild (*.wild.example), two (only two.crt and two.crt.key), srv and
    client; other signs itself."""
    os.makedirs(folder, exist_ok=True)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout")
    for name in ("ca", "other"):
        openssl(folder, "req", "-x509", *key, name + ".key", "-subj", "/CN=" + name, "-days", "3650", "-addext",
                "subjectAltName=DNS:srv.example", "-out", name + ".crt")
        join(folder, name)
    for name, subject, alt in (("one", "/CN=one", "DNS:one.example"), ("wild", "/CN=wild", "DNS:*.wild.example"),
                               ("two", "/CN=two.example", None), ("srv", "/CN=srv", "DNS:srv.example"),
                               ("client", "/O=Some/CN=somebody", "DNS:somebody")):
        openssl(folder, "req", *key, name + ".key", "-subj", subject, "-out", name + ".csr",
                *(("-addext", "subjectAltName=" + alt) if alt else ()))
        openssl(folder, "x509", "-req", "-in", name + ".csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days",
                "3650", "-copy_extensions", "copy", "-out", name + ".crt")
        join(folder, name)
    openssl(folder, "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "kind.key", "-subj", "/CN=kind", "-days", "3650",
            "-addext", "subjectAltName=DNS:more.example,DNS:one.example", "-out", "kind.crt")
    join(folder, "kind")
    os.rename(os.path.join(folder, "two.key"), os.path.join(folder, "two.crt.key"))


BINDS = ("listen", "listen_proxy", "listen_cert", "listen_maybe", "listen_raw", "listen_plain", "listen_clear")


def file(w, name):
    return os.path.join(os.path.dirname(w.binaries["tls"]), "certs", name)


def start(w, **params):
    params = dict({"certs": file(w, ""), "control": "unix@" + os.path.join(w.folder, "control")}, **params)
    w.start("tls", binds=BINDS, **params)


def context(w, cert=None, alpn=(), version=None):
    c = ssl.create_default_context(cafile=file(w, "ca.pem"))
    if cert:
        c.load_cert_chain(file(w, cert))
    if alpn:
        c.set_alpn_protocols(list(alpn))
    if version:
        c.minimum_version = c.maximum_version = version
    return c


def shake(w, name="one.example", bind="listen", before=b"", made=None, session=None, **options):
    """A client whose handshake is done. What it reads must end with the other's end of TLS, not be cut."""
    clear = w.client(bind)
    clear.send(before)
    made = made or context(w, **options)
    s = made.wrap_socket(clear.sock.dup(), server_hostname=name, suppress_ragged_eofs=False, session=session)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer = Peer(s)
    w.open.append(peer)
    clear.close()
    return peer


def refused(w, *args, **options):
    """Why the handshake failed, or the first read after it: a 1.3 client is done before the server has looked at it."""
    try:
        c = shake(w, *args, **options)
        c.send(GET % b"/tls")
        c.answer()
    except ssl.SSLError as e:
        return e.reason or str(e)
    except (OSError, Closed) as e:
        return type(e).__name__
    return None


def told(c, path=b"/tls"):
    c.send(GET % path)
    head, body = c.answer()
    same(head.status, 200, "status")
    return body


def ends_well(c):
    """The other side says the end of TLS, then that of the connection."""
    expect(c.at_end() is True, "a cut, not an end")


def secure_origin(w, script, cert="srv.pem", ca=False):
    """Its connections are TLS; <script> as of Origin."""
    c = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=file(w, "ca.pem"))
    c.load_cert_chain(file(w, cert))
    if ca:
        c.verify_mode = ssl.CERT_REQUIRED

    def inside(peer, number):
        before = b""
        if peer.sock.recv(5, socket.MSG_PEEK | socket.MSG_WAITALL) == b"PROXY":
            while not before.endswith(b"\r\n"):
                before += peer.sock.recv(1)
        try:
            s = c.wrap_socket(peer.sock, server_side=True, suppress_ragged_eofs=False)
        except (ssl.SSLError, OSError):
            return
        secret = Peer(s)
        secret.before = before
        try:
            script(secret, number)
        finally:
            s.close()
    return w.origin(inside)


# -- clients


@case
def tls_is_ended_here(w):
    start(w)
    c = shake(w, alpn=("h2", "http/1.1"))
    same(c.sock.version(), "TLSv1.3")
    same(told(c), b"1 https one.example http/1.1   1 one.example http/1.1")
    same(told(c), b"1 https one.example http/1.1   1 one.example http/1.1", "the second request")
    w.log(2)
    clear = w.client("listen_clear")
    same(told(clear), b"0 http     ", "in clear")


@case
def tls_versions(w):
    start(w)
    c = shake(w, version=ssl.TLSVersion.TLSv1_2)
    same(c.sock.version(), "TLSv1.2")
    same(told(c)[:7], b"1 https")
    old = context(w)
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    expect(refused(w, made=old), "1.1 is refused")


@case
def tls_certificate_by_server_name(w):
    start(w)
    for name, cert in (("one.example", "one"), ("a.wild.example", "wild"), ("A.Wild.Example", "wild"), ("two.example", "two.example"),
                       ("wild.example", "one"), ("a.b.wild.example", "one"), ("other.example", "one"), (None, "one")):
        made = context(w)
        made.check_hostname = False
        c = shake(w, name, made=made)
        same(dict(p[0] for p in c.sock.getpeercert()["subject"])["commonName"], cert, name)
        c.close()


@case
def tls_certificate_by_kind_of_key(w):
    start(w)
    for kinds, name in (("ECDSA+SHA256", "CN = one"), ("ed25519", "CN = kind"), ("ed25519:ECDSA+SHA256", "CN = ")):
        done = subprocess.run(["openssl", "s_client", "-connect", "%s:%d" % (w.address, w.ports["listen_cert"]), "-servername",
                               "one.example", "-sigalgs", kinds], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)
        expect("subject=" + name in done.stdout, kinds, done.stdout[-2000:], done.stderr[-500:])


@case
def S80_tls_protocols(w):
    start(w)
    expect(refused(w, alpn=("h2",)), "no protocol in common")
    w.logged("PR", reason="no application protocol", listener="%s:%d" % (w.address, w.ports["listen"]))
    same(told(shake(w, alpn=("http/1.0", "http/1.1"))).split()[3], b"http/1.1", "ours counts")
    same(told(shake(w)).split()[2:3], [b"one.example"], "a client without")


@case
def tls_rules_after_the_handshake(w):
    start(w)
    made = context(w)
    made.check_hostname = False
    c = shake(w, "no.example", made=made)
    try:
        c.send(GET % b"/tls")
        expect(not c.more(), "an answer")
    except (OSError, Closed):
        pass


@case
def tls_certificate_of_the_client(w):
    start(w)
    c = shake(w, bind="listen_cert", cert="client.pem")
    same(told(c), b"1 https one.example  somebody CN=ca 1 one.example ")
    expect(refused(w, bind="listen_cert"), "none")
    expect(refused(w, bind="listen_maybe", made=stranger(w)), "a strange one")
    same(told(shake(w, bind="listen_maybe", cert="client.pem")).split()[3:4], [b"somebody"])
    same(told(shake(w, bind="listen_maybe")), b"1 https one.example    1 one.example ", "none")


def stranger(w):
    made = context(w)
    made.load_cert_chain(file(w, "other.pem"))
    return made


@case
def tls_sessions_are_taken_up_again(w):
    start(w)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        made = context(w, version=version)
        c = shake(w, made=made)
        told(c)
        again = shake(w, made=made, session=c.sock.session)
        same(told(again).split()[2], b"one.example")
        expect(again.sock.session_reused, "a whole handshake with", version)


@case
def tls_large_bodies(w):
    data = cases.BIG_PAGE
    got = []

    def script(peer, _):
        head, body = peer.request()
        got.append(cases.digest(body))
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for i in range(0, len(data), 50000):
            piece = data[i:i + 50000]
            peer.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        peer.send(b"0\r\n\r\n")

    for at, origin in ((b"/strict", secure_origin), (b"/clear", lambda w, s: w.origin(s))):
        if w.process:
            w.signal()
            w.wait()
        start(w, origin=origin(w, script).address)
        c = shake(w)
        c.send(b"POST %b HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % (at, len(data)))
        c.send(data)
        same(cases.digest(c.answer()[1]), cases.digest(data), at)
        same(got.pop(), cases.digest(data), at)
        c.close()


@case
def tls_end_of_the_client(w):
    start(w)
    c = shake(w)
    c.send(b"GET /tls HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    same(c.answer()[0].status, 200)
    ends_well(c)
    c = shake(w, bind="listen_raw")
    c.close()


@case
def S65_tls_in_a_tunnel_ends_in_order(w):
    """TLS of a client inside a CONNECT inside TLS: each layer ends on its own, the inner one first."""
    order = []

    def script(peer, _):
        same(peer.until(b"\n"), b"question")
        peer.send(b"answer\n")
        ends_well(peer)
        order.append("inner end")
        peer.sock.unwrap()

    o = secure_origin(w, script)
    start(w)
    c = shake(w)
    c.send("CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (o.address, o.address))
    same(c.head().status, 200)
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    inner = context(w).wrap_bio(into, out, server_hostname="srv.example")

    def step(f, *args):
        while True:
            try:
                return f(*args)
            except ssl.SSLWantReadError:
                c.send(out.read())
                expect(c.more(), "the tunnel ended in", f)
                into.write(c.ahead)
                c.ahead = b""

    step(inner.do_handshake)
    inner.write(b"question\n")
    same(step(inner.read, 100), b"answer\n")
    try:
        inner.unwrap()
    except ssl.SSLWantReadError:
        pass
    c.send(out.read())
    while True:     # the inner end of the origin comes through the tunnel, then the outer one
        try:
            if not c.more():
                break
        except Closed:
            break
    into.write(c.ahead)
    c.ahead = b""
    inner.unwrap()
    order.append("outer end")
    same(order, ["inner end", "outer end"])


# -- before TLS


def header(source):
    return b"PROXY TCP4 %b 192.0.2.1 1234 443\r\n" % source


def first_flight(w, name="one.example"):
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context(w).wrap_bio(into, out, server_hostname=name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return client, into, out


@case
def S60_tls_behind_proxy_byte_by_byte(w):
    """PROXY, rules, TLS, rules, a request, in this order, whatever the pieces."""
    start(w)
    c = w.client("listen_proxy")
    client, into, out = first_flight(w)

    def send(data):
        for i in range(len(data)):
            c.send(data[i:i + 1])

    send(header(b"192.0.2.7"))
    send(out.read())
    while True:
        try:
            client.do_handshake()
            break
        except ssl.SSLWantReadError:
            expect(c.more(), "the end in the handshake")
            into.write(c.ahead)
            c.ahead = b""
    client.write(GET % b"/x")
    send(out.read())
    body = b""
    while not body.endswith(b"/x"):
        try:
            body += client.read(1000)
        except ssl.SSLWantReadError:
            expect(c.more(), "the end in the answer")
            into.write(c.ahead)
            c.ahead = b""
    same(body.split(b"\r\n\r\n")[1], b"192.0.2.7 192.0.2.7 one.example /x")


@case
def S61_a_monitor_of_tls_is_answered_in_clear(w):
    start(w)
    s = socket.socket()
    s.settimeout(PATIENCE)
    s.bind(("127.77.0.1", 0))
    s.connect((w.address, w.ports["listen_proxy"]))
    c = Peer(s)
    w.open.append(c)
    same(c.head().line, "HTTP/1.1 200 OK")


@case
def S62_a_banned_source_gets_no_tls_record(w):
    """Whoever PROXY names as banned gets not one record."""
    start(w)
    c = w.client("listen_proxy")
    c.send(header(b"203.0.113.9") + first_flight(w)[2].read())
    same(c.rest(), b"", "bytes for a banned client")
    same(told(shake(w, bind="listen_proxy", before=header(b"203.0.112.9")), b"/y"), b"203.0.112.9 203.0.112.9 one.example /y")


# -- bad peers


@case
def tls_bad_clients(w):
    start(w)
    good = shake(w)
    told(good)
    w.log()
    w.lines.clear()
    hello = first_flight(w)[2].read()
    for what, data, reason in (("HTTP in clear", GET % b"/", "http request"), ("noise", b"\xff" * 200, "wrong version number"),
                               ("a huge record", b"\x16\x03\x01\xff\xff" + b"x" * 200, "packet length too long"),
                               ("an early finish", b"\x14\x03\x03\x00\x01\x01" * 40, None),
                               ("a hello with noise behind", hello + b"\x17\x03\x03\xff\xff" + b"y" * 100, None)):
        c = w.client()
        c.send(data)
        c.rest()
        line = w.log()[0]
        same(line["end"], "PR", what)
        c.close()
        with w.grown:
            w.lines.clear()
        if reason:
            same(line["reason"], reason, what)
    c = w.client()
    c.send(hello[:100])
    c.end()
    same(c.rest(), b"", "half a hello")
    w.logged("CR", reason="the peer closed in the TLS handshake", status=0, frontend="www")
    same(told(good)[:7], b"1 https", "the others go on")


@case
def tls_slow_handshake(w):
    start(w)
    c = w.client()
    c.send(first_flight(w)[2].read()[:100])
    same(c.rest(), b"", "timeout head counts")
    w.logged("cR", reason="the TLS handshake took too long")


@case
def tls_cut_in_the_middle(w):
    """Bytes that were changed on their way end the connection, and only that."""
    start(w)
    c = w.client()
    client, into, out = first_flight(w)
    c.send(out.read())
    while True:
        try:
            client.do_handshake()
            break
        except ssl.SSLWantReadError:
            c.more()
            into.write(c.ahead)
            c.ahead = b""
    c.send(out.read())
    client.write(GET % b"/tls")
    record = bytearray(out.read())
    record[-1] ^= 1
    c.send(bytes(record))
    c.rest()
    same(told(shake(w))[:7], b"1 https", "another client")


# -- servers


@case
def tls_to_servers(w):
    start(w, origin=secure_origin(w, keeps_answering()).address)
    c = shake(w)
    for path in (b"/strict", b"/strict", b"/loose", b"/told"):
        same(told(c, path), b"hello", path)
    same([l["server_reused"] for l in w.log(4)], [False, True, False, False])


@case
def tls_server_that_is_another(w):
    for cert, name, reason in (("other.pem", "srv.example", "self"), ("srv.pem", "wrong.example", "ostname")):
        if w.process:
            w.signal()
            w.wait()
            w.lines.clear()
        start(w, name=name, origin=secure_origin(w, keeps_answering(), cert).address)
        c = w.client("listen_clear")
        c.send(GET % b"/strict")
        same(c.answer()[0].status, 503, cert)
        w.logged("SC", server="s")
        expect("server strict/s: TLS: " in w.stderr() and reason in w.stderr(), w.stderr())
        same(told(w.client("listen_clear"), b"/loose"), b"hello", "verify none")


@case
def tls_server_by_the_list_of_the_system(w):
    for cert, status in (("srv.pem", 200), ("other.pem", 503)):
        if w.process:
            w.signal()
            w.wait()
        start(w, origin=secure_origin(w, keeps_answering(), cert).address, env={"SSL_CERT_FILE": file(w, "ca.pem")})
        c = w.client("listen_clear")
        c.send(GET % b"/system")
        same(c.answer()[0].status, status, cert)


@case
def tls_health_checks(w):
    """They shake hands as requests do: a server of another name is down."""
    for name, up in (("srv.example", b"1"), ("wrong.example", b"0")):
        if w.process:
            w.signal()
            w.wait()
        o = secure_origin(w, keeps_answering())
        start(w, checked=o.address, name=name)
        c = w.client("listen_clear")
        w.eventually(lambda: told(c, b"/watched") == up, name)
        if up == b"1":
            same(told(c, b"/watched/x"), b"hello")


@case
def tls_server_wants_a_certificate(w):
    start(w, origin=secure_origin(w, keeps_answering(), ca=True).address)
    same(told(w.client("listen_clear"), b"/shown"), b"hello")
    c = w.client("listen_clear")
    c.send(GET % b"/strict")
    expect(c.answer()[0].status in (502, 503), "without one")


@case
def tls_proxy_header_before_the_handshake(w):
    got = []

    def script(peer, _):
        got.append(peer.before)
        peer.request()
        peer.send(cases.OK)
        peer.rest()

    start(w, origin=secure_origin(w, script).address)
    same(told(w.client("listen_clear"), b"/told"), b"ok")
    expect(got[0].startswith(b"PROXY TCP4 "), got)


@case
def tls_server_cuts_its_answer(w):
    """An answer up to the connection's end is whole only if TLS has ended, too."""
    def cut(peer, _):
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\npart of it")
        os.close(peer.sock.detach())

    start(w, origin=secure_origin(w, cut).address)
    c = w.client("listen_clear")
    c.send(GET % b"/strict")
    same(c.head().status, 200)
    c.rest()
    w.logged("SD")


@case
def tls_server_is_in_clear(w):
    start(w, origin=w.origin(lambda peer, _: peer.send(b"220 ready\r\n") or peer.rest()).address)
    c = w.client("listen_clear")
    c.send(GET % b"/strict")
    same(c.answer()[0].status, 503)
    w.logged("SC")


@case
def tls_raw_bytes_behind(w):
    start(w, origin=w.origin(echo).address)
    c = shake(w, bind="listen_raw")
    data = cases.body_bytes(200000)
    got = b""
    for i in range(0, len(data), 20000):
        c.send(data[i:i + 20000])
        got += c.exactly(20000)
    same(cases.digest(got), cases.digest(data))


def echo(peer, _):
    while peer.more():
        peer.send(peer.ahead)
        peer.ahead = b""


@case(plain=True)
def S63_tls_is_never_spliced(w):
    """Bytes that are spliced are not seen, so none of TLS may be. Those in clear are: else nothing is shown here."""
    n = 1 << 20
    start(w, origin=w.origin(gives(n)).address)
    for bind, connect, some in (("listen_raw", shake, False), ("listen_plain", lambda w, bind: w.client(bind), True)):
        c = connect(w, bind=bind)
        c.send(b"x")
        same(len(c.exactly(n)), n)
        spliced = json.loads(ask(w, "json show info"))["spliced"]
        same(spliced > 0, some, bind)
        c.close()


def gives(n):
    def script(peer, _):
        peer.exactly(1)
        peer.send(b"y" * n)
        peer.rest()
    return script


def ask(w, line):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(PATIENCE)
        s.connect(os.path.join(w.folder, "control"))
        s.sendall(line.encode() + b"\n")
        return Peer(s).until(b"\n").decode()


# -- files


@case
def tls_files_are_looked_at_before_the_start(w):
    made = os.path.join(w.folder, "one.pem")

    def check(certs, name="srv.example"):
        argv = [w.binaries["tls"], "--check", "--set", "certs=" + certs, "--set", "name=" + name]
        for b in BINDS:
            argv += ["--set", "%s=%s:%d" % (b, w.address, w.port())]
        return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    good = check(file(w, ""))
    same(good.returncode, 0, good.stderr)
    expect(check("/nowhere").stderr.count("No such file or directory") >= 4, "each line tells")
    for parts, why in ((("one.crt", "srv.key"), "its key cannot be used (key values mismatch)"),
                       (("one.key",), "it holds no certificate that can be used"),
                       (("one.crt",), "there is no key in it, nor in the file of that name and .key")):
        with open(made, "wb") as out:
            for part in parts:
                with open(file(w, part), "rb") as f:
                    out.write(f.read())
        bad = check(w.folder)
        expect(bad.returncode and "tls.weir:" in bad.stderr and "%s: %s" % (made, why) in bad.stderr, why, bad.stderr)
