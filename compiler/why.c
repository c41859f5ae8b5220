/* SPDX-License-Identifier: Apache-2.0 */
#include "why.h"

#include "explain.h"
#include "show.h"
#include "symbol.h"

/* A thing that rules decide: where the request goes, a header, a variable … */
struct slot {
	struct str name;
	bool decision; /* whoever comes first; else whoever comes last */
	const struct p_rule *by; /* NULL: no rule */
	struct vec ran, passed; /* struct trace_rule */
};

struct telling {
	struct arena *a;
	const struct program *p;
	const struct outcome *o;
	const struct why_options *options;
	FILE *out;
	struct symbols slots; /* struct slot */
};

/* ---- what an action decides ---- */

static struct str lower_name(struct arena *a, struct str s)
{
	char *p = arena_get(a, s.n + 1);

	for (size_t i = 0; i < s.n; i++)
		p[i] = ascii_lower(s.p[i]);
	return str_of(p, s.n);
}

static struct str named(struct arena *a, const char *what, struct str name)
{
	return arena_printf(a, "%s %.*s", what, STR_ARG(name));
}

static struct str part_name(enum p_part part)
{
	static const char *const names[] = {
		[PART_HOST] = "host", [PART_PATH] = "path",     [PART_QUERY] = "query",
		[PART_URI] = "uri",   [PART_METH] = "meth",     [PART_STATUS] = "status",
		[PART_LINE] = "line", [PART_HEADER] = "headers"
	};

	return str_from(names[part]);
}

static struct str header_slot(struct arena *a, const struct p_action *x, bool response)
{
	struct str name = x->name;

	if (x->part != PART_HEADER)
		return part_name(x->part);
	if (!name.n)
		return response ? S("answer headers") : S("headers");
	return named(a, response ? "answer header" : "header", lower_name(a, name));
}

static struct str slot_of(struct arena *a, const struct p_action *x, bool response)
{
	switch (x->id) {
	case ACT_ALLOW:
	case ACT_DENY:
	case ACT_DROP:
	case ACT_TARPIT:
	case ACT_REDIR:
	case ACT_RESPOND:
	case ACT_AUTH:
	case ACT_SWITCH:
	case ACT_SETBE:
	case ACT_URIREMAP:
		return response ? S("answer") : S("decision");
	case ACT_MAPURI:
		return S("path");
	case ACT_REWRITE:
		return response ? S("answer header location") : S("uri");
	case ACT_REQLINE:
		return S("uri");
	case ACT_STSLINE:
		return S("status");
	case ACT_MAPLOC:
		return S("answer header location");
	case ACT_CAPTURE:
		return named(a, "capture", x->name);
	case ACT_SETVAR:
		return named(a, "var", x->name);
	case ACT_LOG:
		return S("log");
	case ACT_PASS:
	case ACT_COUNT:
		return named(a, "checkpoint", x->target ? x->target->name : S("?"));
	case ACT_SETSRC:
		return S("src");
	case ACT_SETDST:
		return S("dst");
	default:
		return header_slot(a, x, response);
	}
}

/* ---- slots of a run ---- */

static struct slot *slot_get(struct telling *t, struct str name)
{
	struct slot *s = symbol_get(&t->slots, name);

	if (s)
		return s;
	s = ARENA_NEW(t->a, struct slot);
	s->name = name;
	s->decision = str_eq(name, S("decision")) || str_eq(name, S("answer"));
	symbol_put(t->a, &t->slots, name, s);
	return s;
}

static void push_once(struct telling *t, struct vec *v, const struct trace_rule *rule)
{
	if (v->n == 0 || v->p[v->n - 1] != rule)
		vec_push(t->a, v, (void *)(uintptr_t)rule);
}

static bool is_response(enum rule_dir dir)
{
	return dir == DIR_RSP_IN || dir == DIR_RSP_OUT;
}

static void note_rule(struct telling *t, const struct trace_rule *rule)
{
	for (uint32_t i = 0; i < rule->rule->nactions; i++) {
		struct str name = slot_of(t->a, &rule->rule->actions[i], is_response(rule->dir));
		struct slot *s = slot_get(t, name);

		push_once(t, rule->matched ? &s->ran : &s->passed, rule);
		if (rule->matched && !(s->decision && s->by))
			s->by = rule->rule;
	}
}

