/* SPDX-License-Identifier: Apache-2.0 */
#include "misparse.h"

#include "../generated/grammar.h"
#include "build.h"
#include "diag.h"
#include "source.h"

/* Spellings of other times and products, and what is written here. */
static const struct {
	const char *word, *hint;
} olds[] = {
	{ "defaults", "write: profile NAME, and use_profile NAME in the sections that take it" },
	{ "http-request", "write: req in <action> ..." },
	{ "http-response", "write: rsp in <action> ..." },
	{ "reqirep", "write: req in rep NAME \"REGEX\"i NEW" },
	{ "reqrep", "write: req in rep NAME REGEX NEW" },
	{ "rspadd", "write: rsp in append \"name: value\"" },
	{ "rspdel", "write: rsp in rem NAME, or rsp in delete REGEX" },
	{ "use_backend", "write: req in setbe BACKEND on <condition>" },
};

/* As written: tokens <from> to <to>, when they stand on one line; else the first one. */
static struct str span(const struct token *from, const struct token *to)
{
	struct at at = at_join(from->at, to->at);

	if (to->delim && to->opts && to->opts_at.line == at.line)
		at = at_join(at, to->opts_at);
	return str_first(str_skip(source_line(at), at.col - 1), at.len);
}

static void say_old(struct str word)
{
	struct str name = word;

	name = str_cut(&name, '(');
	for (size_t i = 0; i < sizeof(olds) / sizeof(*olds); i++)
		if (str_eq(str_from(olds[i].word), name))
			diag_hint("%s", olds[i].hint);
}

static void say_near(struct str near)
{
	if (near.n)
		diag_hint("did you mean '%.*s'?", STR_ARG(near));
}

static struct str candidates(struct arena *a, const struct keyword_match *m)
{
	struct str s = S("");

	for (size_t i = 0; i < m->ncandidates; i++)
		s = arena_printf(a, "%.*s%s'%.*s'", STR_ARG(s),
				 i == 0                    ? ""
				 : i + 1 == m->ncandidates ? " or "
							   : ", ",
				 STR_ARG(m->candidates[i]));
	return s;
}

enum section_kind misparse_statement(struct arena *a, const struct token *t, size_t n,
				     const struct keyword_match *m)
{
	struct str list = candidates(a, m), whole = span(t, t + n - 1);
	struct at at = m->used ? at_join(t[0].at, t[m->used - 1].at) : t[0].at;
	struct str words = m->used ? span(t, t + m->used - 1) : t[0].text;

	if (t[0].delim) {
		diag(E001, t[0].at, "a statement begins with a word, not with a text");
	} else if (m->result == KEYWORD_AMBIGUOUS) {
		diag(E009, at, STR_ARG(words), list.p);
	} else if (keyword_action(t[0].text)) { /* which an option begins with, too */
		diag(E022, t[0].at, STR_ARG(t[0].text));
		diag_hint("a rule begins with its direction: req in %.*s", STR_ARG(whole));
	} else if (m->result == KEYWORD_INCOMPLETE) {
		diag(E033, at, STR_ARG(words));
		diag_hint("write %.*s", STR_ARG(list));
	} else {
		struct str near = keyword_near_statement(t[0].text);

		diag(E022, t[0].at, STR_ARG(t[0].text));
		say_near(near);
		say_old(t[0].text);
		return keyword_section(near);
	}
	return SEC_FILE;
}

static bool is_subject(const struct token *t)
{
	return t->kind == TOK_SUBJ || t->kind == TOK_FUNC || t->kind == TOK_SCHEME;
}

/* True for what may be an ordinary word somewhere: no sign, no operator, no reserved word. */
static bool is_word(const struct token *t)
{
	switch (t->kind) {
	case TOK_SEMI:
	case TOK_COMMA:
	case TOK_AND:
	case TOK_OR:
	case TOK_LP:
	case TOK_RP:
	case TOK_BANG:
	case TOK_OP:
	case TOK_NOT:
	case TOK_ON:
	case TOK_UNLESS:
	case TOK_IF:
	case TOK_THEN:
	case TOK_COLON:
		return false;
	default:
		return true;
	}
}

/* <t> stands where a subject is expected. */
static void no_subject(const struct token *t)
{
	if (keyword_subject(t->text, false)) {
		diag(E034, t->at, STR_ARG(t->text), "it takes an argument in brackets");
		return;
	}
	diag(E034, t->at, STR_ARG(t->text), "there is no such subject");
	say_near(keyword_near_subject(str_cut(&(struct str) { t->text.p, t->text.n }, '(')));
}

/* True when an action must follow <t>. */
static bool before_action(const struct token *t)
{
	return t->kind == TOK_WHERE || t->kind == TOK_SEMI || t->kind == TOK_NEVER ||
	       t->kind == TOK_ALWAYS;
}

