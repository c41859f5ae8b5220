/* SPDX-License-Identifier: Apache-2.0 */
#include "seed.h"

#include "diag.h"
#include "subject.h"
#include "value.h"

static const struct arg_list no_args;

static void refuse(struct build *b, struct at at, const char *what, const char *hint)
{
	if (b->failed)
		return;
	b->failed = true;
	diag(E001, at, what);
	if (hint)
		diag_hint("%s", hint);
}

static struct token renamed(const struct token *word, struct str name)
{
	struct token t = *word;

	t.text = name;
	return t;
}

/* Action <name> in the place of <word>. */
static struct ast_action *action(struct build *b, const struct token *word, struct str name,
				 struct ast_value *first, struct ast_value *second)
{
	struct token t = renamed(word, name);
	struct arg_list l = build_arg(b, no_args, first);

	b->old = true;
	return build_action(b, &t, second ? build_arg(b, l, second) : l);
}

struct chain seed_first(struct build *b, struct ast_test *t, struct chain c)
{
	b->old = true;
	return build_chain_test(b, c, t, false);
}

struct item seed_condition(struct build *b, struct ast_action *a, const struct token *word,
			   struct ast_expr *e, bool unless)
{
	struct item i = build_item(b, a, false, NULL);

	b->old = true;
	i.cond = (struct cond) { .expr = e, .unless = unless, .at = at_join(word->at, e->at) };
	return i;
}

void seed_acl(struct build *b, const struct token *where, struct ast_value *name,
	      struct ast_test *test)
{
	b->old = true;
	build_acl(b, where, name, test, NULL);
}

struct item seed_switch(struct build *b, const struct token *word, struct ast_test *t,
			struct ast_value *section, const struct token *map)
{
	struct arg_list l = build_arg(b, no_args, section);

	b->old = true;
	if (map)
		l = build_arg_word(b, l, map, NULL);
	return build_item(b, build_action(b, word, l), false, t);
}

struct item seed_replace(struct build *b, const struct token *word, struct ast_test *t,
			 struct ast_value *v)
{
	return build_item(b, action(b, word, word->text, v, NULL), false, t);
}

static struct ast_value *value_of(struct build *b, struct str text, char delim, uint8_t opts,
				  struct at at)
{
	struct ast_value *v = ARENA_NEW(b->arena, struct ast_value);

	v->at = v->opts_at = at;
	v->text = text;
	v->delim = delim;
	v->opts = opts;
	return v;
}

/* The letters, digits and signs of a header's name at the start of <s>, before its colon. */
static struct str header_before_colon(struct str s)
{
	struct str name = str_cut(&s, ':');

	return s.p && value_is_token(name) ? name : S("");
}

/* reqisetbe "^NAME: REST" BACKEND: the test of one header, whose lines are values here. */
static struct ast_test *header_test(struct build *b, struct ast_value *re)
{
	struct str rest = str_starts(re->text, S("^")) ? str_skip(re->text, 1) : S("");
	struct str name = header_before_colon(rest), text;
	struct token op = { .at = re->at, .text = S("=~") };
	struct ast_subject *s;
	char *low;

	if (!name.n || str_chr(rest, '|') >= 0) {
		refuse(b, re->at, "reqisetbe takes \"^NAME: REGEX\" of one header",
		       "write: req in setbe BACKEND h(NAME) =~ \"REGEX\"i");
		return NULL;
	}
	rest = str_skip(rest, name.n + 1);
	if (str_starts(rest, S(" ")))
		rest = str_skip(rest, str_starts(rest, S(" *")) ? 2 : 1);
	low = arena_get(b->arena, name.n);
	str_lower(low, name);
	text = arena_printf(b->arena, "h(%.*s)", (int)name.n, low);
	s = subject_parse(b->arena, text, re->at);
	if (!s)
		return NULL;
	text = arena_printf(b->arena, "^%.*s", STR_ARG(rest));
	return build_test(
		b, s, &op,
		(struct value_list) { .first = value_of(b, text, re->delim ? re->delim : '"',
							re->opts | VAL_ICASE, re->at) });
}

struct item seed_item(struct build *b, const struct token *word, struct ast_value *v,
		      struct ast_value *second)
{
	struct ast_test *t = NULL;
	struct ast_action *a;

