/* SPDX-License-Identifier: Apache-2.0 */
/* W205: requests that come to the servers of a section that has none. The compiler has reported
 * sections without a server and without an answer already, by their text; here a request decides. */
#include "lint.h"

#include "../diag_report.h"

static bool has_servers(const struct p_section *of)
{
	const struct p_section *s = of->servers_of;

	return s->nservers || s->dispatch.kind != ADDR_NONE || s->settings[OPT_TRANSPARENT].set ||
	       s->settings[OPT_PROXY].set;
}

/* What is asked, and what was found. */
struct unserved {
	const struct p_section *section;
	struct witness shown;
};

static bool fits(void *arg, const struct query_end *e)
{
	const struct unserved *u = arg;

	return e->backend == u->section && !e->answer;
}

static bool meets(void *arg, struct witness *w)
{
	const struct unserved *u = arg;

	return w->outcome->verdict == VERDICT_ERROR && w->outcome->backend == u->section;
}

static bool keep(void *arg, const struct query_end *e, const struct witness *w)
{
	struct unserved *u = arg;

	(void)e;
	u->shown = *w;
	return true;
}

/* The compiler's own report of the section, which says less. */
static struct diag_report *earlier(const struct p_section *s)
{
	unsigned n;
	struct diag_report *all = diag_all(&n);

	for (unsigned i = 0; i < n; i++)
		if (all[i].code == W205 && all[i].at.file == s->place.file &&
		    all[i].at.line == s->place.line)
			return &all[i];
	return NULL;
}

static void ask(struct lint *l, const struct p_section *s)
{
	struct unserved u = { .section = s };
	struct query q = { .arg = &u, .fits = fits, .meets = meets, .found = keep };
	enum answer got = proof_query(l->g, &q, NULL);
	struct diag_report *old = earlier(s);
	struct at at = lint_at(s->place);

	if (got == ANSWER_LIMIT) {
		if (!old && s->kind == SEC_BACKEND) /* a listen is rarely a target */
			diag(N901, at, "whether a request needs a server of this section");
		return;
	}
	if (old)
		diag_hide(old);
	if (got == ANSWER_NO)
		return;
	diag(W205, at, s->kind == SEC_BACKEND ? "backend" : "listen", STR_ARG(s->name));
	diag_severity(SEV_ERROR);
	lint_witness(l, &u.shown);
}

void prove_servers(struct lint *l)
{
	for (uint32_t i = 0; i < l->p->nsections; i++) {
		const struct p_section *s = l->p->sections[i];
		bool serves = s->kind == SEC_BACKEND || s->kind == SEC_LISTEN;

		if (serves && s->back_mode == MODE_HTTP && !has_servers(s) && !lint_skips(s->place))
			ask(l, s);
	}
}
