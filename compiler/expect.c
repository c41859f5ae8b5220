/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"

static struct str header_of(const struct fields *f, struct str name)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (str_ieq(f->at[i].name, name))
			return f->at[i].value;
	return (struct str) { 0 };
}

static bool header_is(const struct fields *f, struct str name, struct str value)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (str_ieq(f->at[i].name, name) && str_eq(f->at[i].value, value))
			return true;
	return false;
}

static struct str slot(const struct str *names, uint32_t n, const struct str *values,
		       struct str name)
{
	for (uint32_t i = 0; i < n; i++)
		if (str_eq(names[i], name) && values[i].p)
			return values[i];
	return (struct str) { 0 };
}

/* "deny", "redir" …: the verdict, and its status when one was given. */
static bool verdict_is(const struct outcome *o, const struct expectation *e, struct str status)
{
	return str_eq(e->word, str_from(verdict_names[o->verdict])) &&
	       (!e->has_value || str_eq(e->value, status));
}

struct str expect_look(struct arena *a, const struct program *p, const struct outcome *o,
		       const struct expectation *e, bool *ok)
{
	struct str status =
		o->answer.present ? arena_printf(a, "%u", o->answer.status) : (struct str) { 0 };
	struct str got = { 0 };

	if (str_eq(e->word, S("header")) || str_eq(e->word, S("response"))) {
		const struct fields *f =
			str_eq(e->word, S("header")) ? &o->request.headers : &o->answer.headers;

		*ok = header_is(f, e->name, e->value);
		return header_of(f, e->name);
	}
	if (str_eq(e->word, S("noheader")) || str_eq(e->word, S("noresponse"))) {
		got = header_of(str_eq(e->word, S("noheader")) ? &o->request.headers
							       : &o->answer.headers,
				e->value);
		*ok = !got.p;
		return got;
	}
	if (str_eq(e->word, S("backend")))
		got = o->forwarded ? o->backend->name : (struct str) { 0 };
	else if (str_eq(e->word, S("uri")))
		got = o->request.uri;
	else if (str_eq(e->word, S("host")))
		got = o->request.host;
	else if (str_eq(e->word, S("meth")))
		got = o->request.meth;
	else if (str_eq(e->word, S("status")))
		got = status;
	else if (str_eq(e->word, S("location")))
		got = header_of(&o->answer.headers, S("location"));
	else if (str_eq(e->word, S("var")))
		got = slot(p->vars, p->nvars, o->vars, e->name);
	else if (str_eq(e->word, S("capture"))) {
		got = slot(p->captures, p->ncaptures, o->captures[1], e->name);
		got = got.p ? got : slot(p->captures, p->ncaptures, o->captures[0], e->name);
	} else {
		*ok = verdict_is(o, e, status);
		return arena_printf(a, "%s %.*s", verdict_names[o->verdict], STR_ARG(status));
	}
	*ok = got.p && str_eq(got, e->value);
	return got;
}
