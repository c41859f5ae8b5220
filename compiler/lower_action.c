/* SPDX-License-Identifier: Apache-2.0 */
/* lower_action: one action with its arguments. Routing, captures and variables; answers are in
 * lower_answer.c, header and message edits in lower_edit.c. */
#include "lower_part.h"
#include "option.h"
#include "value.h"

static const struct {
	struct str word;
	const char *where;
} rows[ACTIONS] = {
#define ACTION(id, word, where, final, doc) { { word, sizeof(word) - 1 }, where },
#include "../grammar/action.def"
};

bool action_usage(const struct ast_action *a, const char *usage)
{
	for (int i = 0; i < ACTIONS; i++)
		if (str_eq(rows[i].word, a->word))
			diag(E054, a->at, rows[i].word.p, usage);
	return false;
}

unsigned action_nargs(const struct ast_action *a)
{
	unsigned n = 0;

	for (const struct ast_arg *arg = a->args; arg; arg = arg->next)
		n++;
	return n;
}

const struct ast_value *action_value(const struct ast_action *a, unsigned n)
{
	const struct ast_arg *arg = a->args;

	while (arg && n--)
		arg = arg->next;
	return arg ? arg->value : NULL;
}

static bool is_word(const struct ast_value *v, const char *word)
{
	return v && !v->delim && str_eq(v->text, str_from(word));
}

struct p_text *action_text(struct lower_rule *r, const struct ast_value *v,
			   const struct p_regex *own, unsigned flags)
{
	struct use u = r->use;
	struct p_text *t;

	u.groups = own ? own : r->line_groups;
	u.captured = false;
	t = lower_text(&u, v, flags);
	if (u.captured && !own)
		r->out->capturing = r->test;
	return t;
}

/* May <e> be the target of <action> here? Reports and tells. */
static bool check_target_kind(struct lower_rule *r, const struct entity *e, const char *action,
			      struct at at)
{
	bool backend = e->kind == SEC_BACKEND || e->kind == SEC_LISTEN;
	const struct entity *from = r->entity;
	const char *takes = NULL;
	enum p_mode mode = from->kind == SEC_BACKEND ? from->out->back_mode : from->out->front_mode;

	if (r->use.where & W_RSP)
		takes = e->kind == SEC_RSPRULES ? NULL : "rsprules in responses";
	else if (strcmp(action, "switch") == 0)
		takes = backend || e->kind == SEC_REQRULES ? NULL
							   : "reqrules, a backend or a listen";
	else
		takes = backend ? NULL : "a backend or a listen";
	if (takes) {
		diag(E073, at, STR_ARG(e->name), kind_article(e->kind), action, takes);
		return false;
	}
	if (mode != e->out->back_mode) {
		diag(E062, at, STR_ARG(from->name), mode == MODE_TCP ? "tcp" : "http",
		     STR_ARG(e->name), mode == MODE_TCP ? "http" : "tcp");
		return false;
	}
	return true;
}

static void add_jump(struct lower_rule *r, struct entity *to, struct at at)
{
	struct jump *j = ARENA_NEW(r->use.m->arena, struct jump);

	j->to = to;
	j->at = at;
	vec_push(r->use.m->arena, &r->entity->jumps[(r->use.where & W_RSP) != 0], j);
}

/* Target section named by a constant word. */
static bool named_target(struct lower_rule *r, struct str name, struct at at, const char *action,
			 struct p_action *out)
{
	const char *what = r->use.where & W_RSP            ? "rsprules"
			   : strcmp(action, "switch") == 0 ? "section"
							   : "backend";
	struct entity *e = model_entity(r->use.m, name, at, what);

	if (!e || !check_target_kind(r, e, action, at))
		return false;
	out->target = e->out;
	if (out->id == ACT_SWITCH)
		add_jump(r, e, at);
	return true;
}

static bool map_target(struct lower_rule *r, const struct ast_value *v, const struct p_map *map,
		       struct str name, const char *action, struct at at)
{
	struct entity *e = symbol_get(&r->use.m->sections, name);

