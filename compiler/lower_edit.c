/* SPDX-License-Identifier: Apache-2.0 */
/* lower_edit: actions that write headers, the start line or the path. */
#include "../runtime/base/uri.h"
#include "lower_part.h"
#include "option.h"
#include "value.h"

/* Fields that frame the message or belong to one connection (RFC 9112 6, RFC 9110 7.6.1). */
static const struct str framing[] = {
	{ "content-length", 14 },
	{ "transfer-encoding", 17 },
	{ "te", 2 },
	{ "trailer", 7 },
	{ "upgrade", 7 },
	{ "connection", 10 },
	{ "keep-alive", 10 },
	{ "proxy-connection", 16 },
};

static const struct {
	struct str word;
	enum p_part part;
	unsigned where;
} parts[] = {
	{ { "host", 4 }, PART_HOST, W_REQ },   { { "path", 4 }, PART_PATH, W_REQ },
	{ { "query", 5 }, PART_QUERY, W_REQ }, { { "uri", 3 }, PART_URI, W_REQ },
	{ { "meth", 4 }, PART_METH, W_REQ },   { { "status", 6 }, PART_STATUS, W_RSP },
};

bool action_header_name(const struct ast_value *v, struct str *name)
{
	if (text_refused(v, "header names are fixed"))
		return false;
	*name = v->text;
	if (!value_is_token(*name)) {
		diag(E008, v->at, STR_ARG(*name), "a header name is a token (RFC 9110 5.6.2)");
		return false;
	}
	for (size_t i = 0; i < sizeof(framing) / sizeof(*framing); i++)
		if (str_ieq(framing[i], *name)) {
			diag(E064, v->at, STR_ARG(*name));
			return false;
		}
	return true;
}

/* Host is written by "set host" alone, so that it and :authority stay equal. */
static bool check_host(const struct lower_rule *r, const struct ast_value *v, struct str name)
{
	if (!str_ieq(name, S("host")) || r->use.where & W_RSP)
		return true;
	diag(E064, v->at, STR_ARG(name));
	diag_hint("set host VALUE writes it");
	return false;
}

static bool lower_add(struct lower_rule *r, const struct ast_action *a, struct p_action *out)
{
	const struct ast_value *name = action_value(a, 0), *v = action_value(a, 1);

	if (!name || !v || action_nargs(a) != 2)
		return action_usage(a, "NAME VALUE");
	if (!action_header_name(name, &out->name) || !check_host(r, name, out->name))
		return false;
	out->text = action_text(r, v, NULL, 0);
	return out->text != NULL;
}

/* LINE is "Name: value"; the name is constant. */
static bool lower_append(struct lower_rule *r, const struct ast_action *a, struct p_action *out)
{
	const struct ast_value *v = action_value(a, 0);
	struct ast_value name, value;
	ptrdiff_t colon = v ? str_chr(v->text, ':') : -1;
	size_t skip;

	if (!v || action_nargs(a) != 1 || colon < 0)
		return action_usage(a, "one line NAME: VALUE");
	name = value = *v;
	name.text = str_first(v->text, (size_t)colon);
	skip = (size_t)colon + 1;
	while (skip < v->text.n && (v->text.p[skip] == ' ' || v->text.p[skip] == '\t'))
		skip++;
	value.text = str_skip(v->text, skip);
	value.at.col += (uint32_t)skip;
	if (!action_header_name(&name, &out->name) || !check_host(r, v, out->name))
		return false;
	out->text = action_text(r, &value, NULL, 0);
	return out->text != NULL;
}

static bool set_status(struct lower_rule *r, const struct ast_value *v, struct p_action *out)
{
	if (text_has_subject(v->text) || text_has_param(v->text)) {
		out->text = action_text(r, v, NULL, 0);
		return out->text != NULL;
	}
	return option_number(v, "set status", UNIT_COUNT, 200, 599, &out->status);
}

