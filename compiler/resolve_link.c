/* SPDX-License-Identifier: Apache-2.0 */
/* resolve_link: requires resolved options. Leaves for each section whose rules and whose servers it
 * has and its default backend; copies the settings that come with servers. Reports cycles, unlike
 * modes and, as W210, each statement that another section's masks. */
#include "option.h"

/* What use_backend_from takes from the other section. */
static const int backend_options[] = {
	OPT_SERVER, OPT_BALANCE,         OPT_REUSE,          OPT_POOL,
	OPT_CHECK,  OPT_COOKIE,          OPT_DISPATCH,       OPT_TRANSPARENT,
	OPT_PROXY,  OPT_TIMEOUT_CONNECT, OPT_TIMEOUT_SERVER, OPT_TIMEOUT_QUEUE,
	OPT_QUEUE,  OPT_TIMEOUT_TUNNEL,  OPT_TIMEOUT_CHECK,
};

static const struct ast_option *only(const struct entity *e, int id)
{
	const struct vec *list = &e->opts[id];

	return list->n ? ((const struct option_use *)list->p[0])->opt : NULL;
}

/* The section named by option <id> of <e>, or NULL. */
static struct entity *named(struct model *m, struct entity *e, int id, struct at *at)
{
	const struct ast_option *o = only(e, id);
	const char *what = id == OPT_USE_FILTERS_FROM ? "section" : "backend";

	if (!o)
		return NULL;
	*at = o->at;
	if (!o->values || o->values->next) {
		diag(E054, o->at, option_row(id)->words, "one section");
		return NULL;
	}
	return model_entity(m, o->values->text, o->values->at, what);
}

static bool has_servers(const struct entity *e)
{
	return e->kind == SEC_BACKEND || e->kind == SEC_LISTEN;
}

static bool check_kind(const struct entity *to, int id, struct at at)
{
	bool good = id == OPT_USE_FILTERS_FROM ? has_servers(to) || to->kind == SEC_FRONTEND
					       : has_servers(to);

	if (!good)
		diag(E073, at, STR_ARG(to->name), kind_article(to->kind), option_row(id)->words,
		     id == OPT_USE_FILTERS_FROM ? "a listen, frontend or backend"
						: "a listen or backend");
	return good;
}

static bool check_modes(const struct entity *e, const struct entity *to, struct at at)
{
	bool same = e->out->front_mode == to->out->front_mode;

	if (!same)
		diag(E062, at, STR_ARG(e->name), e->out->front_mode == MODE_TCP ? "tcp" : "http",
		     STR_ARG(to->name), to->out->front_mode == MODE_TCP ? "tcp" : "http");
	return same;
}

/* Direct link of <e> by option <id> into <slot>. */
static void link_one(struct model *m, struct entity *e, int id, struct entity **slot, struct at *at)
{
	struct entity *to = named(m, e, id, at);

	if (to == e) {
		diag(E063, *at, "sections", STR_ARG(e->name));
		e->broken = true;
	} else if (to && check_kind(to, id, *at) && check_modes(e, to, *at))
		*slot = to;
	else
		e->broken = e->broken || only(e, id);
}

static struct entity **slot_of(struct entity *e, int id)
{
	return id == OPT_USE_FILTERS_FROM ? &e->filters : &e->servers_of;
}

/* Follows direct links to their ends; <state> 1: on the way, 2: done. */
static void follow(struct model *m, int id)
{
	struct vec path = { 0 };

	for (size_t i = 0; i < m->entities.n; i++)
		((struct entity *)m->entities.p[i])->state = 0;
	for (size_t i = 0; i < m->entities.n; i++) {
		struct entity *e = m->entities.p[i], *end;

		path.n = 0;
		while (e->state == 0 && *slot_of(e, id) != e) {
			e->state = 1;
			vec_push(m->arena, &path, e);
			e = *slot_of(e, id);
		}
		end = *slot_of(e, id);
		if (e->state == 1) {
			diag(E063, id == OPT_USE_FILTERS_FROM ? e->filters_at : e->servers_at,
			     "sections", STR_ARG(e->name));
			end = NULL;
		}
		for (size_t k = 0; k < path.n; k++) {
			struct entity *on = path.p[k];

			on->state = 2;
			*slot_of(on, id) = end ? end : on;
			on->broken = on->broken || !end;
		}
	}
}

