/* SPDX-License-Identifier: Apache-2.0 */
/* The debug build that counts cache lines written by several threads. Objects compiled with
 * -fsanitize=thread call a function before each store; here those functions are not the thread
 * sanitizer's: they note which thread has written how often to which line. Linked into a site by
 * tests/lines/run, which reads the notes from a file that both map (WEIR_LINES names it) and says
 * there from when to when they are taken.
 *
 * What is seen: every store and atomic change of the instrumented code, memcpy, memmove, memset.
 * What is not: stores of the C library itself and of the kernel. Any thread; no lock. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define LINE_BITS 6
#define THREADS 8
#define LINES ((uint64_t)1 << 16)

/* <n>: writes by each thread; <at>: the place in the program of its latest one. */
struct line {
	_Atomic uint64_t address;
	uint32_t n[THREADS];
	uint32_t at[THREADS];
	char pad[56];
};

struct notes {
	_Atomic uint32_t on;
	_Atomic uint32_t threads; /* that have written */
	_Atomic uint64_t lost; /* writes without a place for them */
	char pad[112];
	struct line line[LINES];
};

_Static_assert(sizeof(struct line) == 128, "tests/lines/run reads this");

extern const char __executable_start[];
static struct notes *notes;
static _Thread_local uint32_t me; /* 1 + number of this thread */

__attribute__((constructor)) static void map_notes(void)
{
	const char *name = getenv("WEIR_LINES");
	int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
	void *p = fd < 0 || ftruncate(fd, sizeof(*notes)) != 0
			  ? MAP_FAILED
			  : mmap(NULL, sizeof(*notes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		_exit(99);
	close(fd);
	notes = p;
}

/* The row of <address>, made when there is none; NULL when the table is full. */
static struct line *row(uint64_t address)
{
	uint64_t i = address * UINT64_C(0x9e3779b97f4a7c15) >> 48;

	for (uint64_t k = 0; k < LINES; k++, i = (i + 1) % LINES) {
		struct line *l = &notes->line[i];
		uint64_t there = atomic_load_explicit(&l->address, memory_order_relaxed);

		if (there == address ||
		    (!there && (atomic_compare_exchange_strong(&l->address, &there, address) ||
				there == address)))
			return l;
	}
	return NULL;
}

static void note(const void *p, size_t n, const void *caller)
{
	uint64_t first = (uint64_t)(uintptr_t)p >> LINE_BITS;
	uint64_t last = ((uint64_t)(uintptr_t)p + n - 1) >> LINE_BITS;

	if (!n || !notes || !atomic_load_explicit(&notes->on, memory_order_relaxed))
		return;
	if (!me)
		me = atomic_fetch_add(&notes->threads, 1) + 1;
	for (uint64_t at = first; at <= last; at++) {
		struct line *l = me <= THREADS ? row(at << LINE_BITS) : NULL;

		if (!l) {
			atomic_fetch_add(&notes->lost, 1);
			continue;
		}
		l->n[me - 1]++;
		l->at[me - 1] = (uint32_t)((const char *)caller - __executable_start);
	}
}

#define HERE __builtin_return_address(0)

/* What the compiler calls. Reads are of no interest here. */
#define PLAIN(n)                                                                                   \
	void __tsan_read##n(void *p);                                                              \
	void __tsan_write##n(void *p);                                                             \
	void __tsan_unaligned_read##n(void *p);                                                    \
	void __tsan_unaligned_write##n(void *p);                                                   \
	void __tsan_read##n(void *p)                                                               \
	{                                                                                          \
		(void)p;                                                                           \
	}                                                                                          \
	void __tsan_unaligned_read##n(void *p)                                                     \
	{                                                                                          \
		(void)p;                                                                           \
	}                                                                                          \
	void __tsan_write##n(void *p)                                                              \
	{                                                                                          \
		note(p, n, HERE);                                                                  \
	}                                                                                          \
	void __tsan_unaligned_write##n(void *p)                                                    \
	{                                                                                          \
		note(p, n, HERE);                                                                  \
	}

PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

void __tsan_init(void);
void __tsan_func_entry(void *pc);
void __tsan_func_exit(void);
void __tsan_read_range(void *p, size_t n);
void __tsan_write_range(void *p, size_t n);

void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc)
{
	(void)pc;
}

void __tsan_func_exit(void)
{
}

void __tsan_read_range(void *p, size_t n)
{
	(void)p;
	(void)n;
}

void __tsan_write_range(void *p, size_t n)
{
	note(p, n, HERE);
}

/* Atomic ones are done here, in the strongest order. A comparison that fails takes the line from
 * others all the same. */
#define CHANGE(bits, type, word)                                                                   \
	type __tsan_atomic##bits##_##word(type *p, type v, int order);                             \
	type __tsan_atomic##bits##_##word(type *p, type v, int order)                              \
	{                                                                                          \
		(void)order;                                                                       \
		note(p, sizeof(*p), HERE);                                                         \
		return __atomic_##word(p, v, __ATOMIC_SEQ_CST);                                    \
	}

#define EXCHANGE(bits, type, word)                                                                 \
	int __tsan_atomic##bits##_##word(type *p, type *want, type v, int order, int failed);      \
	int __tsan_atomic##bits##_##word(type *p, type *want, type v, int order, int failed)       \
	{                                                                                          \
		(void)order;                                                                       \
		(void)failed;                                                                      \
		note(p, sizeof(*p), HERE);                                                         \
		return __atomic_compare_exchange_n(p, want, v, false, __ATOMIC_SEQ_CST,            \
						   __ATOMIC_SEQ_CST);                              \
	}

#define ATOMIC(bits, type)                                                                         \
	type __tsan_atomic##bits##_load(const type *p, int order);                                 \
	void __tsan_atomic##bits##_store(type *p, type v, int order);                              \
	type __tsan_atomic##bits##_exchange(type *p, type v, int order);                           \
	type __tsan_atomic##bits##_load(const type *p, int order)                                  \
	{                                                                                          \
		(void)order;                                                                       \
		return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                       \
	}                                                                                          \
	void __tsan_atomic##bits##_store(type *p, type v, int order)                               \
	{                                                                                          \
		(void)order;                                                                       \
		note(p, sizeof(*p), HERE);                                                         \
		__atomic_store_n(p, v, __ATOMIC_SEQ_CST);                                          \
	}                                                                                          \
	type __tsan_atomic##bits##_exchange(type *p, type v, int order)                            \
	{                                                                                          \
		(void)order;                                                                       \
		note(p, sizeof(*p), HERE);                                                         \
		return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);                                \
	}                                                                                          \
	CHANGE(bits, type, fetch_add)                                                              \
	CHANGE(bits, type, fetch_sub)                                                              \
	CHANGE(bits, type, fetch_or)                                                               \
	CHANGE(bits, type, fetch_and)                                                              \
	CHANGE(bits, type, fetch_xor)                                                              \
	EXCHANGE(bits, type, compare_exchange_strong)                                              \
	EXCHANGE(bits, type, compare_exchange_weak)

