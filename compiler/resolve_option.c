/* SPDX-License-Identifier: Apache-2.0 */
/* resolve_option: requires resolved names. Leaves for each section and for global the option
 * statements that hold there, after profiles. Reports options in a section that does not own them,
 * unknown profiles, profiles that use each other in a circle, options given twice, W211 and W212.
 * */
#include "option.h"

static const struct option_row rows[OPTIONS] = {
#define OPTION(id, words, owner, args, value, doc) [OPT_##id] = { words, owner, args, value },
#include "../grammar/option.def"
};

const struct option_row *option_row(int id)
{
	return &rows[id];
}

const char *option_sides(enum section_kind kind)
{
	switch (kind) {
	case SEC_LISTEN:
		return "fb";
	case SEC_FRONTEND:
		return "f";
	case SEC_BACKEND:
		return "b";
	case SEC_REQRULES:
		return "r";
	case SEC_GLOBAL:
		return "g";
	case SEC_CHECKPOINT:
		return "k";
	default:
		return "";
	}
}

bool option_owned(int id, enum section_kind kind)
{
	return strpbrk(option_row(id)->owner, option_sides(kind)) != NULL;
}

bool option_repeats(int id)
{
	return id == OPT_BIND || id == OPT_SERVER || id == OPT_ERROR || id == OPT_MONITOR_NET ||
	       id == OPT_TRUSTED || id == OPT_LOG || id == OPT_USE_PROFILE || id == OPT_CPU_MAP;
}

static const char *owner_names(int id)
{
	bool f = option_has(id, 'f'), b = option_has(id, 'b'), g = option_has(id, 'g');

	if (option_has(id, 'r'))
		return b ? "both sides and reqrules"
			 : "the front side and reqrules (listen, frontend, reqrules)";
	if (f && b)
		return g ? "global and both sides" : "both sides (listen, frontend, backend)";
	if (f)
		return g ? "global and the front side (listen, frontend)"
			 : "the front side (listen, frontend)";
	if (b)
		return "the back side (listen, backend)";
	return option_has(id, 'k') ? "checkpoints" : "global";
}

static bool check_owner(const struct ast_option *o, enum section_kind kind)
{
	if (option_owned(o->id, kind))
		return true;
	diag(E011, o->at, option_row(o->id)->words, owner_names(o->id), kind_article(kind));
	return false;
}

/* The statement's last word "override" is no argument: it only says that W211 is not wanted. */
static bool says_override(const struct ast_option *o)
{
	const struct ast_value *v = o->values;
	bool alone = v && !v->next;

	if (option_has(o->id, '!') ||
	    (alone && option_row(o->id)->args[0] && option_row(o->id)->args[0] != '?'))
		return false;
	while (v && v->next)
		v = v->next;
	return v && !v->delim && str_eq(v->text, S("override"));
}

/* <o> without its last value. */
static const struct ast_option *without_last(struct model *m, const struct ast_option *o)
{
	struct ast_option *copy = ARENA_NEW(m->arena, struct ast_option);
	struct ast_value **last = &copy->values;

	*copy = *o;
	copy->values = NULL;
	for (const struct ast_value *v = o->values; v->next; v = v->next) {
		*last = ARENA_NEW(m->arena, struct ast_value);
		**last = *v;
		(*last)->next = NULL;
		last = &(*last)->next;
	}
	return copy;
}

static struct option_use *new_use(struct model *m, const struct ast_option *o,
				  struct profile *origin)
{
	struct option_use *u = ARENA_NEW(m->arena, struct option_use);

	u->override = says_override(o);
	u->opt = u->override ? without_last(m, o) : o;
	u->origin = origin;
	return u;
}

static const struct ast_option *first_of(const struct vec *list)
{
	return list->n ? ((const struct option_use *)list->p[0])->opt : NULL;
}

static struct profile *origin_of(const struct vec *list)
{
	return list->n ? ((const struct option_use *)list->p[0])->origin : NULL;
}

/* Own statement <o> into <opts>: one more of a repeatable option, else the only one. */
static void add_own(struct model *m, struct vec *opts, const struct ast_option *o,
		    struct profile *origin)
{
	struct vec *list;

