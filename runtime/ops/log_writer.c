/* SPDX-License-Identifier: Apache-2.0 */
#include "log_writer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../core/thread.h"
#include "log_sink.h"

#define NAP_MS 20 /* while lines come: gathers them, and needs no wake-up for each */
#define NAPS_IDLE 50 /* naps without a line, then sleeps until woken */
#define RECORDS_TURN 4096 /* per thread, between looks at the others */

struct log_sink_set {
	struct log_sink_set *next;
	unsigned n;
	struct log_sink *sinks[];
};

static struct log_sink *all_sinks;
static struct log_sink_set *all_sets;
static int wake_fd = -1;
static pthread_t writer;
static _Atomic bool stopping, reopen_wanted;
static _Atomic uint64_t lines, ring_full, unwritten;
static uint64_t said_at, said_full, said_unwritten;

/* Sets. */

static struct log_sink *sink_same(const struct sink_conf *conf)
{
	for (struct log_sink *s = all_sinks; s; s = s->next) {
		if (s->conf.kind != conf->kind || s->conf.part != conf->part)
			continue;
		if (s->conf.facility != conf->facility || s->conf.level != conf->level)
			continue;
		if (str_eq(s->conf.path, conf->path) && addr_equal(&s->conf.addr, &conf->addr))
			return s;
	}
	return NULL;
}

static struct log_sink *sink_new(const struct sink_conf *conf, char *err, size_t room)
{
	struct log_sink *s = sink_same(conf);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (s)
		s->batch = malloc(SINK_BATCH);
	if (s && conf->path.n)
		s->path = strndup(conf->path.p, conf->path.n);
	if (!s || !s->batch || (conf->path.n && !s->path)) {
		snprintf(err, room, "out of memory");
		goto fail;
	}
	s->conf = *conf;
	s->conf.path = str_from(s->path);
	s->fd = -1;
	if (!sink_open(s, err, room) && conf->kind == SINK_FILE)
		goto fail;
	s->next = all_sinks;
	all_sinks = s;
	return s;
fail:
	if (s) {
		free(s->batch);
		free(s->path);
	}
	free(s);
	return NULL;
}

struct log_sink_set *log_sinks_new(const struct sink_conf *conf, unsigned n, char *err, size_t room)
{
	struct log_sink_set *set = calloc(1, sizeof(*set) + n * sizeof(set->sinks[0]));

	if (!set) {
		snprintf(err, room, "out of memory");
		return NULL;
	}
	for (unsigned i = 0; i < n; i++) {
		set->sinks[i] = sink_new(&conf[i], err, room);
		if (!set->sinks[i]) {
			free(set);
			return NULL;
		}
	}
	set->n = n;
	set->next = all_sets;
	all_sets = set;
	return set;
}

void log_sinks_free(void)
{
	while (all_sets) {
		struct log_sink_set *next = all_sets->next;

		free(all_sets);
		all_sets = next;
	}
	while (all_sinks) {
		struct log_sink *next = all_sinks->next;

		sink_close(all_sinks);
		free(all_sinks->batch);
		free(all_sinks->path);
		free(all_sinks);
		all_sinks = next;
	}
}

/* The writer. */

static void wake(void)
{
	static const uint64_t one = 1;

	if (write(wake_fd, &one, sizeof(one)) < 0)
		return; /* the counter is at its limit: it is awake */
}

static void say_plain(const struct log_record *r)
{
	fprintf(stderr, "weir: %.*s\n", STR_ARG(r->plain));
}

static void lose(unsigned n)
{
	atomic_fetch_add_explicit(&unwritten, n, memory_order_relaxed);
}

