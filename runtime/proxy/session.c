/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <stdlib.h>

#include "../core/log.h"
#include "../core/pool.h"
#include "checkpoint.h"
#include "rule.h"

#define BUCKETS 16384 /* of a thread: 128 KiB, touched as connections come */

struct kept {
	struct kept *next;
	const struct conn *conn;
	struct session s;
};

static struct pool kept_pool;

/* Some front of the site has rules that set something. */
static bool needed(void)
{
	for (uint32_t i = 0; i < site.ws->nsections; i++)
		if (site.fronts[i] && site.fronts[i]->sets)
			return true;
	return false;
}

void session_init(void)
{
	if (needed())
		pool_init(&kept_pool, "session", sizeof(struct kept));
}

int session_thread_start(void)
{
	if (!needed())
		return 0;
	pt()->sessions = calloc(BUCKETS, sizeof(*pt()->sessions));
	return pt()->sessions ? 0 : -1;
}

void session_thread_stop(void)
{
	free(pt()->sessions);
	pt()->sessions = NULL;
}

static bool sets(const struct conn *c)
{
	const struct front *fe = c->listener->conf.owner;

	return fe->sets;
}

/* Where the pointer to the entry of <c> is, or would be. */
static struct kept **place(const struct conn *c)
{
	uint64_t hash = ((uint64_t)(uintptr_t)c >> 4) * 0x9e3779b97f4a7c15U;
	struct kept **at = &pt()->sessions[(hash >> 32) % BUCKETS];

	while (*at && (*at)->conn != c)
		at = &(*at)->next;
	return at;
}

struct session session_take(const struct conn *c)
{
	struct session s = { .log_level = LOG_INFO };
	struct kept **at, *k;

	if (!sets(c))
		return s;
	at = place(c);
	k = *at;
	if (k) {
		s = k->s;
		*at = k->next;
		pool_put(&kept_pool, k);
	}
	return s;
}

static void release(struct session *s)
{
	rule_release_vars(&s->vars);
	if (s->turns)
		site.ws->checkpoint->leave(&s->turns);
}

bool session_put(const struct conn *c, struct session *s)
{
	struct kept **at, *k;

	if (!s->vars && !s->turns && s->log_level == LOG_INFO)
		return true;
	k = pool_get(&kept_pool);
	if (!k) {
		release(s);
		return false;
	}
	at = place(c);
	*k = (struct kept) { .next = *at, .conn = c, .s = *s };
	*at = k;
	return true;
}

bool session_copy(const struct conn *c, struct session *out)
{
	const struct kept *k = sets(c) ? *place(c) : NULL;

	*out = (struct session) { .log_level = k ? k->s.log_level : LOG_INFO };
	return !k || rule_copy_vars(&out->vars, k->s.vars);
}

void session_drop(const struct conn *c)
{
	struct session s = session_take(c);

	release(&s);
}
