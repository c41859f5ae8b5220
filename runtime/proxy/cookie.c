/* SPDX-License-Identifier: Apache-2.0 */
#include "cookie.h"

#include "rule.h"

#define PREFIX_END '~'

/* What the request had: none, no server's, one that is down, valid. What the answer got: nothing,
 * a new one, the server's own rewritten, the server's own taken away. */
enum had { HAD_NONE, HAD_INVALID, HAD_DOWN, HAD_VALID };
enum got { GOT_NOTHING, GOT_INSERTED, GOT_REWRITTEN, GOT_DELETED };
static const char letters[] = "NNNINRNDINIIIRIDDNDIDRDDVNVIVRVD";
_Static_assert(sizeof(letters) == 4 * 4 * 2 + 1, "two letters for each");

#define USED 0x80 /* of x->cookie: the section has a cookie */

static void remember(struct exchange *x, enum had had, enum got got)
{
	x->cookie = (uint8_t)(USED | (unsigned)had << 2 | (unsigned)got);
}

static enum had had(const struct exchange *x)
{
	return (enum had)(x->cookie >> 2 & 3);
}

static const struct ws_cookie *cookie_of(const struct exchange *x)
{
	uint32_t row = x->flags & X_TCP ? 0 : x->be->owner->servers_ws->cookie;

	return row ? &site.ws->cookies[row - 1] : NULL;
}

/* -- requests -----------------------------------------------------------------------------------
 */

static struct server *find_server(const struct back *be, struct str value)
{
	for (uint32_t i = 0; i < be->nservers; i++)
		if (str_eq(ws_str(be->servers[i].ws->cookie), value))
			return &be->servers[i];
	return NULL;
}

/* The first server that takes requests and is named by a cookie of the name. */
static enum had look(struct exchange *x, const struct ws_cookie *c)
{
	struct str name, value, id;
	enum had best = HAD_NONE;

	for (uint32_t i = MSG_END;
	     (i = msg_find(&x->req, i, FIELD_COOKIE, S(""))) != MSG_END && best != HAD_VALID;) {
		struct str line = msg_value(&x->req, i);
		uint32_t pos = 0;

		while (best != HAD_VALID && rule_cookie_pair(line, &pos, &name, &value)) {
			struct server *s;
			enum had now;

			if (!str_eq(name, ws_str(c->name)))
				continue;
			id = value;
			if (c->mode == WS_COOKIE_PREFIX) {
				id = str_cut(&value, PREFIX_END);
				if (!value.p) /* the server's own, from before */
					continue;
			}
			s = find_server(x->be->owner, id);
			now = !s ? HAD_INVALID : atomic_load(&s->off) ? HAD_DOWN : HAD_VALID;
			if (now == HAD_VALID)
				x->srv = s;
			best = now > best ? now : best;
		}
	}
	return best;
}

static char *put(char *out, struct str s)
{
	memcpy(out, s.p, s.n);
	return out + s.n;
}

/* A pair as it stands in <line>. */
static struct str whole_pair(struct str line, struct str name, struct str value)
{
	bool has_value = value.p >= line.p && value.p <= line.p + line.n;

	return str_of(name.p, has_value ? (size_t)(value.p + value.n - name.p) : name.n);
}

/* Header <i> without what is for us alone: the cookie (indirect), or its prefix. */
static bool strip(struct exchange *x, const struct ws_cookie *c, uint32_t i)
{
	struct str line = msg_value(&x->req, i), name, value;
	char *text, *out;
	uint32_t pos = 0;
	bool changed = false;

	pt()->scratch_used = 0;
	text = out = rule_scratch(3 * line.n + 1);
	if (!text)
		return false;
	while (rule_cookie_pair(line, &pos, &name, &value)) {
		struct str pair = whole_pair(line, name, value), own = value;
		bool ours = str_eq(name, ws_str(c->name));

		str_cut(&own, PREFIX_END);
		changed |= ours && (c->mode != WS_COOKIE_PREFIX || own.p);
		if (ours && c->mode != WS_COOKIE_PREFIX)
			continue;
		out = put(out, out > text ? S("; ") : S(""));
		if (ours && own.p)
			out = put(put(put(out, name), S("=")), own);
		else
			out = put(out, pair);
	}
	if (!changed)
		return true;
	if (out == text)
		msg_del(&x->req, i);
	return out == text || msg_set_value(&x->req, i, str_of(text, (size_t)(out - text)));
}

