/* SPDX-License-Identifier: Apache-2.0 */
#include "takeover.h"

#include "../core/pool.h"

/* On its way to the owner, then back. */
struct ask {
	struct server *srv;
	uint16_t from; /* tid of the asker */
	bool got;
	struct yielded conn;
};

static struct pool ask_pool;

void takeover_init(void)
{
	pool_init(&ask_pool, "takeover", sizeof(struct ask));
}

/* On the asker. Its load counted the question, so that it does not end meanwhile. */
static void answered(void *arg)
{
	struct ask *a = arg;

	atomic_fetch_sub(&th->load, 1);
	if (a->got)
		server_adopt(a->srv, &a->conn);
	pool_put(&ask_pool, a);
}

/* On the owner. A call that memory fails for is made up for by the asker's connect; its load stays
 * counted, so its stop takes until the drain time is over. */
static void asked(void *arg)
{
	struct ask *a = arg;

	a->got = server_yield(a->srv, &a->conn) == 0;
	if (thread_call(a->from, answered, a) == 0)
		return;
	if (a->got)
		conn_parts_close(&a->conn.parts);
	pool_put(&ask_pool, a);
}

/* A thread of the group with an idle connection to <srv>, or NULL. The search begins at the asker,
 * so that askers do not all come to one. */
static struct thread *find_owner(const struct server *srv)
{
	const struct thread_group *g = th->group;

	for (unsigned i = 1; i < g->nthreads; i++) {
		struct thread *t = threads[g->first + (th->ltid + i) % g->nthreads];
		const struct proxy_thread *p = t->proxy;

		if (atomic_load_explicit(&p->slots[srv->be->index][srv->index].spare,
					 memory_order_relaxed))
			return t;
	}
	return NULL;
}

void takeover_ask(struct server *srv)
{
	struct thread *owner = site.stopping || th->group->nthreads == 1 ? NULL : find_owner(srv);
	struct ask *a = owner ? pool_get(&ask_pool) : NULL;

	if (!a)
		return;
	*a = (struct ask) { .srv = srv, .from = th->tid };
	atomic_fetch_add(&th->load, 1);
	if (thread_call(owner->tid, asked, a) == 0)
		return;
	atomic_fetch_sub(&th->load, 1);
	pool_put(&ask_pool, a);
}
