/* SPDX-License-Identifier: Apache-2.0 */
/* pass: checkpoints in rules and on server lines: the actions pass and count, the subjects rate(),
 * conc() and queued(). Rules that wait stand still: what they need to go on is a pause, and the
 * exchange or the connection is taken out of its way until its turn has come. */
#include "../core/buf.h"
#include "../core/pool.h"
#include "../net/handshake.h"
#include "attempt.h"
#include "checkpoint.h"
#include "counters.h"
#include "queue.h"
#include "relay.h"
#include "route.h"

/* Where rules go on. Of a server line, <action> is NULL. */
struct pause {
	const struct ws_section *section;
	const struct ws_rule *rule;
	const struct ws_action *action;
	struct addr src, dst; /* conn in */
	struct buf
		*text; /* what the groups are parts of, when actions that may write them follow */
	struct {
		uint32_t at, n; /* of <text>; at NONE: empty */
	} groups[REGEX_GROUPS];
	uint32_t target, rule_where;
	uint8_t dir, step;
	bool ends, jump;
};
#define NONE UINT32_MAX

static struct pool pause_pool;
static struct stream_ops waiting_ops; /* the exchange's, but for what must not move it */

void pause_free(struct pause *p)
{
	if (p->text)
		buf_put(&p->text);
	pool_put(&pause_pool, p);
}

/* -- keys ---------------------------------------------------------------------------------------
 */

static bool responding(const struct rule_run *r)
{
	return r->dir == WS_RSP_IN || r->dir == WS_RSP_OUT;
}

/* The first value of the checkpoint's key; false: the message has none. */
static bool key_of(struct rule_run *r, const struct ws_checkpoint *ws, struct checkpoint_key *key)
{
	uint32_t row = responding(r) ? ws->rsp_key : ws->key;
	const struct ws_subject *s;
	struct occurrence it = { 0 };
	struct val v;

	if (ws->key == WS_NONE) {
		*key = (struct checkpoint_key) { { 0 } };
		return true;
	}
	/* Beyond the limit of a regex the rule ends otherwise. */
	if (row == WS_NONE || !rule_next(r, row, &it, &v) || r->limit)
		return false;
	s = &site.ws->subjects[row];
	if (s->type == WS_STR)
		*key = counters_key(v.s, s->flags & WS_SUBJ_ICASE);
	else if (s->type == WS_ADDR)
		*key = counters_key(str_of((const char *)v.ip.ip, sizeof(v.ip.ip)), false);
	else
		*key = counters_key(str_of((const char *)&v.num, sizeof(v.num)), false);
	return true;
}

/* -- standing still -----------------------------------------------------------------------------
 */

/* The groups lie in one copy of what was tested: its part from the first of them to the end of the
 * last. False: it does not fit into a buffer, or memory is out. */
static bool keep_groups(const struct rule_run *r, struct pause *p)
{
	const char *from = NULL, *to = NULL;

	for (unsigned i = 0; i < REGEX_GROUPS; i++) {
		const struct str *g = &r->groups[i];

		p->groups[i].at = NONE;
		if (!g->n)
			continue;
		from = !from || g->p < from ? g->p : from;
		to = !to || g->p + g->n > to ? g->p + g->n : to;
	}
	if (!from)
		return true;
	if (to - from > BUF_ROOM || !(p->text = buf_get()))
		return false;
	memcpy(p->text->data, from, (size_t)(to - from));
	for (unsigned i = 0; i < REGEX_GROUPS; i++) {
		const struct str *g = &r->groups[i];

		if (!g->n)
			continue;
		p->groups[i].at = (uint32_t)(g->p - from);
		p->groups[i].n = (uint32_t)g->n;
	}
	return true;
}

static void give_groups(const struct pause *p, struct rule_run *r)
{
	size_t n = 0;
	char *copy;

	pt()->scratch_used = 0;
	if (!p->text)
		return;
	for (unsigned i = 0; i < REGEX_GROUPS; i++)
		if (p->groups[i].at != NONE && p->groups[i].at + p->groups[i].n > n)
			n = p->groups[i].at + p->groups[i].n;
	copy = rule_scratch(n); /* it fits: nothing else is there */
	memcpy(copy, p->text->data, n);
	for (unsigned i = 0; i < REGEX_GROUPS; i++)
		if (p->groups[i].at != NONE)
			r->groups[i] = str_of(copy + p->groups[i].at, p->groups[i].n);
}

static struct pause *pause_new(const struct rule_run *r, const struct ws_action *a)
{
	struct pause *p = pool_get_zero(&pause_pool);
	bool last = a + 1 == site.ws->action_rows + r->rule->actions.first + r->rule->actions.n;

