/* SPDX-License-Identifier: Apache-2.0 */
#include "listener.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "../base/bug.h"
#include "../core/pool.h"
#include "listener_sock.h"

#define RETRY_MS 1000 /* a pause ends by itself: descriptors may have been closed by others */

/* Accepting of one thread from one listener. */
struct acceptor {
	struct io io;
	struct listener *l;
	struct list link; /* of the thread */
	struct list parked; /* struct pending: accepted, and then a limit was found reached */
	bool paused;
};

/* A descriptor on its way to a connection object. */
struct pending {
	struct list link;
	struct listener *l;
	int fd;
	struct sockaddr_storage peer;
};

struct accept_thread {
	struct list acceptors;
	struct timer retry;
};

struct conn_limit listener_process;
static struct conn_limit descriptors; /* max 0: nothing is counted, threads only wait here */
static unsigned fd_limit;
static void (*warn_fn)(const char *what, int err);
static _Atomic uint64_t warned_at;
static struct pool pending_pool;
static _Thread_local struct accept_thread at;

void listener_init(uint32_t maxconn, unsigned fd_max, void (*warn)(const char *, int))
{
	pool_init(&pending_pool, "accepted", sizeof(struct pending));
	listener_process.max = maxconn;
	fd_limit = fd_max;
	warn_fn = warn;
}

bool listener_fd_scarce(int fd)
{
	return fd_limit && (unsigned)fd + FDS_RESERVED >= fd_limit;
}

static void warn(const char *what, int err)
{
	uint64_t last = atomic_load(&warned_at);

	if (warn_fn && (!last || th->now >= last + 1000) &&
	    atomic_compare_exchange_strong(&warned_at, &last, th->now))
		warn_fn(what, err);
}

/* Limits. */

static bool limit_full(struct conn_limit *m)
{
	return m && m->max && atomic_load(&m->cur) >= m->max;
}

static bool limit_take(struct conn_limit *m)
{
	if (!m || atomic_fetch_add(&m->cur, 1) < m->max || !m->max)
		return true;
	atomic_fetch_sub(&m->cur, 1);
	return false;
}

/* The calling thread will be told when <m> is given back. The caller looks at the limit again
 * afterwards. */
static void limit_wait(struct conn_limit *m)
{
	atomic_fetch_or(&m->waiting[th->tid / 64], UINT64_C(1) << th->tid % 64);
	atomic_store(&m->any, 1);
}

static void resume_thread(void *arg);

static void limit_wake(struct conn_limit *m)
{
	if (!atomic_load(&m->any) || !atomic_exchange(&m->any, 0))
		return;
	for (unsigned i = 0; i < GROUPS_MAX; i++) {
		uint64_t mask =
			atomic_load(&m->waiting[i]) ? atomic_exchange(&m->waiting[i], 0) : 0;

		for (; mask;
		     mask &=
		     mask - 1) /* a call that fails is made up for by the thread's retry timer */
			thread_call(i * 64 + (unsigned)__builtin_ctzll(mask), resume_thread, NULL);
	}
}

static void limit_give(struct conn_limit *m)
{
	if (!m)
		return;
	atomic_fetch_sub(&m->cur, 1);
	limit_wake(m);
}

void listener_conn_closed(struct listener *l)
{
	if (l) {
		limit_give(&l->limit);
		limit_give(l->conf.limit);
		limit_give(&listener_process);
	}
	limit_wake(&descriptors);
}

/* Takes a place for one connection of <l>; else returns false and the limit that is reached. */
static bool take(struct listener *l, struct conn_limit **full)
{
	*full = &listener_process;
	if (!limit_take(&listener_process))
		return false;
	*full = l->conf.limit;
	if (limit_take(l->conf.limit)) {
		*full = &l->limit;
		if (limit_take(&l->limit))
			return true;
		limit_give(l->conf.limit);
	}
	limit_give(&listener_process);
	return false;
}

/* Placing of descriptors. */

static void adopt(struct listener *l, int fd, const struct sockaddr_storage *peer)
{
	const struct listener_conf *conf = &l->conf;

	atomic_fetch_add_explicit(&l->accepted, 1, memory_order_relaxed);
	conn_accepted(fd, l, conf->app, conf->hs, peer, conf->handshake_ms);
}

