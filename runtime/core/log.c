/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../base/bug.h"
#include "thread.h"

#define ALIGN(n) (((n) + 15) & ~(size_t)15)

/* A record in the ring: this, struct log_record, values of captures, texts. Never broken at the
 * ring's end. */
struct entry {
	uint32_t size; /* of all of it */
	uint32_t skip; /* 1: nothing, goes on at the ring's start */
	uint64_t spare;
};

struct log_ring {
	_Alignas(64) _Atomic uint64_t head; /* written by the thread: bytes ever put */
	_Atomic uint64_t dropped;
	uint64_t seq;
	uint16_t tid;
	_Alignas(64) _Atomic uint64_t tail; /* written by the writer: bytes ever taken */
	_Alignas(64) char bytes[LOG_RING];
};

/* By tid, <nrings> of them; a place for each thread of the process. */
static _Atomic(_Atomic(struct log_ring *) *) rings;
static _Atomic unsigned nrings;
static _Atomic unsigned asleep; /* the writer: 1 naps, 2 sleeps until it is woken */
static void (*wake_fn)(void);
static uint64_t started; /* seconds of the epoch */
static uint32_t process;

void log_init(void (*wake)(void))
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	started = (uint64_t)ts.tv_sec;
	process = (uint32_t)getpid();
	wake_fn = wake;
}

int log_thread_start(void)
{
	_Atomic(struct log_ring *) *table = atomic_load(&rings);
	struct log_ring *r = aligned_alloc(64, sizeof(*r));
	unsigned n = atomic_load(&nrings);

	BUG_ON(th->tid >= (nthreads ? nthreads : 1)); /* none: the caller is no loop's thread */
	if (!table) /* threads start one after the other */
		table = calloc(nthreads ? nthreads : 1, sizeof(*table));
	if (!table || !r) {
		free(r);
		return -1;
	}
	atomic_store(&rings, table);
	atomic_init(&r->head, 0);
	atomic_init(&r->tail, 0);
	atomic_init(&r->dropped, 0);
	r->seq = 0;
	r->tid = th->tid;
	atomic_store(&table[th->tid], r);
	while (n <= th->tid && !atomic_compare_exchange_weak(&nrings, &n, th->tid + 1u))
		;
	th->log = r;
	return 0;
}

void log_free(void)
{
	_Atomic(struct log_ring *) *table = atomic_load(&rings);

	for (unsigned i = 0; i < atomic_load(&nrings); i++)
		free(atomic_load(&table[i]));
	free((void *)table);
	atomic_store(&rings, NULL);
	atomic_store(&nrings, 0);
}

void log_record_init(struct log_record *r, enum log_kind kind)
{
	memset(r, 0, sizeof(*r));
	r->kind = (uint8_t)kind;
	r->level = LOG_INFO;
	r->end[0] = r->end[1] = '-';
#define EMPTY_WHEN(m)
#define EMPTY_ID(m)
#define EMPTY_ADDR(m)
#define EMPTY_NAME(m) r->m = S("");
#define EMPTY_TEXT(m) r->m = S("");
#define EMPTY_NUM(m)
#define EMPTY_MS(m) r->m = -1;
#define EMPTY_FLAG(m)
#define EMPTY_END(m)
#define EMPTY_CAPS(m)
#define LOG_FIELD(type, member, ...) EMPTY_##type(member)
#include "log_field.def"
	r->plain = S("");
}

uint64_t log_id_next(void)
{
	struct log_ring *r = th->log;

	return r ? ++r->seq : 0;
}

size_t log_id_text(unsigned tid, uint64_t seq, char *out)
{
	return (size_t)snprintf(out, LOG_ID_TEXT, "%08llx-%x-%x-%llx", (unsigned long long)started,
				process, tid, (unsigned long long)seq);
}

/* Filling. */

/* Place for texts behind a record; <left> bytes of the record's share may still be used. */
struct filling {
	char *at;
	size_t left;
};

static size_t text_size(struct str s, size_t *left)
{
	size_t n = s.n < LOG_TEXT_MAX ? s.n : LOG_TEXT_MAX;

	if (n > *left)
		n = 0;
	*left -= n;
	return n;
}

