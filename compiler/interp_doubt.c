/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of which not all is known: a log line is all that is left of them. A condition that what
 * is missing decides counts as not met, and its rule is noted in the outcome. */
#include "interp_machine.h"

static bool header_known(const struct interp_known *k, struct str name)
{
	for (uint32_t i = 0; i < k->nheaders; i++)
		if (str_ieq(k->headers[i], name))
			return true;
	return false;
}

static bool is_known(const struct machine *m, const struct p_subject *s)
{
	const struct interp_known *k = m->st->known;
	bool answer = m->responding && !s->of_request;

	switch (s->id) {
	case SUBJ_H:
		return !answer &&
		       (str_ieq(s->name, S("host")) ? k->host : header_known(k, s->name));
	case SUBJ_C:
		return !answer && header_known(k, S("cookie"));
	case SUBJ_LINE:
		return !answer || m->answer->made;
	case SUBJ_STATUS:
		return m->answer->made || m->spec->answered;
	case SUBJ_HOST:
		return k->host;
	case SUBJ_SRC:
	case SUBJ_SRC_PORT:
		return k->src;
	case SUBJ_DST:
	case SUBJ_DST_PORT:
		return k->dst;
	case SUBJ_METH:
	case SUBJ_URI:
	case SUBJ_PATH:
	case SUBJ_QUERY:
	case SUBJ_Q:
	case SUBJ_VERSION:
	case SUBJ_SCHEME:
	case SUBJ_TLS:
	case SUBJ_MADE:
	case SUBJ_VAR:
		return true;
	default:
		return false; /* of the connection's TLS, of the time at which it came */
	}
}

void doubt_read(struct machine *m, const struct p_subject *s)
{
	if (!m->unread && !is_known(m, s))
		m->unread = s;
}

/* Edits that no other rule can see, because what they edit is not known anyway; and notes. */
static bool is_harmless(const struct machine *m, const struct p_action *a)
{
	switch (a->id) {
	case ACT_ADD:
	case ACT_SET:
	case ACT_REM:
	case ACT_REP:
		return a->part == PART_HEADER &&
		       (m->responding || (a->name.n && !str_ieq(a->name, S("host")) &&
					  !header_known(m->st->known, a->name)));
	case ACT_APPEND:
	case ACT_DELETE:
	case ACT_REWRITE:
	case ACT_MAPLOC:
		return m->responding;
	case ACT_CAPTURE: /* capture() is not known */
	case ACT_LOG:
	case ACT_COUNT:
	case ACT_PASS:
		return true;
	default:
		return false;
	}
}

static void note(struct machine *m, struct interp_doubt d)
{
	struct outcome *o = m->out;

	if (o->ndoubts < INTERP_DOUBTS_MAX)
		o->doubts[o->ndoubts++] = d;
}

bool doubt_matched(struct machine *m, const struct p_rule *r)
{
	enum sure sure;
	bool harmless = true;

	m->unread = NULL;
	m->unsure = NULL;
	sure = expr_surely(m, r->cond);
	for (uint32_t i = 0; i < r->nactions; i++)
		harmless = harmless && is_harmless(m, &r->actions[i]);
	if (sure == UNSURE && !harmless)
		note(m, (struct interp_doubt) {
				.rule = r, .test = m->unsure, .subject = m->unsure->subject });
	m->unread = NULL;
	return sure == SURE_YES;
}

void doubt_action(struct machine *m, const struct p_rule *r, const struct p_action *a)
{
	bool credentials = a->id == ACT_AUTH && !header_known(m->st->known, S("authorization"));

	if ((m->unread || credentials) && !is_harmless(m, a) && a->id != ACT_REDIR &&
	    a->id != ACT_RESPOND)
		note(m, (struct interp_doubt) { .rule = r, .subject = m->unread });
	m->unread = NULL;
}

static enum sure test_surely(struct machine *m, const struct p_expr *e)
{
	const struct interp_known *k = m->st->known;
	bool held;

	for (uint32_t i = 0; i < k->nassumed; i++)
		if (k->assumed[i].test == e->test)
			return k->assumed[i].holds ? SURE_YES : SURE_NO;
	m->unread = NULL;
	held = expr_holds(m, e, 0);
	if (!m->unread)
		return held ? SURE_YES : SURE_NO;
	if (!m->unsure)
		m->unsure = e->test;
	return UNSURE;
}

/* Three values: what is not known decides only when the rest does not. */
enum sure expr_surely(struct machine *m, const struct p_expr *e)
{
	enum sure first = e->kind == PE_AND ? SURE_NO : SURE_YES, out, kid;

	switch (e->kind) {
	case PE_TRUE:
		return SURE_YES;
	case PE_FALSE:
		return SURE_NO;
	case PE_NOT:
		kid = expr_surely(m, e->kids[0]);
		return kid == UNSURE ? UNSURE : kid == SURE_YES ? SURE_NO : SURE_YES;
	case PE_ACL:
		return expr_surely(m, e->acl->expr);
	case PE_TEST:
		return test_surely(m, e);
	case PE_AND:
	case PE_OR:
		break;
	}
	out = first == SURE_NO ? SURE_YES : SURE_NO;
	for (uint32_t i = 0; i < e->nkids && !m->limit; i++) {
		kid = expr_surely(m, e->kids[i]);
		if (kid == first)
			return first;
		if (kid == UNSURE)
			out = UNSURE;
	}
	return out;
}
