/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../runtime/core/pool.h"

Suite *pool_suite(void);

static struct pool things, others;

static struct pool_count count_of(const struct pool *pool)
{
	struct pool_count c[POOLS_MAX];
	unsigned n = pool_counts(c, POOLS_MAX);

	for (unsigned i = 0; i < n; i++)
		if (c[i].name == pool->name)
			return c[i];
	ck_abort_msg("pool %s is not counted", pool->name);
	return c[0];
}

static void adds_up(const struct pool *pool, uint64_t in_use)
{
	struct pool_count c = count_of(pool);

	ck_assert_uint_eq(c.in_use, in_use);
	ck_assert_uint_eq(c.allocated, c.in_use + c.cached + c.shared);
	ck_assert_uint_eq(c.made, c.allocated + c.returned);
}

static void setup(void)
{
	pool_init(&things, "thing", 100);
	pool_init(&others, "other", 24);
	ck_assert_int_eq(pool_thread_start(0, 0, 1), 0);
}

START_TEST(objects_are_aligned_distinct_and_counted)
{
	unsigned char *obj[1000];
	unsigned wrong = 0;

	for (unsigned i = 0; i < 1000; i++) {
		obj[i] = pool_get(&things);
		ck_assert_uint_eq((uintptr_t)obj[i] % 16, 0);
		memset(obj[i], (int)i, 100);
		adds_up(&things, i + 1);
	}
	for (unsigned i = 0; i < 1000; i++) {
		for (unsigned k = 0; k < 100; k++)
			wrong += obj[i][k] != (unsigned char)i;
		pool_put(&things, obj[i]);
		adds_up(&things, 999 - i);
	}
	ck_assert_uint_eq(wrong, 0);
	pool_put(&things, NULL);
	ck_assert_uint_eq(pool_fini(stderr), 0);
}
END_TEST

START_TEST(a_zeroed_object_is_zero_whatever_it_held)
{
	static const unsigned char zero[100];
	void *p = pool_get(&things);

	memset(p, 0xff, 100);
	pool_put(&things, p);
	p = pool_get_zero(&things);
	ck_assert_mem_eq(p, zero, 100);
	pool_put(&things, p);
}
END_TEST

START_TEST(caches_are_bounded_and_shrink_to_one_magazine)
{
	void *obj[5000];
	struct pool_count c;
	bool again = true;

	for (unsigned i = 0; i < 5000; i++)
		obj[i] = pool_get(&things);
	for (unsigned i = 0; i < 5000; i++)
		pool_put(&things, obj[i]);
	c = count_of(&things);
	ck_assert_uint_le(c.cached, 64 + 256);
	for (unsigned i = 0; i < 5 && again; i++) {
		again = false;
		pool_trim(&again);
	}
	ck_assert(!again);
	c = count_of(&things);
	ck_assert_uint_le(c.allocated, 64);
	adds_up(&things, 0);
}
END_TEST

START_TEST(what_is_needed_again_and_again_is_not_trimmed)
{
	void *obj[600];
	bool again;
	uint64_t allocated = 0;

	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < 600; i++)
			obj[i] = pool_get(&things);
		if (round == 2)
			allocated = count_of(&things).allocated;
		if (round > 2)
			ck_assert_uint_le(count_of(&things).allocated, allocated);
		for (unsigned i = 0; i < 600; i++)
			pool_put(&things, obj[i]);
		pool_trim(&again);
	}
	adds_up(&things, 0);
}
END_TEST

/* S92: what a turn of the loop takes and gives back does not pass through what threads share. */
START_TEST(what_a_turn_swings_by_stays_with_the_thread)
{
	void *obj[256];

	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < 256; i++)
			obj[i] = pool_get(&things);
		for (unsigned i = 0; i < 256; i++)
			pool_put(&things, obj[i]);
		ck_assert_uint_eq(count_of(&things).shared, 0);
	}
	adds_up(&things, 0);
}
END_TEST

