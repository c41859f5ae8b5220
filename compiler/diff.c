/* SPDX-License-Identifier: Apache-2.0 */
#include "diff.h"

#include <inttypes.h>

#include "program_form.h"
#include "show.h"
#include "symbol.h"

/* One named thing: <body> is compared, <show> is for people. */
struct entry {
	struct str key, body, show;
	struct p_place at;
};

struct entries {
	uint32_t n, room;
	struct entry *at;
};

static void *grown(struct arena *a, void *at, uint32_t n, uint32_t *room, size_t size)
{
	void *new;

	if (n < *room)
		return at;
	*room = *room ? *room * 2 : 16;
	new = arena_get(a, *room * size);
	if (n)
		memcpy(new, at, n * size);
	return new;
}

void diff_add(struct diff *d, struct diff_item item)
{
	d->items = grown(d->a, d->items, d->n, &d->room, sizeof(*d->items));
	d->items[d->n++] = item;
}

static void put(struct diff *d, struct entries *e, struct entry x)
{
	e->at = grown(d->a, e->at, e->n, &e->room, sizeof(*e->at));
	e->at[e->n++] = x;
}

/* Text of what <form> writes of one object, without places. */
#define FORMED(d, form, ...)                                                                       \
	({                                                                                         \
		struct show_buffer b_;                                                             \
		struct pio io_ = { 0 };                                                            \
		show_open(&b_);                                                                    \
		io_.out = b_.out;                                                                  \
		form(&io_, ##__VA_ARGS__);                                                         \
		str_trim_line(show_close(&b_, (d)->a));                                            \
	})

/* Text of what <show> writes for people. */
#define SHOWN(d, show, ...)                                                                        \
	({                                                                                         \
		struct show_buffer s_;                                                             \
		show_open(&s_);                                                                    \
		show(s_.out, ##__VA_ARGS__);                                                       \
		show_close(&s_, (d)->a);                                                           \
	})

static struct str str_trim_line(struct str s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\n' || s.p[0] == '\t'))
		s = str_skip(s, 1);
	return s;
}

/* Gives each entry a key of its own: the second "a" is "a #2". The compiler refuses most such
 * lists; a rule program that was made otherwise may hold them. */
static void number_equal_keys(struct diff *d, const struct entries *e)
{
	struct arena own = { 0 };
	struct symbols seen = { 0 };

	for (uint32_t i = 0; i < e->n; i++) {
		uint32_t *n = symbol_get(&seen, e->at[i].key);

		if (!n) {
			n = ARENA_NEW(&own, uint32_t);
			symbol_put(&own, &seen, e->at[i].key, n);
		}
		if (++*n > 1)
			e->at[i].key = arena_printf(d->a, "%.*s #%u", STR_ARG(e->at[i].key), *n);
	}
	arena_free(&own);
}

/* Compares two lists by key. */
static void compare(struct diff *d, const char *kind, struct str section, const struct entries *old,
		    const struct entries *new)
{
	struct arena own = { 0 };
	struct pio table = { .arena = &own };

	number_equal_keys(d, old);
	number_equal_keys(d, new);
	for (uint32_t i = 0; i < old->n; i++)
		io_define(&table, REF_SECTION, old->at[i].key, &old->at[i]);
	for (uint32_t k = 0; k < new->n; k++) {
		const struct entry *n = &new->at[k], *o = io_lookup(&table, REF_SECTION, n->key);
		struct diff_item item = { .kind = kind,
					  .section = section,
					  .name = n->key,
					  .new = n->show,
					  .new_at = n->at };

		io_define(&table, REF_ACL, n->key, (void *)n);
		if (o && str_eq(o->body, n->body))
			continue;
		item.change = o ? DIFF_CHANGED : DIFF_ADDED;
		item.old = o ? o->show : str_of("", 0);
		item.old_at = o ? o->at : (struct p_place) { 0 };
		diff_add(d, item);
	}
	for (uint32_t i = 0; i < old->n; i++) {
		const struct entry *o = &old->at[i];

		if (!io_lookup(&table, REF_ACL, o->key))
			diff_add(d, (struct diff_item) { .change = DIFF_REMOVED,
							 .kind = kind,
							 .section = section,
							 .name = o->key,
							 .old = o->show,
							 .old_at = o->at });
	}
	arena_free(&own);
}

/* ---- settings ---- */

/* Those with a list or a field of their own, compared there. */
static bool has_own_field(int id)
{
	switch (id) {
	case OPT_BIND:
	case OPT_SERVER:
	case OPT_MODE:
	case OPT_DEFAULT_BACKEND:
	case OPT_SOURCE:
	case OPT_DISPATCH:
	case OPT_FORWARDFOR:
	case OPT_ERROR:
	case OPT_CHECK:
	case OPT_COOKIE:
	case OPT_MONITOR_NET:
	case OPT_TRUSTED:
	case OPT_LOG:
	case OPT_USE_FILTERS_FROM:
	case OPT_USE_BACKEND_FROM:
	case OPT_USE_PROFILE:
		return true;
	default:
		return false;
	}
}

static struct str setting_shown(struct diff *d, int id, const struct p_setting *s)
{
	static const char *const args[OPTIONS] = {
#define OPTION(oid, words, owner, arguments, ...) arguments,
#include "../grammar/option.def"
	};
	const char *unit = args[id][0] == 'D' ? " ms" : args[id][0] == 'S' ? " bytes" : "";

	if (s->computed)
		return FORMED(d, form_text, "text", (struct p_text **)&s->computed);
	if (s->text.n)
		return s->num ? arena_printf(d->a, "%.*s (%" PRId64 ")", STR_ARG(s->text), s->num)
			      : s->text;
	if (id == OPT_TABLE)
		return arena_printf(d->a, "%" PRId64 ", expire %" PRId64 " ms", s->num, s->num2);
	if (s->num2)
		return arena_printf(d->a, "%" PRId64 " per %" PRId64 " ms", s->num, s->num2);
	if (s->num)
		return arena_printf(d->a, "%" PRId64 "%s", s->num, unit);
	return s->set ? S("on") : S("none");
}

/* The value that counts: whether a statement, a profile or the default gave it makes no
 * difference. */
static struct str setting_body(struct diff *d, const struct p_setting *s)
{
	struct p_setting v = *s;

	v.place = (struct p_place) { 0 };
	v.origin = str_of("", 0);
	if (v.num || v.num2 || v.text.n || v.computed)
		v.set = false;
	return FORMED(d, form_setting, &v);
}

static bool setting_same(struct diff *d, const struct p_setting *x, const struct p_setting *y)
{
	bool holds = x->num || x->num2 || x->text.n;

	if (x->computed || y->computed)
		return str_eq(setting_body(d, x), setting_body(d, y));
	return x->num == y->num && x->num2 == y->num2 && str_eq(x->text, y->text) &&
	       (holds || x->set == y->set);
}

static void diff_settings(struct diff *d, struct str section, const struct p_setting *old,
			  const struct p_setting *new)
{
	for (int i = 0; i < OPTIONS; i++) {
		struct diff_item item = { .change = DIFF_CHANGED,
					  .kind = "setting",
					  .section = section,
					  .name = str_from(form_options[i]) };

		if (has_own_field(i) || setting_same(d, &old[i], &new[i]))
			continue;
		item.old = setting_shown(d, i, &old[i]);
		item.new = setting_shown(d, i, &new[i]);
		item.old_at = old[i].place;
		item.new_at = new[i].place;
		diff_add(d, item);
	}
}

/* ---- what sections hold ---- */

static struct str named(const struct p_section *s)
{
	return s ? s->name : S("none");
}

/* A field of a section as an entry; <none> when it is not there. */
static void fact(struct diff *d, struct entries *e, const char *key, struct str text)
{
	put(d, e,
	    (struct entry) {
		    .key = str_from(key), .body = text, .show = text.n ? text : S("none") });
}

static struct entries facts_of(struct diff *d, struct p_section *s)
{
	static const char *const modes[] = { "http", "tcp" };
	struct p_section rest = { .forwardfor = s->forwardfor };
	struct entries e = { 0 };

	fact(d, &e, "kind", str_from(form_kinds[s->kind]));
	fact(d, &e, "mode of the front side", str_from(modes[s->front_mode]));
	fact(d, &e, "mode of the back side", str_from(modes[s->back_mode]));
	fact(d, &e, "use_filters_from", s->filters == s ? S("none") : named(s->filters));
	fact(d, &e, "use_backend_from", s->servers_of == s ? S("none") : named(s->servers_of));
	fact(d, &e, "default_backend", named(s->default_backend));
	fact(d, &e, "forwardfor", FORMED(d, form_section_facts, &rest));
	rest = (struct p_section) { .source = s->source };
	fact(d, &e, "source", FORMED(d, form_section_facts, &rest));
	rest = (struct p_section) { .balance_on = s->balance_on };
	fact(d, &e, "balance by", FORMED(d, form_section_facts, &rest));
	rest = (struct p_section) { .check = s->check };
	rest.check.place = (struct p_place) { 0 };
	fact(d, &e, "check", FORMED(d, form_section_facts, &rest));
	rest = (struct p_section) { .cookie = s->cookie };
	rest.cookie.place = (struct p_place) { 0 };
	fact(d, &e, "cookie", FORMED(d, form_section_facts, &rest));
	rest = (struct p_section) { .dispatch = s->dispatch };
	fact(d, &e, "dispatch", FORMED(d, form_section_facts, &rest));
	rest = (struct p_section) { .monitor = s->monitor, .nmonitor = s->nmonitor };
	fact(d, &e, "monitor-net", FORMED(d, form_section_facts, &rest));
	return e;
}

static struct entries binds_of(struct diff *d, struct p_section *s)
{
	struct entries e = { 0 };

	for (uint32_t i = 0; i < s->nbinds; i++) {
		struct p_bind *b = &s->binds[i];
		struct str key = b->name.n ? b->name : SHOWN(d, show_addr, &b->addr);

		put(d, &e,
		    (struct entry) { .key = key,
				     .body = FORMED(d, form_bind, b),
				     .show = SHOWN(d, show_bind, b),
				     .at = b->place });
	}
	return e;
}

static struct entries servers_of(struct diff *d, struct p_section *s)
{
	struct entries e = { 0 };

	for (uint32_t i = 0; i < s->nservers; i++) {
		struct p_server *v = &s->servers[i];

		put(d, &e,
		    (struct entry) { .key = v->name,
				     .body = FORMED(d, form_server, v),
				     .show = SHOWN(d, show_server, v),
				     .at = v->place });
	}
	return e;
}

static struct entries errors_of(struct diff *d, struct p_section *s)
{
	struct entries e = { 0 };

	for (uint32_t i = 0; i < s->nerrors; i++) {
		struct str body = FORMED(d, form_errorpage, &s->errors[i]);

		put(d, &e,
		    (struct entry) { .key = arena_printf(d->a, "%u", s->errors[i].status),
				     .body = body,
				     .show = body,
				     .at = s->errors[i].place });
	}
	return e;
}

static struct entries logs_of(struct diff *d, struct p_log *logs, uint32_t n)
{
	struct entries e = { 0 };

	for (uint32_t i = 0; i < n; i++) {
		struct str body = FORMED(d, form_log, &logs[i]);

		put(d, &e,
		    (struct entry) {
			    .key = body, .body = body, .show = body, .at = logs[i].place });
	}
	return e;
}

static struct entries control_of(struct diff *d, const struct program *p)
{
	struct p_control control = p->control;
	struct str body = FORMED(d, form_control, &control);
	struct entries e = { 0 };

	if (body.n)
		put(d, &e,
		    (struct entry) {
			    .key = S("control"), .body = body, .show = body, .at = control.place });
	return e;
}

static void diff_section(struct diff *d, struct p_section *old, struct p_section *new)
{
	static const struct p_chain none;
	struct entries o = facts_of(d, old), n = facts_of(d, new);

	compare(d, "setting", new->name, &o, &n);
	diff_settings(d, new->name, old->settings, new->settings);
	o = binds_of(d, old), n = binds_of(d, new);
	compare(d, "bind", new->name, &o, &n);
	o = servers_of(d, old), n = servers_of(d, new);
	compare(d, "server", new->name, &o, &n);
	o = errors_of(d, old), n = errors_of(d, new);
	compare(d, "error", new->name, &o, &n);
	o = logs_of(d, old->logs, old->nlogs), n = logs_of(d, new->logs, new->nlogs);
	compare(d, "log", new->name, &o, &n);
	/* rules taken from another section are compared there */
	for (int dir = 0; dir < RULE_DIRS; dir++)
		diff_chain(d, new->name, old->filters == old ? &old->chains[dir] : &none,
			   new->filters == new ? &new->chains[dir] : &none);
}

/* ---- the site ---- */

/* Name with kind, so that a checkpoint and a backend of one name are two. */
static struct str section_key(struct diff *d, const struct p_section *s)
{
	return arena_printf(d->a, "%s %.*s", s->kind == SEC_CHECKPOINT ? "checkpoint" : "section",
			    STR_ARG(s->name));
}

static void section_item(struct diff *d, enum diff_change change, const struct p_section *s)
{
	struct diff_item item = { .change = change,
				  .kind = "section",
				  .section = s->name,
				  .name = str_from(form_kinds[s->kind]) };
	uint32_t rules = 0;
	struct str text;

	for (int dir = 0; dir < RULE_DIRS; dir++)
		rules += s->chains[dir].n;
	text = arena_printf(d->a, "%u rule%s, %u server%s", rules, rules == 1 ? "" : "s",
			    s->nservers, s->nservers == 1 ? "" : "s");
	*(change == DIFF_ADDED ? &item.new : &item.old) = text;
	*(change == DIFF_ADDED ? &item.new_at : &item.old_at) = s->place;
	diff_add(d, item);
}

static void diff_sections(struct diff *d)
{
	struct arena own = { 0 };
	struct pio table = { .arena = &own };

	for (uint32_t i = 0; i < d->old->nsections; i++)
		io_define(&table, REF_SECTION, section_key(d, d->old->sections[i]),
			  d->old->sections[i]);
	for (uint32_t i = 0; i < d->new->nsections; i++) {
		struct str key = section_key(d, d->new->sections[i]);
		struct p_section *old = io_lookup(&table, REF_SECTION, key);

		io_define(&table, REF_SET, key, d->new->sections[i]);
		if (old)
			diff_section(d, old, d->new->sections[i]);
		else
			section_item(d, DIFF_ADDED, d->new->sections[i]);
	}
	for (uint32_t i = 0; i < d->old->nsections; i++)
		if (!io_lookup(&table, REF_SET, section_key(d, d->old->sections[i])))
			section_item(d, DIFF_REMOVED, d->old->sections[i]);
	arena_free(&own);
}

/* One entry for a name of a section, though requests and responses may have an acl each. */
static struct entries acls_of(struct diff *d, const struct program *p)
{
	struct arena own = { 0 };
	struct pio table = { .arena = &own };
	struct entries e = { 0 };

	for (uint32_t i = 0; i < p->nacls; i++) {
		struct p_acl *a = p->acls[i];
		struct str body = FORMED(d, form_expr, &a->expr), key = a->name;
		uint32_t *at;

		if (a->section)
			key = arena_printf(d->a, "%.*s (of %.*s)", STR_ARG(a->name),
					   STR_ARG(a->section->name));
		at = io_lookup(&table, REF_ACL, key);
		if (at) {
			e.at[*at].body = arena_printf(d->a, "%.*s%.*s", STR_ARG(e.at[*at].body),
						      STR_ARG(body));
			continue;
		}
		at = ARENA_NEW(&own, uint32_t);
		*at = e.n;
		io_define(&table, REF_ACL, key, at);
		put(d, &e,
		    (struct entry) { .key = key,
				     .body = body,
				     .show = SHOWN(d, show_expr, a->expr),
				     .at = a->place });
	}
	arena_free(&own);
	return e;
}

static struct entries sets_of(struct diff *d, const struct program *p)
{
	struct entries e = { 0 };

	for (uint32_t i = 0; i < p->nsets; i++)
		put(d, &e,
		    (struct entry) {
			    .key = p->sets[i]->name,
			    .body = FORMED(d, form_set, p->sets[i]),
			    .at = p->sets[i]->place,
			    .show = arena_printf(d->a, "%u values", p->sets[i]->nvalues) });
	return e;
}

static struct entries maps_of(struct diff *d, const struct program *p)
{
	struct entries e = { 0 };

	for (uint32_t i = 0; i < p->nmaps; i++)
		put(d, &e,
		    (struct entry) { .key = p->maps[i]->name,
				     .body = FORMED(d, form_map, p->maps[i]),
				     .at = p->maps[i]->place,
				     .show = arena_printf(d->a, "%u entries", p->maps[i]->n) });
	return e;
}

static struct entries params_of(struct diff *d, const struct program *p)
{
	struct entries e = { 0 };

	for (uint32_t i = 0; i < p->nparams; i++) {
		const struct p_param *q = p->params[i];
		struct str show = q->has_default
					  ? arena_printf(d->a, "default \"%.*s\"", STR_ARG(q->def))
					  : S("no default");

		put(d, &e,
		    (struct entry) { .key = q->name, .body = show, .show = show, .at = q->place });
	}
	return e;
}

static struct entries trusted_of(struct diff *d, const struct program *p)
{
	struct entries e = { 0 };

	for (uint32_t i = 0; i < p->ntrusted; i++) {
		struct str net = SHOWN(d, show_net, &p->trusted[i]);

		put(d, &e, (struct entry) { .key = net, .body = net, .show = net });
	}
	return e;
}

void diff_compare(struct diff *d, struct arena *a, const struct program *old,
		  const struct program *new)
{
	const struct str site = S("");
	struct entries o, n;

	*d = (struct diff) { .a = a, .old = old, .new = new };
	diff_settings(d, site, old->globals, new->globals);
	o = params_of(d, old), n = params_of(d, new);
	compare(d, "param", site, &o, &n);
	o = trusted_of(d, old), n = trusted_of(d, new);
	compare(d, "trusted", site, &o, &n);
	o = control_of(d, old), n = control_of(d, new);
	compare(d, "control", site, &o, &n);
	o = logs_of(d, old->logs, old->nlogs), n = logs_of(d, new->logs, new->nlogs);
	compare(d, "log", site, &o, &n);
	o = sets_of(d, old), n = sets_of(d, new);
	compare(d, "set", site, &o, &n);
	o = maps_of(d, old), n = maps_of(d, new);
	compare(d, "map", site, &o, &n);
	o = acls_of(d, old), n = acls_of(d, new);
	compare(d, "acl", site, &o, &n);
	diff_sections(d);
}
