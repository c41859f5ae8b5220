/* SPDX-License-Identifier: Apache-2.0 */
/* S307, S309, S315, S321: what gets to servers although the site looks after it elsewhere. Requests
 * that servers get are changed in one thing, and run again: what is said has been forwarded. */
#include "lint.h"

#define FORGED "203.0.113.66"

static const struct str forwarding[] = { { "X-Forwarded-For", 15 },
					 { "X-Real-IP", 9 },
					 { "Forwarded", 9 } };

struct pass {
	struct lint *l;
	struct arena a;
	bool any; /* a forwarding header is looked after */
	bool identity; /* some rule writes a header that says who the client is */
	struct symbols named, guarded; /* headers that the front looks after; that were checked */
};

/* Names of headers, whatever their case. */
static struct str lowered(struct pass *p, struct str name)
{
	char *low = arena_get(p->l->g->a, name.n + 1);

	for (size_t i = 0; i < name.n; i++)
		low[i] = ascii_lower(name.p[i]);
	return str_of(low, name.n);
}

static bool has(struct pass *p, const struct symbols *names, struct str name)
{
	return symbol_get(names, lowered(p, name)) != NULL;
}

static void add(struct pass *p, struct symbols *names, struct str name)
{
	if (!has(p, names, name))
		symbol_put(p->l->g->a, names, lowered(p, name), p);
}

/* Is the header in the request that the server gets, with <value> in it? */
static bool arrives(struct pass *p, const struct witness *w, const struct request_spec *r,
		    struct str name, struct str value)
{
	struct outcome *o = lint_replay(p->l, &p->a, r, w);
	bool found = false;

	for (uint32_t i = 0; o && o->forwarded && i < o->request.headers.n; i++)
		found |= str_ieq(o->request.headers.at[i].name, name) &&
			 str_find(o->request.headers.at[i].value, value) >= 0;
	arena_free(&p->a);
	return found;
}

/* Where the way of the request begins and ends. */
static struct at way(const struct witness *w)
{
	const struct p_section *s = w->outcome->backend;

	return lint_at(s && !lint_skips(s->place) ? s->place : w->outcome->entry->place);
}

/* ---- S307, S309 ---- */

static bool try_forged(struct pass *p, const struct witness *w, struct request_spec *r,
		       struct str name)
{
	struct str value = str_eq(name, S("Forwarded")) ? S("for=" FORGED) : S(FORGED);
	const struct p_forwardfor *f = &w->outcome->entry->forwardfor;

	if (lint_trusts(p->l, r->src.addr) || lint_in_nets(r->src.addr, f->unless, f->nunless))
		return false;
	lint_set_header(p->l->g->a, r, name, value);
	if (!arrives(p, w, r, name, value))
		return false;
	diag(S307, way(w), STR_ARG(w->outcome->backend->name), STR_ARG(name));
	lint_replayed(p->l, r, w);
	return true;
}

static void check_forwarding(struct pass *p, const struct witness *w)
{
	struct arena *a = p->l->g->a;
	uint16_t port;

	for (size_t i = 0; i < 3; i++) {
		struct request_spec r = lint_request(a, &w->request), far = r;

		address_read(S("198.51.100.7"), &far.src, &port);
		if (has(p, &p->named, forwarding[i]) &&
		    (try_forged(p, w, &far, forwarding[i]) || try_forged(p, w, &r, forwarding[i])))
			return;
	}
}

/* Names that servers take for who the client is. */
static bool is_identity(struct str name)
{
	static const char *const parts[] = { "user",  "auth",    "role",     "group",
					     "email", "account", "identity", "client-cert",
					     "ssl-",  "tenant",  "remote-",  "subject" };

	if (str_chr(name, '-') < 0 || str_ieq(name, S("user-agent")))
		return false;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (str_ifind(name, str_from(parts[i])) >= 0)
			return true;
	return false;
}

struct guard {
	struct pass *p;
	const struct p_action *action;
	bool told;
};