	if (!e) {
		diag(E013, at, STR_ARG(map->name), STR_ARG(name), "section");
		model_suggest(r->use.m, &r->use.m->sections, name);
		diag_note(v->at, "used here to choose a section");
		return false;
	}
	e->used = true;
	if (!check_target_kind(r, e, action, at))
		return false;
	if (strcmp(action, "switch") == 0)
		add_jump(r, e, v->at);
	return true;
}

/* %{...|map(N)} as target: the map's values, and its default, name sections. */
static bool computed_target(struct lower_rule *r, const struct ast_value *v, const char *action,
			    struct p_action *out)
{
	struct p_text *t = action_text(r, v, NULL, TEXT_NO_BACKREF);
	const struct p_conv *last;
	struct str name;
	bool good = true;
	struct table *table;

	if (!t)
		return false;
	if (t->n != 1 || t->pieces[0].kind != PIECE_SUBJECT) {
		diag(E059, v->at, "a partly computed name",
		     "%{...|map(NAME)} must be the whole word");
		return false;
	}
	out->subject = t->pieces[0].subject;
	for (last = out->subject->convs; last && last->next;)
		last = last->next;
	if (!last || last->id != CONV_MAP) {
		diag(E059, v->at, "a computed name without a map",
		     "it must end with |map(NAME), so that every target is known");
		return false;
	}
	out->map = last->map;
	table = symbol_get(&r->use.m->maps, out->map->name);
	for (uint32_t i = 0; i < out->map->n; i++)
		good = map_target(r, v, out->map, out->map->vals[i], action,
				  ((const struct ast_value *)table->vals.p[i])->at) &&
		       good;
	if (last->text && !text_constant(last->text, &name)) {
		diag(E059, v->at, "a computed default", "the default of this map names a section");
		return false;
	}
	return good && (!last->text || map_target(r, v, out->map, name, action, v->at));
}

static struct p_action *push_action(struct lower_rule *r, enum action_id id, struct at at)
{
	struct p_action *out = ARENA_NEW(r->use.m->arena, struct p_action);

	out->id = id;
	out->place = place_of(at);
	vec_push(r->use.m->arena, &r->actions, out);
	return out;
}

/* switch SECTION | SECTION:"NEW" | %{...|map(N)}; setbe the same without NEW */
static bool lower_choice(struct lower_rule *r, const struct ast_action *a, struct p_action *out)
{
	const char *action = out->id == ACT_SWITCH ? "switch" : "setbe";
	const struct ast_value *v = action_value(a, 0), *replace = action_value(a, 1);

	if (!v || action_nargs(a) > 2 ||
	    (replace && (out->id != ACT_SWITCH || r->use.where & W_RSP)))
		return action_usage(a, "one section");
	if (text_has_param(v->text)) {
		text_refused(v, "names of sections are fixed");
		return false;
	}
	if (text_has_subject(v->text))
		return computed_target(r, v, action, out);
	if (replace) { /* the parser has made an edit of what can be one */
		diag(E079, replace->at, STR_ARG(replace->text),
		     "the line needs one test of one value, path or uri with =^ or =~");
		return false;
	}
	return named_target(r, v->text, v->at, action, out);
}

/* uriremap OLD BACKEND [NEW] */
static bool lower_uriremap(struct lower_rule *r, const struct ast_action *a, struct p_action *out)
{
	const struct ast_value *old = action_value(a, 0), *be = action_value(a, 1),
			       *new = action_value(a, 2);

	if (!old || !be || action_nargs(a) > 3 || !str_starts(old->text, S("/")) ||
	    text_refused(old, "OLD is fixed"))
		return old && be && !str_starts(old->text, S("/"))
			       ? action_usage(a, "OLD BACKEND [NEW], OLD with a leading /")
			       : action_usage(a, "OLD BACKEND [NEW]");
	if (str_starts(be->text, S("/")))
		return action_usage(a, "OLD BACKEND [NEW]");
	out->old = value_plain(r->use.m->arena, old->text);
	out->icase = old->opts & VAL_ICASE;
	out->text = new ? action_text(r, new, NULL, 0) : lower_constant(r->use.m, out->old);
	return out->text && named_target(r, be->text, be->at, "uriremap", out);
}

