/* SPDX-License-Identifier: Apache-2.0 */
#include "left.h"

#include "../../runtime/base/uri.h"

static struct left constant(struct str s)
{
	return (struct left) { .effect = EFFECT_CONST, .n = s.p != NULL, .text = s };
}

static const struct left nothing = { .effect = EFFECT_NONE };
static const struct left absent = { .effect = EFFECT_CONST };
static const struct left opaque = { .effect = EFFECT_OPAQUE };

struct str left_text(const struct p_text *t)
{
	struct str s;

	if (!t)
		return str_of("", 0);
	if (t->n == 0)
		return str_of("", 0);
	if (t->n > 1 || t->pieces[0].kind != PIECE_LITERAL)
		return (struct str) { 0 };
	s = t->pieces[0].text;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
			return (struct str) { 0 };
	return s.p ? s : str_of("", 0);
}

static bool is_target(const struct proof_field *f)
{
	return f->id == SUBJ_URI || f->id == SUBJ_PATH || f->id == SUBJ_QUERY || f->id == SUBJ_Q ||
	       f->id == SUBJ_LINE;
}

static bool is_host(const struct proof_field *f)
{
	return f->id == SUBJ_HOST || (f->id == SUBJ_H && str_eq(f->name, S("host")));
}

/* Value of a cookie or a parameter in a constant text that has at most one of that name. */
static struct left pair(struct proof *g, struct str text, char delim, struct str name)
{
	struct str found = { 0 };
	unsigned n = 0;

	(void)g;
	while (text.p) {
		struct str one = str_cut(&text, delim), key = str_cut(&one, '=');

		if (delim == ';') {
			key = str_trim(key);
			one = one.p ? str_trim(one) : one;
		}
		if (!str_eq(key, name))
			continue;
		found = one.p ? one : str_of("", 0);
		n++;
	}
	return n > 1 ? opaque : constant(found);
}

static struct left host_left(struct proof *g, const struct proof_field *f, struct str text)
{
	char *room = arena_get(g->a, URI_HOST_ROOM(text.n));
	struct str host;
	unsigned port;

	if (!text.p || !uri_host(text, room, &host, &port))
		return opaque;
	return constant(f->id == SUBJ_HOST ? host : text);
}

static struct left path_left(struct proof *g, const struct proof_field *f, struct str text)
{
	char *room = arena_get(g->a, text.n + 1);
	ptrdiff_t n;

	if (f->id == SUBJ_QUERY || f->id == SUBJ_Q)
		return nothing;
	if (f->id != SUBJ_PATH || !text.p || !uri_bytes(text) || str_chr(text, '?') >= 0)
		return opaque;
	n = uri_normalise(text, room);
	return n < 0 ? opaque : constant(str_of(room, (size_t)n));
}

static struct left query_left(struct proof *g, const struct proof_field *f, struct str text)
{
	if (f->id == SUBJ_PATH)
		return nothing;
	if (f->id == SUBJ_URI || f->id == SUBJ_LINE || !text.p || !uri_bytes(text))
		return opaque;
	if (text.n == 0)
		return absent;
	return f->id == SUBJ_QUERY ? constant(text) : pair(g, text, '&', f->name);
}

static struct left header_left(struct proof *g, const struct proof_field *f, struct str name,
			       struct str text)
{
	if (str_ieq(name, S("host")))
		return is_host(f) ? host_left(g, f, text) : nothing;
	if (f->id == SUBJ_C)
		return !str_ieq(name, S("cookie")) ? nothing
		       : text.p                    ? pair(g, text, ';', f->name)
						   : opaque;
	if (f->id != SUBJ_H || !str_ieq(f->name, name))
		return nothing;
	return text.p ? constant(text) : opaque;
}

static struct left set_left(struct proof *g, const struct proof_field *f, const struct p_action *a)
{
	struct str text = left_text(a->text);

	switch (a->part) {
	case PART_HEADER:
		return header_left(g, f, a->name, text);
	case PART_HOST:
		return is_host(f) ? host_left(g, f, text) : nothing;
	case PART_PATH:
		return is_target(f) ? path_left(g, f, text) : nothing;
	case PART_QUERY:
		return is_target(f) ? query_left(g, f, text) : nothing;
	case PART_URI:
		return is_target(f) || is_host(f) ? opaque : nothing;
	case PART_METH:
		return f->id == SUBJ_METH   ? (text.p ? constant(text) : opaque)
		       : f->id == SUBJ_LINE ? opaque
					    : nothing;
	case PART_STATUS:
	case PART_LINE:
		break;
	}
	return nothing;
}

static struct left add_left(const struct proof_field *f, const struct p_action *a)
{
	struct str text = left_text(a->text);
	struct left l;

	if (f->id == SUBJ_C)
		return str_ieq(a->name, S("cookie")) ? opaque : nothing;
	if (f->id != SUBJ_H || !str_ieq(f->name, a->name))
		return nothing;
	l = text.p ? constant(text) : opaque;
	if (text.p)
		l.effect = EFFECT_ADD;
	return l;
}

