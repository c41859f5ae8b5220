# SPDX-License-Identifier: Apache-2.0
"""Starts and stops the programs that bench/run measures, and reads what the system knows of them.

A program that cannot be measured here raises NotRun with the reason; nothing else is an error of
the bench."""

import glob
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))


class NotRun(Exception):
    """What is asked for cannot be had on this machine; the text says why."""


def raise_nofile():
    """Raises the limit of open files for the programs started from here; returns what it is
    then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (65536, max(hard, 65536)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def pin(core):
    """Returns a function that binds a child to <core>, or None where the machine has no such
    core."""
    if core not in os.sched_getaffinity(0):
        return None
    return lambda: os.sched_setaffinity(0, {core})


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def read(path):
    with open(path) as f:
        return f.read()


def descendants(pid):
    """<pid> and all its children, theirs included."""
    found = [pid]
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        try:
            for child in read(path).split():
                found += descendants(int(child))
        except OSError:
            pass
    return found


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def cpu_clock(pids):
    """CPU time used, and time spent waiting for a core, of all threads of <pids>, in
    nanoseconds."""
    run = wait = 0
    for pid in pids:
        for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
            fields = read(path).split()
            run += int(fields[0])
            wait += int(fields[1])
    return run, wait


def memory(pids):
    """Sums of /proc/PID/smaps_rollup over <pids>, in bytes."""
    total = {}
    for pid in pids:
        for line in read(f"/proc/{pid}/smaps_rollup").splitlines()[1:]:
            name, kb = line.split(":")
            total[name] = total.get(name, 0) + int(kb.split()[0]) * 1024
    total["Private"] = total["Private_Dirty"] + total["Private_Clean"]
    return total


def generate(form, rules, kind):
    """What bench/gen_rules prints: a site with <rules> rules of <kind> in <form>, or requests for it."""
    return subprocess.run([os.path.join(HERE, "gen_rules"), "--kind", kind, form, str(rules)],
                          stdout=subprocess.PIPE, check=True, text=True).stdout


def stripped(program, folder, option="-s"):
    """Returns the path of a copy of <program> after strip <option>."""
    copy = os.path.join(folder, "stripped" + option)
    shutil.copy(program, copy)
    try:
        r = subprocess.run(["strip", option, copy], capture_output=True, text=True)
    except OSError as e:
        raise NotRun("strip is not installed") from e
    if r.returncode:
        raise NotRun(r.stderr.strip())
    return copy


class Running:
    """A started proxy. <wrap> is the command it is started under (valgrind, strace), if any."""

    def __init__(self, argv, port, folder, core, wrap=()):
        self.port = port
        self.log = os.path.join(folder, "output")
        with open(self.log, "w") as out:
            try:
                self.process = subprocess.Popen(
                    [*wrap, *argv], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                    cwd=folder, preexec_fn=pin(core))
            except OSError as e:
                raise NotRun(f"cannot start {e.filename}: {e.strerror}") from e
        self.wrapped = bool(wrap) and wrap[0] != "valgrind"     # valgrind becomes the program itself
        self.wait_ready(60 if wrap else 15)

    def wait_ready(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise NotRun(f"ended at start: {self.last_words()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        self.stop()
        raise NotRun(f"does not listen after {seconds} s: {self.last_words()}")

    def last_words(self):
        lines = [line for line in read(self.log).splitlines() if line.strip("= 0123456789")]
        return lines[-1].strip() if lines else f"status {self.process.returncode}, no output"

    def pids(self):
        """The processes of the proxy itself."""
        all_pids = descendants(self.process.pid)
        return all_pids[1:] if self.wrapped else all_pids

    def stop(self):
        """Asks it to end, so that what runs above it can write its report. A signal that comes just
        before the program goes to sleep may be seen only at the next one, so it asks three times;
        then it kills."""
        pids = descendants(self.process.pid)
        for _ in range(3):
            send(pids[1] if self.wrapped and len(pids) > 1 else pids[0], signal.SIGTERM)
            try:
                self.process.wait(5)
                return
            except subprocess.TimeoutExpired:
                pass
        for pid in reversed(pids):
            send(pid, signal.SIGKILL)
        self.process.wait()


class Proxy:
    """One row of the tables: how to start a certain proxy. <folder> is its own, for files; <form>
    is the form of bench/gen_rules in which it takes rules, None if it knows none."""

    form = None

    def __init__(self, name, folder):
        self.name, self.parent = name, folder
        self.folder = os.path.join(folder, re.sub("[^a-z0-9]+", "-", name))
        os.makedirs(self.folder, exist_ok=True)

    def binary(self):
        """Path of the program, NotRun if it is not there."""
        path = shutil.which(self.program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        if not path:
            raise NotRun(f"{self.program} is not installed")
        return path

    def rules_file(self, rules, kind):
        """Writes the plain site with <rules> rules of <kind>; returns its path and the name of its row."""
        path = os.path.join(self.folder, f"rules.{kind}.{rules}")
        with open(path, "w") as f:
            f.write(generate(self.form, rules, kind))
        return path, f"{self.name}, {rules}"

    def version(self):
        out = subprocess.run([self.binary(), "-v"], capture_output=True, text=True)
        return (out.stdout + out.stderr).splitlines()[0]

    def start(self, origin, core, threads=1, maxconn=2000, wrap=(), without_debug=False):
        """Starts it in front of port <origin>; returns a Running that accepts connections."""
        port = free_port()
        words = {"LISTEN": port, "ORIGIN": origin, "THREADS": threads, "MAXCONN": maxconn,
                 "DIR": self.folder, "MASTER": "off" if wrap else "on",
                 "USER": "user root;" if os.getuid() == 0 else ""}
        argv = self.command(words)
        if without_debug:
            argv[0] = stripped(argv[0], self.folder, "-g")
        return Running(argv, port, self.folder, core, wrap)

    def fill(self, template, words):
        text = read(template)
        for word, value in words.items():
            text = text.replace(f"@{word}@", str(value))
        path = os.path.join(self.folder, os.path.basename(template))
        with open(path, "w") as f:
            f.write(text)
        return path


class Relay(Proxy):
    def __init__(self, folder, tools):
        super().__init__("relay", folder)
        self.program = os.path.join(tools, "relay")

    def version(self):
        return "bench/relay.c"

    def command(self, words):
        return [self.binary(), str(words["LISTEN"]), str(words["ORIGIN"])]


class Peer(Proxy):
    """A proxy with a configuration file, filled in from <template>."""

    def __init__(self, folder, template=None, name=None):
        super().__init__(name or self.program, folder)
        self.template = template or os.path.join(HERE, "sites", self.plain)

    def with_rules(self, rules, kind):
        path, name = self.rules_file(rules, kind)
        proxy = type(self)(self.parent, path, name)
        proxy.rules = rules
        return proxy


class Haproxy(Peer):
    program = form = "haproxy"
    plain = "haproxy.cfg"

    def command(self, words):
        return [self.binary(), "-db", "-f", self.fill(self.template, words)]


class Nginx(Peer):
    program = form = "nginx"
    plain = "nginx.conf"

    def command(self, words):
        # Connections to the origin count too, and nginx closes idle clients when a sixteenth is left.
        words["MAXCONN"] = words["MAXCONN"] * 5 // 4
        return [self.binary(), "-e", "stderr", "-p", self.folder, "-c", self.fill(self.template, words)]


class Weir(Proxy):
    """The binary <given>, else the site <site> built by <compiler>; <poller> forces a poller."""

    form = "weir"

    def __init__(self, folder, given, site, compiler, poller=None, name=None):
        super().__init__(name or (f"weir/{poller}" if poller else "weir"), folder)
        self.program, self.site, self.compiler, self.poller = given, site, compiler, poller
        self.reason = None

    def with_rules(self, rules, kind):
        path, name = self.rules_file(rules, kind)
        proxy = Weir(self.parent, None, path, self.compiler, self.poller, name)
        proxy.rules = rules
        return proxy

    def binary(self):
        if self.reason:
            raise NotRun(self.reason)
        if not self.program:
            self.program = self.build()
        if not os.path.exists(self.program):
            raise NotRun(f"there is no {self.program}")
        return os.path.abspath(self.program)

    def build(self):
        if not os.path.exists(self.compiler):
            self.reason = f"no binary given and no compiler at {self.compiler}"
            raise NotRun(self.reason)
        out, site = os.path.join(self.folder, "site"), self.site
        if self.poller:     # a binary holds only the pollers that its site names
            with open(self.site) as f:
                text = f.read().replace("\nglobal\n", f"\nglobal\n    poller {self.poller}\n", 1)
            site = os.path.join(self.folder, "site.weir")
            with open(site, "w") as f:
                f.write(text)
        r = subprocess.run([self.compiler, "build", site, "-o", out], capture_output=True, text=True)
        if r.returncode:
            words = (r.stderr + r.stdout).strip().splitlines()
            self.reason = f"weir build failed: {words[0] if words else r.returncode}"
            raise NotRun(self.reason)
        return out

    def version(self):
        out = subprocess.run([self.binary(), "--version"], capture_output=True, text=True)
        return ((out.stdout + out.stderr).splitlines() or ["unknown"])[0]

    def command(self, words):
        argv = [self.binary(), "--set", f"listen=127.0.0.1:{words['LISTEN']}",
                "--set", f"origin=127.0.0.1:{words['ORIGIN']}"]
        if words["THREADS"] != 1:
            argv += ["--set", f"threads={words['THREADS']}"]
        return argv + (["--poller", self.poller] if self.poller else [])


class Origin:
    """bench/origin, for as long as the bench runs."""

    def __init__(self, tools, core, size):
        self.process = subprocess.Popen(
            [os.path.join(tools, "origin"), "-s", str(size), "-l", "127.0.0.1:0"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, preexec_fn=pin(core))
        self.port = int(self.process.stdout.readline().partition("=")[2])

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Load:
    """bench/load against <port>. Lines are read with line(), answered with go()."""

    def __init__(self, tools, core, port, *args):
        self.process = subprocess.Popen(
            [os.path.join(tools, "load"), *map(str, args), f"127.0.0.1:{port}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=pin(core))

    def line(self):
        """The next line as a dictionary of its key=value parts."""
        line = self.process.stdout.readline()
        if not line:
            raise NotRun(self.process.stderr.read().strip() or "load ended without a word")
        parts = [word.partition("=") for word in line.split()]
        return {key: float(value) if value else True for key, _, value in parts}

    def go(self):
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()
