# SPDX-License-Identifier: Apache-2.0
"""Expressions are compiled before the site listens, on several threads; faults are told in order."""

import os
import re
import subprocess

from rig import NotHere, expect, same

PATTERNS = 200
FAILING = (3, 77, 150)

# Stands before PCRE2: the first call of a thread waits until another thread has come too, and patterns that say so fail.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int threads;
static __thread int known;

static void meet(void)
{
    struct timespec until;

    if (known++)
        return;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    pthread_mutex_lock(&lock);
    threads++;
    dprintf(2, "compiling thread %d\n", threads);
    pthread_cond_broadcast(&changed);
    while (threads < 2 && pthread_cond_timedwait(&changed, &lock, &until) == 0)
        ;
    pthread_mutex_unlock(&lock);
}

void *pcre2_compile_8(const char *p, size_t n, unsigned opts, int *error, size_t *at, void *context)
{
    void *(*real)(const char *, size_t, unsigned, int *, size_t *, void *) = dlsym(RTLD_NEXT, "pcre2_compile_8");

    meet();
    if (memmem(p, n, "failing", 7)) {
        *error = 101;
        *at = 0;
        return NULL;
    }
    return real(p, n, opts, error, at, context);
}
"""


def site(r, n):
    rules = "".join('    req in rep x-a "^(%s)%d" "\\1"\n' % ("failing" if i in FAILING else "a", i) for i in range(n))
    return r.build("listen f\n    bind 127.0.0.1:%d\n%s    server s 127.0.0.1:1\n" % (r.port(), rules))


def test_patterns_are_compiled_side_by_side(r):
    if len(os.sched_getaffinity(0)) < 2:
        raise NotHere("one processor")
    source, shim = os.path.join(r.folder, "shim.c"), os.path.join(r.folder, "shim.so")
    with open(source, "w", encoding="ascii") as f:
        f.write(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, source, "-ldl", "-lpthread"], check=True)
    code, _, err = r.call(site(r, PATTERNS), "--check", env={"LD_PRELOAD": shim})
    expect(code != 0, "the failing patterns are not told")
    same(re.findall(r"^compiling thread (\d+)$", err, re.M)[:2], ["1", "2"], "threads that compile")
    same([int(n) for n in re.findall(r"regex '\^\(failing\)(\d+)'", err)], list(FAILING), "faults in order")


def test_few_patterns_take_no_thread(r):
    binary = site(r, 3)
    if subprocess.run(["sh", "-c", "command -v strace"], capture_output=True, check=False).returncode:
        raise NotHere("strace is not installed")
    out = subprocess.run(["strace", "-f", "-e", "trace=clone,clone3", binary, "--check"], capture_output=True, text=True, check=False)
    expect("clone" not in out.stderr, "a thread for three patterns:\n%s", out.stderr)
