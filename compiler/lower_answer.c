/* SPDX-License-Identifier: Apache-2.0 */
/* lower_answer: the arguments of actions that answer: deny, tarpit, auth, redir, respond. */
#include "lower_part.h"
#include "option.h"
#include "value.h"

static bool is_word(const struct ast_value *v, const char *word)
{
	return v && !v->delim && str_eq(v->text, str_from(word));
}

static bool read_status(const struct ast_value *v, const char *what, int64_t min, int64_t *out)
{
	return option_number(v, what, UNIT_COUNT, min, 599, out);
}

static bool is_number(const struct ast_value *v)
{
	uint64_t n;

	return v && !v->delim && str_u64(v->text, 99999, &n);
}

bool lower_deny(struct lower_rule *r, const struct ast_action *a, struct p_action *out)
{
	out->status = r->use.where & W_RSP ? 502 : 403;
	if (action_nargs(a) > 1 || (a->args && !action_value(a, 0)))
		return action_usage(a, "a status, or nothing");
	return !a->args || read_status(action_value(a, 0), "deny", 400, &out->status);
}

#define TARPIT_STATUS 500 /* as if something were broken */
#define TARPIT_MS 10000

/* tarpit [STATUS] [DELAY]; a delay has a unit */
bool lower_tarpit(const struct ast_action *a, struct p_action *out)
{
	unsigned n = 0;

	out->status = TARPIT_STATUS;
	out->num = TARPIT_MS;
	if (is_number(action_value(a, n)) &&
	    !read_status(action_value(a, n++), "tarpit", 200, &out->status))
		return false;
	if (action_value(a, n) && !option_number(action_value(a, n++), "tarpit", UNIT_MS, 1,
						 VALUE_DURATION_MAX, &out->num))
		return false;
	return n == action_nargs(a) || action_usage(a, "[STATUS] [DELAY]");
}

/* auth REALM users FILE. The file is read where the site runs: no secret is compiled in. */
bool lower_auth(struct lower_rule *r, const struct ast_action *a, struct p_action *out)
{
	const struct ast_value *realm = action_value(a, 0), *file = action_value(a, 2);

	if (!realm || !file || action_nargs(a) != 3)
		return action_usage(a, "REALM users FILE");
	out->status = 401;
	if (text_refused(realm, "a realm is fixed"))
		return false;
	out->name = value_plain(r->use.m->arena, realm->text);
	if (!value_is_clean(out->name) || str_chr(out->name, '"') >= 0 ||
	    str_chr(out->name, '\\') >= 0) {
		diag(E007, realm->at, STR_ARG(realm->text), "auth",
		     "a realm holds no quote, backslash, CR, LF or NUL");
		return false;
	}
	out->text = lower_text(&r->use, file, TEXT_PARAMS);
	return out->text != NULL;
}

static bool check_target(const struct ast_value *v)
{
	struct str s = v->text;

	if ((s.n && s.p[0] == '/') || str_starts(s, S("%{")) || str_starts(s, S("${")) ||
	    str_chr(s, ':') >= 0)
		return true;
	diag(E072, v->at, STR_ARG(s));
	return false;
}

/* redir [CODE] TARGET | scheme S | prefix P, then drop-query, append-slash */
bool lower_redir(struct lower_rule *r, const struct ast_action *a, struct p_action *out)
{
	static const char takes[] =
		"[301|302|303|307|308] TARGET, scheme S or prefix P, then drop-query, append-slash";
	const struct ast_value *v;
	unsigned n = 0;

	out->status = 302;
	if (is_number(action_value(a, 0))) {
		v = action_value(a, n++);
		if (!option_number(v, "redir", UNIT_COUNT, 301, 308, &out->status))
			return false;
		if (out->status > 303 && out->status < 307) {
			diag(E007, v->at, STR_ARG(v->text), "redir",
			     "it is 301, 302, 303, 307 or 308");
			return false;
		}
	}
	if (is_word(action_value(a, n), "scheme") || is_word(action_value(a, n), "prefix")) {
		out->redir = is_word(action_value(a, n), "scheme") ? REDIR_SCHEME : REDIR_PREFIX;
		n++;
	}
	v = action_value(a, n++);
	if (!v)
		return action_usage(a, takes);
	out->text = action_text(r, v, NULL, 0);
	if (!out->text || (out->redir == REDIR_TARGET && !check_target(v)))
		return false;
	for (; n < action_nargs(a); n++) {
		v = action_value(a, n);
		if (is_word(v, "drop-query"))
			out->drop_query = true;
		else if (is_word(v, "append-slash"))
			out->append_slash = true;
		else
			return action_usage(a, takes);
	}
	return true;
}

static bool add_header(struct lower_rule *r, const struct ast_action *a, unsigned n,
		       struct vec *headers)
{
	struct p_header *h = ARENA_NEW(r->use.m->arena, struct p_header);

	if (!action_value(a, n + 1) || !action_value(a, n + 2))
		return action_usage(a, "a name and a value after header");
	if (!action_header_name(action_value(a, n + 1), &h->name))
		return false;
	h->value = action_text(r, action_value(a, n + 2), NULL, 0);
	vec_push(r->use.m->arena, headers, h);
	return h->value != NULL;
}

/* One part of respond at argument <n>: returns the number of arguments read, 0 after a report. */
static unsigned respond_part(struct lower_rule *r, const struct ast_action *a, unsigned n,
			     struct p_action *out, struct vec *headers)
{
	const struct ast_value *v = action_value(a, n), *arg = action_value(a, n + 1);

	if (is_word(v, "header"))
		return add_header(r, a, n, headers) ? 3 : 0;
	if (!arg)
		return (unsigned)action_usage(a,
					      "STATUS [type T] [header N V]... [body V | file F]");
	if (is_word(v, "type")) {
		if (text_refused(arg, "a type is fixed"))
			return 0;
		out->type = value_plain(r->use.m->arena, arg->text);
		if (value_is_clean(out->type))
			return 2;
		diag(E008, arg->at, STR_ARG(arg->text), "it holds CR, LF or NUL");
		return 0;
	}
	if ((is_word(v, "body") || is_word(v, "file")) && !out->text && !out->file.n) {
		if (is_word(v, "body"))
			out->text = action_text(r, arg, NULL, TEXT_ANY_BYTE);
		else if (!text_refused(arg, "the file is compiled in"))
			out->file = value_plain(r->use.m->arena, arg->text);
		return out->text || out->file.n ? 2 : 0;
	}
	return (unsigned)action_usage(a, "STATUS [type T] [header N V]... [body V | file F]");
}

bool lower_respond(struct lower_rule *r, const struct ast_action *a, struct p_action *out)
{
	struct vec headers = { 0 };
	const struct ast_value *v = action_value(a, 0);
	unsigned n = 1, step;

	if (is_word(v, "stats") || is_word(v, "metrics")) {
		out->page = is_word(v, "stats") ? PAGE_STATS : PAGE_METRICS;
		out->status = 200;
		return action_nargs(a) == 1 || action_usage(a, "stats or metrics and nothing more");
	}
	if (!v)
		return action_usage(a, "STATUS [type T] [header N V]... [body V | file F]");
	if (!read_status(v, "respond", 200, &out->status))
		return false;
	for (; n < action_nargs(a); n += step) {
		step = respond_part(r, a, n, out, &headers);
		if (!step)
			return false;
	}
	out->headers = ARENA_ARRAY(r->use.m->arena, struct p_header, headers.n);
	for (size_t i = 0; i < headers.n; i++)
		out->headers[i] = *(struct p_header *)headers.p[i];
	out->nheaders = (uint32_t)headers.n;
	return true;
}
