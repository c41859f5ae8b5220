# SPDX-License-Identifier: Apache-2.0
"""Threads and groups (mission S104-S106, S111-S113): plans for machines that are made up here as
trees like /sys, the threads of a bind, many threads, processors that the process may use."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading

from rig import Client, NotHere, expect, get, records, same, until

SITE = """
param listen
param n default 1
param groups default "auto"
global
    threads ${n}
    thread-groups ${groups}
frontend www
    bind ${listen}
    req in respond 200 body "here"
"""


def machine(folder, sockets=1, caches=1, cores=4, smt=1, gone=()):
    """A tree with <sockets> of <caches> shared caches of <cores> cores each. The second hardware
    threads have the numbers after all first ones, as on real machines. <gone>: not online."""
    firsts = sockets * caches * cores
    cpus = range(firsts * smt)
    base = os.path.join(folder, "devices", "system")

    def put(path, text):
        path = os.path.join(base, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text + "\n")

    for c in cpus:
        core = c % firsts
        cache = core // cores
        shared = [x for x in cpus if x % firsts // cores == cache]
        siblings = [x for x in cpus if x % firsts == core]
        put("cpu/cpu%d/topology/physical_package_id" % c, str(cache // caches))
        put("cpu/cpu%d/topology/thread_siblings_list" % c, ",".join(map(str, siblings)))
        for index, level in enumerate((1, 1, 2, 3)):
            put("cpu/cpu%d/cache/index%d/level" % (c, index), str(level))
            put("cpu/cpu%d/cache/index%d/shared_cpu_list" % (c, index),
                ",".join(map(str, shared if level == 3 else siblings)))
    put("cpu/online", ",".join(str(c) for c in cpus if c not in gone))
    put("node/online", "0-%d" % (sockets - 1) if sockets > 1 else "0")
    for s in range(sockets):
        put("node/node%d/cpulist" % s,
            ",".join(str(c) for c in cpus if c % firsts // cores // caches == s))
    return folder


def plan(r, tree, *params, cpus=None, code=0):
    site = r.build(SITE)
    args = ["--set", "listen=127.0.0.1:0"]
    for p in params:
        args += ["--set", p]
    if cpus:
        args += ["--cpus", cpus]
    got, out, err = r.call(site, *args, "--show-topology=" + tree)
    same(got, code, "exit code; it said " + err)
    return out if code == 0 else err


def shown(out):
    """The lines of the threads: [(group, threads, processors)]."""
    return re.findall(r"group (\d+) +threads (\S+): processors (.+)", out)


def test_s113_one_socket(r):
    tree = machine(r.path("sys"), cores=8)
    out = plan(r, tree, "n=auto")
    expect(out.startswith("processors       8, cores 8, shared caches 1, sockets 1\n"), out)
    same(shown(out), [("1", "1-8", "as the process")], "one cache: nothing is bound")
    same(shown(plan(r, tree)), [("1", "1-1", "as the process")], "one thread")
    same(shown(plan(r, tree, "n=4", "groups=2")),
         [("1", "1-2", "as the process"), ("2", "3-4", "as the process")], "two groups, one cache")


def test_s113_two_sockets_with_hardware_threads(r):
    tree = machine(r.path("sys"), sockets=2, cores=16, smt=2)
    out = plan(r, tree, "n=auto")
    expect(out.startswith("processors       64, cores 32, shared caches 2, sockets 2\n"), out)
    same(shown(out), [("1", "1-32", "0-15,32-47"), ("2", "33-64", "16-31,48-63")], "a group each")
    same(shown(plan(r, tree, "n=32")), [("1", "1-32", "0-15,32-47")], "what fits stays in one socket")
    same(shown(plan(r, tree, "n=33")), [("1", "1-16", "0-15,32-47"), ("2", "17-33", "16-31,48-63")],
         "what does not is spread evenly")


def test_s113_eight_shared_caches(r):
    tree = machine(r.path("sys"), sockets=2, caches=4, cores=8)
    got = shown(plan(r, tree, "n=auto"))
    same([g[1:] for g in got], [("%d-%d" % (k * 8 + 1, k * 8 + 8), "%d-%d" % (k * 8, k * 8 + 7))
                                for k in range(8)], "a group for each cache")
    same(shown(plan(r, tree, "n=8")), [("1", "1-8", "0-7")], "what fits one cache stays there")
    same([g[2] for g in shown(plan(r, tree, "n=32"))], ["0-7", "8-15", "16-23", "24-31"],
         "what fits one socket stays there, a group for each of its caches")
    same([g[2] for g in shown(plan(r, tree, "n=auto", "groups=2"))], ["0-31", "32-63"],
         "two groups: a socket each")


def test_s113_128_processors_in_one_cache(r):
    out = plan(r, machine(r.path("sys"), cores=128), "n=auto")
    same([g[:2] for g in shown(out)], [("1", "1-64"), ("2", "65-128")],
         "a group has at most 64 threads")


def test_s113_a_container_has_some_of_the_processors(r):
    tree = machine(r.path("sys"), sockets=2, caches=4, cores=8)
    out = plan(r, tree, "n=auto", cpus="4-12")
    expect(out.startswith("processors       9, cores 9, shared caches 2, sockets 1\n"), out)
    same(shown(out), [("1", "1-4", "4-7"), ("2", "5-9", "8-12")],
         "uneven caches: equal shares of the processors")
    same(shown(plan(r, tree, "n=auto", cpus="3")), [("1", "1-1", "as the process")], "one processor")
    same(shown(plan(r, tree, "n=auto", cpus="0,8,16,24")),
         [("1", "1-1", "0"), ("2", "2-2", "8"), ("3", "3-3", "16"), ("4", "4-4", "24")],
         "one processor of each cache")
    expect("no processor" in plan(r, tree, cpus="99", code=1), "none of them exists")
    expect("numbers and ranges" in plan(r, tree, cpus="x", code=1), "no list")
    gone = machine(r.path("gone"), cores=4, gone=(1, 2))
    expect("processors       2," in plan(r, gone, "n=auto"), "processors that are not online")
    out = plan(r, r.path("nothing"), "n=auto", code=1)
    expect("no processor" in out, out)


def test_s104_shapes_that_cannot_be(r):
    tree = machine(r.path("sys"))
    for params, says in ((("n=2000",), "threads 2000: 1 to 1024"), (("n=65", "groups=1"), "threads 65"),
                         (("n=2", "groups=3"), "threads 2: 3 to 192"),
                         (("n=20", "groups=17"), "thread-groups 17: 1 to 16"), (("n=0",), "'0'")):
        err = plan(r, tree, *params, code=1)
        expect(says in err or "out of range" in err, "%s: %s", params, err)


MAP = """
param listen
global
    threads 4
    thread-groups 2
    cpu-map 1/all %s
    cpu-map 2/2 %s each
