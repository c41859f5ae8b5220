/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy.h"

#include <stdlib.h>

#include "../net/conn.h"
#include "check.h"
#include "checkpoint.h"
#include "count.h"
#include "decide.h"
#include "exchange.h"
#include "front.h"
#include "queue.h"
#include "rule.h"
#include "server.h"
#include "session.h"
#include "tls_part.h"

#define DRAIN_LOOK_MS 20 /* how often a draining thread looks whether it is done */
#define CUT_WAIT_MS 2000 /* after the drain time: for closes under way */

static _Atomic unsigned draining; /* threads that still have clients */
static _Atomic unsigned
	closed; /* threads that accept no more, so that none hands a connection to another */
static _Atomic bool hurry, was_cut;

void proxy_init(void)
{
	conn_init();
	if (site.ws->mux_http)
		site.ws->mux_http->setup();
	if (site.ws->mux_raw)
		site.ws->mux_raw->setup();
	if (site.ws->mux_h2)
		site.ws->mux_h2->setup();
	exchange_init();
	server_init();
	if (site.ws->queue)
		site.ws->queue->init();
	if (site.ws->checkpoint)
		site.ws->checkpoint->init();
	rule_init();
	for (uint32_t i = 0; site.ws->actions[i]; i++)
		if (site.ws->actions[i]->init)
			site.ws->actions[i]->init();
	session_init();
}

int proxy_thread_start(struct thread *t)
{
	struct proxy_thread *p = calloc(1, sizeof(*p));

	t->proxy = p;
	if (!p)
		return -1;
	list_init(&p->clients);
	list_init(&p->exchanges);
	list_init(&p->held);
	p->scratch = malloc(SCRATCH_SIZE);
	if (!p->scratch || (site.ws->regex && site.ws->regex->thread_start()) ||
	    (site.ws->decide && site.ws->decide->thread_start()) || server_thread_start() ||
	    session_thread_start())
		return -1;
	if (site.ws->count && site.ws->count->thread_start())
		return -1;
	conn_thread_start();
	if (site.ws->check && site.ws->check->thread_start())
		return -1;
	return front_thread_start();
}

void proxy_thread_stop(struct thread *t)
{
	struct proxy_thread *p = t->proxy;

	if (!p)
		return;
	listener_thread_stop();
	timer_del(&p->drain);
	if (site.ws->check)
		site.ws->check->thread_stop();
	server_thread_stop();
	if (site.ws->regex)
		site.ws->regex->thread_stop();
	if (site.ws->decide)
		site.ws->decide->thread_stop();
	stream_thread_stop();
	conn_thread_stop();
	session_thread_stop();
	if (site.ws->tls)
		site.ws->tls->thread_stop();
	if (site.ws->count)
		site.ws->count->thread_stop();
	for (uint32_t i = 0; site.ws->actions[i]; i++)
		if (site.ws->actions[i]->thread_stop)
			site.ws->actions[i]->thread_stop();
	free(p->scratch);
	free(p);
	t->proxy = NULL;
}

/* -- graceful stop -------------------------------------------------------------------------------
 */

static void thread_drained(void)
{
	timer_del(&pt()->drain);
	if (atomic_fetch_sub(&draining, 1) == 1)
		thread_stop_all();
}

static void look(struct timer *t)
{
	struct proxy_thread *p = pt();
	uint64_t drain = (uint64_t)site.nums[site.ws->site_nums + WS_T_DRAIN];

	if (p->nclients == 0 && p->nexchanges == 0 && p->nwaiters == 0 && list_empty(&p->held) &&
	    atomic_load(&closed) == nthreads) {
		server_close_idle();
		/* Servers' connections, and clients' that are in their handshake or linger in their
		 * end, too. */
		if (atomic_load_explicit(&th->load, memory_order_relaxed) == 0) {
			thread_drained();
			return;
		}
	}
	if (atomic_load_explicit(&hurry, memory_order_relaxed))
		drain = 0;
	if (!p->cut && th->now >= p->drain_since + drain) {
		p->cut = true;
		was_cut = true;
		front_cut();
	}
	if (p->cut && th->now >= p->drain_since + drain + CUT_WAIT_MS) {
		thread_drained();
		return;
	}
	timer_set(t, th->now + DRAIN_LOOK_MS);
}

static void thread_drain(void *arg)
{
	struct proxy_thread *p = pt();

	(void)arg;
	atomic_fetch_add(&closed, 1);
	p->drain.fire = look;
	p->drain_since = th->now;
	if (site.ws->check)
		site.ws->check->thread_stop();
	front_drain();
	server_close_idle();
	timer_set(&p->drain, th->now + 1);
}

void proxy_stop(void)
{
	if (site.stopping)
		return;
	site.stopping = true;
	atomic_store(&draining, nthreads);
	atomic_store(&closed, 0);
	front_close();
	for (unsigned i = 0; i < nthreads; i++)
		if (thread_call(i, thread_drain, NULL))
			thread_stop_all();
}

void proxy_stop_now(void)
{
	hurry = true;
}

bool proxy_was_cut(void)
{
	return was_cut;
}