/* Parts of the message, or false when <word> names none here. */
static bool find_part(const struct lower_rule *r, const struct ast_value *word, enum p_part *part)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (!word->delim && str_eq(parts[i].word, word->text) &&
		    parts[i].where & r->use.where) {
			*part = parts[i].part;
			return true;
		}
	return false;
}

/* set h(NAME) V: always a header, also when NAME is that of a part. */
static bool set_function(const struct ast_action *a, const struct ast_value **name)
{
	const struct ast_subject *s = a->args->subject;

	*name = s->head->args;
	if (str_ieq(s->head->name, S("h")) && *name && !(*name)->next && !s->convs)
		return true;
	return action_usage(a, "NAME VALUE, a part of the message and VALUE, or h(NAME) VALUE");
}

/* Would the message take <s> as its host? */
static bool host_good(struct arena *a, struct str s)
{
	char *room = arena_get(a, URI_HOST_ROOM(s.n));
	struct str form;
	unsigned port;

	return s.n && uri_host(s, room, &form, &port);
}

static bool check_constant_part(struct arena *a, const struct ast_value *v,
				const struct p_action *out)
{
	struct str s;

	if (!text_constant(out->text, &s))
		return true;
	if (out->part == PART_HOST && !host_good(a, s))
		diag(E008, v->at, STR_ARG(s),
		     "a host is a name or an address, with a port if wanted");
	else if (out->part == PART_METH && !value_is_token(s))
		diag(E008, v->at, STR_ARG(s), "a method is a token (RFC 9110 9.1)");
	else if (out->part == PART_PATH && !str_starts(s, S("/")) && !str_eq(s, S("*")))
		diag(E007, v->at, STR_ARG(s), "set path", "a path begins with /");
	else if (out->part == PART_URI && !s.n)
		diag(E007, v->at, STR_ARG(s), "set uri", "a target is not empty");
	else
		return true;
	return false;
}

static bool set_header(struct lower_rule *r, const struct ast_value *name,
		       const struct ast_value *v, struct p_action *out)
{
	bool close = str_ieq(name->text, S("connection")) && str_ieq(v->text, S("close"));

	out->name = name->text;
	if (!close && !action_header_name(name, &out->name))
		return false;
	if (str_ieq(out->name, S("host")) && r->use.where & W_REQ)
		out->part = PART_HOST;
	out->text = action_text(r, v, NULL, 0);
	return out->text && check_constant_part(r->use.m->arena, v, out);
}

/* A part of the other direction's messages: what looks like an edit of it would write a header. */
static bool misses_part(const struct lower_rule *r, const struct ast_value *word)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (!word->delim && str_eq(parts[i].word, word->text) &&
		    parts[i].part != PART_HOST && !(parts[i].where & r->use.where)) {
			diag(E002, word->at,
			     arena_printf(r->use.m->arena, "'set %.*s'", STR_ARG(word->text)).p,
			     where_name(r->use.where));
			diag_hint("for a header of that name write: set h(%.*s) VALUE",
				  STR_ARG(word->text));
			return true;
		}
	return false;
}

static bool lower_set_action(struct lower_rule *r, const struct ast_action *a, struct p_action *out)
{
	const struct ast_value *name = action_value(a, 0), *v = action_value(a, 1);
	bool function = a->args && a->args->subject;

	if (!v || action_nargs(a) != 2)
		return action_usage(a, "NAME VALUE, or a part of the message and VALUE");
	if (function) {
		if (!set_function(a, &name))
			return false;
		return set_header(r, name, v, out);
	}
	if (misses_part(r, name))
		return false;
	if (!find_part(r, name, &out->part))
		return set_header(r, name, v, out);
	if (out->part == PART_STATUS)
		return set_status(r, v, out);
	out->text = action_text(r, v, NULL, 0);
	return out->text && check_constant_part(r->use.m->arena, v, out);
}

/* Fields that the proxy writes anew for each connection: what was received may be removed, or read
 * as edited. */
static bool is_connection(struct str name)
{
	return str_ieq(name, S("connection")) || str_ieq(name, S("keep-alive")) ||
	       str_ieq(name, S("proxy-connection"));
}