static struct left rem_left(const struct proof_field *f, const struct p_action *a)
{
	if (f->id == SUBJ_C)
		return str_ieq(a->name, S("cookie")) ? absent : nothing;
	return f->id == SUBJ_H && str_ieq(f->name, a->name) ? absent : nothing;
}

static struct left rep_left(const struct proof_field *f, const struct p_action *a)
{
	if (str_ieq(a->name, S("host")))
		return is_host(f) ? opaque : nothing;
	return rem_left(f, a).effect == EFFECT_NONE ? nothing : opaque;
}

static struct left var_left(const struct proof_field *f, const struct p_action *a)
{
	const struct p_text *t = a->text;
	struct str text;

	if (f->id != SUBJ_VAR || !str_eq(f->name, a->name))
		return nothing;
	if (t && t->n == 1 && t->pieces[0].kind == PIECE_PARAM)
		return (struct left) { .effect = EFFECT_PARAM, .param = t->pieces[0].param };
	text = left_text(t);
	return text.p ? constant(text) : opaque;
}

static struct left address_left(const struct proof_field *f, const struct p_action *a, bool src)
{
	struct str text = left_text(a->text);
	struct left l = { .effect = EFFECT_CONST, .n = 1 };
	uint16_t port;

	if (f->id != (src ? SUBJ_SRC : SUBJ_DST) && f->id != (src ? SUBJ_SRC_PORT : SUBJ_DST_PORT))
		return nothing;
	if (!text.p)
		return opaque;
	if (!address_read(text, &l.net, &port))
		return nothing;
	if (f->kind == FIELD_ADDR)
		return l;
	l.num = port;
	return port ? l : nothing;
}

static struct left mapuri_left(const struct proof_field *f, const struct write *w)
{
	if (f->id == SUBJ_URI || f->id == SUBJ_LINE)
		return w->target || !w->cond.n ? opaque : nothing;
	if (f->id != SUBJ_PATH || w->target)
		return nothing;
	return w->map ? (struct left) { .effect = EFFECT_MAP } : opaque;
}

bool left_counter(const struct proof_field *f)
{
	return f->id == SUBJ_RATE || f->id == SUBJ_CONC || f->id == SUBJ_QUEUED;
}

/* count changes counters; while pass waits, time goes by and all may change that is no part of the
 * message. */
static bool time_changes(const struct proof_field *f, const struct p_action *a)
{
	return left_counter(f) || (a->id == ACT_PASS && f->id >= SUBJ_RATE && f->id < SUBJECTS);
}

static struct left action_left(struct proof *g, const struct proof_field *f, const struct write *w)
{
	const struct p_action *a = w->action;

	switch (a->id) {
	case ACT_SET:
		return set_left(g, f, a);
	case ACT_ADD:
	case ACT_APPEND:
		return add_left(f, a);
	case ACT_REM:
		return rem_left(f, a);
	case ACT_DELETE:
		return (f->id == SUBJ_H && !is_host(f)) || f->id == SUBJ_C ? opaque : nothing;
	case ACT_REP:
		return rep_left(f, a);
	case ACT_REWRITE:
		return is_target(f) || is_host(f) ? opaque : nothing;
	case ACT_REQLINE:
		return is_target(f) || is_host(f) || f->id == SUBJ_METH ? opaque : nothing;
	case ACT_MAPURI:
	case ACT_URIREMAP:
		return mapuri_left(f, w);
	case ACT_SETVAR:
		return var_left(f, a);
	case ACT_CAPTURE:
		return f->id == SUBJ_CAPTURE && str_eq(f->name, a->name) ? opaque : nothing;
	case ACT_SETSRC:
		return address_left(f, a, true);
	case ACT_SETDST:
		return address_left(f, a, false);
	case ACT_PASS:
	case ACT_COUNT:
		return time_changes(f, a) ? opaque : nothing;
	default:
		return nothing;
	}
}

const struct write state_any = { .cond = { .n = 1, .at = &(struct conj) { 0 } },
				 .chain = &state_any };

struct left left_of(struct proof *g, const struct proof_field *f, const struct write *w)
{
	struct left l;

	if (w == &state_any)
		return f->id == SUBJ_VAR || f->id == SUBJ_CAPTURE ? opaque : nothing;

	if (f->response || f->param || f->id == SUBJECTS)
		return nothing;
	if (!w->action)
		return f->id == SUBJ_H && str_ieq(f->name, w->section->forwardfor.header.n
								   ? w->section->forwardfor.header
								   : S("X-Forwarded-For"))
			       ? opaque
			       : nothing;
	l = action_left(g, f, w);
	/* Of what converters and counts make of it nothing is known any more. */
	if (l.effect != EFFECT_NONE && f->opaque && f->id != SUBJ_VAR)
		return opaque;
	if (l.effect != EFFECT_NONE && f->subject && f->subject->convs)
		return opaque;
	return l;
}