/* The on or unless that <t> stands behind, or NULL. */
static const struct token *condition_of(const struct build *b, const struct token *t)
{
	while (t-- > b->tokens) {
		if (t->kind == TOK_ON || t->kind == TOK_UNLESS)
			return t;
		if (t->kind == TOK_SEMI)
			return NULL;
	}
	return NULL;
}

/* Last token of the test that begins at <t>. */
static const struct token *test_end(const struct build *b, const struct token *t)
{
	const struct token *end = b->tokens + b->n;

	if (t + 1 >= end || t[1].kind != TOK_OP)
		return t;
	for (t++; t + 1 < end; t++) {
		switch (t[1].kind) {
		case TOK_LP:
		case TOK_RP:
		case TOK_COMMA:
		case TOK_AND:
		case TOK_OR:
		case TOK_BANG:
		case TOK_NOT:
		case TOK_ON:
		case TOK_UNLESS:
		case TOK_SEMI:
		case TOK_OP:
			return t;
		default:
			break;
		}
	}
	return t;
}

/* The line ended after <last>. */
static void ends_early(const struct build *b)
{
	const struct token *last = &b->tokens[b->n - 1];
	long open = 0;

	struct at at = last->opts ? last->opts_at : last->at;

	for (size_t i = 0; i < b->n; i++)
		open += (b->tokens[i].kind == TOK_LP || b->tokens[i].kind == TOK_ACLF) -
			(b->tokens[i].kind == TOK_RP);
	at.col += at.len;
	at.len = 1;
	switch (last->kind) {
	case TOK_OP:
		diag(E001, at, "a value must follow the operator");
		break;
	case TOK_ON:
	case TOK_UNLESS:
	case TOK_NOT:
	case TOK_BANG:
	case TOK_AND:
	case TOK_OR:
	case TOK_COMMA:
		diag(E001, at, "a condition must follow");
		break;
	case TOK_DIR:
		diag(E001, at, "'in' or 'out', and an action must follow");
		break;
	case TOK_WHERE:
	case TOK_SEMI:
	case TOK_NEVER:
	case TOK_ALWAYS:
		diag(E001, at, "an action must follow");
		break;
	default:
		diag(E001, at,
		     open > 0 ? "a ')' is missing before the line's end"
			      : "the line ends too early: something is missing here");
	}
}

/* <t> stands where an action is expected. */
static void no_action(const struct build *b, const struct token *t)
{
	const struct token *end = test_end(b, t), *last = b->tokens + b->n - 1;

	if (is_subject(t) && end == t + 1 + (t + 1 < last) && end < last) {
		diag(E001, t->at, "an action must stand here");
		diag_hint("the test comes after the action's arguments");
	} else if (is_subject(t) && t + 3 <= last) {
		diag(E001, t->at, "an action must stand here");
		diag_hint("the test comes after the action's arguments: %.*s %.*s",
			  STR_ARG(span(t + 3, last)), STR_ARG(span(t, t + 2)));
	} else if (is_word(t) && !t->delim) {
		diag(E023, t->at, STR_ARG(t->text));
		say_near(keyword_near_action(t->text));
		say_old(t->text);
	} else {
		diag(E001, t->at, "an action must stand here");
	}
}

/* <t> cannot stand where it does in a condition. */
static void bad_condition(const struct build *b, const struct token *t)
{
	const struct token *from = t;

	if (t->kind == TOK_OP && t > b->tokens && t[-1].kind == TOK_WORD) {
		no_subject(t - 1);
	} else if (is_subject(t)) {
		diag(E001, t->at, "a test in a condition stands in brackets");
		diag_hint("write (%.*s)", STR_ARG(span(from, test_end(b, t))));
	} else if (t->kind == TOK_SEMI) {
		diag(E001, t->at,
		     "the condition stands after the last action: all actions of a line share it");
	} else if (t->kind == TOK_ON || t->kind == TOK_UNLESS || t->kind == TOK_IF) {
		diag(E001, t->at, "a rule has one condition; this is the second");
		diag_hint("blanks mean AND, commas mean OR, '!' or 'not' negates");
	} else if (t->kind == TOK_STR) {
		diag(E001, t->at,
		     "a condition is made of acl names and bracketed tests, not of texts");
	} else {
		diag(E001, t->at,
		     t->kind == TOK_RP ? "this ')' closes nothing"
				       : "this cannot stand here in a condition");
	}
}

/* True when <t> is the operator of a test that stands where the action's arguments should. */
static bool test_first(const struct build *b, const struct token *t)
{
	return t->kind == TOK_OP && t - b->tokens >= 2 && is_subject(t - 1) &&
	       keyword_action(t[-2].text);
}