	if (!p)
		return NULL;
	p->section = r->section;
	p->rule = r->rule;
	p->action = a;
	p->src = r->src;
	p->dst = r->dst;
	p->target = r->target;
	p->dir = (uint8_t)r->dir;
	p->ends = r->ends;
	p->jump = r->jump;
	if (r->x) {
		p->rule_where = r->x->rule_where;
		p->step = r->x->step;
	}
	if (!last && r->rule->capturing != WS_NONE && !keep_groups(r, p)) {
		pause_free(p);
		return NULL;
	}
	return p;
}

static enum rule_end go_on(const struct pause *p, struct rule_run *r)
{
	r->section = p->section;
	r->rule = p->rule;
	r->dir = (enum ws_dir)p->dir;
	r->src = r->x ? r->src : p->src;
	r->dst = r->x ? r->dst : p->dst;
	r->target = p->target;
	r->ends = p->ends;
	r->jump = p->jump;
	give_groups(p, r);
	return rules_resume(r, p->action);
}

/* -- requests -----------------------------------------------------------------------------------
 */

static void stand_still(struct exchange *x)
{
	x->step = X_QUEUE;
	x->client_at = x->server_at = x->body_at = x->rate_at = x->step_at = 0;
	exchange_arm(x);
	x->front->ops = &waiting_ops;
}

static void request_over(struct turn *t)
{
	struct exchange *x = t->owner;
	bool late = t->state == TURN_LATE;
	struct rule_run r = { .x = x,
			      .m = x->flags & X_TCP ? NULL : &x->req,
			      .vars = &x->vars,
			      .turns = &x->turns,
			      .log_level = &x->log_level };
	struct pause *p = t->pause;
	enum rule_end end = RULES_DONE;

	t->pause = NULL;
	x->queued_us += th->now_us - t->since;
	x->front->ops = &exchange_front_ops;
	x->step = p->step;
	checkpoint_settle(&x->turns, t);
	if (!late && p->action)
		end = go_on(p, &r);
	if (late)
		exchange_fail(x, 503, END_CHECKPOINT_LATE);
	else if (p->action)
		route_ended(x, &r, route_on(x, &r, end));
	else
		attempt_granted(x);
	pause_free(p);
}

/* From the exchange, when its rules have been suspended: the turn that waits is the first of its
 * turns. */
static void hold(struct exchange *x, const struct rule_answer *answer)
{
	(void)answer;
	x->rule_where = x->turns->pause->rule_where;
	stand_still(x);
}

static void refuse_full(struct exchange *x, const struct rule_answer *answer)
{
	(void)answer;
	exchange_fail(x, 503, END_CHECKPOINT_FULL);
}

static void refuse_memory(struct exchange *x, const struct rule_answer *answer)
{
	(void)answer;
	exchange_fail(x, 503, END_RESOURCE);
}

static void on_end(struct stream *s, struct msg *trailers)
{
	struct exchange *x = s->owner;

	(void)trailers;
	x->flags |= X_REQ_END;
}

static void on_drained(struct stream *s)
{
	(void)s;
}

static struct turn *suspended(struct turn *t)
{
	while (t && !t->pause)
		t = t->next;
	return t;
}

/* An answer may still go out. */
static void on_failed(struct stream *s, enum stream_error why)
{
	struct exchange *x = s->owner;

	s->ops = &exchange_front_ops;
	checkpoint_drop(&x->turns, suspended(x->turns));
	relay_front_failed(s, why);
}

/* Whoever ends its direction while it waits has gone: nothing tells it from a client that closed.
 */
static void on_left(struct stream *s)
{
	exchange_drop(s->owner, END_CLIENT_ABORT_QUEUE);
}

static bool server(struct exchange *x)
{
	struct checkpoint *cp = counters_of(x->srv->ws->pass);
	struct rule_run r = { .x = x,
			      .m = x->flags & X_TCP ? NULL : &x->req,
			      .dir = x->flags & X_TCP ? WS_REQ_IN : WS_REQ_OUT,
			      .section = x->be->ws,
			      .vars = &x->vars,
			      .turns = &x->turns,
			      .log_level = &x->log_level };
	struct checkpoint_key key;
	struct pause *p;

	if (x->passed == x->srv)
		return false;
	x->passed = x->srv;
	pt()->scratch_used = 0;
	if (!key_of(&r, cp->ws, &key))
		return false;
	switch (checkpoint_enter(cp, key, true, &x->turns)) {
	case CHECKPOINT_PASSED:
		return false;
	case CHECKPOINT_FULL:
		exchange_fail(x, 503, END_CHECKPOINT_FULL);
		return true;
	case CHECKPOINT_NO_MEMORY:
		exchange_fail(x, 503, END_RESOURCE);
		return true;
	case CHECKPOINT_WAITS:
		break;
	}
	p = x->turns->pause = pool_get_zero(&pause_pool);
	if (!p) {
		checkpoint_drop(&x->turns, x->turns);
		exchange_fail(x, 503, END_RESOURCE);
		return true;
	}
	p->step = x->step;
	x->turns->owner = x;
	x->turns->over = request_over;
	stand_still(x);
	return true;
}

