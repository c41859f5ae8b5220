/* SPDX-License-Identifier: Apache-2.0 */
/* The action tarpit: holds a client for a while, then answers. What is held is small: the exchange
 * and its message are given back, and are made again, from what the log and the rules of the answer
 * may still ask for, when the time is over or the client leaves. No thread waits; what the client
 * sends meanwhile is dropped unread. */
#include "../core/pool.h"
#include "checkpoint.h"
#include "rule.h"

/* With the connection and its stream a held client stays below 1 KiB. */
#define TEXT_MAX 236
#define HOST_MAX 64
#define METH_MAX 16

struct tarpit {
	struct held held;
	struct timer timer;
	struct stream *front;
	struct front *fe;
	struct back *be;
	struct x_value *captures, *vars;
	struct turn *turns;
	uint64_t t_start, t_head, t_rules;
	uint64_t body_in;
	uint32_t flags, rule_where;
	uint16_t status;
	uint8_t log_level, version;
	struct addr src, dst;
	bool dst_set, path_known;
	uint8_t meth, host;
	uint16_t uri, path; /* bytes of <text>: method, host, target; the path begins the target */
	char text[TEXT_MAX];
};

static struct pool tarpit_pool;

static const struct stream_ops tarpit_ops;

/* -- keeping ------------------------------------------------------------------------------------
 */

static uint16_t keep(struct tarpit *t, size_t *used, struct str s, size_t max)
{
	size_t n = s.n < max ? s.n : max;

	n = n < TEXT_MAX - *used ? n : TEXT_MAX - *used;
	if (n)
		memcpy(t->text + *used, s.p, n);
	*used += n;
	return (uint16_t)n;
}

/* Of the request: method, host and target as received, cut; the path if it begins the target. */
static void keep_request(struct tarpit *t, struct msg *m)
{
	struct str uri = msg_str(m, m->uri), path = m->has_path ? msg_str(m, m->path) : S("");
	size_t used = 0;

	t->meth = (uint8_t)keep(t, &used, msg_str(m, m->meth), METH_MAX);
	t->host = (uint8_t)keep(t, &used, msg_host(m), HOST_MAX);
	t->uri = keep(t, &used, uri, TEXT_MAX);
	t->path_known = m->has_path && str_starts(uri, path) && path.n <= t->uri;
	t->path = (uint16_t)(t->path_known ? path.n : 0);
	t->version = m->version;
}

static bool restore_request(const struct tarpit *t, struct msg *m)
{
	struct str text = str_of(t->text, TEXT_MAX);
	struct str meth = str_of(text.p, t->meth), host = str_of(text.p + t->meth, t->host),
		   uri = str_of(host.p + t->host, t->uri);
	bool ok = msg_text(m, meth, &m->meth) && msg_text(m, uri, &m->uri);

	m->version = t->version;
	m->flags = t->version == 10 ? MSG_HTTP10 : 0;
	if (ok && t->path_known) {
		ok = msg_text(m, str_of(uri.p, t->path), &m->path);
		m->has_path = true;
	}
	return ok && (!host.n || msg_add(m, S("Host"), host));
}

static void forget(struct tarpit *t)
{
	timer_del(&t->timer);
	list_del(&t->held.link);
	pool_put(&tarpit_pool, t);
}

/* The exchange as it was, but for its request; <t> is gone. NULL: memory is out, the client is
 * let go. */
static struct exchange *revive(struct tarpit *t)
{
	struct exchange *x = exchange_begin(t->front, t->fe);

	if (x) {
		x->be = t->be;
		x->captures = t->captures;
		x->vars = t->vars;
		x->turns = t->turns;
		x->t_start = t->t_start;
		x->t_head = t->t_head;
		x->t_rules = t->t_rules;
		x->body_in = t->body_in;
		x->flags = t->flags | X_CLOSE_FRONT;
		x->rule_where = t->rule_where;
		x->log_level = t->log_level;
		x->src = t->src;
		x->dst = t->dst;
		x->dst_set = t->dst_set;
		restore_request(t, &x->req);
	} else {
		rule_release_vars(&t->vars);
		rule_release_captures(&t->captures);
		if (t->turns)
			site.ws->checkpoint->leave(&t->turns);
		t->front->mux->detach(t->front, true);
	}
	forget(t);
	return x;
}

/* -- the end ------------------------------------------------------------------------------------
 */

static void over(struct timer *timer)
{
	struct tarpit *t = CONTAINER(timer, struct tarpit, timer);
	unsigned status = t->status;
	struct exchange *x = revive(t);

	if (x)
		exchange_refuse(x, status, END_TARPIT);
}

static void leave(struct tarpit *t, enum end_code end)
{
	struct exchange *x = revive(t);

	if (x)
		exchange_drop(x, end);
}

static void on_data(struct stream *s, struct slice data)
{
	(void)s;
	slice_put(&data);
}

static void on_end(struct stream *s, struct msg *trailers)
{
	struct tarpit *t = s->owner;

	(void)trailers;
	t->flags |= X_REQ_END;
}

static void on_drained(struct stream *s)
{
	(void)s;
}

static void on_failed(struct stream *s, enum stream_error why)
{
	(void)why;
	leave(s->owner, END_CLIENT_ABORT_TARPIT);
}

static void on_left(struct stream *s)
{
	leave(s->owner, END_CLIENT_ABORT_TARPIT);
}

static const struct stream_ops tarpit_ops = {
	.data = on_data,
	.end = on_end,
	.drained = on_drained,
	.failed = on_failed,
	.left = on_left,
};

static void cut(struct held *h)
{
	leave(CONTAINER(h, struct tarpit, held), END_STOPPED);
}

/* -- the action ---------------------------------------------------------------------------------
 */

/* From the exchange, when its rules have ended with this action: <x> is gone afterwards. */
static void hold(struct exchange *x, const struct rule_answer *answer)
{
	struct tarpit *t = pool_get_zero(&tarpit_pool);
	struct stream *s = x->front;

	if (!t) {
		exchange_refuse(x, answer->status, END_TARPIT);
		return;
	}
	t->held.cut = cut;
	t->timer.fire = over;
	t->front = s;
	t->fe = x->fe;
	t->be = x->be;
	t->captures = x->captures;
	t->vars = x->vars;
	t->turns = x->turns;
	t->t_start = x->t_start;
	t->t_head = x->t_head;
	t->t_rules = x->t_rules;
	t->body_in = x->body_in;
	t->flags = x->flags;
	t->rule_where = x->rule_where;
	t->status = answer->status;
	t->log_level = x->log_level;
	t->src = x->src;
	t->dst = x->dst;
	t->dst_set = x->dst_set;
	keep_request(t, &x->req);
	x->captures = x->vars = NULL;
	x->turns = NULL;
	x->front = NULL;
	exchange_forget(x);
	s->owner = t;
	s->ops = &tarpit_ops;
	s->flags |= STREAM_LAST;
	list_append(&pt()->held, &t->held.link);
	timer_set(&t->timer, th->now + answer->hold_ms);
}

static enum act_result tarpit_run(struct rule_run *r, const struct ws_action *a)
{
	r->answer = (struct rule_answer) { .status = a->status,
					   .hold = hold,
					   .hold_ms = (uint64_t)a->num };
	return ACT_ANSWER;
}

static void init(void)
{
	pool_init(&tarpit_pool, "tarpit", sizeof(struct tarpit));
}

const struct action_part action_TARPIT = { .name = "tarpit", .run = tarpit_run, .init = init };