static size_t caps_size(const struct log_caps *c, size_t *left)
{
	size_t n = 0;

	for (uint32_t i = 0; i < c->n && i < LOG_CAPS_MAX; i++)
		n += sizeof(struct str) + text_size(c->values[i], left);
	return n;
}

#define SIZE_WHEN(m)
#define SIZE_ID(m)
#define SIZE_ADDR(m)
#define SIZE_NAME(m)
#define SIZE_TEXT(m) n += text_size(r->m, &left);
#define SIZE_NUM(m)
#define SIZE_MS(m)
#define SIZE_FLAG(m)
#define SIZE_END(m)
#define SIZE_CAPS(m) n += caps_size(&r->m, &left);

static size_t record_size(const struct log_record *r)
{
	size_t n = ALIGN(sizeof(struct entry)) + ALIGN(sizeof(*r)), left = LOG_RECORD_TEXT;

#define LOG_FIELD(type, member, ...) SIZE_##type(member)
#include "log_field.def"
	n += text_size(r->plain, &left);
	return ALIGN(n);
}

static void copy_text(struct filling *f, struct str *s)
{
	size_t n = text_size(*s, &f->left);

	if (n)
		memcpy(f->at, s->p, n);
	s->n = n;
	if (s->p)
		s->p = f->at;
	f->at += n;
}

/* The values array, moved behind the record. Before any text: it needs alignment. */
static void copy_array(struct filling *f, struct log_caps *c)
{
	size_t bytes;

	if (c->n > LOG_CAPS_MAX)
		c->n = LOG_CAPS_MAX;
	bytes = c->n * sizeof(struct str);
	if (bytes)
		memcpy(f->at, c->values, bytes);
	c->values = (const struct str *)(void *)f->at;
	f->at += bytes;
}

static void copy_values(struct filling *f, struct log_caps *c)
{
	struct str *values = (struct str *)(uintptr_t)c->values;

	for (uint32_t i = 0; i < c->n; i++)
		copy_text(f, &values[i]);
}

#define ARRAY_WHEN(m)
#define ARRAY_ID(m)
#define ARRAY_ADDR(m)
#define ARRAY_NAME(m)
#define ARRAY_TEXT(m)
#define ARRAY_NUM(m)
#define ARRAY_MS(m)
#define ARRAY_FLAG(m)
#define ARRAY_END(m)
#define ARRAY_CAPS(m) copy_array(&f, &to->m);

#define COPY_WHEN(m)
#define COPY_ID(m)
#define COPY_ADDR(m)
#define COPY_NAME(m)
#define COPY_TEXT(m) copy_text(&f, &to->m);
#define COPY_NUM(m)
#define COPY_MS(m)
#define COPY_FLAG(m)
#define COPY_END(m)
#define COPY_CAPS(m) copy_values(&f, &to->m);

/* Texts are copied in the order in which record_size counts them, so that both cut the same
 * ones. */
static void fill(struct log_record *to, const struct log_record *r)
{
	struct filling f = { .at = (char *)to + ALIGN(sizeof(*r)), .left = LOG_RECORD_TEXT };

	*to = *r;
#define LOG_FIELD(type, member, ...) ARRAY_##type(member)
#include "log_field.def"
#define LOG_FIELD(type, member, ...) COPY_##type(member)
#include "log_field.def"
	copy_text(&f, &to->plain);
}

static struct entry *entry_at(struct log_ring *ring, uint64_t pos)
{
	return (struct entry *)(void *)(ring->bytes + pos % LOG_RING);
}

/* Room for <size> bytes in one piece at *<head>, which moves over the ring's end when needed.
 * NULL: full. */
static struct entry *room(struct log_ring *ring, size_t size, uint64_t *head)
{
	uint64_t used = *head - atomic_load_explicit(&ring->tail, memory_order_acquire);
	size_t to_end = LOG_RING - (size_t)(*head % LOG_RING);
	size_t need = to_end < size ? to_end + size : size;