static void check_guard(struct guard *k, const struct witness *w)
{
	struct arena *a = k->p->l->g->a;
	struct request_spec r = lint_request(a, &w->request);
	char *other = arena_get(a, k->action->name.n + 1);
	struct str name;

	for (size_t i = 0; i < k->action->name.n; i++)
		other[i] = k->action->name.p[i] == '-' ? '_' : k->action->name.p[i];
	name = str_of(other, k->action->name.n);
	lint_set_header(a, &r, name, S("root"));
	if (!arrives(k->p, w, &r, name, S("root")))
		return;
	k->told = true;
	diag(S309, lint_at(k->action->place), STR_ARG(k->action->name), STR_ARG(name));
	lint_replayed(k->p->l, &r, w);
}

/* What a backend writes is for its own servers. */
static bool concerns(const struct p_section *s, const struct witness *w)
{
	return s->kind != SEC_BACKEND || w->outcome->backend == s;
}

static void check_identity(struct pass *p, const struct vec *ways)
{
	for (uint32_t i = 0; i < p->l->p->nrules; i++) {
		const struct p_rule *rule = p->l->p->rules[i];

		for (uint32_t k = 0; k < rule->nactions && !lint_is_response(rule->dir); k++) {
			struct guard g = { .p = p, .action = &rule->actions[k] };
			const struct p_action *a = g.action;

			if ((a->id != ACT_REM && !(a->id == ACT_SET && a->part == PART_HEADER)) ||
			    !is_identity(a->name) || lint_skips(a->place) ||
			    has(p, &p->guarded, a->name))
				continue;
			add(p, &p->guarded, a->name);
			for (size_t n = 0; n < ways->n && !g.told && !p->l->untried; n++)
				if (concerns(rule->section, ways->p[n]))
					check_guard(&g, ways->p[n]);
		}
	}
}

/* ---- S315, S321: what the site refuses in another spelling ---- */

static struct outcome *asked(struct pass *p, const struct witness *w, struct request_spec *r)
{
	return lint_replay(p->l, &p->a, r, w);
}

struct methods {
	bool method, other; /* what is looked at */
};

static void see_method(const struct p_test *t, bool positive, void *arg)
{
	struct methods *m = arg;

	(void)positive;
	m->method |= t->subject->id == SUBJ_METH;
	m->other |= t->subject->id != SUBJ_METH;
}

/* Does a rule of <entry> refuse requests for their method alone? */
static bool names_methods(struct lint *l, const struct p_section *entry)
{
	for (uint32_t i = 0; i < l->p->nrules; i++) {
		const struct p_rule *r = l->p->rules[i];
		struct methods m = { 0 };

		if (!lint_refuses(r) || lint_is_response(r->dir) || r->section != entry)
			continue;
		lint_each_test(r->cond, true, see_method, &m);
		if (m.method && !m.other)
			return true;
	}
	return false;
}

static bool refuses_methods(struct lint *l)
{
	for (uint32_t i = 0; i < l->p->nsections; i++)
		if (names_methods(l, l->p->sections[i]))
			return true;
	return false;
}

static void check_method(struct pass *p, const struct witness *w, struct str meth)
{
	struct request_spec r = lint_request(p->l->g->a, &w->request);
	bool connect = str_eq(meth, S("CONNECT"));
	struct outcome *o;

	r.meth = meth;
	if (connect) {
		r.target = S("localhost:443");
		lint_set_header(p->l->g->a, &r, S("Host"), r.target);
	}
	o = asked(p, w, &r);
	if (o && o->forwarded && !o->backend->settings[OPT_PROXY].set) {
		diag(S315, way(w), STR_ARG(meth), STR_ARG(o->backend->name));
		lint_replayed(p->l, &r, w);
	}
	arena_free(&p->a);
}

/* Families of paths that are not for everyone. What many a site serves on purpose only shows that
 * the family is looked after. */
struct probe {
	struct str path;
	bool reported;
};
static const struct probe hidden[] = { { { "/.git/config", 12 }, true },
				       { { "/.env", 5 }, true },
				       { { "/.svn/entries", 13 }, false },
				       { { "/.htpasswd", 10 }, false },
				       { { "/.aws/credentials", 17 }, false } };
static const struct probe inside[] = { { { "/server-status", 14 }, true },
				       { { "/actuator/env", 13 }, true },
				       { { "/debug/pprof/", 13 }, false },
				       { { "/metrics", 8 }, false } };

/* Does any test of the site name a part of such a path? */
struct mention {
	const char *const *parts; /* ends with NULL */
	bool found;
};

