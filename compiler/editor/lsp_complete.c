/* SPDX-License-Identifier: Apache-2.0 */
/* lsp_complete: what may follow, judged by the words before the place on its line. */
#include "../lex.h"
#include "../option.h"
#include "../show.h"
#include "lsp_part.h"
#include "words.h"

#define WORDS_MAX 256 /* of the line, looked at */

/* Kinds of the protocol's completion items. */
enum {
	ITEM_FUNCTION = 3,
	ITEM_FIELD = 5,
	ITEM_VARIABLE = 6,
	ITEM_MODULE = 9,
	ITEM_PROPERTY = 10,
	ITEM_KEYWORD = 14,
	ITEM_OPERATOR = 24
};

struct complete {
	const struct query *q;
	bool first;
	struct str words[WORDS_MAX]; /* before the one that is being written */
	size_t n;
	struct str begun; /* of that one */
	enum section_kind section;
};

static void put(struct complete *c, struct str label, int kind, const char *doc)
{
	fputs(c->first ? "{\"label\":" : ",{\"label\":", c->q->out);
	c->first = false;
	show_json(c->q->out, label);
	fprintf(c->q->out, ",\"kind\":%d", kind);
	if (doc && *doc) {
		fputs(",\"documentation\":", c->q->out);
		show_json(c->q->out, str_from(doc));
	}
	fputc('}', c->q->out);
}

/* All words of <kind>; <list>: those that may stand in that rule list, 0: all. */
static void put_words(struct complete *c, enum word_kind kind, int item, char list)
{
	for (size_t i = 0; i < words_count; i++)
		if (words[i].kind == kind && *words[i].word &&
		    (!list || !*words[i].where || strchr(words[i].where, list)))
			put(c, str_from(words[i].word), item, words[i].doc);
}

static void put_options(struct complete *c)
{
	for (int id = 0; id < OPTIONS; id++) {
		struct str words_of = str_from(option_row(id)->words);
		const struct word *w = words_find(WORD_OPTION, words_of);

		if (option_owned(id, c->section) ||
		    (c->section == SEC_PROFILE && (option_has(id, 'f') || option_has(id, 'b')) &&
		     !option_has(id, '!')))
			put(c, words_of, ITEM_PROPERTY, w ? w->doc : NULL);
	}
}

/* Names of <kind> that are given, each once. */
static void put_names(struct complete *c, enum name_kind kind)
{
	struct symbols seen = { 0 };

	for (size_t i = 0; i < c->q->names.all.n; i++) {
		struct name *n = c->q->names.all.p[i];

		if (!n->given || n->kind != kind || symbol_get(&seen, n->text))
			continue;
		symbol_put(c->q->arena, &seen, n->text, n);
		put(c, n->text, kind == NAME_SECTION ? ITEM_MODULE : ITEM_VARIABLE, NULL);
	}
}

/* The letter of the list that the line's rule stands in, as in action.def; 0: it is no rule. */
static char list_of(const struct complete *c)
{
	struct str dir = c->n ? c->words[0] : S("");
	bool out = c->n > 1 && str_eq(c->words[1], S("out"));

	if (str_eq(dir, S("req")))
		return out ? 'Q' : 'q';
	if (str_eq(dir, S("rsp")) || str_eq(dir, S("resp")))
		return out ? 'S' : 's';
	if (str_eq(dir, S("conn")))
		return 'c';
	return str_eq(dir, S("sess")) ? 'e' : 0;
}

static void put_starts(struct complete *c)
{
	put_words(c, WORD_HEADER, ITEM_KEYWORD, 0);
	put_words(c, WORD_STATEMENT, ITEM_KEYWORD, 0);
	put_options(c);
}

static bool after_condition(const struct complete *c)
{
	for (size_t i = c->n; i > 0; i--)
		if (str_eq(c->words[i - 1], S("on")) || str_eq(c->words[i - 1], S("unless")))
			return true;
	return false;
}