static bool lower_rem(struct lower_rule *r, const struct ast_action *a, struct p_action *out)
{
	const struct ast_value *name = action_value(a, 0);

	if (!name || action_nargs(a) != 1)
		return action_usage(a, "NAME");
	if (is_connection(name->text)) {
		out->name = name->text;
		return true;
	}
	return action_header_name(name, &out->name) && check_host(r, name, out->name);
}

/* REGEX at argument <n>, and NEW after it. */
static bool regex_and_new(struct lower_rule *r, const struct ast_action *a, unsigned n,
			  struct p_action *out)
{
	out->regex = lower_regex(&r->use, action_value(a, n), false);
	if (!out->regex)
		return false;
	out->text = action_text(r, action_value(a, n + 1), out->regex, 0);
	return out->text != NULL;
}

/* rep connection REGEX "close": closes that side when a value matches. */
static bool rep_closes(const struct ast_action *a)
{
	return str_ieq(action_value(a, 0)->text, S("connection")) &&
	       str_ieq(action_value(a, 2)->text, S("close"));
}

static bool lower_rep(struct lower_rule *r, const struct ast_action *a, struct p_action *out)
{
	if (action_nargs(a) != 3 || !action_value(a, 0) || !action_value(a, 1) ||
	    !action_value(a, 2))
		return action_usage(a, "NAME REGEX NEW");
	out->name = action_value(a, 0)->text;
	if (!rep_closes(a) && !action_header_name(action_value(a, 0), &out->name))
		return false;
	if (str_ieq(out->name, S("host")) && r->use.where & W_REQ)
		out->part = PART_HOST;
	return regex_and_new(r, a, 1, out);
}

static bool lower_rewrite(struct lower_rule *r, const struct ast_action *a, struct p_action *out)
{
	if (action_nargs(a) != 2 || !action_value(a, 0) || !action_value(a, 1))
		return action_usage(a, "REGEX NEW");
	out->part = out->id != ACT_REWRITE ? PART_LINE
		    : r->use.where & W_RSP ? PART_HEADER
					   : PART_URI;
	return regex_and_new(r, a, 0, out);
}

static bool lower_map_path(struct lower_rule *r, const struct ast_action *a, struct p_action *out)
{
	const struct ast_value *old = action_value(a, 0), *new = action_value(a, 1);

	if (!old || !new || action_nargs(a) != 2 || !str_starts(old->text, S("/")))
		return action_usage(a, "OLD NEW, both with a leading /");
	if (text_refused(old, "OLD is fixed"))
		return false;
	if (!str_starts(new->text, S("/")) && !text_has_subject(new->text) &&
	    !text_has_param(new->text))
		return action_usage(a, "OLD NEW, both with a leading /");
	if (old->opts & ~(VAL_ICASE | VAL_CASE))
		diag(E057, old->opts_at, old->opts & VAL_FREE ? 'x' : 'b');
	out->old = value_plain(r->use.m->arena, old->text);
	out->icase = old->opts & VAL_ICASE;
	out->text = action_text(r, new, NULL, 0);
	return out->text != NULL;
}

bool lower_edit(struct lower_rule *r, const struct ast_action *a, struct p_action *out)
{
	switch (out->id) {
	case ACT_ADD:
		return lower_add(r, a, out);
	case ACT_APPEND:
		return lower_append(r, a, out);
	case ACT_SET:
		return lower_set_action(r, a, out);
	case ACT_REM:
		return lower_rem(r, a, out);
	case ACT_DELETE:
		if (action_nargs(a) != 1 || !action_value(a, 0))
			return action_usage(a, "one REGEX");
		out->regex = lower_regex(&r->use, action_value(a, 0), false);
		return out->regex != NULL;
	case ACT_REP:
		return lower_rep(r, a, out);
	case ACT_MAPURI:
	case ACT_MAPLOC:
		return lower_map_path(r, a, out);
	default:
		return lower_rewrite(r, a, out);
	}
}
