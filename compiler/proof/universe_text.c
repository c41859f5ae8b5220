/* SPDX-License-Identifier: Apache-2.0 */
/* Which texts a field can hold: what the proxy's own parsers let through, as a check of one text and
 * as a language. */
#include "engine.h"

#include <stdlib.h>

#include "../../runtime/base/uri.h"
#include "../request.h"
#include "../value.h"

/* field-value = *( SP / HTAB / VCHAR / obs-text ), no blank at either end (RFC 9110 5.5) */
static bool is_field_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return str_trim(s).n == s.n;
}

static bool is_path(struct str s)
{
	char room[1024], *at = s.n > sizeof(room) ? malloc(s.n) : room;
	bool good = at && uri_bytes(s) && str_chr(s, '?') < 0 &&
		    uri_normalise(s, at) == (ptrdiff_t)s.n && memcmp(at, s.p, s.n) == 0;

	if (at != room)
		free(at);
	return good;
}

static bool is_host(struct str s, bool normal)
{
	char room[URI_HOST_ROOM(512)];
	struct str host;
	unsigned port;

	if (s.n > 255 || !uri_host(s, room, &host, &port))
		return false;
	return !normal || (s.n && str_eq(host, s));
}

/* What rules have written, or computed: any bytes, but for what edits keep valid. */
static bool is_free(const struct proof_field *f)
{
	return f->opaque && ((f->subject && f->subject->convs) ||
			     (f->id != SUBJ_METH && f->id != SUBJ_PATH && f->id != SUBJ_HOST));
}

bool field_holds(const struct proof_field *f, struct str s)
{
	struct uri u;

	if (f->response)
		return is_field_value(s);
	if (is_free(f))
		return true;
	switch (f->id) {
	case SUBJ_METH:
		return value_is_token(s);
	case SUBJ_PATH:
		return is_path(s);
	case SUBJ_URI:
		return s.n && s.p[0] == '/' && uri_split(S("GET"), s, &u);
	case SUBJ_QUERY:
		return uri_bytes(s);
	case SUBJ_Q:
		return uri_bytes(s) && str_chr(s, '&') < 0;
	case SUBJ_HOST:
		return is_host(s, true);
	case SUBJ_C:
		return is_field_value(s) && str_chr(s, ';') < 0;
	case SUBJ_VERSION:
		return str_eq(s, S("1.1")) || str_eq(s, S("1.0"));
	case SUBJ_SCHEME:
		return str_eq(s, S("http")) || str_eq(s, S("https"));
	case SUBJ_H:
		return str_eq(f->name, S("host")) ? is_host(s, false) : is_field_value(s);
	case SUBJECTS:
		return true;
	default:
		return is_field_value(s);
	}
}

/* ---- languages ---- */

#define PATH_BYTE "[!-\"$&->@-~]"
/* Escapes that stay: not of an unreserved character, not %00. */
#define KEPT_ESCAPE                                                                                \
	"%(?:0[1-9A-F]|1[0-9A-F]|2[0-9A-CF]|3[A-F]|40|5[B-E]|60|7[B-DF]|[89A-F][0-9A-F])"

static const struct dfa *language(struct proof *g, const char *pattern)
{
	struct str why;
	const struct re *re = re_parse(g->a, str_from(pattern), false, false, &why);

	return re ? dfa_search(g->a, re, &g->budget) : NULL;
}

static const struct dfa *without(struct proof *g, const struct dfa *d, const char *pattern)
{
	const struct dfa *e = language(g, pattern);

	return d && e ? dfa_difference(g->a, d, e, &g->budget) : NULL;
}

static const struct dfa *make(struct proof *g, const struct proof_field *f)
{
	if (is_free(f))
		return dfa_all(g->a);
	if (f->response)
		return language(g, "^(?:[^\\x00-\\x20\\x7f](?:[^\\x00-\\x08\\x0a-\\x1f\\x7f]*"
				   "[^\\x00-\\x20\\x7f])?)?$");
	switch (f->id) {
	case SUBJ_METH:
		return language(g, "^[-!#$%&'*+.^_`|~0-9A-Za-z]+$");
	case SUBJ_PATH:
		return without(g, language(g, "^/(?:" PATH_BYTE "|" KEPT_ESCAPE ")*$"),
			       "//|/\\.\\.?(?:/|$)");
	case SUBJ_URI:
		return language(g, "^[!-\"$-~]+$");
	case SUBJ_QUERY:
		return language(g, "^[!-\"$-~]*$");
	case SUBJ_Q:
		return language(g, "^[!-\"$%'-~]*$");
	case SUBJ_HOST:
		return without(g,
			       language(g, "^(?:[-a-z0-9._~!$&'()*+,;=]*[-a-z0-9_~!$&'()*+,;=]|"
					   "\\[[0-9a-f:.]+\\])$"),
			       "^$");
	case SUBJ_C:
		return language(g, "^(?:[^\\x00-\\x20\\x7f;](?:[^\\x00-\\x08\\x0a-\\x1f\\x7f;]*"
				   "[^\\x00-\\x20\\x7f;])?)?$");
	case SUBJ_VERSION:
		return language(g, "^[0-9](?:\\.[0-9])?$");
	case SUBJ_SCHEME:
		return language(g, "^https?$");
	case SUBJ_H:
		if (str_eq(f->name, S("host")))
			return language(g, "^[-A-Za-z0-9._~!$&'()*+,;=:\\[\\]]*$");
		return language(g, "^(?:[^\\x00-\\x20\\x7f](?:[^\\x00-\\x08\\x0a-\\x1f\\x7f]*"
				   "[^\\x00-\\x20\\x7f])?)?$");
	default:
		return dfa_all(g->a);
	}
}

const struct dfa *field_universe(struct proof *g, struct proof_field *f)
{
	if (!f->universe)
		f->universe = make(g, f);
	return f->universe;
}
