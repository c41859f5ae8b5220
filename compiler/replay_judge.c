/* SPDX-License-Identifier: Apache-2.0 */
/* One logged request through both sites. What the log does not say is taken as one thing and as the
 * other, the same on both sides; what the log says of the end (the backend, an answer without a
 * server) rules out most of it. When all that is left gives one result, it is that. */
#include "replay.h"

#include "show.h"

#define BRANCHES_MAX 128 /* combinations of what is not known; beyond: not decided */
#define ASSUMED_MAX 24

/* What is assumed: of tests by what they say, and of the host its value. */
struct assumption {
	struct str key;
	bool holds;
};

struct branch {
	uint32_t n;
	struct assumption at[ASSUMED_MAX];
	struct str host; /* p NULL: not assumed */
};

struct judging {
	struct replay_sites *sites;
	struct arena *a;
	const struct logged *l;
	uint32_t runs;
	bool stuck, filter; /* filter: ends that the log excludes do not count */
	uint32_t nsame, nmoved;
	const struct outcome *old, *new; /* of the first that moved */
	const struct outcome *first; /* of the old site */
	const struct p_subject *missing; /* the first that was not known */
	bool credentials;
};

/* ---- what may be assumed ---- */

static bool edits(const struct p_action *a, const struct p_subject *s)
{
	bool header = s->id == SUBJ_H || s->id == SUBJ_C;
	struct str name = s->id == SUBJ_C ? S("cookie") : s->name;

	switch (a->id) {
	case ACT_SET:
	case ACT_ADD:
	case ACT_REM:
	case ACT_REP:
		if (a->part != PART_HEADER)
			return s->id == SUBJ_HOST || (header && str_ieq(name, S("host")));
		return (header && (!a->name.n || str_ieq(a->name, name))) ||
		       (s->id == SUBJ_HOST && str_ieq(a->name, S("host")));
	case ACT_APPEND:
	case ACT_DELETE:
		return header || s->id == SUBJ_HOST;
	case ACT_REWRITE:
	case ACT_REQLINE:
		return s->id == SUBJ_HOST;
	case ACT_SETSRC:
		return s->id == SUBJ_SRC || s->id == SUBJ_SRC_PORT;
	case ACT_SETDST:
		return s->id == SUBJ_DST || s->id == SUBJ_DST_PORT;
	case ACT_CAPTURE:
		return s->id == SUBJ_CAPTURE;
	default:
		return false;
	}
}

static bool edited(const struct program *p, const struct p_subject *s)
{
	for (uint32_t i = 0; i < p->nrules; i++)
		for (uint32_t k = 0; k < p->rules[i]->nactions; k++)
			if (edits(&p->rules[i]->actions[k], s))
				return true;
	return false;
}

static bool constant(const struct p_test *t)
{
	const struct p_value *v = t->set ? t->set->values : t->values;
	uint32_t n = t->set ? t->set->nvalues : t->nvalues;

	for (uint32_t i = 0; i < n; i++)
		if (v[i].kind == VALUE_TEXT)
			return false;
	for (const struct p_conv *c = t->subject->convs; c; c = c->next)
		if (c->map || c->text)
			return false;
	return !t->set || !t->set->dynamic;
}

/* Equal texts have equal truth for one request, on both sides. Empty: nothing may be assumed. */
static struct str key_of(struct judging *j, const struct interp_doubt *d)
{
	const struct p_test *t = d->test;
	struct replay_sites *s = j->sites;
	struct str id = arena_printf(j->a, "%p", (const void *)t);
	struct str *known = symbol_get(&s->keys, id);
	struct show_buffer b;

	if (known)
		return *known;
	known = ARENA_NEW(s->a, struct str);
	*known = S("");
	symbol_put(s->a, &s->keys, arena_str(s->a, id), known);
	if (!constant(t) || edited(s->p[0], t->subject) || edited(s->p[1], t->subject) ||
	    t->subject->id == SUBJ_CAPTURE)
		return *known;
	show_open(&b);
	fprintf(b.out, "%s|", d->rule->dir >= DIR_RSP_IN ? "answer" : "request");
	show_test(b.out, t);
	for (uint32_t i = 0; t->set && i < t->set->nvalues; i++) {
		putc(' ', b.out);
		show_value(b.out, t->subject, &t->set->values[i]);
	}
	*known = show_close(&b, s->a);
	return *known;
}

/* A test that says what the host is: the text; else p NULL. */
static struct str says_host(const struct p_test *t)
{
	const struct p_value *v = t->values;

	if (t->subject->id != SUBJ_HOST || t->subject->convs ||
	    t->subject->measure != MEASURE_NONE || t->op != OP_EQ || t->negated || t->set ||
	    t->nvalues != 1 || v->kind != VALUE_STR)
		return (struct str) { 0 };
	return v->text;
}