/* One line per form, whatever the number of sinks. */
static void write_record(const struct log_record *r)
{
	static char text[LINE_MAX_BYTES];
	const struct log_part *made = NULL;
	struct log_out o = { .p = text, .room = sizeof(text) };

	if (r->kind == LOG_PLAIN) {
		say_plain(r);
		return;
	}
	for (unsigned i = 0; r->sinks && i < r->sinks->n; i++) {
		struct log_sink *s = r->sinks->sinks[i];

		if (r->level > s->conf.level)
			continue;
		if (made != s->conf.part) {
			made = s->conf.part;
			o.n = 0;
			o.cut = false;
			made->line(&o, r);
		}
		if (o.cut)
			lose(1);
		else
			lose(sink_line(s, str_of(o.p, o.n), r));
		atomic_fetch_add_explicit(&lines, 1, memory_order_relaxed);
	}
}

static unsigned drain(void)
{
	unsigned done = 0;

	for (unsigned tid = 0; tid < log_threads(); tid++) {
		for (unsigned i = 0; i < RECORDS_TURN; i++) {
			const struct log_record *r = log_first(tid);

			if (!r)
				break;
			write_record(r);
			log_next(tid);
			done++;
		}
	}
	for (struct log_sink *s = all_sinks; s; s = s->next)
		lose(sink_flush(s));
	atomic_fetch_add_explicit(&ring_full, log_dropped(), memory_order_relaxed);
	return done;
}

/* At most once a second: what was dropped since it was said last. */
static void say_losses(bool last)
{
	uint64_t full = atomic_load(&ring_full) - said_full;
	uint64_t lost = atomic_load(&unwritten) - said_unwritten;
	uint64_t now = clock_now_us();

	if ((!full && !lost) || (!last && said_at && now < said_at + 1000000))
		return;
	said_at = now;
	said_full += full;
	said_unwritten += lost;
	fprintf(stderr,
		"weir: log: %llu records dropped because the writer was behind, %llu lines not "
		"written\n",
		(unsigned long long)full, (unsigned long long)lost);
}

static void nap(int ms)
{
	struct pollfd p = { .fd = wake_fd, .events = POLLIN };
	uint64_t n;

	if (poll(&p, 1, ms) == 1 && read(wake_fd, &n, sizeof(n)) < 0)
		return; /* somebody else's wake-up was read with it */
}

static bool losses_unsaid(void)
{
	return atomic_load(&ring_full) != said_full || atomic_load(&unwritten) != said_unwritten;
}

static void *writer_main(void *arg)
{
	unsigned idle = 0;

	(void)arg;
	for (;;) {
		bool last = atomic_load(&stopping);

		if (atomic_exchange(&reopen_wanted, false))
			for (struct log_sink *s = all_sinks; s; s = s->next)
				sink_reopen(s);
		idle = drain() ? 0 : idle + 1;
		say_losses(last);
		if (last && !idle)
			continue;
		if (last)
			return NULL;
		if (idle > NAPS_IDLE && !losses_unsaid() && log_sleep()) {
			nap(-1);
		} else {
			log_nap();
			nap(NAP_MS);
		}
		log_awake();
	}
}

int log_writer_start(void)
{
	sigset_t all, old;
	int r;

	wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wake_fd < 0) {
		fprintf(stderr, "weir: log: %s\n", strerror(errno));
		return -1;
	}
	atomic_store(&stopping, false);
	log_init(wake);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&writer, NULL, writer_main, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r == 0)
		return 0;
	fprintf(stderr, "weir: log: cannot create the writer: %s\n", strerror(r));
	close(wake_fd);
	wake_fd = -1;
	return -1;
}

void log_reopen(void)
{
	atomic_store(&reopen_wanted, true);
	if (wake_fd >= 0)
		wake();
}

void log_writer_stop(void)
{
	if (wake_fd < 0)
		return;
	atomic_store(&stopping, true);
	wake();
	pthread_join(writer, NULL);
	close(wake_fd);
	wake_fd = -1;
}

struct log_count log_counts(void)
{
	return (struct log_count) { .lines = atomic_load(&lines),
				    .ring_full = atomic_load(&ring_full),
				    .unwritten = atomic_load(&unwritten) };
}