static bool request(struct exchange *x)
{
	const struct ws_cookie *c = cookie_of(x);
	bool good = true;

	if (!c)
		return true;
	remember(x, look(x, c), GOT_NOTHING);
	if (!c->indirect && c->mode != WS_COOKIE_PREFIX)
		return true;
	for (uint32_t i = MSG_END;
	     good && (i = msg_find(&x->req, i, FIELD_COOKIE, S(""))) != MSG_END;)
		good = strip(x, c, i);
	return good;
}

/* -- responses ----------------------------------------------------------------------------------
 */

/* The server's own Set-Cookie lines of the name: taken away, or made to tell of the server, which
 * is then *<got>. */
static bool treat(struct exchange *x, const struct ws_cookie *c, uint32_t i, enum got *got)
{
	struct str line = msg_value(&x->rsp, i), rest = line, name = str_cut(&rest, '=');
	struct str id = ws_str(x->srv->ws->cookie), value;
	char *text, *out;

	if (!rest.p || str_chr(name, ';') >= 0 || !str_eq(str_trim(name), ws_str(c->name)))
		return true;
	if (c->mode == WS_COOKIE_INSERT) {
		*got = GOT_DELETED;
		msg_del(&x->rsp, i);
		return true;
	}
	pt()->scratch_used = 0;
	text = out = rule_scratch(line.n + id.n + 1);
	if (!text)
		return false;
	out = put(put(out, str_first(line, (size_t)(rest.p - line.p))), id);
	value = rest;
	if (c->mode == WS_COOKIE_PREFIX) {
		*out++ = PREFIX_END;
		out = put(out, value);
	} else {
		str_cut(&value, ';');
		if (value.p)
			out = put(put(out, S(";")), value);
	}
	*got = GOT_REWRITTEN;
	return msg_set_value(&x->rsp, i, str_of(text, (size_t)(out - text)));
}

/* The request came without the cookie of the server that took it. */
static bool wants_new(const struct exchange *x, const struct ws_cookie *c)
{
	struct str meth = msg_str(&x->req, x->req.meth);

	return c->mode == WS_COOKIE_INSERT &&
	       (had(x) != HAD_VALID || (x->flags & X_REDISPATCHED)) &&
	       (!c->postonly || str_eq(meth, S("POST")));
}

static bool insert(struct exchange *x, const struct ws_cookie *c)
{
	struct str name = ws_str(c->name), id = ws_str(x->srv->ws->cookie), tail = ws_str(c->tail);
	char *text, *out;

	pt()->scratch_used = 0;
	text = out = rule_scratch(name.n + id.n + tail.n + 1);
	if (!text)
		return false;
	out = put(put(put(put(out, name), S("=")), id), tail);
	return msg_add(&x->rsp, S("Set-Cookie"), str_of(text, (size_t)(out - text)));
}

static bool response(struct exchange *x)
{
	const struct ws_cookie *c = cookie_of(x);
	enum got got = GOT_NOTHING;

	if (!c || !x->srv)
		return true;
	for (uint32_t i = MSG_END; (i = msg_find(&x->rsp, i, FIELD_SET_COOKIE, S(""))) != MSG_END;)
		if (!treat(x, c, i, &got))
			return false;
	if (wants_new(x, c)) {
		got = GOT_INSERTED;
		if (!insert(x, c))
			return false;
	}
	remember(x, had(x), got);
	/* A cache must not give one client's server to another (RFC 9111 5.2.2.7). */
	return !c->nocache || (got != GOT_INSERTED && got != GOT_REWRITTEN) ||
	       msg_add(&x->rsp, S("Cache-Control"), S("private"));
}

static struct str state(const struct exchange *x)
{
	return x->cookie & USED ? str_of(letters + 2 * (x->cookie & 15), 2) : S("");
}

const struct cookie_part cookie_stick = { "cookie", request, response, state };