	if (used + need > LOG_RING)
		return NULL;
	if (to_end < size) {
		*entry_at(ring, *head) = (struct entry) { .size = (uint32_t)to_end, .skip = 1 };
		*head += to_end;
	}
	return entry_at(ring, *head);
}

static void wake_writer(struct log_ring *ring, uint64_t head)
{
	bool half = head - atomic_load_explicit(&ring->tail, memory_order_relaxed) > LOG_RING / 2;

	if (atomic_load(&asleep) == 2 || (half && atomic_load(&asleep)))
		if (atomic_exchange(&asleep, 0))
			wake_fn();
}

bool log_put(const struct log_record *r)
{
	struct log_ring *ring = th->log;
	size_t size = record_size(r);
	struct log_record *to;
	struct entry *e;
	uint64_t head;

	BUG_ON(!ring);
	head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	e = room(ring, size, &head);
	if (!e) {
		atomic_fetch_add_explicit(&ring->dropped, 1, memory_order_relaxed);
		wake_writer(ring, head);
		return false;
	}
	e->size = (uint32_t)size;
	e->skip = 0;
	to = (struct log_record *)(void *)((char *)e + ALIGN(sizeof(*e)));
	fill(to, r);
	to->tid = th->tid;
	atomic_store(&ring->head, head + size);
	wake_writer(ring, head + size);
	return true;
}

/* Reading. */

static struct log_ring *ring_of(unsigned tid)
{
	return atomic_load(&atomic_load(&rings)[tid]);
}

unsigned log_threads(void)
{
	return atomic_load(&nrings);
}

const struct log_record *log_first(unsigned tid)
{
	struct log_ring *ring = ring_of(tid);
	uint64_t tail;
	struct entry *e;

	if (!ring)
		return NULL;
	tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	if (atomic_load(&ring->head) == tail)
		return NULL;
	e = entry_at(ring, tail);
	if (e->skip) { /* a record follows: both were published together */
		atomic_store_explicit(&ring->tail, tail + e->size, memory_order_release);
		e = entry_at(ring, tail + e->size);
	}
	return (const struct log_record *)(const void *)((const char *)e + ALIGN(sizeof(*e)));
}

void log_next(unsigned tid)
{
	struct log_ring *ring = ring_of(tid);
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	atomic_store_explicit(&ring->tail, tail + entry_at(ring, tail)->size, memory_order_release);
}

uint64_t log_dropped(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < log_threads(); i++) {
		struct log_ring *ring = ring_of(i);

		/* Read first: the line is its thread's. */
		if (ring && atomic_load_explicit(&ring->dropped, memory_order_relaxed))
			n += atomic_exchange_explicit(&ring->dropped, 0, memory_order_relaxed);
	}
	return n;
}

static bool any_record(void)
{
	for (unsigned i = 0; i < log_threads(); i++) {
		struct log_ring *ring = ring_of(i);

		if (ring && atomic_load(&ring->head) != atomic_load(&ring->tail))
			return true;
	}
	return false;
}

bool log_sleep(void)
{
	atomic_store(&asleep, 2);
	return !any_record();
}

void log_nap(void)
{
	atomic_store(&asleep, 1);
}

void log_awake(void)
{
	atomic_store(&asleep, 0);
}

/* Plain messages. */

static void say_now(const char *text, size_t n)
{
	char line[1100];
	int k = snprintf(line, sizeof(line), "weir: %.*s\n", (int)n, text);

	if (k > 0 && write(STDERR_FILENO, line, (size_t)k) < 0)
		return; /* there is nobody left to tell */
}

void log_say(enum log_level level, const char *fmt, ...)
{
	struct log_record r;
	char text[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(text))
		n = (int)sizeof(text) - 1;
	for (int i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = '?';
	if (!th || !th->log) {
		say_now(text, (size_t)n);
		return;
	}
	log_record_init(&r, LOG_PLAIN);
	r.level = (uint8_t)level;
	r.plain = str_of(text, (size_t)n);
	log_put(&r);
}

bool log_due(_Atomic uint64_t *last)
{
	uint64_t now = clock_now_us(), was = atomic_load(last);

	if (was && now < was + 1000000)
		return false;
	return atomic_compare_exchange_strong(last, &was, now);
}
