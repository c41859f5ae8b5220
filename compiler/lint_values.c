/* SPDX-License-Identifier: Apache-2.0 */
/* lint_values: S322, values that look like secrets. A guess by well-known beginnings and by the
 * header that a value is for. It never shows the value. */
#include "diag.h"
#include "lint_part.h"
#include "source.h"

/* Beginnings that issuers give their tokens, and how long such a token is at least. */
static const struct {
	const char *start;
	size_t least;
	const char *what;
} known[] = {
	{ "eyJ", 20, "a JSON web token" },     { "AKIA", 20, "an access key" },
	{ "ghp_", 30, "an access token" },     { "github_pat_", 30, "an access token" },
	{ "glpat-", 20, "an access token" },   { "xoxb-", 20, "an access token" },
	{ "xoxp-", 20, "an access token" },    { "sk_live_", 20, "an access key" },
	{ "-----BEGIN", 20, "a private key" },
};

static const char *const schemes[] = { "Bearer ", "Basic ", "Token ", "bearer ", "basic " };

static const char *token(struct str s)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (s.n >= known[i].least && str_starts(s, str_from(known[i].start)))
			return known[i].what;
	return NULL;
}

/* Fields whose value is a credential. */
static bool is_credential(struct str name)
{
	static const char *const names[] = { "authorization", "proxy-authorization", "x-api-key",
					     "x-auth-token",  "x-access-token",      "api-key" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_ieq(name, str_from(names[i])))
			return true;
	return false;
}

/* What <s> looks like as a value of the field <name>, or NULL. */
static const char *secret(struct str name, struct str s)
{
	const char *what = token(s);

	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes) && !what; i++)
		if (str_starts(s, str_from(schemes[i])) && s.n >= strlen(schemes[i]) + 8)
			what = "credentials";
	if (!what && is_credential(name) && s.n >= 12 && str_chr(s, ' ') < 0)
		what = "a value of a field for credentials";
	return what;
}

static void look(struct str name, struct str s, struct p_place place)
{
	const char *what = secret(name, s);

	if (what && !source_is_library(place.file))
		diag(S322, diag_line(place.file, place.line), what);
}

static void look_test(const struct p_test *t)
{
	struct str name = t->subject->id == SUBJ_H ? t->subject->name : S("");

	for (uint32_t i = 0; i < t->nvalues; i++)
		if (t->values[i].kind == VALUE_STR)
			look(name, t->values[i].text, t->place);
}

static void look_expr(const struct p_expr *e)
{
	if (e->kind == PE_TEST)
		look_test(e->test);
	for (uint32_t i = 0; i < e->nkids; i++)
		look_expr(e->kids[i]);
}

void lint_values(const struct program *p)
{
	for (uint32_t i = 0; i < p->nacls; i++)
		look_expr(p->acls[i]->expr);
	for (uint32_t i = 0; i < p->nrules; i++) {
		const struct p_rule *r = p->rules[i];

		look_expr(r->cond);
		for (uint32_t k = 0; k < r->nactions; k++) {
			const struct p_text *t = r->actions[k].text;

			if (t && t->n == 1 && t->pieces[0].kind == PIECE_LITERAL)
				look(r->actions[k].name, t->pieces[0].text, r->actions[k].place);
		}
	}
}