/* The slot of the outcome comes first, also when no rule decided it. */
static void find_slots(struct telling *t)
{
	struct slot *decision = slot_get(t, S("decision"));

	for (uint32_t i = 0; i < t->o->nrules; i++)
		note_rule(t, &t->o->rules[i]);
	decision->by = t->o->decided && !is_response(t->o->decided->dir) ? t->o->decided : NULL;
}

static bool is_told(const struct telling *t, const struct slot *s)
{
	if (t->options->slot.n)
		return str_eq(s->name, t->options->slot);
	return s->ran.n || str_eq(s->name, S("decision"));
}

static uint32_t shown_of(const struct telling *t, const struct slot *s)
{
	return t->options->all || s->passed.n < WHY_SHOWN ? (uint32_t)s->passed.n : WHY_SHOWN;
}

/* Rules of the lists that the request entered and that did not run any more. */
static uint32_t unreached(const struct telling *t)
{
	const struct outcome *o = t->o;
	uint32_t n = 0, ran = 0;

	for (uint32_t i = 0; i < o->nrules; i++) {
		const struct trace_rule *r = &o->rules[i];
		bool last = i + 1 == o->nrules || o->rules[i + 1].section != r->section ||
			    o->rules[i + 1].dir != r->dir;

		ran++;
		if (!last)
			continue;
		n += r->section->chains[r->dir].n > ran ? r->section->chains[r->dir].n - ran : 0;
		ran = 0;
	}
	return n;
}

/* ---- text ---- */

static void put_need(struct telling *t, const struct needs *n, uint32_t i)
{
	const struct trace_test *x = n->at[i];

	fputs("          ", t->out);
	show_test(t->out, x->test);
	if (x->test->op == OP_TRUE && x->subject.p)
		fprintf(t->out, "   is %s", x->held ? "true" : "false");
	else
		fprintf(t->out, "   is %s: it is ", x->held ? "true" : "false");
	if (!x->subject.p)
		fputs("absent", t->out);
	else if (x->test->op != OP_TRUE)
		show_quoted(t->out, x->subject);
	if (n->within[i])
		fprintf(t->out, "   (acl %.*s)", STR_ARG(n->within[i]->name));
	fputs("\n", t->out);
}

static void put_passed(struct telling *t, const struct trace_rule *r)
{
	struct needs n;

	fputs("    - ", t->out);
	show_place(t->out, t->p, r->rule->place);
	fputs("  ", t->out);
	show_rule(t->out, r->rule);
	fputs("\n", t->out);
	why_needs(t->a, r, &n);
	if (!n.ways)
		fputs("          it never matches\n", t->out);
	else if (n.n > 1 || n.ways > 1)
		fprintf(t->out, "        it matches when %s otherwise%s:\n",
			n.n == 1 ? "this is" : "all of these are",
			n.ways > 1 ? " (or in another way)" : "");
	for (uint32_t i = 0; i < n.n; i++)
		put_need(t, &n, i);
}

static void put_ran(struct telling *t, const struct slot *s)
{
	for (size_t i = 0; i < s->ran.n; i++) {
		const struct trace_rule *r = s->ran.p[i];

		fprintf(t->out, "    %c ", r->rule == s->by ? '*' : '+');
		show_place(t->out, t->p, r->rule->place);
		fputs("  ", t->out);
		show_rule(t->out, r->rule);
		fputs("\n", t->out);
		for (uint32_t k = 0; k < r->neffects; k++)
			fprintf(t->out, "          -> %.*s\n", STR_ARG(r->effects[k]));
	}
}

static void put_slot(struct telling *t, const struct slot *s)
{
	uint32_t shown = shown_of(t, s);

	fprintf(t->out, "\n%.*s: ", STR_ARG(s->name));
	if (s->by) {
		fputs("by ", t->out);
		show_place(t->out, t->p, s->by->place);
	} else {
		fputs("by no rule", t->out);
		if (str_eq(s->name, S("decision")) && t->o->backend)
			fprintf(t->out, ": %.*s is the default", STR_ARG(t->o->backend->name));
	}
	fputs("\n", t->out);
	put_ran(t, s);
	if (s->passed.n)
		fprintf(t->out, "  passed over: %zu\n", s->passed.n);
	for (uint32_t i = 0; i < shown; i++)
		put_passed(t, s->passed.p[i]);
	if (shown < s->passed.n)
		fprintf(t->out, "    %zu more (--all shows them)\n", s->passed.n - shown);
}