/* ---- runs ---- */

/* One side, with what <b> assumes. Doubts that it has an answer for are none. */
static struct outcome *run_side(struct judging *j, int side, const struct branch *b,
				struct interp_doubt *left, bool *doubt)
{
	struct interp_assumed assumed[ASSUMED_MAX];
	struct request_spec q = j->l->request;
	struct interp_known known = j->l->known;
	struct outcome *o;
	bool again = true;

	*doubt = false;
	known.assumed = assumed;
	known.nassumed = 0;
	if (b->host.p) {
		known.host = true;
		q.headers = (struct fields) { 0 };
		for (uint32_t i = 0; i < j->l->request.headers.n; i++) {
			const struct field *f = &j->l->request.headers.at[i];

			fields_add(j->a, &q.headers, f->name,
				   str_ieq(f->name, S("host")) ? b->host : f->value);
		}
	}
	do {
		struct interp_state st = { .brief = true,
					   .codes = j->sites->codes[side],
					   .known = &known };

		again = false;
		j->runs++;
		o = interp_run(j->a, j->sites->p[side], &q, &st);
		for (uint32_t d = 0; d < o->ndoubts && !again; d++) {
			struct str key = o->doubts[d].test ? key_of(j, &o->doubts[d]) : S("");

			for (uint32_t i = 0; key.n && i < b->n && !again; i++)
				if (known.nassumed < ASSUMED_MAX && str_eq(b->at[i].key, key)) {
					assumed[known.nassumed++] =
						(struct interp_assumed) { .test = o->doubts[d].test,
									  .holds = b->at[i].holds };
					again = true;
				}
			if (!again && !*doubt) {
				*left = o->doubts[d];
				*doubt = true;
			}
		}
		*doubt = *doubt && !again;
	} while (again);
	return o;
}

/* ---- what the log says of the end ---- */

static bool consistent(const struct logged *l, const struct outcome *o)
{
	if (l->forwarded)
		return o->forwarded && str_eq(o->backend->name, l->backend);
	if (o->answer.made && o->answer.present && l->status && o->verdict != VERDICT_ERROR)
		return o->answer.status == l->status;
	if (!l->ends)
		return true;
	/* without a server although one was chosen: none was up, or it could not be asked */
	if (l->status >= 500 || l->status == 400 || l->status == 408 || !l->status)
		return true;
	return !o->forwarded;
}

static void leaf(struct judging *j, const struct outcome *x, const struct outcome *y)
{
	if (!j->first)
		j->first = x;
	if (j->filter && !consistent(j->l, x))
		return;
	if (replay_same(x, y)) {
		j->nsame++;
		return;
	}
	if (!j->nmoved++) {
		j->old = x;
		j->new = y;
	}
}

static void explore(struct judging *j, const struct branch *b)
{
	struct interp_doubt d = { 0 };
	struct outcome *x, *y = NULL;
	struct branch next = *b;
	struct str key, host;
	bool doubt;

	if (j->runs > 2 * BRANCHES_MAX)
		j->stuck = true;
	if (j->stuck)
		return;
	x = run_side(j, 0, b, &d, &doubt);
	if (!doubt)
		y = run_side(j, 1, b, &d, &doubt);
	if (!doubt) {
		leaf(j, x, y);
		return;
	}
	if (!j->missing && !j->credentials) {
		j->missing = d.subject;
		j->credentials = !d.subject;
	}
	key = d.test ? key_of(j, &d) : S("");
	if (!key.n || b->n == ASSUMED_MAX) {
		j->stuck = true;
		return;
	}
	host = says_host(d.test);
	next.at[next.n++] = (struct assumption) { .key = key };
	explore(j, &next);
	next = *b;
	if (host.p && !b->host.p)
		next.host = host;
	else
		next.at[next.n++] = (struct assumption) { .key = key, .holds = true };
	explore(j, &next);
}

void replay_judge(struct replay_sites *sites, struct arena *a, const struct logged *l,
		  struct replay_verdict *out)
{
	struct judging j = { .sites = sites, .a = a, .l = l, .filter = true };
	struct branch none = { 0 };

	explore(&j, &none);
	*out = (struct replay_verdict) { .missing = j.missing, .credentials = j.credentials };
	out->astray = !j.stuck && !j.nsame && !j.nmoved;
	if (out->astray) { /* the log is of another site, or of another time */
		j = (struct judging) { .sites = sites, .a = a, .l = l };
		explore(&j, &none);
	}
	out->result = j.stuck || (j.nsame && j.nmoved) ? REPLAY_OPEN
		      : j.nmoved                       ? REPLAY_MOVED
						       : REPLAY_SAME;
	out->old = j.old;
	out->new = j.new;
}
