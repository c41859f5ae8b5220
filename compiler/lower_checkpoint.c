/* SPDX-License-Identifier: Apache-2.0 */
/* lower_checkpoint: requires settings and tables. Leaves of each checkpoint its limit, checked, and
 * its key as requests and as responses read it: both times the request's. Reports what limits
 * nothing, or too much. */
#include "lower_part.h"
#include "option.h"
#include "subject.h"

#define RATE_MAX INT64_C(1000000000)
#define PERIOD_MAX (INT64_C(86400) * 1000)
#define EXPIRE_DEFAULT (INT64_C(600) * 1000) /* or the period, when that is longer */

static const struct {
	enum subject_id id;
	const char *where;
} subjects[] = {
#define SUBJECT(id, name, arg, type, many, where, doc) { SUBJ_##id, where },
#include "../grammar/subject.def"
};

static const struct ast_option *only(const struct entity *e, int id)
{
	const struct vec *list = &e->opts[id];

	return list->n ? ((const struct option_use *)list->p[0])->opt : NULL;
}

struct entity *model_checkpoint(struct model *m, struct str name, struct at at)
{
	struct entity *e = symbol_get(&m->checkpoints, name);

	if (e) {
		e->used = true;
		return e;
	}
	diag(E051, at, "checkpoint", STR_ARG(name));
	model_suggest(m, &m->checkpoints, name);
	return NULL;
}

bool checkpoint_stands(struct model *m, const struct entity *cp, unsigned where, struct at at)
{
	if (cp->key_where & where)
		return true;
	diag(E002, at, arena_printf(m->arena, "the key of checkpoint '%.*s'", STR_ARG(cp->name)).p,
	     where_name(where));
	return false;
}

/* The rule lists in which a subject exists with all that its converters read are in <avail>. */
static struct p_subject *lower_key(struct model *m, struct entity *e, const struct ast_subject *s,
				   unsigned where, unsigned *avail)
{
	struct use u = { .m = m, .scope = &e->scope, .where = where, .avail = where };
	struct p_subject *key = lower_subject(&u, s);

	*avail = key ? u.avail : where; /* one report is enough */
	return key;
}

/* <s> as a response reads the request's, NULL when it does not. */
static const struct ast_subject *of_request(struct model *m, const struct ast_subject *s,
					    const struct p_subject *key)
{
	const char *where = subjects[key->id].where;
	struct ast_subject *copy = ARENA_NEW(m->arena, struct ast_subject);
	struct ast_func *head = ARENA_NEW(m->arena, struct ast_func);
	struct ast_subject *at = copy;

	if (!strchr(where, 'q'))
		return NULL;
	*copy = *s;
	*head = *s->head;
	copy->head = head;
	if (head->inner) { /* len(), count() */
		at = ARENA_NEW(m->arena, struct ast_subject);
		*at = *head->inner;
		head->inner = at;
		at->head = ARENA_NEW(m->arena, struct ast_func);
		*at->head = *s->head->inner->head;
	}
	if (strchr(where, 's') && !strchr(where, 'f') && !str_istarts(at->head->name, S("req.")))
		at->head->name = arena_printf(m->arena, "req.%.*s", STR_ARG(at->head->name));
	return copy;
}

static void read_key(struct model *m, struct entity *e, const struct ast_option *o)
{
	struct p_section *out = e->out;
	const struct ast_subject *spec = subject_parse(m->arena, o->values->text, o->values->at);

	out->key = spec ? lower_key(m, e, spec, W_REQ, &e->key_where) : NULL;
	if (out->key)
		spec = of_request(m, spec, out->key);
	if (out->key && spec) {
		unsigned avail;

		out->rsp_key = lower_key(m, e, spec, W_RSP, &avail);
		e->key_where |= avail;
	}
}

static void check_limit(const struct entity *e)
{
	const struct ast_option *rate = only(e, OPT_RATE), *conc = only(e, OPT_CONCURRENCY),
				*window = only(e, OPT_WINDOW);
	static const int waits[] = { OPT_QUEUE, OPT_DELAY };

	if (!rate && !conc && !window)
		diag(E054, e->ast->name_at, "checkpoint", "a rate, a concurrency or a window");
	else if (rate && (conc || window))
		diag(E054, rate->at, "rate",
		     "no concurrency or window beside it: a checkpoint has one limit");
	for (size_t i = 0; i < 2; i++) {
		const struct ast_option *o = only(e, waits[i]);

		if (o && !rate && !conc)
			diag(E054, o->at, option_row(o->id)->words,
			     "a rate or a concurrency beside it: nobody waits for a window");
	}
	if (only(e, OPT_TABLE) && !only(e, OPT_KEY))
		diag(E054, only(e, OPT_TABLE)->at, "table",
		     "a key beside it: without one there is one counter");
}

static void too_long(const struct ast_value *v, const char *what, const char *why)
{
	diag(E007, v->at, STR_ARG(v->text), what, why);
}

/* The period of the counter, and that keys are not forgotten within it. */
static void check_times(struct entity *e)
{
	struct p_setting *s = e->out->settings, *table = &s[OPT_TABLE];
	const struct ast_option *rate = only(e, OPT_RATE), *window = only(e, OPT_WINDOW),
				*keys = only(e, OPT_TABLE);
	int64_t period = rate ? s[OPT_RATE].num2 : window ? s[OPT_WINDOW].num : 0;

	if (rate && s[OPT_RATE].num > RATE_MAX)
		too_long(rate->values, "rate", "it must be 1 to 1000000000");
	if (period > PERIOD_MAX)
		too_long(rate ? rate->values->next->next : window->values, rate ? "rate" : "window",
			 "it must be 1ms to 1d");
	if (keys && table->num2 && table->num2 < period)
		too_long(keys->values->next->next, "expire",
			 "keys must not be forgotten before the period of the counter has passed");
	if (!table->num2)
		table->num2 = EXPIRE_DEFAULT > period ? EXPIRE_DEFAULT : period;
}

/* The server line tells which requests are known where it stands. */
static void check_servers(struct model *m)
{
	for (size_t i = 0; i < m->entities.n; i++) {
		const struct entity *e = m->entities.p[i];
		unsigned where = e->out->back_mode == MODE_TCP ? W_TCP : W_REQ_OUT;

		for (uint32_t k = 0; k < e->out->nservers; k++) {
			const struct p_server *s = &e->out->servers[k];
			struct at at = diag_line(s->place.file, s->place.line);
			const struct entity *cp;

			if (!s->pass)
				continue;
			cp = symbol_get(&m->checkpoints, s->pass->name);
			if (checkpoint_stands(m, cp, where, at) && !checkpoint_waits(cp->out))
				diag(E054, at, "pass", CHECKPOINT_TAKES);
		}
	}
}

void lower_checkpoints(struct model *m)
{
	for (size_t i = 0; i < m->checkpoints.n; i++) {
		struct entity *e = m->checkpoints.all[i]->object;
		const struct ast_option *key = only(e, OPT_KEY);

		e->key_where = W_REQ | W_RSP;
		if (e->ast->args)
			diag(E054, e->ast->args->at, "checkpoint", "a name and nothing else");
		check_limit(e);
		check_times(e);
		m->keying = true;
		if (key && key->values && !key->values->next)
			read_key(m, e, key);
		m->keying = false;
	}
	check_servers(m);
}