	if (str_eq(word->text, S("set_host"))) {
		a = action(b, word, S("set"), value_of(b, S("host"), 0, 0, word->at), v);
	} else if (str_eq(word->text, S("remap_uri"))) {
		a = action(b, word, S("mapuri"), v, second);
	} else if (str_eq(word->text, S("reqadd"))) {
		a = action(b, word, S("append"), v, NULL);
	} else if (str_eq(word->text, S("reqisetbe"))) {
		t = header_test(b, v);
		a = action(b, word, S("setbe"), second, NULL);
	} else if (str_eq(word->text, S("reqdel")) && value_is_token(v->text) && !v->opts) {
		a = action(b, word, S("rem"), value_of(b, v->text, 0, 0, v->at), NULL);
	} else {
		bool icase = str_eq(word->text, S("reqidel"));
		char delim = v->delim || !icase ? v->delim : '"';

		v = value_of(b, v->text, delim, v->opts | (icase ? VAL_ICASE : 0), v->at);
		a = action(b, word, S("delete"), v, NULL);
	}
	return build_item(b, a, false, t);
}

struct ast_action *seed_add(struct build *b, const struct token *word, struct ast_value *name,
			    struct ast_value *v)
{
	struct arg_list l = build_arg(b, no_args, name);

	if (!name->delim && str_ieq(name->text, S("line")))
		return action(b, word, S("append"), v, NULL);
	return build_action(b, word, build_arg(b, l, v));
}

struct ast_action *seed_add_line(struct build *b, const struct token *word,
				 const struct token *line, const struct token *op,
				 struct ast_value *v)
{
	if (!str_ieq(line->text, S("line")) || !str_eq(op->text, S("==")))
		refuse(b, op->at, "the test comes after the action's arguments",
		       "write: add NAME VALUE <what> <op> <value>");
	return action(b, word, S("append"), v, NULL);
}

/* NAME of h(NAME), or NULL. */
static struct ast_value *header_of(const struct ast_subject *s)
{
	const struct ast_func *f = s->head;

	if (!str_ieq(f->name, S("h")) || !f->args || f->args->next || s->convs)
		return NULL;
	return f->args;
}

struct ast_action *seed_delete(struct build *b, const struct token *word, struct ast_subject *s)
{
	struct ast_value *name = header_of(s);

	if (!name) {
		refuse(b, s->at, "delete takes a regex",
		       "to remove the headers of a name, write: rem NAME");
		name = value_of(b, S(""), 0, 0, s->at);
	}
	return action(b, word, S("rem"), name, NULL);
}

struct ast_action *seed_rebase(struct build *b, const struct token *word, struct ast_value *be,
			       struct ast_value *old, struct ast_value *new)
{
	struct ast_action *a = action(b, word, S("rebase"), old, be);
	struct ast_arg *last = a->args->next;

	last->next = build_arg(b, no_args, new).first;
	return a;
}

struct arg_list seed_uriremap(struct build *b, struct arg_list l)
{
	struct ast_arg *second = l.first->next, *third = second->next;

	if (!third || !str_starts(second->value->text, S("/")) ||
	    str_starts(third->value->text, S("/")))
		return l;
	b->old = true;
	l.first->next = third;
	third->next = second;
	second->next = NULL;
	l.last = second;
	return l;
}

struct arg_list seed_set(struct build *b, struct arg_list l, struct ast_value *v)
{
	static const char *const parts[] = { "path", "query", "uri", "meth", "status" };
	struct ast_value *name = header_of(l.first->subject);
	bool part = !name || !value_is_token(name->text);

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && !part; i++)
		part = str_eq(name->text, str_from(parts[i]));
	if (part)
		return build_arg(b, l, v);
	b->old = true;
	return build_arg(b, build_arg(b, no_args, value_of(b, name->text, 0, 0, name->at)), v);
}

/* -- when the rule is read ----------------------------------------------------------------------*/

/* The one value of the rule's test, as an action of its own has it: letters tell the case, for
 * the action has no subject that does. <keep>: letters that mean something there. */
static struct ast_value *test_value(struct build *b, const struct ast_test *t, uint8_t keep)
{
	const struct ast_value *v = t->values;
	char first = t->subject->head->name.p[0];
	uint8_t opts = v->opts & keep & (uint8_t)~VAL_CASE;

	if (first >= 'a' && first <= 'z' && !(v->opts & VAL_CASE))
		opts |= VAL_ICASE;
	return value_of(b, v->text, opts && !v->delim ? '"' : v->delim, opts, v->at);
}

static bool is_subject(const struct ast_test *t, const char *name)
{
	return str_ieq(t->subject->head->name, str_from(name)) && !t->subject->convs;
}

static bool is_target(const struct ast_test *t)
{
	return is_subject(t, "uri") || is_subject(t, "path");
}

/* Makes of <a> the edit of what the test <t> matched, with <new> in its place. False: there is no
 * such edit. */
static bool edit(struct build *b, struct ast_action *a, const struct ast_test *t, bool response,
		 struct ast_value *new)
{
	bool regex = str_eq(t->op, S("=~")), prefix = str_eq(t->op, S("=^"));
	const struct ast_value *header = is_subject(t, "h") ? header_of(t->subject) : NULL;
	struct arg_list l = no_args;

