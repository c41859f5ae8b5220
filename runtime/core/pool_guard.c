/* SPDX-License-Identifier: Apache-2.0 */
#include "pool_guard.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../base/bug.h"
#include "../base/list.h"
#include "../base/str.h"

enum {
	MODE_POISON = 0x01, /* fill on get and on put */
	MODE_TAG = 0x02, /* check owner, state and canary on put */
	MODE_CALLER = 0x04, /* keep who took and who gave back last */
	MODE_INTEGRITY = 0x08, /* fill on put, compare on get */
	MODE_COLD_FIRST = 0x10, /* give out what rested longest */
	MODE_NO_CACHE = 0x20 /* each object its own allocation */
};

static const struct {
	const char *word;
	unsigned mode;
} words[] = { { "poison", MODE_POISON },         { "tag", MODE_TAG },
	      { "caller", MODE_CALLER },         { "integrity", MODE_INTEGRITY },
	      { "cold-first", MODE_COLD_FIRST }, { "no-cache", MODE_NO_CACHE } };

#define FILL_GET 0xa6
#define FILL_PUT 0xd9
#define STATE_USED 0x55534544u
#define STATE_RESTING 0x52455354u
#define CANARY UINT64_C(0x9d1c73b8e6502afd)

/* In front of the object. The links are outside of it, so that a resting object keeps its last
 * contents. */
struct guard {
	_Alignas(16) struct list link; /* of used or resting */
	const struct pool *owner;
	const void *got_by, *put_by;
	uint32_t state;
};

struct guard_pool {
	pthread_mutex_t lock;
	struct list used, resting;
	uint64_t nused, nresting;
	bool ready;
};

static unsigned modes;
static struct guard_pool guards[POOLS_MAX];
static pthread_mutex_t ready_lock = PTHREAD_MUTEX_INITIALIZER;

int pool_debug(const char *list)
{
	struct str rest = str_from(list);
	unsigned wanted = 0;

	while (rest.n) {
		struct str word = str_trim(str_cut(&rest, ','));
		unsigned found = 0;

		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (str_eq(word, str_from(words[i].word)))
				found = words[i].mode;
		if (!found && word.n)
			return -1;
		wanted |= found;
	}
	modes = wanted;
	return 0;
}

unsigned guard_modes(void)
{
	return modes;
}

static struct guard_pool *guard_pool(const struct pool *pool)
{
	struct guard_pool *gp = &guards[pool->id];

	pthread_mutex_lock(&ready_lock);
	if (!gp->ready) {
		pthread_mutex_init(&gp->lock, NULL);
		list_init(&gp->used);
		list_init(&gp->resting);
		gp->ready = true;
	}
	pthread_mutex_unlock(&ready_lock);
	return gp;
}

static void print_place(FILE *out, const char *what, const void *at)
{
	Dl_info info;

	if (!at)
		return;
	fprintf(out, "  %s %p", what, at);
	if (dladdr(at, &info) && info.dli_fname)
		fprintf(out, " %s+0x%zx", info.dli_fname,
			(size_t)((const char *)at - (const char *)info.dli_fbase));
	if (dladdr(at, &info) && info.dli_sname)
		fprintf(out, " %s", info.dli_sname);
	fputc('\n', out);
}

static _Noreturn void guard_stop(const struct pool *pool, const struct guard *g, const char *what,
				 const void *caller)
{
	fprintf(stderr, "weir: BUG: pool %s: %s, object %p of %u bytes\n", pool->name, what,
		(const void *)(g + 1), pool->size);
	print_place(stderr, "found by", caller);
	if (modes & MODE_CALLER) {
		print_place(stderr, "last taken by", g->got_by);
		print_place(stderr, "last given back by", g->put_by);
	}
	abort();
}

static unsigned char *body(struct guard *g)
{
	return (unsigned char *)(g + 1);
}

static void check_filled(const struct pool *pool, struct guard *g, const void *caller)
{
	const unsigned char *p = body(g);
	char what[64];

	for (uint32_t i = 0; i < pool->size; i++) {
		if (p[i] == FILL_PUT)
			continue;
		snprintf(what, sizeof(what), "written after it was given back, at offset %u", i);
		guard_stop(pool, g, what, caller);
	}
}