/* capture WHAT as NAME [len N] */
static bool lower_capture(struct lower_rule *r, const struct ast_action *a, struct p_action *out)
{
	static const char takes[] = "WHAT as NAME [len N]";
	struct symbols *names = &r->use.m->captures[(r->use.where & W_RSP) != 0];
	const struct ast_value *name = action_value(a, 2);
	unsigned n = action_nargs(a);
	struct slot *slot;

	if (!a->args || !a->args->subject || !is_word(action_value(a, 1), "as") || !name ||
	    !(n == 3 || (n == 5 && is_word(action_value(a, 3), "len"))))
		return action_usage(a, takes);
	if (!value_is_name(name->text)) {
		diag(E029, name->at, STR_ARG(name->text));
		return false;
	}
	out->num = 128;
	if (n == 5 && !option_number(action_value(a, 4), "len", UNIT_COUNT, 1, 8192, &out->num))
		return false;
	out->name = name->text;
	out->subject = lower_subject(&r->use, a->args->subject);
	slot = model_slot(r->use.m, names, name->text, name->at);
	slot->written = true;
	out->capture = slot->index;
	return out->subject != NULL;
}

static bool lower_setvar(struct lower_rule *r, const struct ast_action *a, struct p_action *out)
{
	const struct ast_value *name = action_value(a, 0), *v = action_value(a, 1);
	struct slot *slot;

	if (!name || !v || action_nargs(a) != 2)
		return action_usage(a, "NAME VALUE");
	if (!value_is_name(name->text)) {
		diag(E029, name->at, STR_ARG(name->text));
		return false;
	}
	slot = model_slot(r->use.m, &r->use.m->vars, name->text, name->at);
	slot->written = true;
	out->name = name->text;
	out->var = slot->index;
	out->text = action_text(r, v, NULL, 0);
	return out->text != NULL;
}

static bool lower_log(const struct ast_action *a, struct p_action *out)
{
	const struct ast_value *v = action_value(a, 0);

	if (!v || action_nargs(a) != 1)
		return action_usage(a, "one level");
	for (unsigned i = 0; i < VALUE_LEVELS; i++)
		if (str_eq(value_levels[i], v->text)) {
			out->num = i == VALUE_LEVELS - 1 ? -1 : (int64_t)i;
			return true;
		}
	diag(E056, v->at, STR_ARG(v->text), "log level");
	model_suggest_words(v->text, value_levels, VALUE_LEVELS);
	return false;
}

static bool lower_setaddr(struct lower_rule *r, const struct ast_action *a, struct p_action *out)
{
	const struct ast_value *v = action_value(a, 0);
	struct p_addr addr;
	const char *why;

	if (!v || action_nargs(a) != 1)
		return action_usage(a, "one address, or a text that gives one");
	if (!text_has_subject(v->text) && !text_has_param(v->text)) {
		why = value_addr(v->text, &addr);
		if (!why && (addr.kind != ADDR_INET || addr.host_name || addr.any_host))
			why = "an IP address is expected";
		if (why) {
			diag(E007, v->at, STR_ARG(v->text), rows[out->id].word.p, why);
			return false;
		}
	}
	out->text = action_text(r, v, NULL, 0);
	return out->text != NULL;
}

/* pass CHECKPOINT, count CHECKPOINT */
static bool lower_checkpoint(struct lower_rule *r, const struct ast_action *a, struct p_action *out)
{
	const struct ast_value *v = action_value(a, 0);
	const struct entity *cp;

	if (!v || action_nargs(a) != 1)
		return action_usage(a, "one checkpoint");
	if (text_refused(v, "names of checkpoints are fixed"))
		return false;
	cp = model_checkpoint(r->use.m, v->text, v->at);
	if (!cp || !checkpoint_stands(r->use.m, cp, r->use.where, v->at))
		return false;
	out->target = cp->out;
	return out->id == ACT_COUNT || checkpoint_waits(cp->out) ||
	       action_usage(a, CHECKPOINT_TAKES);
}