	if (t->from != VALS_INLINE || !t->values || t->values->next)
		return false;
	if (regex && (header || is_subject(t, "host"))) {
		struct str name = header ? header->text : S("host");

		a->word = S("rep");
		l = build_arg(b, l, value_of(b, name, 0, 0, t->subject->at));
	} else if (prefix && is_target(t) && !response) {
		a->word = S("mapuri");
	} else if (regex && is_target(t) && !response) {
		a->word = S("rewrite");
	} else if (regex && is_subject(t, "line")) {
		a->word = response ? S("stsline") : S("reqline");
	} else {
		return false;
	}
	l = build_arg(b, l, test_value(b, t, regex ? VAL_ICASE | VAL_FREE : VAL_ICASE));
	a->args = build_arg(b, l, new).first;
	return true;
}

/* setbe BACKEND rebase OLD NEW. True when its test says no more than OLD does. */
static bool rebase(struct build *b, struct ast_action *a, const struct ast_rule *r)
{
	struct ast_arg *old = a->args, *be = old->next, *new = be->next;
	const struct ast_test *t = r->test;
	struct ast_action *choice;

	if (t && !r->test_not && is_target(t) && str_eq(t->op, S("=^")) && t->values &&
	    !t->values->next && str_eq(t->values->text, old->value->text)) {
		a->word = S("uriremap");
		return true;
	}
	choice = ARENA_NEW(b->arena, struct ast_action);
	*choice = *a;
	choice->word = S("setbe");
	choice->args = be;
	be->next = NULL;
	a->word = S("mapuri");
	old->next = new;
	choice->next = a->next;
	a->next = choice;
	return false;
}

/* SECTION:"NEW": an edit before the jump. Left as it is when the test has no such edit: that is
 * reported later, with what the names mean. */
static void split_switch(struct build *b, struct ast_action *a, const struct ast_rule *r)
{
	struct ast_action *edited = ARENA_NEW(b->arena, struct ast_action);
	struct ast_arg *section = a->args, *new = section->next;
	bool response = r->dir == DIR_RSP_IN || r->dir == DIR_RSP_OUT;

	*edited = *a;
	if (!r->test || r->test_not || response || !is_target(r->test) ||
	    !edit(b, edited, r->test, false, new->value))
		return;
	b->old = true;
	section->next = NULL;
	edited->next = ARENA_NEW(b->arena, struct ast_action);
	*edited->next = *a;
	*a = *edited;
}

static bool replace(struct build *b, struct ast_action *a, const struct ast_rule *r)
{
	bool response = r->dir == DIR_RSP_IN || r->dir == DIR_RSP_OUT;

	if (r->test && !r->test_not && edit(b, a, r->test, response, a->args->value))
		return true;
	refuse(b, a->at, "replace needs a test of one value before it, on what it replaces",
	       "write: rep NAME REGEX NEW for a header, mapuri OLD NEW or rewrite REGEX NEW for "
	       "the path");
	return false;
}

/* Jumps behind the edits: they run when the line's chain is done. */
static void jumps_last(struct ast_rule *r)
{
	struct ast_action *jumps = NULL, **jump = &jumps, **other = &r->actions;

	for (struct ast_action *a = r->actions, *next; a; a = next) {
		bool is_jump = str_eq(a->word, S("switch"));
		struct ast_action ***tail = is_jump ? &jump : &other;

		next = a->next;
		a->next = NULL;
		**tail = a;
		*tail = &a->next;
	}
	*other = jumps;
}

void seed_finish(struct build *b, struct ast_rule *r)
{
	bool whole = true, edited = false; /* do the actions alone say what the test says? */

	for (struct ast_action *a = r->actions; a && !b->failed; a = a->next) {
		if (str_eq(a->word, S("replace"))) {
			edited = replace(b, a, r) || edited;
		} else if (str_eq(a->word, S("rebase"))) {
			whole = rebase(b, a, r) && whole;
			edited = edited || whole;
		} else if (str_eq(a->word, S("switch")) && a->args && a->args->next) {
			split_switch(b, a, r);
			whole = false;
		} else {
			whole = false;
		}
	}
	if (b->failed || !edited)
		return;
	if (whole)
		r->test = NULL;
	jumps_last(r);
}

void seed_refuse(struct build *b, const struct ast_action *a)
{
	if (str_eq(a->word, S("replace")) || str_eq(a->word, S("rebase")))
		refuse(b, a->at, "this spelling has no place in an assert",
		       "name the action as it is written in rules: mapuri, rep, uriremap");
}
