/* SPDX-License-Identifier: Apache-2.0 */
#include "control_conn.h"

#include <pthread.h>

#include "../proxy/conns.h"

/* One picture at a time. Who comes last, the one who takes it or the one who has given up waiting,
 * frees it. */
enum phase { NOTHING, ASKED, TAKEN, FAILED };
static struct conns picture;
static enum phase phase;
static bool stopping;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* On a thread of the loops. */
static void take(void *arg)
{
	struct conns c;
	bool good = conns_take(&c);

	(void)arg;
	pthread_mutex_lock(&lock);
	if (phase == ASKED && good)
		picture = c;
	else if (good)
		conns_free(&c);
	if (phase == ASKED)
		phase = good ? TAKEN : FAILED;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

void control_conns_start(void)
{
	pthread_mutex_lock(&lock);
	stopping = false;
	phase = NOTHING;
	pthread_mutex_unlock(&lock);
}

void control_conns_stop(void)
{
	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

/* A picture to <c>. */
static bool ask(struct conns *c)
{
	bool got;

	pthread_mutex_lock(&lock);
	phase = ASKED;
	if (stopping || thread_call(0, take, NULL) < 0)
		phase = FAILED;
	while (phase == ASKED && !stopping)
		pthread_cond_wait(&changed, &lock);
	got = phase == TAKEN;
	if (got)
		*c = picture;
	phase = NOTHING;
	pthread_mutex_unlock(&lock);
	return got;
}

static void put_addr(struct answer *a, const char *name, const struct addr *addr)
{
	char text[ADDR_TEXT];

	row_text(a, name, str_of(text, addr_format(addr, text)));
}

static void put_row(struct answer *a, const struct conns_row *r)
{
	static const char *const states[] = {
		[CONN_NEW] = "new",
		[CONN_CONNECTING] = "connecting",
		[CONN_HANDSHAKE] = "handshake",
		[CONN_READY] = "ready",
		[CONN_DRAINING] = "draining",
		[CONN_CLOSING] = "closing",
	};
	static const char *const kinds[] = { [TARGET_UNSET] = "none",
					     [TARGET_KNOWN] = "known",
					     [TARGET_FIXED] = "fixed",
					     [TARGET_RANGE] = "range" };
	const struct addr *end = r->back ? &r->dst : &r->src;

	row_begin(a);
	row_num(a, "fd", (uint64_t)r->fd);
	row_num(a, "thread", r->tid + 1u);
	row_text(a, "side", r->back ? S("server") : S("client"));
	row_text(a, "state", r->idle ? S("idle") : str_from(states[r->state]));
	row_text(a, "family",
		 end->kind != AK_INET ? S("unix")
		 : addr_is_v4(end)    ? S("ipv4")
				      : S("ipv6"));
	put_addr(a, "src", &r->src);
	put_addr(a, "dst", &r->dst);
	row_text(a, "src_l3", str_from(kinds[r->src_ip]));
	row_text(a, "src_l4", str_from(kinds[r->src_port]));
	row_text(a, "dst_l3", str_from(kinds[r->dst_ip]));
	row_text(a, "dst_l4", str_from(kinds[r->dst_port]));
	row_text(a, "frontend", r->fe ? r->fe->name : S("-"));
	row_text(a, "backend", r->be ? r->be->name : S("-"));
	row_text(a, "server", r->srv ? r->srv->name : S("-"));
	row_end(a);
}

bool control_conns(struct answer *a)
{
	struct conns c;

	if (!ask(&c))
		return false;
	for (uint32_t i = 0; i < c.n; i++)
		put_row(a, &c.row[i]);
	if (c.left_out) {
		row_begin(a);
		row_num(a, "left_out", c.left_out);
		row_end(a);
	}
	conns_free(&c);
	return true;
}