static void tell_text(struct telling *t, const struct request_spec *r)
{
	uint32_t n = unreached(t);

	explain_request(t->out, t->p, r, t->o, t->a);
	for (size_t i = 0; i < t->slots.n; i++)
		if (is_told(t, t->slots.all[i]->object))
			put_slot(t, t->slots.all[i]->object);
	if (n)
		fprintf(t->out, "\nnot reached: %u rule%s of the lists that the request entered\n",
			n, n == 1 ? "" : "s");
	explain_outcome(t->out, t->p, t->o);
}

/* ---- JSON ---- */

static struct str test_text(struct telling *t, const struct p_test *test)
{
	struct show_buffer b;

	show_open(&b);
	show_test(b.out, test);
	return show_close(&b, t->a);
}

static void json_rule(struct telling *t, const struct p_rule *rule)
{
	struct show_buffer b;

	show_open(&b);
	show_rule(b.out, rule);
	putc('{', t->out);
	explain_json_place(t->out, t->p, rule->place);
	putc(',', t->out);
	explain_json_str(t->out, "section", rule->section->name);
	fprintf(t->out, ",\"direction\":\"%s\",", show_dir(rule->dir));
	explain_json_str(t->out, "text", show_close(&b, t->a));
}

static void json_passed(struct telling *t, const struct trace_rule *r)
{
	struct needs n;

	why_needs(t->a, r, &n);
	json_rule(t, r->rule);
	fprintf(t->out, ",\"ways\":%u,\"needs\":[", n.ways);
	for (uint32_t i = 0; i < n.n; i++) {
		fputs(i ? ",{" : "{", t->out);
		explain_json_str(t->out, "test", test_text(t, n.at[i]->test));
		fprintf(t->out, ",\"held\":%s,", n.at[i]->held ? "true" : "false");
		explain_json_str(t->out, "value", n.at[i]->subject);
		putc(',', t->out);
		explain_json_str(t->out, "acl",
				 n.within[i] ? n.within[i]->name : (struct str) { 0 });
		putc('}', t->out);
	}
	fputs("]}", t->out);
}

static void json_slot(struct telling *t, const struct slot *s)
{
	uint32_t shown = shown_of(t, s);

	putc('{', t->out);
	explain_json_str(t->out, "slot", s->name);
	fputs(",\"by\":", t->out);
	if (s->by) {
		json_rule(t, s->by);
		putc('}', t->out);
	} else {
		fputs("null", t->out);
	}
	fputs(",\"ran\":[", t->out);
	for (size_t i = 0; i < s->ran.n; i++) {
		fputs(i ? "," : "", t->out);
		json_rule(t, ((const struct trace_rule *)s->ran.p[i])->rule);
		putc('}', t->out);
	}
	fprintf(t->out, "],\"npassed\":%zu,\"passed\":[", s->passed.n);
	for (uint32_t i = 0; i < shown; i++) {
		fputs(i ? "," : "", t->out);
		json_passed(t, s->passed.p[i]);
	}
	fputs("]}", t->out);
}

static void tell_json(struct telling *t, const struct request_spec *r)
{
	bool first = true;

	explain_json_request(t->out, r, t->o);
	fputs(",\"slots\":[", t->out);
	for (size_t i = 0; i < t->slots.n; i++) {
		if (!is_told(t, t->slots.all[i]->object))
			continue;
		fputs(first ? "" : ",", t->out);
		first = false;
		json_slot(t, t->slots.all[i]->object);
	}
	fprintf(t->out, "],\"unreached\":%u,", unreached(t));
	explain_json_outcome(t->out, t->p, t->o);
	fputs("}\n", t->out);
}

int why(const struct program *p, const struct request_spec *r, const struct why_options *options,
	FILE *out)
{
	static const struct interp_state whole = { .whole = true };
	struct arena a = { 0 };
	struct telling t = { .a = &a, .p = p, .options = options, .out = out };
	int rc = 0;

	t.o = interp_run(&a, p, r, &whole);
	find_slots(&t);
	rc = !t.o->entry ? 1 : options->slot.n && !symbol_get(&t.slots, options->slot) ? -1 : 0;
	if (rc >= 0 && options->json)
		tell_json(&t, r);
	else if (rc >= 0)
		tell_text(&t, r);
	arena_free(&a);
	return rc;
}