frontend www
    bind ${listen}
    req in respond 200 body "here"
"""


def test_cpu_map(r):
    tree = machine(r.path("sys"), cores=8)
    site = r.build(MAP % ("2-3,5", "7"))
    args = ("--set", "listen=127.0.0.1:0")
    code, out, err = r.call(site, *args, "--show-topology=" + tree)
    same(code, 0, err)
    same(shown(out), [("1", "1-2", "2-3,5"), ("2", "3-3", "as the process"), ("2", "4-4", "7")], "map")
    code, out, err = r.call(site, *args, "--cpus", "0-5", "--show-topology=" + tree)
    same(code, 1, "a processor that may not be used")
    expect("cpu-map: the process may use only none of the processors 7" in err, err)


def allowed(pid, tid):
    with open("/proc/%d/task/%d/status" % (pid, tid)) as f:
        return re.search(r"Cpus_allowed_list:\s+(\S+)", f.read()).group(1)


def test_cpu_map_binds_threads(r):
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) < 2:
        raise NotHere("there is one processor")
    p, to = r.serve(MAP % (mine[0], mine[1]))
    same(get(to)[0], 200, "status")
    masks = sorted(allowed(p.pid, t) for t in p.threads())
    expect(masks.count(str(mine[0])) == 2 and masks.count(str(mine[1])) == 1, "masks %s", masks)
    p.stop(0)


def test_s113_the_inherited_affinity_holds(r):
    """taskset: threads are only there, and threads auto is their number."""
    one = str(min(os.sched_getaffinity(0)))
    try:
        p, to = r.serve(SITE, "n=auto", before=["taskset", "-c", one])
    except FileNotFoundError:
        raise NotHere("there is no taskset")
    same(get(to)[0], 200, "status")
    expect("threads 1," in p.err(), p.err())
    for t in p.threads():
        same(allowed(p.pid, t), one, "processors of a thread")
    p.stop(0)


def test_cpus_restricts_the_process(r):
    one = str(max(os.sched_getaffinity(0)))
    to = (r.host, r.port())
    p = r.start(r.build(SITE), "--set", "listen=%s:%d" % to, "--set", "n=3", "--cpus", one, ready=[to])
    same({allowed(p.pid, t) for t in p.threads()}, {one}, "processors of the threads")
    p.stop(0)


BINDS = """
param file
param a
param b
param c
global
    threads 4
    thread-groups 2
    log file "${file}" format json
frontend www
    bind ${a} thread 2
    bind ${b} thread 2/all
    bind ${c} thread all/1
    req in respond 200 body "here"
