/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

static const struct {
	const char *name, *article;
} kinds[] = {
	[SEC_FILE] = { "file level", "file level" },
	[SEC_GLOBAL] = { "global", "global" },
	[SEC_PROFILE] = { "profile", "a profile" },
	[SEC_LISTEN] = { "listen", "a listen" },
	[SEC_FRONTEND] = { "frontend", "a frontend" },
	[SEC_REQRULES] = { "reqrules", "reqrules" },
	[SEC_BACKEND] = { "backend", "a backend" },
	[SEC_RSPRULES] = { "rsprules", "rsprules" },
	[SEC_CHECKPOINT] = { "checkpoint", "a checkpoint" },
	[SEC_SET] = { "set", "a set" },
	[SEC_MAP] = { "map", "a map" },
	[SEC_TEST] = { "test", "a test" },
};

const char *kind_name(enum section_kind kind)
{
	return kinds[kind].name;
}

const char *kind_article(enum section_kind kind)
{
	return kinds[kind].article;
}

const char *where_name(unsigned where)
{
	switch (where) {
	case W_REQ_IN:
		return "req in";
	case W_REQ_OUT:
		return "req out";
	case W_RSP_IN:
		return "rsp in";
	case W_RSP_OUT:
		return "rsp out";
	case W_CONN:
		return "conn in";
	case W_SESS:
		return "sess in";
	case W_TCP:
		return "req in of a tcp section";
	default:
		return where & W_RSP ? "response rules" : "request rules";
	}
}

void model_suggest_words(struct str word, const struct str *words, size_t n)
{
	struct str near = diag_nearest(word, words, n);

	if (near.n)
		diag_hint("did you mean '%.*s'?", STR_ARG(near));
}

void model_suggest(struct model *m, const struct symbols *t, struct str word)
{
	struct str *names;

	if (!model_hints() || !t->n)
		return;
	names = ARENA_ARRAY(m->arena, struct str, t->n);
	for (size_t i = 0; i < t->n; i++)
		names[i] = t->all[i]->name;
	model_suggest_words(word, names, t->n);
}

struct entity *model_entity(struct model *m, struct str name, struct at at, const char *what)
{
	struct entity *e = symbol_get(&m->sections, name);

	if (e) {
		e->used = true;
		return e;
	}
	diag(E004, at, what, STR_ARG(name));
	model_suggest(m, &m->sections, name);
	return NULL;
}

struct slot *model_slot(struct model *m, struct symbols *t, struct str name, struct at at)
{
	struct slot *s = symbol_get(t, name);

	if (s)
		return s;
	s = ARENA_NEW(m->arena, struct slot);
	s->name = name;
	s->first = at;
	s->index = t == &m->vars ? m->out->nvars++ : m->out->ncaptures++;
	return symbol_put(m->arena, t, name, s);
}
