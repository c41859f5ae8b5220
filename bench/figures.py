# SPDX-License-Identifier: Apache-2.0
"""The measurements of bench/run. Each takes the Bench and a list of proxies and returns {proxy
name: result}; a proxy that could not be measured has {"not_run": reason} instead."""

import glob
import os
import shutil
import statistics
import subprocess
import tempfile
import time

from proxies import Load, NotRun, cpu_clock, generate, memory, stripped

SETTLE = 0.03           # seconds until a proxy without work has gone to sleep


class Bench:
    """What all measurements share: tool folder, cores, origin, scratch folder and the sizes of the
    runs."""

    def __init__(self, tools, folder, origin, cores, options):
        self.tools, self.folder, self.origin = tools, folder, origin
        self.proxy_core, self.load_core = cores
        self.options = options
        self.how = []           # more options of bench/load: which requests

    def start(self, proxy, **kw):
        return proxy.start(self.origin.port, self.proxy_core, **kw)

    def load(self, running, *args):
        kind = ["--bare"] if self.options.bare else []
        return Load(self.tools, self.load_core, running.port, *kind, *args)

    def requests(self, running, connections, count):
        """Sends <count> requests and checks that all were answered."""
        load = self.load(running, "-c", connections, "-n", count, *self.how)
        try:
            figures = load.line()
        finally:
            load.end()
        if figures["errors"]:
            raise NotRun(f"{figures['errors']:.0f} of {count} requests failed")
        return figures


def rotated(proxies, round_number):
    """The order of one round: each proxy runs as often first as last."""
    n = round_number % len(proxies)
    return proxies[n:] + proxies[:n]


def each(proxies, measure):
    """Runs <measure> on each proxy; a NotRun becomes its result."""
    results = {}
    for proxy in proxies:
        try:
            results[proxy.name] = measure(proxy)
        except (NotRun, OSError) as e:
            results[proxy.name] = {"not_run": str(e)}
    return results


def cpu_once(bench, proxy, *how):
    """One run, as the options <how> of bench/load say, on a fresh process. The CPU clock is read
    while the proxy sleeps, before and after the load, with the connections open, so that neither
    start nor connections count."""
    o = bench.options
    running = bench.start(proxy)
    try:
        load = bench.load(running, "-c", o.connections, "--pause", *how)
        try:
            load.line()
            time.sleep(SETTLE)
            pids = running.pids()
            run0, wait0 = cpu_clock(pids)
            load.go()
            figures = load.line()
            time.sleep(SETTLE)
            run1, wait1 = cpu_clock(pids)
            load.go()
        finally:
            load.end()
    finally:
        running.stop()
    done = figures["requests"]
    if figures["errors"] or not done:
        raise NotRun(f"{figures['errors']:.0f} requests failed, {done:.0f} were answered")
    window = figures["seconds"] * 1e9
    return {"us": (run1 - run0) / done / 1000, "busy": (run1 - run0) / window, "wait": (wait1 - wait0) / window,
            "rps": figures["rps"], "p50_us": figures["p50_us"], "p99_us": figures["p99_us"]}


def in_rounds(bench, proxies, once):
    """Results of <once>(proxy) in rounds of all proxies one after the other. One that fails is left
    out from then."""
    rounds = {proxy.name: [] for proxy in proxies}
    failed = {}
    for i in range(bench.options.rounds):
        for proxy in rotated(proxies, i):
            if proxy.name in failed:
                continue
            try:
                rounds[proxy.name].append(once(proxy))
            except (NotRun, OSError) as e:
                failed[proxy.name] = {"not_run": str(e)}
    return {proxy.name: failed.get(proxy.name) or {"rounds": rounds[proxy.name]} for proxy in proxies}