START_TEST(a_limit_holds_and_ends_when_objects_come_back)
{
	void *obj[10];

	pool_thread_stop();
	things.limit = 10;
	ck_assert_int_eq(pool_thread_start(0, 0, 1), 0);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_ptr_nonnull(obj[i] = pool_get(&things));
	ck_assert_ptr_null(pool_get(&things));
	pool_put(&things, obj[3]);
	ck_assert_ptr_nonnull(obj[3] = pool_get(&things));
	ck_assert_ptr_null(pool_get(&things));
	for (unsigned i = 0; i < 10; i++)
		pool_put(&things, obj[i]);
	adds_up(&things, 0);
}
END_TEST

START_TEST(what_is_left_in_use_is_told_by_name)
{
	char text[200] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");
	void *kept = pool_get(&things);

	ck_assert_uint_eq(pool_fini(f), 1);
	fclose(f);
	ck_assert_ptr_nonnull(strstr(text, "thing"));
	ck_assert_ptr_null(strstr(text, "other"));
	free(kept);
}
END_TEST

/* A producer takes, a consumer gives back: nothing piles up. */
#define HANDED 60000 /* WEIR_SOAK: 10 million */
static unsigned handed = HANDED;
static void *_Atomic slots[256];

static void *consumer(void *arg)
{
	ck_assert_int_eq(pool_thread_start(1, 0, 2), 0);
	for (unsigned i = 0; i < handed; i++) {
		void *p;

		while (!(p = __atomic_exchange_n((void **)&slots[i & 255], NULL, __ATOMIC_ACQ_REL)))
			sched_yield();
		pool_put(&things, p);
	}
	pool_thread_stop();
	return arg;
}

START_TEST(objects_given_back_elsewhere_come_round_again)
{
	pthread_t t;
	uint64_t most = 0;

	if (getenv("WEIR_SOAK"))
		handed = 10000000;
	ck_assert_int_eq(pthread_create(&t, NULL, consumer, NULL), 0);
	for (unsigned i = 0; i < handed; i++) {
		void *p = pool_get(&things);

		while (__atomic_load_n((void **)&slots[i & 255], __ATOMIC_ACQUIRE))
			sched_yield();
		__atomic_store_n((void **)&slots[i & 255], p, __ATOMIC_RELEASE);
		if (i % 4096 == 0 && count_of(&things).allocated > most)
			most = count_of(&things).allocated;
	}
	pthread_join(t, NULL);
	/* Under way; magazines and spares of both threads; between them. */
	ck_assert_uint_le(most, 256 + 2 * (64 + 256) + 2 * 64);
	ck_assert_uint_eq(pool_fini(stderr), 0);
}
END_TEST

/* Debugging modes: each seeded bug ends the process with a report that names the pool. */
static void debug_setup(const char *modes)
{
	ck_assert_int_eq(pool_debug(modes), 0);
	pool_init(&things, "thing", 101);
	pool_init(&others, "other", 24);
	ck_assert_int_eq(pool_thread_start(0, 0, 1), 0);
}

static void bug_double_free(void)
{
	void *p = pool_get(&things);

	pool_put(&things, p);
	pool_put(&things, p);
}

static void bug_wrong_pool(void)
{
	pool_put(&others, pool_get(&things));
}

static void bug_overflow(void)
{
	char *p = pool_get(&things);

	memset(p, 0, 102);
	pool_put(&things, p);
}

static void bug_underflow(void)
{
	char *p = pool_get(&things);

	memset(p - 16, 0, 16);
	pool_put(&things, p);
}

static void bug_write_after_free(void)
{
	char *p = pool_get(&things);

	pool_put(&things, p);
	p[77] = 1;
	pool_get(&things);
}

/* Bytes of the size make no whole words: the first byte behind is watched nevertheless. */
static void bug_overflow_by_one(void)
{
	char *p = pool_get(&others); /* 24 bytes */

	p[24] = 0;
	pool_put(&others, p);
}