static void see_mention(const struct p_test *t, bool positive, void *arg)
{
	struct mention *m = arg;
	uint32_t n = t->set ? t->set->nvalues : t->nvalues;

	(void)positive;
	for (uint32_t i = 0; i < n && !m->found; i++) {
		const struct p_value *v = t->set ? &t->set->values[i] : &t->values[i];
		struct str s = v->kind == VALUE_REGEX ? v->regex->text : v->text;

		for (const char *const *part = m->parts; *part; part++)
			m->found |= str_find(s, str_from(*part)) >= 0;
	}
}

static bool mentioned(const struct lint *l, const char *const *parts)
{
	struct mention m = { .parts = parts };

	for (uint32_t i = 0; i < l->p->nrules && !m.found; i++)
		lint_each_test(l->p->rules[i]->cond, true, see_mention, &m);
	return m.found;
}

static void check_family(struct pass *p, const struct witness *w, const struct probe *at, size_t n)
{
	struct request_spec r = lint_request(p->l->g->a, &w->request), open = r;
	struct str refused = { 0 }, passes = { 0 };
	uint16_t port;

	address_read(S("198.51.100.7"), &r.src, &port);
	for (size_t i = 0; i < n; i++) {
		struct outcome *o;

		r.target = at[i].path;
		o = asked(p, w, &r);
		if (o && lint_refused(o) && o->decided && !refused.p)
			refused = at[i].path;
		else if (o && o->forwarded && at[i].reported && !passes.p) {
			passes = at[i].path;
			open = r;
		}
		arena_free(&p->a);
	}
	if (!refused.p || !passes.p)
		return;
	diag(S321, way(w), STR_ARG(passes), STR_ARG(refused));
	lint_replayed(p->l, &open, w);
}

/* ---- all ---- */

static void note_names(struct pass *p)
{
	const struct program *prog = p->l->p;

	for (uint32_t i = 0; i < prog->nsections; i++) {
		const struct p_forwardfor *f = &prog->sections[i]->forwardfor;

		if (f->on)
			add(p, &p->named, f->header.n ? f->header : S("x-forwarded-for"));
	}
	for (uint32_t i = 0; i < prog->nrules; i++)
		for (uint32_t k = 0; k < prog->rules[i]->nactions; k++) {
			const struct p_action *a = &prog->rules[i]->actions[k];

			p->identity |= a->name.n && !lint_is_response(prog->rules[i]->dir) &&
				       is_identity(a->name);
			if (a->name.n && !lint_is_response(prog->rules[i]->dir) &&
			    prog->rules[i]->section->kind != SEC_BACKEND &&
			    (a->id == ACT_SET || a->id == ACT_REM))
				add(p, &p->named, a->name);
		}
	for (size_t i = 0; i < sizeof(forwarding) / sizeof(*forwarding); i++)
		p->any |= has(p, &p->named, forwarding[i]);
}

static bool entered(const struct vec *ways, size_t n)
{
	const struct witness *w = ways->p[n];

	for (size_t i = 0; i < n; i++)
		if (((const struct witness *)ways->p[i])->outcome->entry == w->outcome->entry)
			return true;
	return false;
}

void prove_forwarded(struct lint *l)
{
	static const char *const dots[] = { ".git", ".env", ".svn", ".ht", ".aws", NULL };
	static const char *const status[] = { "server-status", "actuator", "pprof", "metrics",
					      NULL };
	bool hides = mentioned(l, dots), keeps = mentioned(l, status);
	struct pass p = { .l = l };
	const struct vec *ways;

	note_names(&p);
	if (!hides && !keeps && !p.any && !p.identity && !refuses_methods(l))
		return;
	ways = lint_forwarded(l);
	check_identity(&p, ways);
	for (size_t i = 0; i < ways->n && !l->untried; i++) {
		const struct witness *w = ways->p[i];

		check_forwarding(&p, w);
		if (entered(ways, i))
			continue;
		if (names_methods(l, w->outcome->entry)) {
			check_method(&p, w, S("TRACE"));
			check_method(&p, w, S("CONNECT"));
		}
		if (hides)
			check_family(&p, w, hidden, sizeof(hidden) / sizeof(*hidden));
		if (keeps)
			check_family(&p, w, inside, sizeof(inside) / sizeof(*inside));
	}
}
