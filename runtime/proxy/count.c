/* SPDX-License-Identifier: Apache-2.0 */
#include "count.h"

#include <stdlib.h>

static void bump(_Atomic uint64_t *to, uint64_t n)
{
	atomic_store_explicit(to, atomic_load_explicit(to, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* Whose failure an end is (end.def). */
static int fail_of(const struct exchange *x)
{
	switch ((enum end_code)x->end) {
	case END_CLIENT_ABORT_REQ:
	case END_CLIENT_TIMEOUT_REQ:
	case END_CLIENT_SLOW:
	case END_CLIENT_ABORT_CONNECT:
	case END_CLIENT_ABORT_QUEUE:
	case END_CLIENT_ABORT_TARPIT:
	case END_CLIENT_ABORT_WAIT:
	case END_CLIENT_ABORT_DATA:
		return FAIL_CLIENT;
	case END_BAD_REQUEST:
	case END_RULE:
	case END_TARPIT:
	case END_CHECKPOINT_FULL:
	case END_CHECKPOINT_LATE:
	case END_REWRITE:
	case END_RULE_RESPONSE:
		return FAIL_REFUSED;
	case END_QUEUE_TIMEOUT:
	case END_QUEUE_FULL:
		return FAIL_QUEUE;
	case END_CONNECT_REFUSED:
	case END_CONNECT_TIMEOUT:
	case END_NO_SERVER:
		return FAIL_CONNECT;
	case END_SERVER_CLOSED_HEAD:
	case END_BAD_RESPONSE:
	case END_SERVER_ABORT_DATA:
		return FAIL_RESPONSE;
	case END_SERVER_TIMEOUT_HEAD:
	case END_SERVER_TIMEOUT_DATA:
		return FAIL_TIMEOUT;
	case END_RESOURCE:
		return FAIL_RESOURCE;
	default:
		return -1;
	}
}

static bool of_front(int fail)
{
	return fail == FAIL_CLIENT || fail == FAIL_REFUSED || fail == FAIL_RESOURCE;
}

static void count_side(struct side_count *c, const struct exchange *x, int fail)
{
	unsigned class = x->status / 100 < COUNT_CLASSES ? x->status / 100 : 0;

	bump(&c->requests, 1);
	bump(&c->classes[class], 1);
	if (x->front) {
		bump(&c->bytes_in, x->front->bytes_in);
		bump(&c->bytes_out, x->front->bytes_out);
	}
	if (fail >= 0)
		bump(&c->fails[fail], 1);
}

static void count_exchange(const struct exchange *x)
{
	struct thread_counts *t = pt()->counts;
	int fail = fail_of(x);
	/* A rule of the response refuses what the server sent: its section did it. */
	bool back = fail >= 0 && (!of_front(fail) || x->end == END_RULE_RESPONSE);

	count_side(&t->front[x->fe->index], x, back ? -1 : fail);
	if (!x->be)
		return;
	count_side(&t->back[x->be->index], x, back ? fail : -1);
	bump(&t->back[x->be->index].retries, x->retries);
	bump(&t->back[x->be->index].redispatches, (x->flags & X_REDISPATCHED) != 0);
	if (x->srv) {
		struct side_count *s = &t->servers[x->srv->be->index][x->srv->index];

		count_side(s, x, back ? fail : -1);
		bump(&s->retries, x->retries);
	}
}

static void count_rule(const struct ws_rule *rule)
{
	bump(&pt()->counts->hits[rule - site.ws->rules], 1);
}

/* -- sums ---------------------------------------------------------------------------------------
 */

static uint64_t get(const _Atomic uint64_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

static void add(struct side_sum *sum, const struct side_count *c)
{
#define COUNTED(member, ...) sum->member += get(&c->member);
	COUNT_LIST(COUNTED)
#undef COUNTED
	for (int i = 0; i < COUNT_CLASSES; i++)
		sum->classes[i] += get(&c->classes[i]);
	for (int i = 0; i < FAILS; i++)
		sum->fails[i] += get(&c->fails[i]);
}

static const struct thread_counts *of_thread(unsigned i)
{
	const struct proxy_thread *p = threads[i]->proxy;

	return p ? p->counts : NULL;
}

struct side_sum count_front(uint32_t section)
{
	struct side_sum sum = { 0 };

	for (unsigned i = 0; i < nthreads; i++)
		if (of_thread(i))
			add(&sum, &of_thread(i)->front[section]);
	return sum;
}

struct side_sum count_back(uint32_t section)
{
	struct side_sum sum = { 0 };

	for (unsigned i = 0; i < nthreads; i++)
		if (of_thread(i))
			add(&sum, &of_thread(i)->back[section]);
	return sum;
}

struct side_sum count_server(uint32_t section, uint32_t server)
{
	struct side_sum sum = { 0 };

	for (unsigned i = 0; i < nthreads; i++)
		if (of_thread(i) && of_thread(i)->servers[section])
			add(&sum, &of_thread(i)->servers[section][server]);
	return sum;
}

uint64_t count_hits(uint32_t rule)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < nthreads; i++)
		if (of_thread(i))
			sum += get(&of_thread(i)->hits[rule]);
	return sum;
}

uint64_t count_accepted(const struct front *fe)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < fe->nlisteners; i++)
		sum += get(&fe->listeners[i].accepted);
	return sum;
}

uint32_t count_back_now(uint32_t section)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < nthreads; i++) {
		const struct proxy_thread *p = threads[i]->proxy;

		if (p)
			sum += atomic_load_explicit(&p->be_requests[section], memory_order_relaxed);
	}
	return sum;
}

uint32_t count_server_now(const struct server *s)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < nthreads; i++) {
		const struct proxy_thread *p = threads[i]->proxy;

		if (p)
			sum += atomic_load_explicit(&p->slots[s->be->index][s->index].requests,
						    memory_order_relaxed);
	}
	return sum;
}

/* -- threads ------------------------------------------------------------------------------------
 */

static void thread_stop(void)
{
	struct thread_counts *t = pt()->counts;

	pt()->counts = NULL;
	for (uint32_t b = 0; t && t->servers && b < site.ws->nsections; b++)
		free(t->servers[b]);
	if (t) {
		free(t->servers);
		free(t->front);
		free(t->back);
		free(t->hits);
	}
	free(t);
}

static int thread_start(void)
{
	uint32_t n = site.ws->nsections + 1;
	struct thread_counts *t = calloc(1, sizeof(*t));

	if (!t)
		return -1;
	t->front = calloc(n, sizeof(*t->front));
	t->back = calloc(n, sizeof(*t->back));
	t->servers = calloc(n, sizeof(*t->servers));
	t->hits = calloc(site.ws->nrules + 1, sizeof(*t->hits));
	pt()->counts = t;
	if (!t->front || !t->back || !t->servers || !t->hits)
		return -1;
	for (uint32_t b = 0; b < site.ws->nsections; b++) {
		const struct back *be = site.backs[b];

		if (!be || be->owner != be || !be->nservers)
			continue;
		t->servers[b] = calloc(be->nservers, sizeof(**t->servers));
		if (!t->servers[b])
			return -1;
	}
	return 0;
}

const struct count_part count_all = { "count", thread_start, thread_stop, count_exchange,
				      count_rule };