static bool lower_args(struct lower_rule *r, const struct ast_action *a, struct p_action *out)
{
	switch (out->id) {
	case ACT_ALLOW:
	case ACT_DROP:
		return !a->args || action_usage(a, "no argument");
	case ACT_DENY:
		return lower_deny(r, a, out);
	case ACT_TARPIT:
		return lower_tarpit(a, out);
	case ACT_AUTH:
		return lower_auth(r, a, out);
	case ACT_REDIR:
		return lower_redir(r, a, out);
	case ACT_RESPOND:
		return lower_respond(r, a, out);
	case ACT_SWITCH:
	case ACT_SETBE:
		return lower_choice(r, a, out);
	case ACT_URIREMAP:
		return lower_uriremap(r, a, out);
	case ACT_CAPTURE:
		return lower_capture(r, a, out);
	case ACT_SETVAR:
		return lower_setvar(r, a, out);
	case ACT_LOG:
		return lower_log(a, out);
	case ACT_PASS:
	case ACT_COUNT:
		return lower_checkpoint(r, a, out);
	case ACT_SETSRC:
	case ACT_SETDST:
		return lower_setaddr(r, a, out);
	default:
		return lower_edit(r, a, out);
	}
}

/* Letters of action.def. */
static unsigned action_where(const char *letters)
{
	static const char all[] = "qQsScet";
	static const unsigned bits[] = { W_REQ_IN, W_REQ_OUT, W_RSP_IN, W_RSP_OUT,
					 W_CONN,   W_SESS,    W_TCP };
	unsigned where = 0;

	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++)
		if (strchr(letters, all[i]))
			where |= bits[i];
	return where;
}

static void mark_used(struct model *m, struct str name)
{
	struct entity *e = symbol_get(&m->sections, name);

	if (e)
		e->used = true;
}

/* Which sections have the capability (language.md 2). */
static bool check_capability(const struct lower_rule *r, const struct ast_action *a,
			     enum action_id id)
{
	enum section_kind kind = r->entity->kind;
	bool chooses = id == ACT_SETBE || id == ACT_URIREMAP ||
		       (id == ACT_SWITCH && !(r->use.where & W_RSP));
	const char *what = arena_printf(r->use.m->arena, "'%.*s'", STR_ARG(a->word)).p;

	if (chooses && a->args &&
	    a->args->value) /* one report is enough: its target is not unused, too */
		mark_used(r->use.m, a->args->value->text);
	if (!chooses || kind == SEC_LISTEN || kind == SEC_FRONTEND || kind == SEC_REQRULES)
		return true;
	diag(E002, a->at, what, kind_article(kind));
	diag_note((struct at) { 0 }, "listen, frontend and reqrules choose where requests go");
	return false;
}

static bool check_where(const struct lower_rule *r, const struct ast_action *a, enum action_id id)
{
	unsigned where = action_where(rows[id].where);
	const char *what = arena_printf(r->use.m->arena, "action '%.*s'", STR_ARG(a->word)).p;

	if (where & r->use.where)
		return check_capability(r, a, id);
	if (r->use.where == W_TCP || where == W_TCP)
		diag(E015, a->at, what, r->use.where == W_TCP ? "tcp" : "http");
	else
		diag(E002, a->at, what, where_name(r->use.where));
	return false;
}

static int find_action(struct str word)
{
	if (str_eq(word, S("permit")))
		return ACT_ALLOW;
	for (int i = 0; i < ACTIONS; i++)
		if (str_eq(rows[i].word, word))
			return i;
	return -1;
}

bool lower_action(struct lower_rule *r, const struct ast_action *a)
{
	int id = find_action(a->word);

	if (id < 0) {
		diag(E023, a->at, STR_ARG(a->word));
		return false;
	}
	if (!check_where(r, a, (enum action_id)id))
		return false;
	return lower_args(r, a, push_action(r, (enum action_id)id, a->at));
}
