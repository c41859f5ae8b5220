/* SPDX-License-Identifier: Apache-2.0 */
/* option_cookie: stickiness by cookie. */
#include "option.h"

#include "lower_part.h"
#include "value.h"

#define VALUE_MAX 64 /* bytes of a server's cookie */

static const char takes[] =
	"a name, then insert, rewrite or prefix; indirect and nocache with insert; postonly, "
	"httponly, secure, domain NAME, attr TEXT";

static bool is_word(const struct ast_value *v, const char *word)
{
	return v && !v->delim && str_eq(v->text, str_from(word));
}

/* cookie-octet of RFC 6265 4.1.1, but "~", which ends a prefix. */
static bool is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c <= ' ' || c > '}' || c == '"' || c == ',' || c == ';' || c == '\\')
			return false;
	}
	return s.n && s.n <= VALUE_MAX;
}

/* What may stand in an attribute: RFC 6265 4.1.1, extension-av. */
static bool is_attribute(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~' || s.p[i] == ';')
			return false;
	return s.n > 0;
}

static bool *flag_of(const struct ast_value *v, struct p_cookie *c)
{
	return is_word(v, "indirect")   ? &c->indirect
	       : is_word(v, "nocache")  ? &c->nocache
	       : is_word(v, "postonly") ? &c->postonly
	       : is_word(v, "httponly") ? &c->httponly
	       : is_word(v, "secure")   ? &c->secure
					: NULL;
}

static bool read_mode(const struct ast_value *v, struct p_cookie *c)
{
	enum p_cookie_mode mode = is_word(v, "insert")    ? COOKIE_INSERT
				  : is_word(v, "rewrite") ? COOKIE_REWRITE
				  : is_word(v, "prefix")  ? COOKIE_PREFIX
							  : COOKIE_NONE;

	if (mode && c->mode && mode != c->mode)
		diag(E058, v->at, "what is done with the cookie");
	c->mode = mode ? mode : c->mode;
	return mode != COOKIE_NONE;
}

static const struct ast_value *read_word(const struct ast_value *v, struct p_cookie *c)
{
	bool *flag = flag_of(v, c);
	struct str *text = is_word(v, "domain") ? &c->domain : is_word(v, "attr") ? &c->attr : NULL;

	if (flag) {
		*flag = true;
		return v->next;
	}
	if (read_mode(v, c))
		return v->next;
	if (!text || !v->next) {
		diag(E054, v->at, "cookie", takes);
		return NULL;
	}
	if (!text_refused(v->next, "a cookie's attribute is fixed") && !is_attribute(v->next->text))
		diag(E007, v->next->at, STR_ARG(v->next->text), "an attribute of a cookie",
		     "it is visible text without ';'");
	*text = v->next->text;
	return v->next->next;
}

static void read_cookie(const struct ast_option *o, struct p_cookie *c)
{
	const struct ast_value *v = o->values;

	*c = (struct p_cookie) { .place = place_of(o->at) };
	if (!v) {
		diag(E054, o->at, "cookie", takes);
		return;
	}
	c->name = v->text;
	if (!value_is_token(c->name))
		diag(E007, v->at, STR_ARG(c->name), "the name of a cookie", "it is a token");
	if (!v->next)
		c->indirect = c->nocache = true;
	for (v = v->next; v;)
		v = read_word(v, c);
	if (!c->mode)
		c->mode = COOKIE_INSERT;
	if (c->indirect && c->mode != COOKIE_INSERT)
		diag(E054, o->at, "indirect",
		     "insert: in the other modes the cookie is the server's own");
}

/* Two servers of one value could not be told apart. */
static void check_values(struct model *m, const struct p_section *s)
{
	struct symbols values = { 0 };

	for (uint32_t i = 0; i < s->nservers; i++) {
		struct p_server *v = &s->servers[i];
		struct at at = { .file = v->place.file, .line = v->place.line, .col = 1, .len = 1 };
		struct str value = v->cookie.n ? v->cookie : v->name;

		if (!is_value(value))
			diag(E007, at, STR_ARG(value), "the cookie of a server",
			     "it is up to 64 visible bytes without blank, quote, ',' ';' '\\' and "
			     "'~'");
		else if (symbol_put(m->arena, &values, value, v) != (void *)v)
			diag(E007, at, STR_ARG(value), "the cookie of a server",
			     "another server has it");
	}
}

static void cookie_of(struct model *m, struct entity *e)
{
	const struct vec *list = &e->opts[OPT_COOKIE];
	const struct option_use *use = list->n ? list->p[0] : NULL;
	struct p_section *s = e->out;

	if (!use) {
		for (uint32_t i = 0; i < s->nservers; i++) {
			struct p_place p = s->servers[i].place;
			struct at at = { .file = p.file, .line = p.line, .col = 1, .len = 1 };

			if (s->servers[i].cookie.n)
				diag(E054, at, "cookie", "a section with a cookie NAME of its own");
		}
		return;
	}
	read_cookie(use->opt, &s->cookie);
	if (s->back_mode == MODE_TCP)
		diag(E054, use->opt->at, "cookie", "mode http: raw bytes have none");
	else if (!use->origin && !s->nservers && !e->opts[OPT_USE_BACKEND_FROM].n)
		diag(E054, use->opt->at, "cookie", "servers, and this section has none");
	check_values(m, s);
}

void option_cookies(struct model *m)
{
	for (size_t i = 0; i < m->entities.n; i++)
		cookie_of(m, m->entities.p[i]);
}