static void put_condition(struct complete *c)
{
	char list = list_of(c);

	put_names(c, NAME_ACL);
	put_words(c, WORD_SUBJECT, ITEM_FIELD, list ? ascii_lower(list) : 0);
}

/* Behind word <last> of a rule, an acl or an assert. */
static void put_rule(struct complete *c, struct str last)
{
	char list = list_of(c);
	bool rule = list != 0;

	if (rule && c->n == 1) {
		put(c, S("in"), ITEM_KEYWORD, NULL);
		if (list == 'q' || list == 's')
			put(c, S("out"), ITEM_KEYWORD, NULL);
	} else if ((rule && c->n == 2) || str_eq(last, S(";"))) {
		put_words(c, WORD_ACTION, ITEM_FUNCTION, list);
	} else if (str_eq(last, S("switch")) || str_eq(last, S("setbe"))) {
		put_names(c, NAME_SECTION);
	} else if (str_eq(last, S("pass")) || str_eq(last, S("count"))) {
		put_names(c, NAME_CHECKPOINT);
	} else if (str_eq(last, S("set")) && c->n > 2 &&
		   words_find(WORD_OPERATOR, c->words[c->n - 2])) {
		put_names(c, NAME_SET);
	} else if (after_condition(c)) {
		put_condition(c);
	} else if (words_find(WORD_SUBJECT, str_cut(&last, '(')) ||
		   (str_eq(c->words[0], S("acl")) && c->n == 3)) {
		put_words(c, WORD_OPERATOR, ITEM_OPERATOR, 0);
	} else {
		put_words(c, WORD_SUBJECT, ITEM_FIELD, rule ? ascii_lower(list) : 0);
		put(c, S("on"), ITEM_KEYWORD, NULL);
		put(c, S("unless"), ITEM_KEYWORD, NULL);
	}
}

static void put_all(struct complete *c)
{
	struct str last = c->n ? c->words[c->n - 1] : S(""), first = c->n ? c->words[0] : S("");

	if (str_chr(c->begun, '|') >= 0)
		put_words(c, WORD_CONVERTER, ITEM_FUNCTION, 0);
	else if (c->n == 0)
		put_starts(c);
	else if (c->begun.n && (c->begun.p[0] == '(' || c->begun.p[0] == '!'))
		put_condition(c);
	else if (str_eq(first, S("use_profile")))
		put_names(c, NAME_PROFILE);
	else if (str_eq(first, S("default_backend")) || str_starts(first, S("use_")))
		put_names(c, NAME_SECTION);
	else if (list_of(c) || str_eq(first, S("acl")) || str_eq(first, S("assert")))
		put_rule(c, last);
}

/* The words of the line up to the place. */
static void split(struct complete *c)
{
	struct str rest = str_first(c->q->line, c->q->at.col - 1);

	for (;;) {
		struct str word;

		while (rest.n && (rest.p[0] == ' ' || rest.p[0] == '\t'))
			rest = str_skip(rest, 1);
		word = rest;
		while (rest.n && rest.p[0] != ' ' && rest.p[0] != '\t')
			rest = str_skip(rest, 1);
		word.n -= rest.n;
		if (!rest.n) {
			c->begun = word;
			return;
		}
		if (c->n == WORDS_MAX)
			return;
		c->words[c->n++] = word;
	}
}

/* The section that the place stands in: of the last header before it in its file. */
static enum section_kind section_of(const struct query *q)
{
	enum section_kind kind = SEC_FILE;

	for (const struct ast_section *s = q->ast->sections; s; s = s->next)
		if (s->kind != SEC_FILE && s->at.file == q->file && s->at.line < q->at.line)
			kind = s->kind;
	return kind;
}

void lsp_complete(const struct query *q)
{
	struct complete c = { .q = q, .first = true, .section = section_of(q) };

	split(&c);
	fputc('[', q->out);
	put_all(&c);
	fputc(']', q->out);
}
