/* SPDX-License-Identifier: Apache-2.0 */
/* Fields: what of a request or an answer rules can read. Two subjects that read the same thing are
 * one field, whatever their case. */
#include "engine.h"

#include <stdio.h>

void *proof_grown(struct arena *a, void *at, uint32_t n, uint32_t *room, size_t size)
{
	void *new;

	if (n < *room)
		return at;
	*room = *room ? *room * 2 : 8;
	new = arena_get(a, *room * size);
	if (n)
		memcpy(new, at, n * size);
	return new;
}

static struct group *group_new(struct proof *g, enum group_kind kind)
{
	struct group *new = ARENA_NEW(g->a, struct group);

	new->index = (uint32_t)g->groups.n;
	new->kind = kind;
	vec_push(g->a, &g->groups, new);
	return new;
}

static struct group *group_shared(struct proof *g, enum group_kind kind)
{
	for (size_t i = 0; i < g->groups.n; i++) {
		struct group *have = g->groups.p[i];

		if (have->kind == kind)
			return have;
	}
	return group_new(g, kind);
}

static enum group_kind group_kind_of(const struct proof_field *f)
{
	if (f->response || f->opaque)
		return GROUP_ONE;
	switch (f->id) {
	case SUBJ_METH:
	case SUBJ_URI:
	case SUBJ_PATH:
	case SUBJ_QUERY:
	case SUBJ_Q:
	case SUBJ_LINE:
		return GROUP_LINE;
	case SUBJ_HOST:
	case SUBJ_VERSION:
		return GROUP_HOST;
	case SUBJ_C:
		return GROUP_COOKIE;
	case SUBJ_H:
		return str_eq(f->name, S("host"))     ? GROUP_HOST
		       : str_eq(f->name, S("cookie")) ? GROUP_COOKIE
						      : GROUP_ONE;
	case SUBJ_TLS:
	case SUBJ_SCHEME:
	case SUBJ_SNI:
	case SUBJ_ALPN:
		return GROUP_TLS;
	default:
		return GROUP_ONE;
	}
}

static struct proof_field *field_new(struct proof *g, struct str key, struct proof_field init)
{
	struct proof_field *f = symbol_get(&g->field_names, key);
	enum group_kind kind;

	if (f)
		return f;
	f = ARENA_NEW(g->a, struct proof_field);
	*f = init;
	f->index = (uint32_t)g->fields.n;
	kind = group_kind_of(f);
	f->group = kind == GROUP_ONE ? group_new(g, kind) : group_shared(g, kind);
	GROW(g->a, f->group->fields, f->group->n, f->group->room);
	f->group->fields[f->group->n++] = f;
	vec_push(g->a, &g->fields, f);
	symbol_put(g->a, &g->field_names, arena_str(g->a, key), f);
	return f;
}

/* Range of a number of the kind <id>. */
static void range_of(enum subject_id id, int64_t num, int64_t *min, int64_t *max)
{
	*min = 0;
	*max = INT64_MAX / 2;
	if (id == SUBJECTS)
		*min = INT64_MIN / 2;
	if (id == SUBJ_SRC_PORT || id == SUBJ_DST_PORT)
		*max = 65535;
	else if (id == SUBJ_TLS || id == SUBJ_MADE)
		*max = 1;
	else if (id == SUBJ_STATUS)
		*min = 100, *max = 599;
	else if (id == SUBJ_RANDOM && num > 0)
		*max = num - 1;
}

static bool never_absent(enum subject_id id)
{
	return id == SUBJ_METH || id == SUBJ_URI || id == SUBJ_VERSION || id == SUBJ_SCHEME ||
	       id == SUBJ_LINE || (id >= SUBJ_SRC && id <= SUBJ_TLS) || id == SUBJ_STATUS ||
	       id == SUBJ_MADE || id >= SUBJ_RATE;
}

static bool is_text(enum subject_id id)
{
	static const enum p_type types[] = {
#define SUBJECT(id, spelling, argument, type, ...) TYPE_##type,
#include "../../grammar/subject.def"
	};

	return types[id] == TYPE_STR;
}

/* Converters and counts: the value does not follow from a model of the fields above. */
static bool is_derived(const struct p_subject *s)
{
	return s->convs || s->measure == MEASURE_COUNT ||
	       (s->measure == MEASURE_LEN && !is_text(s->id));
}

/* Values that no request carries, or none that a model can choose. */
static bool is_given(enum subject_id id)
{
	return id == SUBJ_CERT || id == SUBJ_HELLO || id == SUBJ_VAR || id == SUBJ_CAPTURE ||
	       id == SUBJ_DATE;
}

struct proof_field *field_of(struct proof *g, const struct p_subject *s, bool response)
{
	struct textbuf key = { 0 };
	bool answer = response && !s->of_request &&
		      (s->id == SUBJ_LINE || s->id == SUBJ_VERSION || s->id == SUBJ_H ||
		       s->id == SUBJ_C || s->id == SUBJ_STATUS || s->id == SUBJ_MADE);
	struct proof_field f = { .id = s->id,
				 .response = answer,
				 .name = s->name,
				 .subject = s,
				 .always = never_absent(s->id) && !s->convs,
				 .many = s->id == SUBJ_H || s->id == SUBJ_C || s->id == SUBJ_Q,
				 .opaque = is_derived(s) || is_given(s->id) };
	char head[64];

	snprintf(head, sizeof(head), "%d %d %lld %u %d ", (int)s->id, answer, (long long)s->num,
		 s->section ? s->section->index : 0, is_derived(s) ? (int)s->index : -1);
	textbuf_put(g->a, &key, str_from(head));
	textbuf_put(g->a, &key, s->name);
	if (s->type == TYPE_ADDR)
		f.kind = FIELD_ADDR;
	else if (s->type == TYPE_STR || (s->measure == MEASURE_LEN && !f.opaque))
		f.kind = FIELD_TEXT;
	else
		f.kind = FIELD_INT;
	if (s->measure == MEASURE_COUNT)
		f.many = false, f.always = true;
	range_of(f.opaque ? SUBJECTS : s->id, s->num, &f.min, &f.max);
	return field_new(g, textbuf_str(&key), f);
}

struct proof_field *field_of_param(struct proof *g, const struct p_param *q)
{
	return field_new(g, arena_printf(g->a, "param %u", q->index),
			 (struct proof_field) { .kind = FIELD_TEXT,
						.id = SUBJECTS,
						.param = q,
						.always = true,
						.name = q->name });
}

struct proof_field *field_version(struct proof *g, const struct proof_field *of,
				  const void *version)
{
	struct proof_field f = *of;

	f.opaque = true;
	f.version = version;
	f.group = NULL;
	f.watch = NULL;
	return field_new(g, arena_printf(g->a, "version %u %p", of->index, version), f);
}

struct proof_field *field_unknown(struct proof *g, struct str key)
{
	return field_new(g, arena_printf(g->a, "unknown %.*s", STR_ARG(key)),
			 (struct proof_field) { .kind = FIELD_INT,
						.id = SUBJECTS,
						.max = 1,
						.always = true,
						.opaque = true });
}

/* "b": "." in hosts, "/" elsewhere, where "?" is one, too. */
char field_delimiter(const struct proof_field *f)
{
	return f->id == SUBJ_HOST || f->id == SUBJ_SNI || f->id == SUBJ_HELLO ||
			       (f->id == SUBJ_H && str_eq(f->name, S("host")))
		       ? '.'
		       : '/';
}
