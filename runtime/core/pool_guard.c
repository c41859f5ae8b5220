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
	MODE_NO_CACHE = 0x20, /* each object its own allocation */
	MODE_BACKUP = 0x40 /* a resting object keeps its contents */
};

static const struct {
	const char *word;
	unsigned mode;
} words[] = { { "poison", MODE_POISON },         { "tag", MODE_TAG },
	      { "caller", MODE_CALLER },         { "integrity", MODE_INTEGRITY },
	      { "cold-first", MODE_COLD_FIRST }, { "no-cache", MODE_NO_CACHE },
	      { "backup", MODE_BACKUP } };

#define FILL_GET 0xa6
#define FILL_PUT 0xd9
#define STATE_USED UINT64_C(0x5553454455534544)
#define STATE_RESTING UINT64_C(0x5245535452455354)
/* Fills what is between the last byte of an object and the canary: the first byte behind the object is
 * watched whatever its size. */
static const unsigned char fill[8] = { 0xff, 0x55, 0xaa, 0x01, 0xff, 0x55, 0xaa, 0x01 };

/* Where the parts of a guarded object are, as offsets from its first byte. Only what the modes need
 * is there, and all of it but the tag's front is behind the object, so that the object keeps the
 * alignment of 16:
 *
 *   [owner state] object … fill canary [got_by put_by] [link] [sum]
 *    \_ tag ____/          \_ tag ___/ \__ caller ___/
 *
 * The link of a resting object is inside it, unless its contents count (integrity, backup) or all
 * objects in use are listed (caller). */
struct layout {
	uint32_t front; /* bytes before the object: 16 with a tag, else 0 */
	uint32_t canary, callers, link, sum; /* 0: there is none; link 0: inside */
	uint32_t total; /* bytes of the allocation */
};

struct tag {
	const struct pool *owner;
	uint64_t state;
};
_Static_assert(sizeof(struct tag) == 16, "objects stay aligned");

struct callers {
	const void *got_by, *put_by;
};

struct guard_pool {
	pthread_mutex_t lock;
	struct list used, resting;
	uint64_t nused, nresting;
	struct layout at;
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

static uint32_t round_up(uint32_t n, uint32_t to)
{
	return (n + to - 1) & ~(to - 1);
}

/* What an object of <size> bytes takes with <with> modes. */
static struct layout layout_of(uint32_t size, unsigned with)
{
	struct layout at = { 0 };
	uint32_t end = size < sizeof(struct list) ? (uint32_t)sizeof(struct list) : size;

	if (with & MODE_TAG) {
		at.front = sizeof(struct tag);
		at.canary = round_up(size + 1, 8);
		end = at.canary + 8 > end ? at.canary + 8 : end;
	}
	end = round_up(end, 8);
	if (with & MODE_CALLER) {
		at.callers = end;
		end += (uint32_t)sizeof(struct callers);
	}
	if (with & (MODE_CALLER | MODE_INTEGRITY | MODE_BACKUP)) {
		at.link = end;
		end += (uint32_t)sizeof(struct list);
	}
	if ((with & MODE_INTEGRITY) && (with & MODE_BACKUP)) {
		at.sum = end;
		end += 8;
	}
	at.total = round_up(at.front + end, 16);
	return at;
}

static struct guard_pool *guard_pool(const struct pool *pool)
{
	struct guard_pool *gp = &guards[pool->id];