	list = &opts[o->id == OPT_TIMEOUT_CONNECTION ? OPT_TIMEOUT_CONNECT : o->id];
	if (list->n && !option_repeats(o->id)) {
		diag(E058, o->at, arena_printf(m->arena, "'%s'", option_row(o->id)->words).p);
		diag_note(first_of(list)->at, "the first one is here");
		return;
	}
	vec_push(m->arena, list, new_use(m, o, origin));
}

/* Do two statements say the same? Then one overriding the other needs no warning. */
static bool same_words(const struct ast_option *a, const struct ast_option *b)
{
	const struct ast_value *x = a->values, *y = b->values;

	while (x && y && str_eq(x->text, y->text)) {
		x = x->next;
		y = y->next;
	}
	return !x && !y;
}

/* Takes <from>'s statement of option <id> into <to>, where own statements already stand and <later>
 * tells that an earlier profile of the same use_profile list has to give way. */
static void take(struct model *m, struct vec *to, const struct vec *from, int id, bool quiet)
{
	const struct ast_option *old = first_of(&to[id]), *new = first_of(&from[id]);

	if (!new)
		return;
	if (id == OPT_ERROR) { /* by status: all are kept, the later profile's first */
		struct vec joined = { 0 };

		for (size_t i = 0; i < from[id].n; i++)
			vec_push(m->arena, &joined, from[id].p[i]);
		for (size_t i = 0; i < to[id].n; i++)
			vec_push(m->arena, &joined, to[id].p[i]);
		to[id] = joined;
		return;
	}
	if (old && old != new && !quiet && !((struct option_use *)from[id].p[0])->override &&
	    !same_words(old, new)) {
		struct str over = origin_of(&from[id])->name, under = origin_of(&to[id])->name;

		diag(W211, new->at, STR_ARG(over), option_row(id)->words, STR_ARG(under));
		diag_note(old->at, "the one that gives way");
	}
	to[id] = from[id];
}

static void collect_profile(struct model *m, struct profile *p);

/* Options of the profiles named by <uses> into <opts>, which is empty: the later wins. */
static void collect_uses(struct model *m, const struct vec *uses, struct vec *opts,
			 enum section_kind kind)
{
	for (size_t i = 0; i < uses->n; i++) {
		const struct option_use *use = uses->p[i];

		for (const struct ast_value *v = use->opt->values; v; v = v->next) {
			struct profile *p = symbol_get(&m->profiles, v->text);

			if (!p) {
				diag(E051, v->at, "profile", STR_ARG(v->text));
				model_suggest(m, &m->profiles, v->text);
				continue;
			}
			p->used = true;
			collect_profile(m, p);
			for (int id = 0; id < OPTIONS; id++) {
				if (kind != SEC_PROFILE && !option_owned(id, kind))
					continue;
				if (p->opts)
					take(m, opts, p->opts, id, use->override);
			}
		}
	}
}

static bool check_in_profile(const struct ast_option *o)
{
	int id = o->id;

	if (id == OPT_USE_PROFILE)
		return true;
	if (option_has(id, '!')) {
		diag(E053, o->at, option_row(id)->words);
		return false;
	}
	if (!option_has(id, 'f') && !option_has(id, 'b')) {
		diag(E011, o->at, option_row(id)->words, owner_names(id), "a profile");
		return false;
	}
	return true;
}

/* Joins own statements and those of profiles: own ones win. */
static void join(struct model *m, struct vec *own, const struct vec *taken)
{
	for (int id = 0; id < OPTIONS; id++) {
		if (id == OPT_ERROR) /* own pages first: the first of a status holds */
			for (size_t i = 0; i < taken[id].n; i++)
				vec_push(m->arena, &own[id], taken[id].p[i]);
		else if (!own[id].n && id != OPT_USE_PROFILE)
			own[id] = taken[id];
	}
}