static void bug_write_into_backup(void)
{
	char *p = pool_get(&things);

	memset(p, 5, 101);
	pool_put(&things, p);
	if (p[77] != 5) /* contents are kept for a look afterwards */
		_exit(1);
	p[77] = 1;
	pool_get(&things);
}

static void bug_leak(void)
{
	pool_get(&things);
	pool_fini(stderr);
	abort();
}

static const struct {
	const char *modes;
	void (*bug)(void);
	const char *said, *also;
} bugs[] = {
	{ "tag,caller", bug_double_free, "pool thing: double free", "last given back by" },
	{ "tag", bug_wrong_pool, "pool other: wrong pool: the object belongs to pool thing",
	  "found by" },
	{ "tag,poison", bug_overflow, "pool thing: overflow", "101 bytes" },
	{ "tag,cold-first", bug_underflow, "pool thing: not an object", "found by" },
	{ "tag", bug_overflow_by_one, "pool other: overflow", "24 bytes" },
	{ "tag,backup,caller", bug_double_free, "pool thing: double free", "last given back by" },
	{ "integrity,backup,caller", bug_write_into_backup,
	  "pool thing: written after it was given back", "last given back by" },
	{ "caller", bug_leak, "pool thing: 1 objects still in use", "taken by" },
	{ "integrity,cold-first,no-cache,tag", bug_overflow, "pool thing: overflow", "101 bytes" },
	{ "integrity,caller", bug_write_after_free,
	  "pool thing: written after it was given back, at offset 77", "last taken by" },
};

/* What a child that runs <bug> prints before it aborts. */
static void run_bug(void (*bug)(void), const char *modes, char *out, size_t size)
{
	int fd[2], status;
	size_t n = 0;
	ssize_t r;
	pid_t pid;

	ck_assert_int_eq(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fd[1], 2);
		debug_setup(modes);
		bug();
		_exit(0);
	}
	close(fd[1]);
	while (n < size - 1 && (r = read(fd[0], out + n, size - 1 - n)) > 0)
		n += (size_t)r;
	out[n] = '\0';
	close(fd[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* S93 to S96. */
START_TEST(s94_s95_s96_a_seeded_bug_is_reported_with_pool_and_place)
{
	char out[2000];

	run_bug(bugs[_i].bug, bugs[_i].modes, out, sizeof(out));
	ck_assert_msg(strstr(out, bugs[_i].said) != NULL, "said: %s", out);
	ck_assert_msg(strstr(out, bugs[_i].also) != NULL, "said: %s", out);
}
END_TEST

static const char *const all_modes[] = { "poison",     "tag",      "caller", "integrity",
					 "cold-first", "no-cache", "backup" };
#define MODES 7

/* S97: the modes one by one and in pairs, then all. */
START_TEST(s97_sound_use_passes_in_every_pair_of_modes)
{
	char modes[100];
	void *obj[100];

	snprintf(modes, sizeof(modes), "%s,%s", all_modes[_i / MODES % MODES],
		 all_modes[_i % MODES]);
	debug_setup(_i < MODES * MODES ? modes : "poison,tag,caller,integrity,cold-first,backup");
	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < 100; i++) {
			memset(obj[i] = pool_get(&things), 1, 101);
			ck_assert_uint_eq((uintptr_t)obj[i] % 16, 0);
		}
		adds_up(&things, 100);
		for (unsigned i = 0; i < 100; i++)
			pool_put(&things, obj[i]);
		adds_up(&things, 0);
	}
	ck_assert_uint_eq(pool_fini(stderr), 0);
}
END_TEST

/* S97: what each layout costs; without modes not a byte. */
START_TEST(s97_sizes_by_mode)
{
	static struct pool odd, page;
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	pool_init(&odd, "odd", 101);
	pool_init(&page, "page", 4096);
	pool_print_sizes(f);
	fclose(f);
	ck_assert_str_eq(
		text, "pool                  size     plain    poison       tag    caller "
		      "integrity    backup      both       all\n"
		      "odd                    101       112       112       128       144       128"
		      "       128       128       176\n"
		      "page                  4096      4096      4096      4128      4128      4112"
		      "      4112      4128      4176\n");
	free(text);
}
END_TEST