static void check_canary(const struct pool *pool, struct guard *g, const void *caller)
{
	uint64_t canary;

	memcpy(&canary, body(g) + pool->size, sizeof(canary));
	if (canary != CANARY)
		guard_stop(pool, g, "overflow: bytes behind the object changed", caller);
}

static void check_put(const struct pool *pool, struct guard *g, const void *caller)
{
	char what[128];

	if (g->state == STATE_RESTING)
		guard_stop(pool, g, "double free", caller);
	if (g->state != STATE_USED)
		guard_stop(pool, g, "not an object of any pool, or underflow", caller);
	if (g->owner != pool) {
		snprintf(what, sizeof(what), "wrong pool: the object belongs to pool %s",
			 g->owner->name);
		guard_stop(pool, g, what, caller);
	}
	check_canary(pool, g, caller);
}

static struct guard *guard_new(const struct pool *pool, struct guard_pool *gp)
{
	struct guard *g;
	uint64_t canary = CANARY;

	if (pool->limit && gp->nused + gp->nresting >= pool->limit)
		return NULL;
	g = calloc(1, sizeof(*g) + pool->size + sizeof(canary));
	if (!g)
		return NULL;
	memcpy(body(g) + pool->size, &canary, sizeof(canary));
	g->owner = pool;
	return g;
}

void *guard_get(struct pool *pool, const void *caller)
{
	struct guard_pool *gp = guard_pool(pool);
	struct list *node;
	struct guard *g;

	pthread_mutex_lock(&gp->lock);
	node = list_shift(&gp->resting);
	g = node ? CONTAINER(node, struct guard, link) : guard_new(pool, gp);
	if (g) {
		if (node)
			gp->nresting--;
		if (node && (modes & MODE_INTEGRITY))
			check_filled(pool, g, caller);
		if (modes & MODE_POISON)
			memset(body(g), FILL_GET, pool->size);
		g->state = STATE_USED;
		g->got_by = caller;
		list_push(&gp->used, &g->link);
		gp->nused++;
	}
	pthread_mutex_unlock(&gp->lock);
	return g ? g + 1 : NULL;
}

void guard_put(struct pool *pool, void *obj, const void *caller)
{
	struct guard_pool *gp = guard_pool(pool);
	struct guard *g = (struct guard *)obj - 1;

	pthread_mutex_lock(&gp->lock);
	if (modes & MODE_TAG)
		check_put(pool, g, caller);
	if (modes & (MODE_POISON | MODE_INTEGRITY))
		memset(body(g), FILL_PUT, pool->size);
	g->state = STATE_RESTING;
	g->put_by = caller;
	list_del(&g->link);
	gp->nused--;
	if (modes & MODE_NO_CACHE) {
		free(g);
	} else {
		list_insert(modes & MODE_COLD_FIRST ? gp->resting.prev : &gp->resting, &g->link);
		gp->nresting++;
	}
	pthread_mutex_unlock(&gp->lock);
}

uint64_t guard_resting(const struct pool *pool)
{
	return modes ? guard_pool(pool)->nresting : 0;
}

uint64_t guard_allocated(const struct pool *pool)
{
	return modes ? guard_pool(pool)->nused + guard_pool(pool)->nresting : 0;
}

void guard_report(const struct pool *pool, FILE *out)
{
	struct guard_pool *gp = guard_pool(pool);

	if (!(modes & MODE_CALLER))
		return;
	for (struct list *n = gp->used.next; n != &gp->used; n = n->next)
		print_place(out, "taken by", CONTAINER(n, struct guard, link)->got_by);
}

void guard_trim(struct pool *pool)
{
	struct guard_pool *gp = guard_pool(pool);
	struct list *node;

	while ((node = list_shift(&gp->resting))) {
		struct guard *g = CONTAINER(node, struct guard, link);

		if (modes & MODE_INTEGRITY)
			check_filled(pool, g, NULL);
		gp->nresting--;
		free(g);
	}
}
