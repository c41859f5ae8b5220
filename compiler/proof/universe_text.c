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

/* What the field can hold as the proxy's parser reads it (universe.h). */
static enum universe kind_of(const struct proof_field *f)
{
	switch (f->id) {
	case SUBJ_METH:
		return UNIVERSE_METHOD;
	case SUBJ_PATH:
		return UNIVERSE_PATH;
	case SUBJ_URI:
		return UNIVERSE_URI;
	case SUBJ_QUERY:
		return UNIVERSE_QUERY;
	case SUBJ_Q:
		return UNIVERSE_PARAMETER;
	case SUBJ_HOST:
		return UNIVERSE_HOST;
	case SUBJ_C:
		return UNIVERSE_COOKIE;
	case SUBJ_VERSION:
		return UNIVERSE_VERSION;
	case SUBJ_SCHEME:
		return UNIVERSE_SCHEME;
	case SUBJ_LINE:
		return UNIVERSE_LINE;
	case SUBJ_H:
		return str_eq(f->name, S("host")) ? UNIVERSE_HOST_FIELD : UNIVERSE_FIELD_VALUE;
	default:
		return UNIVERSES;
	}
}

static const struct dfa *make(struct proof *g, const struct proof_field *f)
{
	enum universe u = kind_of(f);

	if (is_free(f))
		return dfa_all(g->a);
	if (f->response)
		return proof_universe(g, UNIVERSE_FIELD_VALUE);
	if (u == UNIVERSE_PATH) /* "*" is tried by itself: it comes with one form of target only */
		return dfa_intersection(g->a, proof_universe(g, u),
					dfa_prepend(g->a, S("/"), dfa_all(g->a), &g->budget),
					&g->budget);
	return u == UNIVERSES ? dfa_all(g->a) : proof_universe(g, u);
}

const struct dfa *proof_universe(struct proof *g, enum universe u)
{
	if (!g->any[u])
		g->any[u] = universe_make(g->a, u);
	return g->any[u];
}

const struct dfa *field_universe(struct proof *g, struct proof_field *f)
{
	if (!f->universe)
		f->universe = make(g, f);
	return f->universe;
}