/* -- connections --------------------------------------------------------------------------------
 */

static void conn_over(struct turn *t)
{
	hs_conn_in_go_on(t->owner);
}

static enum rule_end rules(struct rule_run *r, const struct ws_section *ws, enum ws_dir dir)
{
	struct turn *t = suspended(*r->turns);
	enum rule_end end = RULES_DROP;
	struct pause *p;

	if (!t)
		return rules_run(r, ws, dir);
	if (!t->heard) { /* asked only because bytes have come */
		r->answer.hold = hold;
		return RULES_ANSWER;
	}
	p = t->pause;
	t->pause = NULL;
	if (t->state == TURN_PASSED) {
		checkpoint_settle(r->turns, t);
		end = go_on(p, r);
	} else {
		checkpoint_settle(r->turns, t);
	}
	pause_free(p);
	return end;
}

/* -- actions ------------------------------------------------------------------------------------
 */

static enum act_result refuse(struct rule_run *r,
			      void (*how)(struct exchange *, const struct rule_answer *))
{
	if (!r->x)
		return ACT_DROP;
	r->answer = (struct rule_answer) { .hold = how };
	return ACT_ANSWER;
}

static enum act_result wait_turn(struct rule_run *r, const struct ws_action *a)
{
	struct turn *t = *r->turns;

	t->pause = pause_new(r, a);
	if (!t->pause) {
		checkpoint_drop(r->turns, t);
		return refuse(r, refuse_memory);
	}
	t->owner = r->x ? (void *)r->x : (void *)r->conn;
	t->over = r->x ? request_over : conn_over;
	if (!r->x)
		hs_conn_in_hold(r->conn);
	r->answer = (struct rule_answer) { .hold = hold };
	return ACT_ANSWER;
}

static enum act_result pass_run(struct rule_run *r, const struct ws_action *a)
{
	struct checkpoint *cp = counters_of(a->target);
	struct checkpoint_key key;

	if (!key_of(r, cp->ws, &key))
		return ACT_NEXT;
	switch (checkpoint_enter(cp, key, true, r->turns)) {
	case CHECKPOINT_WAITS:
		return wait_turn(r, a);
	case CHECKPOINT_FULL:
		return refuse(r, refuse_full);
	case CHECKPOINT_NO_MEMORY:
		return refuse(r, refuse_memory);
	case CHECKPOINT_PASSED:
		break;
	}
	return ACT_NEXT;
}

/* What cannot be counted is not. */
static enum act_result count_run(struct rule_run *r, const struct ws_action *a)
{
	struct checkpoint *cp = counters_of(a->target);
	struct checkpoint_key key;

	if (key_of(r, cp->ws, &key))
		checkpoint_enter(cp, key, false, r->turns);
	return ACT_NEXT;
}

/* -- subjects -----------------------------------------------------------------------------------
 */

static bool number(struct rule_run *r, const struct ws_subject *s, struct fetch *f, struct val *v,
		   uint64_t (*ask)(struct checkpoint *, struct checkpoint_key))
{
	struct checkpoint *cp = counters_of((uint32_t)s->num);
	struct checkpoint_key key;

	if (f->begun)
		return false;
	f->begun = true;
	v->num = key_of(r, cp->ws, &key) ? (int64_t)ask(cp, key) : 0;
	return true;
}

#define COUNTER(ID, name)                                                                          \
	static bool name##_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f,   \
				struct val *v)                                                     \
	{                                                                                          \
		return number(r, s, f, v, checkpoint_##name);                                      \
	}                                                                                          \
	const struct subject_part subject_##ID = { #name, name##_next };
COUNTER(RATE, rate)
COUNTER(CONC, conc)
COUNTER(QUEUED, queued)
#undef COUNTER

static void init(void)
{
	checkpoint_init();
	pool_init(&pause_pool, "pause", sizeof(struct pause));
	waiting_ops = (struct stream_ops) { .data = relay_front_data,
					    .end = on_end,
					    .drained = on_drained,
					    .failed = on_failed,
					    .left = on_left };
}

const struct action_part action_PASS = { .name = "pass", .run = pass_run };
const struct action_part action_COUNT = { .name = "count", .run = count_run };
const struct checkpoint_part checkpoint_all = { "checkpoint", counters_load,    counters_free,
						init,         checkpoint_leave, server,
						rules,        counters_show };