/* <t> stands where a value or a test of its own is expected. */
static void bad_operand(const struct build *b, const struct token *t)
{
	const struct token *before = t - 1;

	if (test_first(b, t)) {
		diag(E001, before->at, "the test comes after the action's arguments");
		diag_hint("write: %.*s <arguments> %.*s", STR_ARG(t[-2].text),
			  STR_ARG(span(before, test_end(b, before))));
	} else if (t->kind == TOK_ON || t->kind == TOK_UNLESS) {
		diag(E001, t->at,
		     before->kind == TOK_OP ? "a value must stand before this"
					    : "something is missing before this");
		diag_hint("'%.*s' is a value only in quotes", STR_ARG(t->text));
	} else if (t->kind == TOK_OP && before->kind == TOK_WORD) {
		no_subject(before);
	} else if (t->kind == TOK_FUNC && str_eq(before->text, S("delete"))) {
		diag(E001, t->at, "delete takes a regex");
		diag_hint("to remove the headers of a name, write: rem NAME");
	} else if (t->kind == TOK_FUNC) {
		diag(E030, t->at, STR_ARG(t->text));
		diag_hint("write \"%%{%.*s}\" for its value, or quote it", STR_ARG(t->text));
	} else if (t->kind == TOK_COMMA && b->tokens[0].kind != TOK_PARAM) {
		diag(E001, t->at, "',' stands between conditions only, after on or unless");
		diag_hint("values of one test are separated by blanks; further tests go after on, "
			  "in brackets");
	} else if (t->kind == TOK_THEN || t->kind == TOK_IF) {
		diag(E030, t->at, STR_ARG(t->text));
	} else if (before->kind == TOK_OP || t->kind == TOK_OP) {
		diag(E030, t->at, STR_ARG(t->text));
		diag_hint("a value must stand here; operators are two bytes between blanks");
	} else if (t->kind == TOK_AND || t->kind == TOK_OR || t->kind == TOK_BANG ||
		   t->kind == TOK_NOT || t->kind == TOK_LP) {
		diag(E001, t->at, "conditions stand after 'on' or 'unless'");
		if (b->tokens[0].kind == TOK_ACL) {
			diag_hint("write: acl NAME WHAT OP VALUE..., or acl NAME on CONDITION");
			return;
		}
		diag_hint("a rule has one test of its own; further ones go after on: ... on a !b "
			  "(tls)");
	} else {
		diag(E001, t->at, "this sign cannot stand here");
		diag_hint("the signs ; , ( ) ! && || are values only in quotes");
	}
}

/* <t>, a word or a text, can neither be an argument nor begin a test. */
static void bad_word(const struct build *b, const struct token *t)
{
	const struct token *before = t > b->tokens ? t - 1 : t;
	const struct token *end = b->tokens + b->n;

	if (b->tokens[0].kind == TOK_ASSERT && is_subject(t)) {
		diag(E001, t->at, "the condition of an assert stands after on or unless");
		diag_hint("write: on (%.*s)", STR_ARG(span(t, test_end(b, t))));
	} else if (t->kind == TOK_FUNC) {
		bad_operand(b, t);
	} else if (t->kind == TOK_WORD && t + 1 < end && t[1].kind == TOK_OP) {
		no_subject(t);
	} else if (is_subject(before) && t->text.n && !t->delim && strchr("=!<>", t->text.p[0])) {
		diag(E001, t->at, "this is no operator");
		diag_hint("operators: == =~ =* =^ =%% =/ =. (none of the values: != !~ ...), < <= "
			  "> >=");
	} else if (is_subject(before) && t->kind == TOK_STR) {
		diag(E001, t->at, "an operator is missing before this value");
	} else if (before->kind == TOK_INCLUDE) {
		diag(E001, t->at, "the name of an included file stands in quotes");
	} else {
		diag(E001, t->at, "this cannot stand here");
		if (!t->delim && keyword_action(t->text))
			diag_hint("actions are joined by ';'");
		say_old(t->text);
	}
}

void build_misparse(struct build *b, const struct token *t)
{
	const struct token *before = b->fed ? &b->tokens[b->fed - 1] : NULL;

	if (b->failed)
		return;
	b->failed = true;
	if (!t) {
		ends_early(b);
	} else if (before && before->kind == TOK_DIR) {
		diag(E001, t->at, "'in' or 'out' must follow the direction");
	} else if (before && before_action(before)) {
		no_action(b, t);
	} else if (condition_of(b, t)) {
		bad_condition(b, t);
	} else if (is_word(t)) {
		bad_word(b, t);
	} else {
		bad_operand(b, t);
	}
}

void build_too_deep(struct build *b)
{
	struct at at = b->tokens[b->fed < b->n ? b->fed : b->n - 1].at;

	if (!b->failed)
		diag(E027, at, "brackets and negations are nested too deeply");
	b->failed = true;
}