static void collect_profile(struct model *m, struct profile *p)
{
	struct vec *taken;

	if (p->busy) {
		diag(E063, p->ast->name_at, "profiles", STR_ARG(p->name));
		return;
	}
	if (p->opts)
		return;
	if (m->depth >= MODEL_DEPTH_MAX) {
		diag(E068, p->ast->name_at, STR_ARG(p->name),
		     "too many profiles above it (100 may nest)");
		return;
	}
	p->busy = true;
	m->depth++;
	p->opts = ARENA_ARRAY(m->arena, struct vec, OPTIONS);
	p->taken = ARENA_ARRAY(m->arena, bool, OPTIONS);
	taken = ARENA_ARRAY(m->arena, struct vec, OPTIONS);
	for (const struct ast_stmt *s = p->ast->stmts; s; s = s->next)
		if (s->kind == STMT_OPTION && check_in_profile(s->option))
			add_own(m, p->opts, s->option, p);
	collect_uses(m, &p->opts[OPT_USE_PROFILE], taken, SEC_PROFILE);
	join(m, p->opts, taken);
	m->depth--;
	p->busy = false;
}

/* Marks in the profiles named by <uses>, and in those they use, what <kind> can own. */
static void mark_taken(struct model *m, const struct vec *uses, enum section_kind kind)
{
	for (size_t i = 0; i < uses->n; i++)
		for (const struct ast_value *v = ((struct option_use *)uses->p[i])->opt->values; v;
		     v = v->next) {
			struct profile *p = symbol_get(&m->profiles, v->text);

			if (!p || !p->opts || p->marked & 1u << kind)
				continue;
			p->marked |= 1u << kind;
			for (int id = 0; id < OPTIONS; id++)
				p->taken[id] = p->taken[id] || option_owned(id, kind);
			mark_taken(m, &p->opts[OPT_USE_PROFILE], kind);
		}
}

static void collect_entity(struct model *m, struct entity *e)
{
	struct vec *taken = ARENA_ARRAY(m->arena, struct vec, OPTIONS);

	for (const struct ast_stmt *s = e->ast->stmts; s; s = s->next)
		if (s->kind == STMT_OPTION && check_owner(s->option, e->kind))
			add_own(m, e->opts, s->option, NULL);
	if (!e->opts[OPT_USE_PROFILE].n)
		return;
	collect_uses(m, &e->opts[OPT_USE_PROFILE], taken, e->kind);
	mark_taken(m, &e->opts[OPT_USE_PROFILE], e->kind);
	join(m, e->opts, taken);
}

static void check_profile(struct profile *p)
{
	for (int id = 0; id < OPTIONS; id++) {
		const struct ast_option *o = p->opts ? first_of(&p->opts[id]) : NULL;

		if (o && origin_of(&p->opts[id]) == p && id != OPT_USE_PROFILE && p->used &&
		    !p->taken[id])
			diag(W212, o->at, STR_ARG(p->name), option_row(id)->words);
	}
}

/* Options where no section of options is: file level, set, map, test, reqrules and rsprules. */
static void check_elsewhere(const struct ast_section *sec)
{
	if (sec->kind != SEC_FILE && sec->kind != SEC_SET && sec->kind != SEC_MAP &&
	    sec->kind != SEC_TEST)
		return;
	for (const struct ast_stmt *s = sec->stmts; s; s = s->next)
		if (s->kind == STMT_OPTION)
			check_owner(s->option, sec->kind);
}

void resolve_options(struct model *m)
{
	m->globals = ARENA_ARRAY(m->arena, struct vec, OPTIONS);
	for (const struct ast_section *sec = m->ast->sections; sec; sec = sec->next) {
		check_elsewhere(sec);
		if (sec->kind != SEC_GLOBAL)
			continue;
		for (const struct ast_stmt *s = sec->stmts; s; s = s->next)
			if (s->kind == STMT_OPTION && check_owner(s->option, SEC_GLOBAL))
				add_own(m, m->globals, s->option, NULL);
	}
	for (size_t i = 0; i < m->profiles.n; i++)
		collect_profile(m, m->profiles.all[i]->object);
	for (size_t i = 0; i < m->entities.n; i++)
		collect_entity(m, m->entities.p[i]);
	for (size_t i = 0; i < m->checkpoints.n; i++)
		collect_entity(m, m->checkpoints.all[i]->object);
	for (size_t i = 0; i < m->profiles.n; i++)
		check_profile(m->profiles.all[i]->object);
}