static void adopt_handed(void *arg)
{
	struct pending *p = arg;

	atomic_fetch_sub(&th->load, 1);
	adopt(p->l, p->fd, &p->peer);
	pool_put(&pending_pool, p);
}

static struct pending *pending_new(struct listener *l, int fd, const struct sockaddr_storage *peer)
{
	struct pending *p = pool_get(&pending_pool);

	if (!p)
		return NULL;
	p->link = (struct list) { 0 };
	p->l = l;
	p->fd = fd;
	p->peer = *peer;
	return p;
}

static unsigned random_tid(const struct listener_conf *conf)
{
	if (conf->ntids)
		return conf->tids[thread_random() % conf->ntids];
	return (unsigned)(thread_random() % nthreads);
}

/* The less loaded of two random threads of the set; of equals the calling one. */
static unsigned pick_thread(const struct listener_conf *conf)
{
	unsigned a, b;
	uint32_t la, lb;

	if (conf->ntids == 1 || nthreads == 1)
		return th->tid;
	a = random_tid(conf);
	b = random_tid(conf);
	la = atomic_load_explicit(&threads[a]->load, memory_order_relaxed);
	lb = atomic_load_explicit(&threads[b]->load, memory_order_relaxed);
	if (la == lb)
		return b == th->tid ? b : a;
	return la < lb ? a : b;
}

/* The place for the connection has been taken. */
static void hand_out(struct listener *l, int fd, const struct sockaddr_storage *peer)
{
	unsigned tid = pick_thread(&l->conf);
	struct pending *p = tid == th->tid ? NULL : pending_new(l, fd, peer);

	if (p) {
		atomic_fetch_add(&threads[tid]->load, 1);
		if (thread_call(tid, adopt_handed, p) == 0)
			return;
		atomic_fetch_sub(&threads[tid]->load, 1);
		pool_put(&pending_pool, p);
	}
	adopt(l, fd, peer);
}

/* Pausing. */

static void retry_fire(struct timer *t)
{
	(void)t;
	resume_thread(NULL);
}

static void pause_accept(struct acceptor *a, struct conn_limit *why)
{
	a->paused = true;
	io_accept_stop(&a->io);
	limit_wait(why);
	at.retry.fire = retry_fire;
	if (!timer_armed(&at.retry))
		timer_set(&at.retry, th->now + RETRY_MS);
	/* Given back in between: nobody else may ever wake us. Should the call fail, the timer
	 * does. */
	if (why != &descriptors && !limit_full(why))
		thread_call(th->tid, resume_thread, NULL);
}

/* Pauses when a limit is reached, so that the next connection stays in the backlog. */
static void pause_if_full(struct acceptor *a)
{
	if (limit_full(&listener_process))
		pause_accept(a, &listener_process);
	else if (limit_full(a->l->conf.limit))
		pause_accept(a, a->l->conf.limit);
	else if (limit_full(&a->l->limit))
		pause_accept(a, &a->l->limit);
}

/* Keeps the accepted <fd> until there is a place for it. */
static void park(struct acceptor *a, int fd, const struct sockaddr_storage *peer,
		 struct conn_limit *why)
{
	struct pending *p = pending_new(a->l, fd, peer);

	if (p)
		list_append(&a->parked, &p->link);
	else
		close(fd);
	pause_accept(a, why);
}

static void io_accepted(struct io *io, int fd, const struct sockaddr_storage *peer)
{
	struct acceptor *a = CONTAINER(io, struct acceptor, io);
	struct conn_limit *full;

	if (fd < 0) {
		warn("accepting connections pauses", -fd);
		pause_accept(a, &descriptors);
	} else if (listener_fd_scarce(fd)) {
		warn("accepting connections pauses", EMFILE);
		park(a, fd, peer, &descriptors);
	} else if (!take(a->l, &full)) {
		park(a, fd, peer, full);
	} else {
		hand_out(a->l, fd, peer);
		pause_if_full(a);
	}
}