def cpu(bench, proxies):
    """CPU per request on the plain site."""
    n = bench.options.requests
    return in_rounds(bench, proxies, lambda proxy: cpu_once(bench, proxy, "-w", n // 10, "-n", n))


def with_rules(bench, proxies):
    """The rows "proxy, rules", and by number of rules the options of bench/load for their requests.
    The relay, which knows no rules, has no row."""
    steps, how = [], {}
    kind, most = bench.options.kind, max(bench.options.rules)
    for n in [0, *bench.options.rules]:
        steps += [proxy.with_rules(n, kind) for proxy in proxies if proxy.form]
        path = os.path.join(bench.folder, f"paths.{kind}.{n}")
        how[n] = ["-p", path, *(["-H", f"X-Tenant: t{n // 2}"] if kind == "header" else [])]
        with open(path, "w") as f:
            f.write(generate("paths", n or most, kind))
    return steps, how


def flat(bench, proxies):
    """CPU per request with growing numbers of rules."""
    steps, how = with_rules(bench, proxies)
    return in_rounds(bench, steps, lambda proxy: cpu_once(bench, proxy, "-w", 200, "-t", 1, *how[proxy.rules]))


def flatinstr(bench, proxies):
    """The same as user instructions."""
    steps, how = with_rules(bench, proxies)

    def once(proxy):
        bench.how = how[proxy.rules]
        try:
            return difference(bench, lambda n: callgrind(bench, proxy, n))
        finally:
            bench.how = []
    return each(steps, once)


def difference(bench, measure):
    """Cost of one request: <measure>(n), which costs a whole run of n requests, at two lengths."""
    short, long = bench.options.lengths
    a, b = measure(short), measure(long)
    return {key: (b[key] - a.get(key, 0)) / (long - short) for key in b}


def callgrind(bench, proxy, count, connections=1, threads=1):
    """User instructions of one process life with <count> requests. The program
    runs without debugging information: valgrind gives up on kinds of it that it does not know."""
    for old in glob.glob(os.path.join(proxy.folder, "callgrind.*")):
        os.unlink(old)
    running = bench.start(proxy, maxconn=200, threads=threads, without_debug=True, wrap=(
        "valgrind", "--tool=callgrind", f"--callgrind-out-file={proxy.folder}/callgrind.%p"))
    try:
        bench.requests(running, connections, count)
    finally:
        running.stop()
    total = totals(proxy.folder)
    if not total:
        raise NotRun(f"valgrind wrote no total: {running.last_words()}")
    return {"instructions": total}


def totals(folder):
    """What callgrind counted into the files callgrind.* of <folder>."""
    total = 0
    for path in glob.glob(os.path.join(folder, "callgrind.*")):
        with open(path) as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith("totals:"))
    return total


def step(bench, name, short=1000, long=21000):
    """User instructions of one of bench/micro's steps: the difference of two runs."""
    count = []
    for n in (short, long):
        with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
            r = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/callgrind.%p",
                                os.path.join(bench.tools, "micro"), "--count", name, str(n)], capture_output=True, text=True)
            count.append(totals(folder))
        if r.returncode:
            raise NotRun(f"bench/micro --count {name}: {r.stderr.strip().splitlines()[-1]}")
    return (count[1] - count[0]) / (long - short)


def instr(bench, proxies):
    if not shutil.which("valgrind"):
        return each(proxies, missing("valgrind"))
    return each(proxies, lambda proxy: difference(bench, lambda n: callgrind(bench, proxy, n)))


def missing(program):
    def measure(proxy):
        raise NotRun(f"{program} is not installed")
    return measure


def strace(bench, proxy, count):
    """System calls, by name, of one process life with <count> requests on all connections."""
    report = os.path.join(proxy.folder, "strace")
    running = bench.start(proxy, wrap=("strace", "-f", "-c", "-o", report))
    try:
        bench.requests(running, bench.options.connections, count)
    finally:
        running.stop()
    calls = {}
    with open(report) as f:
        for line in f:
            fields = line.split()
            if len(fields) >= 5 and fields[3].isdigit() and fields[-1] != "total":
                calls[fields[-1]] = int(fields[3])
    if not calls:
        raise NotRun(f"strace wrote no table: {running.last_words()}")
    return calls


def syscalls(bench, proxies):
    """System calls per request: all, those of the poller, and each one that is used more than once
    in 100 requests."""
    def measure(proxy):
        calls = difference(bench, lambda n: strace(bench, proxy, n))
        poller = sum(n for name, n in calls.items() if name.startswith(("epoll_", "io_uring_")))
        return {"total": sum(calls.values()), "poller": poller,
                "calls": {name: round(n, 3) for name, n in sorted(calls.items()) if n >= 0.01}}
    if not shutil.which("strace"):
        return each(proxies, missing("strace"))
    return each(proxies, measure)


def idle_memory(bench, proxy):
    """Bytes of private dirty memory for one more idle client, between two numbers of clients."""
    few, many = bench.options.idle
    loads = []
    running = bench.start(proxy, maxconn=many + 400)        # haproxy wants two descriptors for each
    try:
        dirty = []
        for count in (few, many - few):
            loads.append(bench.load(running, "--idle", count))
            loads[-1].line()
            time.sleep(1)
            dirty.append(memory(running.pids())["Private_Dirty"])
        for load in loads:
            load.go()
        held = sum(int(load.line()["held"]) for load in loads)
        if held != many:
            raise NotRun(f"only {held} of {many} connections were kept")
        return {"bytes": (dirty[1] - dirty[0]) / (many - few), "dirty": dirty}
    finally:
        for load in loads:
            load.end()
        running.stop()


def resident(bench, proxy):
    """Resident memory with two threads (nginx: processes): after start, and after 1000 requests and
    a rest."""
    running = bench.start(proxy, threads=2)
    try:
        time.sleep(1)
        start = memory(running.pids())
        bench.requests(running, bench.options.connections, 1000)
        time.sleep(bench.options.rest)
        after = memory(running.pids())
        return {f"{when}_{key.lower()}": value[key] for when, value in (("start", start), ("after", after))
                for key in ("Rss", "Pss", "Private_Dirty")}
    finally:
        running.stop()


def mem(bench, proxies):
    idle = each(proxies, lambda proxy: idle_memory(bench, proxy))
    rss = each(proxies, lambda proxy: resident(bench, proxy))
    return {proxy.name: {"idle": idle[proxy.name], "resident": rss[proxy.name]} for proxy in proxies}


def size(bench, proxies):
    """Size of the stripped program."""
    return each(proxies, lambda proxy: {"bytes": os.path.getsize(stripped(proxy.binary(), proxy.folder))})


def quartiles(values):
    """Median and the distance between the quartiles, which is the spread that bench/run prints."""
    if len(values) < 2:
        return values[0], 0.0
    q1, q2, q3 = statistics.quantiles(values, n=4, method="inclusive")
    return q2, q3 - q1
