/* SPDX-License-Identifier: Apache-2.0 */
/* effect: which values the actions of a rule may change. Coarse where being exact would gain
 * nothing: a change that is none costs a second look, one that is missed would be a wrong answer. */
#include "decide_part.h"

/* What an action may change. */
enum {
	CHANGES_FIELD = 1, /* header fields: of a name, or any when the name is empty */
	CHANGES_START = 2, /* the start line, and the host, which may stand in it */
	CHANGES_VAR = 4,
	CHANGES_CAPTURE = 8,
	CHANGES_SRC = 16,
	CHANGES_DST = 32,
	CHANGES_ALL = 63
};

struct effect {
	unsigned what;
	struct str name; /* FIELD */
	uint32_t slot; /* VAR, CAPTURE */
};

/* A set, add or rep of one field or part. */
static struct effect of_edit(const struct p_action *a)
{
	if (a->part != PART_HEADER)
		return (struct effect) { .what = CHANGES_START | CHANGES_FIELD };
	return (struct effect) { .what = CHANGES_FIELD, .name = a->name };
}

static struct effect of_action(const struct p_rule *r, const struct p_action *a)
{
	bool response = r->dir == DIR_RSP_IN || r->dir == DIR_RSP_OUT;

	switch (a->id) {
	case ACT_ALLOW:
	case ACT_DENY:
	case ACT_DROP:
	case ACT_REDIR:
	case ACT_RESPOND:
	case ACT_SETBE:
	case ACT_LOG:
		return (struct effect) { 0 };
	case ACT_ADD:
	case ACT_SET:
	case ACT_REM:
	case ACT_REP:
		return of_edit(a);
	case ACT_APPEND:
	case ACT_DELETE:
		return (struct effect) { .what = CHANGES_FIELD };
	case ACT_REWRITE:
	case ACT_MAPURI:
	case ACT_URIREMAP:
	case ACT_REQLINE:
	case ACT_STSLINE:
	case ACT_MAPLOC:
		return (struct effect) { .what = CHANGES_START | CHANGES_FIELD };
	case ACT_SWITCH:
		/* In a request it ends the rules; in a response others run in between. */
		return (struct effect) { .what = response ? CHANGES_ALL : 0 };
	case ACT_CAPTURE:
		return (struct effect) { .what = CHANGES_CAPTURE, .slot = a->capture };
	case ACT_SETVAR:
		return (struct effect) { .what = CHANGES_VAR, .slot = a->var };
	case ACT_SETSRC:
		return (struct effect) { .what = CHANGES_SRC };
	case ACT_SETDST:
		return (struct effect) { .what = CHANGES_DST };
	default:
		return (struct effect) { .what = CHANGES_ALL };
	}
}

static bool field_changes(const struct effect *e, struct str field)
{
	return e->what & CHANGES_FIELD && (!e->name.n || str_ieq(e->name, field));
}

static bool touches(const struct effect *e, const struct p_subject *s)
{
	if (e->what == CHANGES_ALL)
		return true;
	switch (s->id) {
	case SUBJ_H:
		return field_changes(e, s->name);
	case SUBJ_C:
		return field_changes(e, S("cookie")) || field_changes(e, S("set-cookie"));
	case SUBJ_HOST:
		return e->what & CHANGES_START || field_changes(e, S("host"));
	case SUBJ_LINE:
	case SUBJ_METH:
	case SUBJ_URI:
	case SUBJ_PATH:
	case SUBJ_QUERY:
	case SUBJ_Q:
	case SUBJ_VERSION:
	case SUBJ_SCHEME:
	case SUBJ_STATUS:
	case SUBJ_MADE:
		return e->what & CHANGES_START || field_changes(e, S("host"));
	case SUBJ_VAR:
		return e->what & CHANGES_VAR && e->slot == s->num;
	case SUBJ_CAPTURE:
		return e->what & CHANGES_CAPTURE && e->slot == s->num;
	case SUBJ_SRC:
	case SUBJ_SRC_PORT:
		return e->what & CHANGES_SRC;
	case SUBJ_DST:
	case SUBJ_DST_PORT:
		return e->what & CHANGES_DST;
	case SUBJ_TLS:
	case SUBJ_SNI:
	case SUBJ_ALPN:
	case SUBJ_CERT:
		return false;
	default:
		return true;
	}
}

bool decide_changes(const struct p_rule *r, const struct p_subject *s)
{
	for (uint32_t i = 0; i < r->nactions; i++) {
		struct effect e = of_action(r, &r->actions[i]);

		if (e.what && (!s || touches(&e, s)))
			return true;
	}
	return false;
}

/* No subject inside. */
static bool is_fixed(const struct p_text *t)
{
	for (uint32_t i = 0; t && i < t->n; i++)
		if (t->pieces[i].kind == PIECE_SUBJECT)
			return false;
	return true;
}

bool decide_is_steady(const struct p_subject *s)
{
	for (const struct p_conv *c = s->convs; c; c = c->next)
		if (!is_fixed(c->text))
			return false;
	switch (s->id) {
	case SUBJ_LINE:
	case SUBJ_METH:
	case SUBJ_URI:
	case SUBJ_PATH:
	case SUBJ_QUERY:
	case SUBJ_Q:
	case SUBJ_VERSION:
	case SUBJ_SCHEME:
	case SUBJ_HOST:
	case SUBJ_H:
	case SUBJ_C:
	case SUBJ_SRC:
	case SUBJ_SRC_PORT:
	case SUBJ_DST:
	case SUBJ_DST_PORT:
	case SUBJ_TLS:
	case SUBJ_SNI:
	case SUBJ_ALPN:
	case SUBJ_CERT:
	case SUBJ_STATUS:
	case SUBJ_MADE:
	case SUBJ_VAR:
	case SUBJ_CAPTURE:
		return true;
	default:
		return false;
	}
}