"""


def test_s105_connections_come_to_the_threads_of_their_bind(r):
    log = r.path("log")
    to = [(r.host, r.port()) for _ in range(3)]
    args = ["--set", "file=" + log]
    for name, at in zip("abc", to):
        args += ["--set", "%s=%s:%d" % ((name,) + at)]
    p = r.start(r.build(BINDS), *args, ready=to)
    for name, at in zip("abc", to):
        for _ in range(40):
            same(get(at, "/" + name)[0], 200, "status")
    p.stop(0)
    seen = {"/a": [], "/b": [], "/c": []}
    for x in records(log):
        if x["target"] in seen:
            seen[x["target"]].append(int(x["id"].split("-")[2], 16))
    same([len(v) for v in seen.values()], [40, 40, 40], "records")
    same(set(seen["/a"]), {1}, "threads of 'thread 2'")
    same(set(seen["/b"]), {2, 3}, "threads of 'thread 2/all'")
    same(set(seen["/c"]), {0, 2}, "threads of 'thread all/1'")


def test_s105_wrong_threads_are_told_at_the_start(r):
    text = SITE.replace("bind ${listen}", "bind ${listen} thread 2/3")
    code, _, err = r.call(r.build(text), "--set", "listen=127.0.0.1:0", "--set", "n=4", "--set", "groups=2")
    same(code, 3, "exit code")
    expect("group 2 has 2 threads" in err and "site.weir:" in err, err)
    text = SITE.replace("bind ${listen}", "bind ${listen} thread 2-3")
    code, _, err = r.call(r.build(text), "--set", "listen=127.0.0.1:0", "--set", "n=4", "--set", "groups=2")
    expect(code == 3 and "crosses the end of group 1" in err, err)


def test_s111_a_listening_socket_has_one_descriptor_for_each_group(r):
    """And each group takes its share of the connections: within 20 % of the mean, or within what
    chance does to the number seen."""
    log = r.path("log")
    text = SITE.replace("thread-groups", "log file \"%s\" format json\n    thread-groups" % log)
    p, to = r.serve(text, "n=8", "groups=4")
    inode = {}
    for fd in os.listdir("/proc/%d/fd" % p.pid):
        try:
            name = os.readlink("/proc/%d/fd/%s" % (p.pid, fd))
        except OSError:
            continue
        inode[name] = inode.get(name, 0) + 1
    socks = sorted(n for name, n in inode.items() if name.startswith("socket:"))
    same(socks[-1], 5, "descriptors of the listening socket: its own and one a group; all: %s" % inode)
    crowd = []
    for _ in range(800):
        crowd.append(Client(to))
    for c in crowd:
        same(c.get()[0], 200, "status")
    for c in crowd:
        c.close()
    p.stop(0)
    groups = [0] * 4
    for x in records(log)[-800:]:
        groups[int(x["id"].split("-")[2], 16) // 2] += 1
    expect(all(160 <= n <= 240 for n in groups), "connections of the groups: %s", groups)


def rss(pid):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        text = f.read()
    return sum(int(x) for x in re.findall(r"Private_\w+:\s+(\d+) kB", text))


def test_s104_128_threads_in_four_groups(r):
    """They start, serve, rest and stop; each costs at most 200 kB before traffic."""
    p, to = r.serve(SITE, "n=2", "groups=2")
    few = rss(p.pid)
    p.stop(0)
    p, to = r.serve(SITE, "n=128", "groups=4")
    expect(len(p.threads()) >= 129, "%d threads", len(p.threads()))
    each = (rss(p.pid) - few) / 126
    expect(each <= 200, "%.0f kB a thread", each)
    crowd = [Client(to) for _ in range(256)]
    for c in crowd:
        same(c.get()[0], 200, "status")
    for c in crowd:
        c.close()
    p.stop(0)
    print("     %.0f kB a thread" % each)


def test_s114_the_watchdog_is_set_on_the_command_line(r):
    site = r.build(SITE)
    for wrong in ("", "5", "0,5", "5,4", "x", "off,1", "5,6,7"):
        same(r.call(site, "--set", "listen=127.0.0.1:0", "--watchdog", wrong)[0], 2, "--watchdog " + wrong)
    for good in ("off", "1,60000", "200,2000"):
        to = (r.host, r.port())
        p = r.start(site, "--set", "listen=%s:%d" % to, "--set", "n=2", "--watchdog", good, ready=[to])
        for _ in range(50):
            same(get(to)[0], 200, "status with --watchdog " + good)
        p.stop(0)


TAKEOVER = """
param listen
param origin
global
    threads 4
    thread-groups %d
    log file "%s" format json
    control unix@%s
frontend www
    bind ${listen}
    default_backend pages
backend pages
    reuse always
    timeout connect 20s
    server a ${origin} %s