/* Gives a parked descriptor a number below the reserved ones. False when there is none yet. */
static bool move_down(struct pending *p)
{
	int fd;

	if (!listener_fd_scarce(p->fd))
		return true;
	fd = sock_dup(p->fd);
	if (fd < 0)
		return false;
	if (!listener_fd_scarce(fd)) {
		close(p->fd);
		p->fd = fd;
		return true;
	}
	close(fd);
	return false;
}

/* Hands out what was parked. False when a limit is still reached. */
static bool unpark(struct acceptor *a)
{
	struct conn_limit *full;

	while (!list_empty(&a->parked)) {
		struct pending *p = CONTAINER(a->parked.next, struct pending, link);

		full = &descriptors;
		if (!move_down(p) || !take(a->l, &full)) {
			pause_accept(a, full);
			return false;
		}
		list_del(&p->link);
		hand_out(a->l, p->fd, &p->peer);
		pool_put(&pending_pool, p);
	}
	pause_if_full(a);
	return !a->paused;
}

static void resume_thread(void *arg)
{
	struct list *next;

	(void)arg;
	timer_del(&at.retry);
	if (!at.acceptors.next)
		return;
	for (struct list *n = at.acceptors.next; n != &at.acceptors; n = next) {
		struct acceptor *a = CONTAINER(n, struct acceptor, link);

		next = n->next;
		if (!a->paused)
			continue;
		a->paused = false;
		if (unpark(a))
			io_accept(&a->io);
	}
}

/* Start and stop. */

static const struct io_ops accept_io = { .accepted = io_accepted };

static bool of_set(const struct listener_conf *conf, unsigned tid)
{
	for (unsigned i = 0; i < conf->ntids; i++)
		if (conf->tids[i] == tid)
			return true;
	return conf->ntids == 0;
}

/* The descriptor of the calling thread's group; threads start one after the other. */
static int group_fd(struct listener *l)
{
	int *fd = &l->group_fd[th->group->id];

	if (*fd < 0)
		*fd = sock_dup(l->fd);
	return *fd;
}

int listener_start(struct listener *l)
{
	struct acceptor *a;
	int fd;

	if (!at.acceptors.next)
		list_init(&at.acceptors);
	if (!of_set(&l->conf, th->tid))
		return 0;
	fd = group_fd(l);
	a = fd >= 0 ? calloc(1, sizeof(*a)) : NULL;
	if (!a)
		return -1;
	if (io_open(&a->io, fd, &accept_io) < 0) {
		free(a);
		return -1;
	}
	a->l = l;
	list_init(&a->parked);
	list_append(&at.acceptors, &a->link);
	l->group_users[th->group->id]++;
	atomic_fetch_add(&l->users, 1);
	io_accept(&a->io);
	return 0;
}

/* Ends accepting of the calling thread; the last one closes the listener. */
static void acceptor_stop(struct acceptor *a)
{
	struct listener *l = a->l;
	struct list *n;

	while ((n = list_shift(&a->parked))) {
		struct pending *p = CONTAINER(n, struct pending, link);

		close(p->fd);
		pool_put(&pending_pool, p);
	}
	list_del(&a->link);
	io_accept_stop(&a->io);
	io_release(&a->io);
	free(a);
	if (atomic_fetch_sub(&l->users, 1) == 1)
		listener_close(l);
}

static void stop_thread(void *arg)
{
	struct list *next;

	if (!at.acceptors.next)
		return;
	for (struct list *n = at.acceptors.next; n != &at.acceptors; n = next) {
		next = n->next;
		if (!arg || CONTAINER(n, struct acceptor, link)->l == arg)
			acceptor_stop(CONTAINER(n, struct acceptor, link));
	}
}

void listener_stop(struct listener *l)
{
	for (unsigned i = 0; i < nthreads; i++) {
		if (!of_set(&l->conf, i))
			continue;
		if (i == th->tid || thread_call(i, stop_thread, l) < 0)
			continue;
	}
	stop_thread(l);
}

void listener_thread_stop(void)
{
	stop_thread(NULL);
	timer_del(&at.retry);
}
