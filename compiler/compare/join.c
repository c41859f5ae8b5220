/* SPDX-License-Identifier: Apache-2.0 */
/* join: two programs in one, so that one engine answers questions about both. What is equal gets
 * one number: sections and params by name, subjects and expressions by what they are. */
#include "../program_form.h"
#include "../show.h"
#include "side.h"

static struct str written(struct arena *a, const struct program *p)
{
	struct show_buffer b;

	show_open(&b);
	program_write(p, b.out);
	return show_close(&b, a);
}

/* The number of what is equal in <seen>, else the next one, which <object> keeps. */
static uint32_t number(struct arena *a, struct symbols *seen, struct str key, uint32_t *next)
{
	uint32_t *n = symbol_get(seen, key);

	if (!n) {
		n = ARENA_NEW(a, uint32_t);
		*n = (*next)++;
		symbol_put(a, seen, key, n);
	}
	return *n;
}

/* Numbers the objects of both lists by <KEY>; those of the old list keep theirs, as long as no two
 * of them are equal. */
#define NUMBER(list, count, KEY)                                                                   \
	do {                                                                                       \
		struct symbols seen_ = { 0 };                                                      \
		uint32_t next_ = old->count;                                                       \
		for (uint32_t i = 0; i < old->count; i++) {                                        \
			uint32_t *n_ = ARENA_NEW(a, uint32_t);                                     \
			*n_ = old->list[i]->index;                                                 \
			symbol_put(a, &seen_, KEY(old->list[i]), n_);                              \
		}                                                                                  \
		for (uint32_t i = 0; i < twin->count; i++)                                         \
			twin->list[i]->index = number(a, &seen_, KEY(twin->list[i]), &next_);      \
	} while (0)

static struct str form_of_subject(struct arena *a, const struct p_subject *s)
{
	struct show_buffer b;

	show_open(&b);
	show_subject(b.out, s);
	fprintf(b.out, " %d %d %d", s->of_request, s->icase, (int)s->type);
	if (s->section)
		fprintf(b.out, " %.*s", STR_ARG(s->section->name));
	return show_close(&b, a);
}

static void **joined(struct arena *a, void *const *x, uint32_t nx, void *const *y, uint32_t ny)
{
	void **both = arena_get(a, (nx + ny + 1) * sizeof(void *));

	if (nx)
		memcpy(both, x, nx * sizeof(void *));
	if (ny)
		memcpy(both + nx, y, ny * sizeof(void *));
	return both;
}

#define JOIN(list, count)                                                                          \
	do {                                                                                       \
		all->list = (void *)joined(a, (void *const *)(void *)old->list, old->count,        \
					   (void *const *)(void *)twin->list, twin->count);        \
		all->count = old->count + twin->count;                                             \
	} while (0)

struct program *side_join(struct arena *a, const struct program *old, const struct program *new,
			  struct program **twin_out)
{
	struct program *all = ARENA_NEW(a, struct program), *twin;
	struct str why = { 0 };

	*twin_out = twin = program_read(a, written(a, new), &why);
	if (!twin || twin->nrules != new->nrules || twin->nsections != new->nsections)
		return NULL;
#define SECTION_KEY(s) ((s)->name)
#define PARAM_KEY(p) ((p)->name)
#define SUBJECT_KEY(s) form_of_subject(a, s)
#define REGEX_KEY(r) arena_printf(a, "%d%d%.*s", (r)->icase, (r)->freespace, STR_ARG((r)->text))
	NUMBER(sections, nsections, SECTION_KEY);
	NUMBER(params, nparams, PARAM_KEY);
	NUMBER(subjects, nsubjects, SUBJECT_KEY);
	NUMBER(regexes, nregexes, REGEX_KEY);
	*all = *old;
	JOIN(sections, nsections);
	JOIN(rules, nrules);
	JOIN(acls, nacls);
	JOIN(subjects, nsubjects);
	JOIN(regexes, nregexes);
	JOIN(params, nparams);
	JOIN(sets, nsets);
	JOIN(maps, nmaps);
	return all;
}