"""


class OneConnection:
    """An origin that takes one connection; further ones find its backlog full and wait for ever."""

    def __init__(self, host, tls=None):
        self.s = socket.socket()
        self.s.bind((host, 0))
        self.s.listen(0)
        self.to = self.s.getsockname()
        self.tls = tls
        self.served = 0
        self.full = []
        self.end = False
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        c, _ = self.s.accept()
        for _ in range(3):              # fill the backlog, so that no connect succeeds
            f = socket.socket()
            f.setblocking(False)
            f.connect_ex(self.to)
            self.full.append(f)
        if self.tls:
            c = self.tls.wrap_socket(c, server_side=True)
        data = b""
        while not self.end:
            got = c.recv(65536)
            if not got:
                break
            data += got
            while b"\r\n\r\n" in data:
                data = data.split(b"\r\n\r\n", 1)[1]
                self.served += 1
                c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def close(self):
        self.end = True
        for f in self.full + [self.s]:
            f.close()


def cut(p):
    """Stops it at once: further signals say so."""
    def ended():
        p.send(signal.SIGTERM)
        return p.p.poll() is not None
    until(ended, "it ends")


def connection_is_idle(control):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(control)
        s.sendall(b"json show conn\n")
        data = b""
        while not data.endswith(b"\n\n"):
            got = s.recv(65536)
            expect(got, "the control socket ends")
            data += got
    rows = [json.loads(line) for line in data.splitlines() if line]
    return any(x["side"] == "server" and x["state"] == "idle" for x in rows)


def goes_from_thread_to_thread(r, tls, words):
    """Every request comes to a thread of chance, and only one connection to the origin can exist:
    all are served, so it went from thread to thread."""
    origin = OneConnection(r.host, tls)
    r.closers.append(origin.close)
    log, control = r.path("log"), r.path("control")
    to = (r.host, r.port())
    p = r.start(r.build(TAKEOVER % (1, log, control, words)), "--set", "listen=%s:%d" % to, "--set",
                "origin=%s:%d" % origin.to, ready=[to])
    sent = 0

    def all_have_served():
        nonlocal sent
        for _ in range(20):
            same(get(to)[0], 200, "status")
            until(lambda: connection_is_idle(control), "the connection is idle")
        sent += 20
        return len({x["id"].split("-")[2] for x in records(log)}) == 4
    until(all_have_served, "all four threads serve")
    same(origin.served, sent, "requests on the one connection")
    cut(p)
    same([x["status"] for x in records(log)], [200] * sent, "statuses")


def test_s110_an_idle_connection_goes_to_the_thread_that_needs_one(r):
    goes_from_thread_to_thread(r, None, "")


def test_s110_an_idle_connection_with_tls_too(r):
    name = r.path("origin.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", name, "-out", name + ".crt", "-subj", "/CN=origin"], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(name + ".crt", name)
    goes_from_thread_to_thread(r, tls, "tls verify none")


def test_s110_never_from_another_group(r):
    """With a group for each thread the other threads' requests wait for a connect that never ends."""
    origin = OneConnection(r.host)
    r.closers.append(origin.close)
    to = (r.host, r.port())
    p = r.start(r.build(TAKEOVER % (4, r.path("log"), r.path("control"), "")), "--set", "listen=%s:%d" % to, "--set",
                "origin=%s:%d" % origin.to, ready=[to])
    same(get(to)[0], 200, "status of the first")
    crowd = [Client(to, 0.5) for _ in range(8)]
    answered = 0
    for c in crowd:
        try:
            answered += c.get()[0] == 200
        except OSError:
            pass
    expect(answered < 8, "all are served: a connection has changed its group")
    cut(p)


def test_s97_the_sizes_of_pools_by_mode(r):
    code, out, err = r.call(r.build(SITE), "--set", "listen=127.0.0.1:0", "--pool-debug", "sizes")
    same(code, 0, err)
    rows = [line.split() for line in out.splitlines()]
    same(rows[0], "pool size plain poison tag caller integrity backup both all".split(), "heading")
    expect(len(rows) > 10, out)
    for row in rows[1:]:
        row = row[-9:]           # the name may have blanks
        size, plain = int(row[0]), int(row[1])
        expect(size <= plain < size + 16 or plain == 32 and size < 32, "plain adds nothing: %s", row)
        expect(all(plain - 16 <= int(x) for x in row[2:]), "modes add: %s", row)


def test_s93_a_site_serves_with_all_modes(r):
    for modes in ("poison,tag,caller,integrity,cold-first", "tag,caller,integrity,backup", "no-cache,tag"):
        to = (r.host, r.port())
        p = r.start(r.build(SITE), "--set", "listen=%s:%d" % to, "--set", "n=2", "--pool-debug", modes,
                    ready=[to])
        for _ in range(20):
            same(get(to)[0], 200, "status")
        p.stop(0)