	pthread_mutex_lock(&ready_lock);
	if (!gp->ready) {
		pthread_mutex_init(&gp->lock, NULL);
		list_init(&gp->used);
		list_init(&gp->resting);
		gp->at = layout_of(pool->size, modes);
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

static struct tag *tag_of(const struct guard_pool *gp, unsigned char *obj)
{
	return (struct tag *)(void *)(obj - gp->at.front);
}

static struct callers *callers_of(const struct guard_pool *gp, unsigned char *obj)
{
	return (struct callers *)(void *)(obj + gp->at.callers);
}

static struct list *link_of(const struct guard_pool *gp, unsigned char *obj)
{
	return (struct list *)(void *)(obj + gp->at.link);
}

static unsigned char *of_link(const struct guard_pool *gp, struct list *node)
{
	return (unsigned char *)node - gp->at.link;
}

static _Noreturn void guard_stop(const struct pool *pool, struct guard_pool *gp, unsigned char *obj,
				 const char *what, const void *caller)
{
	fprintf(stderr, "weir: BUG: pool %s: %s, object %p of %u bytes\n", pool->name, what,
		(const void *)obj, pool->size);
	print_place(stderr, "found by", caller);
	if (modes & MODE_CALLER) {
		print_place(stderr, "last taken by", callers_of(gp, obj)->got_by);
		print_place(stderr, "last given back by", callers_of(gp, obj)->put_by);
	}
	abort();
}

/* FNV-1a: tells that something has changed, not what. */
static uint64_t sum_of(const unsigned char *p, uint32_t n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (uint32_t i = 0; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* Contents of a resting object have not changed. */
static void check_resting(const struct pool *pool, struct guard_pool *gp, unsigned char *obj,
			  const void *caller)
{
	char what[64];
	uint64_t sum;

	if (gp->at.sum) {
		memcpy(&sum, obj + gp->at.sum, sizeof(sum));
		if (sum != sum_of(obj, pool->size))
			guard_stop(pool, gp, obj, "written after it was given back", caller);
		return;
	}
	for (uint32_t i = 0; i < pool->size; i++) {
		if (obj[i] == FILL_PUT)
			continue;
		snprintf(what, sizeof(what), "written after it was given back, at offset %u", i);
		guard_stop(pool, gp, obj, what, caller);
	}
}

static void check_behind(const struct pool *pool, struct guard_pool *gp, unsigned char *obj,
			 const void *caller)
{
	const struct pool *canary;

	memcpy(&canary, obj + gp->at.canary, sizeof(canary));
	if (canary != pool || memcmp(obj + pool->size, fill, gp->at.canary - pool->size) != 0)
		guard_stop(pool, gp, obj, "overflow: bytes behind the object changed", caller);
}

static void check_put(const struct pool *pool, struct guard_pool *gp, unsigned char *obj,
		      const void *caller)
{
	const struct tag *tag = tag_of(gp, obj);
	char what[128];

	if (tag->state == STATE_RESTING)
		guard_stop(pool, gp, obj, "double free", caller);
	if (tag->state != STATE_USED)
		guard_stop(pool, gp, obj, "not an object of any pool, or underflow", caller);
	if (tag->owner != pool) {
		snprintf(what, sizeof(what), "wrong pool: the object belongs to pool %s",
			 tag->owner->name);
		guard_stop(pool, guard_pool(tag->owner), obj, what, caller);
	}
	check_behind(pool, gp, obj, caller);
}

static unsigned char *object_new(const struct pool *pool, struct guard_pool *gp)
{
	unsigned char *p;

	if (pool->limit && gp->nused + gp->nresting >= pool->limit)
		return NULL;
	p = calloc(1, gp->at.total);
	return p ? p + gp->at.front : NULL;
}

static void object_free(struct guard_pool *gp, unsigned char *obj)
{
	free(obj - gp->at.front);
}

/* Marks around an object that goes into use. */
static void mark_used(const struct pool *pool, struct guard_pool *gp, unsigned char *obj,
		      const void *caller)
{
	if (modes & MODE_TAG) {
		*tag_of(gp, obj) = (struct tag) { pool, STATE_USED };
		memcpy(obj + pool->size, fill, gp->at.canary - pool->size);
		memcpy(obj + gp->at.canary, &pool, sizeof(pool));
	}
	if (modes & MODE_CALLER) {
		callers_of(gp, obj)->got_by = caller;
		list_push(&gp->used, link_of(gp, obj));
	}
}

void *guard_get(struct pool *pool, const void *caller)
{
	struct guard_pool *gp = guard_pool(pool);
	unsigned char *obj;
	struct list *node;

	pthread_mutex_lock(&gp->lock);
	node = list_shift(&gp->resting);
	obj = node ? of_link(gp, node) : object_new(pool, gp);
	if (obj) {
		if (node)
			gp->nresting--;
		if (node && (modes & MODE_INTEGRITY))
			check_resting(pool, gp, obj, caller);
		if (modes & MODE_POISON)
			memset(obj, FILL_GET, pool->size);
		mark_used(pool, gp, obj, caller);
		gp->nused++;
	}
	pthread_mutex_unlock(&gp->lock);
	return obj;
}

/* Marks an object that goes to rest; what it holds is kept only if that is asked for. */
static void mark_resting(const struct pool *pool, struct guard_pool *gp, unsigned char *obj,
			 const void *caller)
{
	uint64_t sum;

	if (modes & MODE_CALLER) {
		callers_of(gp, obj)->put_by = caller;
		list_del(link_of(gp, obj));
	}
	if (!(modes & MODE_BACKUP) && (modes & (MODE_POISON | MODE_INTEGRITY)))
		memset(obj, FILL_PUT, pool->size);
	if (gp->at.sum) {
		sum = sum_of(obj, pool->size);
		memcpy(obj + gp->at.sum, &sum, sizeof(sum));
	}
	if (modes & MODE_TAG)
		tag_of(gp, obj)->state = STATE_RESTING;
}

void guard_put(struct pool *pool, void *o, const void *caller)
{
	struct guard_pool *gp = guard_pool(pool);
	unsigned char *obj = o;

	pthread_mutex_lock(&gp->lock);
	if (modes & MODE_TAG)
		check_put(pool, gp, obj, caller);
	mark_resting(pool, gp, obj, caller);
	gp->nused--;
	if (modes & MODE_NO_CACHE) {
		object_free(gp, obj);
	} else {
		*link_of(gp, obj) = (struct list) { 0 };
		list_insert(modes & MODE_COLD_FIRST ? gp->resting.prev : &gp->resting,
			    link_of(gp, obj));
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
		print_place(out, "taken by", callers_of(gp, of_link(gp, n))->got_by);
}

size_t guard_trim(struct pool *pool)
{
	struct guard_pool *gp = guard_pool(pool);
	struct list *node;
	size_t freed = 0;

	pthread_mutex_lock(&gp->lock);
	while ((node = list_shift(&gp->resting))) {
		unsigned char *obj = of_link(gp, node);

		if (modes & MODE_INTEGRITY)
			check_resting(pool, gp, obj, NULL);
		gp->nresting--;
		freed += gp->at.total;
		object_free(gp, obj);
	}
	pthread_mutex_unlock(&gp->lock);
	return freed;
}

void guard_print_sizes(const struct pool *pool, FILE *out)
{
	static const unsigned kinds[] = { MODE_POISON,
					  MODE_TAG,
					  MODE_CALLER,
					  MODE_INTEGRITY,
					  MODE_BACKUP,
					  MODE_INTEGRITY | MODE_BACKUP,
					  MODE_TAG | MODE_CALLER | MODE_INTEGRITY | MODE_BACKUP };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		fprintf(out, " %9u", layout_of(pool->size, kinds[i]).total);
}