static void masked(struct at at, const char *option, const struct entity *by, struct at by_at)
{
	diag(W210, at, option, STR_ARG(by->name));
	diag_note(by_at, "masked from here");
	diag_note(by->ast->at, "this section's statements hold");
}

static bool is_backend_option(int id)
{
	for (size_t i = 0; i < sizeof(backend_options) / sizeof(*backend_options); i++)
		if (backend_options[i] == (id == OPT_TIMEOUT_CONNECTION ? OPT_TIMEOUT_CONNECT : id))
			return true;
	return false;
}

/* Is the statement of <id> that holds for <e> its own, when its servers are another's? */
static bool keeps_own(const struct entity *e, int id)
{
	return !is_backend_option(id) || (e->kind == SEC_LISTEN && option_has(id, 'f'));
}

struct entity *link_owner(struct entity *e, int id)
{
	if (id == OPT_DEFAULT_BACKEND)
		return e->filters;
	return keeps_own(e, id) ? e : e->servers_of;
}

static void report_masked(const struct entity *e)
{
	bool filters = e->filters != e, servers = e->servers_of != e;

	if (!filters && !servers)
		return;
	for (const struct ast_stmt *s = e->ast->stmts; s; s = s->next) {
		if (filters && (s->kind == STMT_RULE || s->kind == STMT_ACL ||
				(s->kind == STMT_OPTION && s->option->id == OPT_DEFAULT_BACKEND)))
			masked(s->at, "use_filters_from", e->filters, e->filters_at);
		else if (servers && s->kind == STMT_OPTION && !keeps_own(e, s->option->id))
			masked(s->at, "use_backend_from", e->servers_of, e->servers_at);
	}
}

static void take_settings(struct entity *e)
{
	const struct p_section *from = e->servers_of->out;

	for (size_t i = 0; i < sizeof(backend_options) / sizeof(*backend_options); i++)
		if (!keeps_own(e, backend_options[i]))
			e->out->settings[backend_options[i]] = from->settings[backend_options[i]];
	e->out->dispatch = from->dispatch;
}

static void link_default(struct model *m, struct entity *e)
{
	struct entity *to = named(m, e, OPT_DEFAULT_BACKEND, &e->default_at);

	if (!to)
		return;
	if (!has_servers(to)) {
		diag(E073, e->default_at, STR_ARG(to->name), kind_article(to->kind),
		     "default_backend", "a backend or a listen");
		return;
	}
	if (e->out->front_mode != to->out->back_mode) {
		diag(E062, e->default_at, STR_ARG(e->name),
		     e->out->front_mode == MODE_TCP ? "tcp" : "http", STR_ARG(to->name),
		     to->out->back_mode == MODE_TCP ? "tcp" : "http");
		return;
	}
	e->default_backend = to;
}

void resolve_links(struct model *m)
{
	for (size_t i = 0; i < m->entities.n; i++) {
		struct entity *e = m->entities.p[i];

		link_one(m, e, OPT_USE_FILTERS_FROM, &e->filters, &e->filters_at);
		link_one(m, e, OPT_USE_BACKEND_FROM, &e->servers_of, &e->servers_at);
		link_default(m, e);
	}
	follow(m, OPT_USE_FILTERS_FROM);
	follow(m, OPT_USE_BACKEND_FROM);
	for (size_t i = 0; i < m->entities.n; i++) {
		struct entity *e = m->entities.p[i], *by = e->filters->default_backend;

		report_masked(e);
		if (e->servers_of != e)
			take_settings(e);
		e->out->filters = e->filters->out;
		e->out->servers_of = e->servers_of->out;
		e->out->default_backend = by ? by->out : NULL;
	}
}