/* S92: under load, every object ever made is in one of the places. */
START_TEST(s92_the_places_account_for_every_object)
{
	void *obj[3000];
	unsigned n = 0;
	bool again;

	for (unsigned i = 0; i < 200000; i++) {
		uint64_t r = (uint64_t)i * 2654435761u >> 7;

		if (n == 3000 || (n && r % 3 == 0 && i / 20000 % 2) || (n && r % 5 == 0))
			pool_put(&things, obj[--n]);
		else
			obj[n++] = pool_get(&things);
		if (i % 1000 == 0)
			adds_up(&things, n);
		if (i % 30000 == 0)
			pool_trim(&again);
	}
	while (n)
		pool_put(&things, obj[--n]);
	adds_up(&things, 0);
	ck_assert_uint_gt(count_of(&things).made, 0);
}
END_TEST

START_TEST(a_squeeze_leaves_nothing_resting)
{
	void *obj[5000];

	for (unsigned i = 0; i < 5000; i++)
		obj[i] = pool_get(&things);
	for (unsigned i = 0; i < 5000; i++)
		pool_put(&things, obj[i]);
	pool_squeeze();
	ck_assert_uint_eq(count_of(&things).allocated, 0);
	pool_put(&things, pool_get(&things)); /* and all goes on */
	adds_up(&things, 0);
}
END_TEST

START_TEST(s93_poison_hides_old_contents_and_cold_first_delays_reuse)
{
	unsigned char *p, *q;

	debug_setup("poison,cold-first");
	p = pool_get(&things);
	ck_assert_uint_ne(p[0], 0);
	ck_assert_uint_eq(p[0], p[100]);
	q = pool_get(&things);
	memset(p, 7, 101);
	pool_put(&things, p);
	ck_assert_uint_ne(p[50], 7);
	pool_put(&things, q);
	ck_assert_ptr_eq(pool_get(&things), p);
	ck_assert_ptr_eq(pool_get(&things), q);
	pool_put(&things, p);
	pool_put(&things, q);
}
END_TEST

START_TEST(an_unknown_mode_is_refused)
{
	ck_assert_int_eq(pool_debug("tag,colour"), -1);
	ck_assert_int_eq(pool_debug(""), 0);
}
END_TEST

Suite *pool_suite(void)
{
	Suite *s = suite_create("pool");
	TCase *tc = tcase_create("caches"), *debug = tcase_create("debugging");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, objects_are_aligned_distinct_and_counted);
	tcase_add_test(tc, a_zeroed_object_is_zero_whatever_it_held);
	tcase_add_test(tc, caches_are_bounded_and_shrink_to_one_magazine);
	tcase_add_test(tc, what_is_needed_again_and_again_is_not_trimmed);
	tcase_add_test(tc, what_a_turn_swings_by_stays_with_the_thread);
	tcase_add_test(tc, a_limit_holds_and_ends_when_objects_come_back);
	tcase_add_test(tc, what_is_left_in_use_is_told_by_name);
	tcase_add_test(tc, objects_given_back_elsewhere_come_round_again);
	tcase_add_test(tc, s92_the_places_account_for_every_object);
	tcase_add_test(tc, a_squeeze_leaves_nothing_resting);
	suite_add_tcase(s, tc);
	tcase_add_loop_test(debug, s94_s95_s96_a_seeded_bug_is_reported_with_pool_and_place, 0,
			    sizeof(bugs) / sizeof(bugs[0]));
	tcase_add_loop_test(debug, s97_sound_use_passes_in_every_pair_of_modes, 0,
			    MODES * MODES + 1);
	tcase_add_test(debug, s97_sizes_by_mode);
	tcase_add_test(debug, s93_poison_hides_old_contents_and_cold_first_delays_reuse);
	tcase_add_test(debug, an_unknown_mode_is_refused);
	suite_add_tcase(s, debug);
	return s;
}