ATOMIC(8, uint8_t)
ATOMIC(16, uint16_t)
ATOMIC(32, uint32_t)
ATOMIC(64, uint64_t)

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
	(void)order;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* The linker leads the calls of the instrumented objects here (--wrap); clang calls the second set. */
void *__real_memcpy(void *to, const void *from, size_t n);
void *__real_memmove(void *to, const void *from, size_t n);
void *__real_memset(void *to, int c, size_t n);
void *__wrap_memcpy(void *to, const void *from, size_t n);
void *__wrap_memmove(void *to, const void *from, size_t n);
void *__wrap_memset(void *to, int c, size_t n);
void *__tsan_memcpy(void *to, const void *from, size_t n);
void *__tsan_memmove(void *to, const void *from, size_t n);
void *__tsan_memset(void *to, int c, size_t n);

void *__wrap_memcpy(void *to, const void *from, size_t n)
{
	note(to, n, HERE);
	return __real_memcpy(to, from, n);
}

void *__wrap_memmove(void *to, const void *from, size_t n)
{
	note(to, n, HERE);
	return __real_memmove(to, from, n);
}

void *__wrap_memset(void *to, int c, size_t n)
{
	note(to, n, HERE);
	return __real_memset(to, c, n);
}

void *__tsan_memcpy(void *to, const void *from, size_t n)
{
	note(to, n, HERE);
	return __real_memcpy(to, from, n);
}

void *__tsan_memmove(void *to, const void *from, size_t n)
{
	note(to, n, HERE);
	return __real_memmove(to, from, n);
}

void *__tsan_memset(void *to, int c, size_t n)
{
	note(to, n, HERE);
	return __real_memset(to, c, n);
}
