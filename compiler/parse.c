/* SPDX-License-Identifier: Apache-2.0 */
#include "parse.h"

#include "../generated/grammar.h"
#include "build.h"
#include "canon.h"
#include "diag.h"
#include "keyword.h"
#include "misparse.h"
#include "source.h"

/* A file being read; the including one is <outer>. */
struct frame {
	struct frame *outer;
	struct lexer lx;
	bool begun; /* past its first statement */
};

struct parse {
	struct arena *arena;
	struct str stdlib; /* empty: none */
	bool memory; /* text from memory: no includes */
	const struct parse_watch *watch; /* or NULL */
	const struct ast_stmt *made; /* of this statement */
	bool astray; /* outside any section, and that was reported */
	struct frame *frame;
	unsigned depth;
	struct ast *ast;
	struct ast_section *section, *last_section;
	struct ast_section *file_section;
	struct ast_stmt **tails[2]; /* ends of the statements of the file section, of <section> */
};

static void add_stmt(struct parse *ps, struct ast_stmt *s)
{
	struct ast_stmt ***tail = &ps->tails[ps->section != ps->file_section];

	**tail = s;
	*tail = &s->next;
	ps->made = s;
}

static struct ast_value *values(struct parse *ps, const struct token *t, size_t n)
{
	struct build b = { .arena = ps->arena };
	struct value_list l = { NULL, NULL };

	for (size_t i = 0; i < n; i++)
		l = build_values(&b, l, build_value(&b, &t[i]));
	return l.first;
}

/* A section whose name is not known yet: one that no other section can have. */
static struct ast_section *new_section(struct parse *ps, enum section_kind kind, struct at at)
{
	struct ast_section *s = ARENA_NEW(ps->arena, struct ast_section);

	s->kind = kind;
	s->at = s->name_at = at;
	s->name = kind == SEC_GLOBAL ? S("") : arena_printf(ps->arena, "?%u.%u", at.file, at.line);
	ps->last_section->next = s;
	ps->last_section = ps->section = s;
	ps->astray = false;
	ps->tails[1] = &s->stmts;
	return s;
}

static void open_section(struct parse *ps, enum section_kind kind, const struct token *t, size_t n)
{
	struct ast_section *s = new_section(ps, kind, t[0].at);
	size_t names = kind != SEC_GLOBAL;

	if (n <= names) {
		if (names)
			diag(E031, t[0].at, STR_ARG(t[0].text));
		return;
	}
	if (names) {
		struct ast_value *v = values(ps, &t[1], 1);

		if (kind == SEC_TEST || build_entity(v))
			s->name = v->text;
		else if (kind == SEC_SET)
			diag_hint("a rule begins with its direction: req in set ...");
		s->name_at = v->at;
	}
	s->args = values(ps, t + 1 + names, n - 1 - names);
}

static void salvage_section(struct parse *ps, enum section_kind kind, const struct token *t,
			    size_t n)
{
	struct ast_section *s = new_section(ps, kind, t[0].at);

	if (n > 1 && kind != SEC_GLOBAL)
		s->name = t[1].text;
}

/* Of a statement that was reported, what others refer to: the section that it opens, the name
 * that it gives. So that no later statement is wrong only because of it. */
static void salvage(struct parse *ps, const struct token *t, size_t n)
{
	struct build b = { .arena = ps->arena, .tokens = t, .n = n };
	enum section_kind kind;

	if (n == 0 || t[0].delim)
		return;
	kind = keyword_section(t[0].text);
	if (kind != SEC_FILE) {
		salvage_section(ps, kind, t, n);
	} else if (n > 1 && !t[1].delim && str_eq(t[0].text, S("acl"))) {
		build_acl(&b, &t[0], build_value(&b, &t[1]), NULL, NULL);
	} else if (n > 1 && !t[1].delim && str_eq(t[0].text, S("param"))) {
		build_param(&b, &t[0], build_value(&b, &t[1]), NULL);
	}
	if (b.stmt)
		add_stmt(ps, b.stmt);
}

static const struct source *here(const struct parse *ps)
{
	return source_get(ps->frame->lx.file);
}

/* <path> with its last part replaced by <file>. */
static struct str beside(struct parse *ps, struct str path, struct str file)
{
	size_t n = path.n;

	if (file.p[0] == '/')
		return file;
	while (n && path.p[n - 1] != '/')
		n--;
	return arena_printf(ps->arena, "%.*s%.*s", (int)n, path.p, STR_ARG(file));
}

/* NULL, or why the file just read as <file> must not be included. */
static const char *check_cycle(const struct parse *ps, uint32_t file)
{
	const struct source *s = source_get(file);

	for (const struct frame *f = ps->frame; f; f = f->outer) {
		const struct source *o = source_get(f->lx.file);

		if (o->dev == s->dev && o->ino == s->ino && (s->ino || str_eq(o->path, s->path)))
			return "it includes itself";
	}
	return NULL;
}

static void push(struct parse *ps, uint32_t file)
{
	struct frame *f = ARENA_NEW(ps->arena, struct frame);

	lex_open(&f->lx, ps->arena, file);
	f->outer = ps->frame;
	ps->frame = f;
	ps->depth++;
}

static void include(struct parse *ps, const struct token *t)
{
	struct str path, name, std = S("std/");
	const char *why = NULL;
	uint32_t file = 0;

	if (ps->watch)
		return;
	if (t->text.n == 0) {
		why = "the name is empty";
	} else if (ps->memory) {
		why = "this text is no file";
	} else if (ps->depth == PARSE_DEPTH_MAX) {
		why = "includes are nested too deeply";
	} else if (str_starts(t->text, std) && ps->stdlib.n == 0) {
		why = "no standard library was found";
	} else {
		if (str_starts(t->text, std)) {
			name = t->text;
			if (!str_ends(name, S(".weir")))
				name = arena_printf(ps->arena, "%.*s.weir", STR_ARG(name));
			path = arena_printf(ps->arena, "%.*s/%.*s", STR_ARG(ps->stdlib),
					    STR_ARG(str_skip(name, std.n)));
		} else {
			path = beside(ps, here(ps)->path, t->text);
			name = beside(ps, here(ps)->name, t->text);
		}
		why = source_open(ps->arena, path, name, &file);
		if (!why)
			why = check_cycle(ps, file);
	}
	if (why) {
		diag(E012, t->at, STR_ARG(t->text), why);
		return;
	}
	push(ps, file);
}

/* True when <t>, which a section must hold, stands in none. Said for the first of such
 * statements. */
static bool outside(struct parse *ps, const struct token *t)
{
	if (ps->section != ps->file_section)
		return false;
	if (!ps->astray)
		diag(E021, t->at, STR_ARG(t->text));
	ps->astray = true;
	return true;
}

static void say_old(struct parse *ps, const struct ast_stmt *s, const struct token *t, size_t n)
{
	struct str line = canon_line(ps->arena, canon_stmt(ps->arena, s, ps->section->kind));
	const struct token *last = &t[n - 1];
	struct at end = last->opts ? last->opts_at : last->at;
	const char *text = here(ps)->text.p;

	diag(W207, s->at);
	diag_hint("write: %.*s", STR_ARG(line));
	diag_fix(true, "write the canonical spelling");
	diag_edit(s->at.file, (size_t)(source_line(s->at).p - text) + s->at.col - 1,
		  (size_t)(source_line(end).p - text) + end.col - 1 + end.len, line);
}

static void parse_rule(struct parse *ps, const struct token *t, size_t n)
{
	struct build b = { .arena = ps->arena, .tokens = t, .n = n };

	grammar_run(&b);
	if (b.failed)
		salvage(ps, t, n);
	else if (b.include)
		include(ps, b.include);
	else if (b.stmt->kind == STMT_RULE && outside(ps, t))
		return;
	else
		add_stmt(ps, b.stmt);
	if (b.old && !b.failed)
		say_old(ps, b.stmt, t, n);
}

static void parse_words(struct parse *ps, const struct token *t, size_t n)
{
	struct ast_stmt *s = ARENA_NEW(ps->arena, struct ast_stmt);
	struct ast_line *l = ARENA_NEW(ps->arena, struct ast_line);

	for (size_t i = 0; i < n && ps->section->kind != SEC_TEST; i++) {
		if (t[i].kind == TOK_WORD && keyword_reserved(t[i].text)) {
			diag(E030, t[i].at, STR_ARG(t[i].text));
			return;
		}
	}
	l->at = s->at = at_join(t[0].at, t[n - 1].at);
	l->values = values(ps, t, n);
	s->kind = STMT_LINE;
	s->line = l;
	add_stmt(ps, s);
}

/* Most words that an option keyword has. */
#define KEYWORD_WORDS 4

static void parse_option(struct parse *ps, const struct token *t, size_t n)
{
	struct str words[KEYWORD_WORDS];
	struct keyword_match m;
	struct ast_stmt *s;
	size_t k = 0;

	for (; k < n && k < KEYWORD_WORDS && t[k].kind == TOK_WORD; k++)
		words[k] = t[k].text;
	m = keyword_option(words, k);
	if (m.result != KEYWORD_FOUND) {
		enum section_kind meant = misparse_statement(ps->arena, t, n, &m);

		ps->astray = true;
		if (meant != SEC_FILE)
			salvage_section(ps, meant, t, n);
		return;
	}
	if (outside(ps, t))
		return;
	s = ARENA_NEW(ps->arena, struct ast_stmt);
	s->kind = STMT_OPTION;
	s->at = at_join(t[0].at, t[n - 1].at);
	s->option = ARENA_NEW(ps->arena, struct ast_option);
	s->option->at = at_join(t[0].at, t[m.used - 1].at);
	s->option->id = m.id;
	s->option->values = values(ps, t + m.used, n - m.used);
	add_stmt(ps, s);
}

/* "weir N" as the first statement of a file. */
static void version(const struct token *t, size_t n, bool first)
{
	if (!first)
		diag(E001, t[0].at, "the version may only be the first statement of a file");
	else if (n != 2)
		diag(E001, t[0].at, "the version line is: weir 1");
	else if (!str_eq(t[1].text, S("1")))
		diag(E028, t[1].at, STR_ARG(t[1].text));
}

static bool plain_lines(const struct parse *ps)
{
	enum section_kind k = ps->section->kind;

	return k == SEC_SET || k == SEC_MAP || k == SEC_TEST;
}

static void statement(struct parse *ps, const struct token *t, size_t n)
{
	bool first = !ps->frame->begun, word = t[0].delim == 0;
	enum section_kind kind = word ? keyword_section(t[0].text) : SEC_FILE;

	ps->frame->begun = true;
	if (t[0].kind != TOK_WORD && word)
		parse_rule(ps, t, n);
	else if (kind != SEC_FILE)
		open_section(ps, kind, t, n);
	else if (word && str_eq(t[0].text, S("weir")) && !plain_lines(ps))
		version(t, n, first);
	else if (plain_lines(ps))
		parse_words(ps, t, n);
	else
		parse_option(ps, t, n);
}

/* Tells the watcher what was just read. */
static void tell(struct parse *ps, const struct lexer *lx)
{
	bool word = lx->tokens[0].delim == 0 && lx->tokens[0].kind == TOK_WORD;
	struct parse_seen seen = {
		.tokens = lx->tokens,
		.n = lx->n,
		.stmt = ps->made,
		.section = ps->section->kind,
		.header = word && keyword_section(lx->tokens[0].text) != SEC_FILE,
		.from = lx->statement,
		.to = lx->p,
		.comment = lx->comment,
	};

	if (ps->watch)
		ps->watch->seen(ps->watch->arg, &seen);
}

/* Leaves an included file; the including section is open again. */
static void pop(struct parse *ps, struct ast_section *section, struct ast_stmt **tail)
{
	ps->frame = ps->frame->outer;
	ps->depth--;
	ps->section = section;
	ps->tails[1] = tail;
}

/* Reads the file of the innermost frame, and what it includes. Depth is bounded by
 * PARSE_DEPTH_MAX. */
static void read_file(struct parse *ps)
{
	struct frame *f = ps->frame;

	for (;;) {
		enum lex_result got =
			lex_statement(&f->lx, plain_lines(ps) ? LEX_WORDS : LEX_STATEMENT);

		if (got == LEX_EOF)
			return;
		if (got == LEX_BAD) {
			f->begun = true;
			if (!plain_lines(ps) ||
			    keyword_section(f->lx.n ? f->lx.tokens[0].text : S("")))
				salvage(ps, f->lx.tokens, f->lx.n);
			continue;
		}
		ps->made = NULL;
		statement(ps, f->lx.tokens, f->lx.n);
		tell(ps, &f->lx);
		if (ps->frame != f) {
			struct ast_section *section = ps->section;
			struct ast_stmt **tail = ps->tails[1];

			ps->section = ps->file_section;
			read_file(ps);
			pop(ps, section, tail);
		}
	}
}

static struct ast *parse(struct parse *ps, uint32_t file)
{
	push(ps, file);
	read_file(ps);
	return ps->ast;
}

static void init(struct parse *ps, struct arena *a)
{
	*ps = (struct parse) { .arena = a, .stdlib = S("") };
	ps->ast = ARENA_NEW(a, struct ast);
	ps->file_section = ARENA_NEW(a, struct ast_section);
	ps->file_section->kind = SEC_FILE;
	ps->file_section->name = S("");
	ps->ast->sections = ps->section = ps->last_section = ps->file_section;
	ps->tails[0] = ps->tails[1] = &ps->file_section->stmts;
}

struct ast *parse_site(struct arena *a, const char *path, const char *stdlib_dir)
{
	struct str whole = str_from(path), name = whole;
	struct parse ps;
	const char *why;
	uint32_t file;

	source_reset();
	init(&ps, a);
	ps.stdlib = str_from(stdlib_dir);
	while (str_chr(name, '/') >= 0)
		str_cut(&name, '/');
	why = source_open(a, whole, name, &file);
	if (why) {
		diag(E020, (struct at) { 0 }, STR_ARG(whole), why);
		return ps.ast;
	}
	return parse(&ps, file);
}

struct ast *parse_text(struct arena *a, struct str name, struct str text)
{
	return parse_alone(a, name, text, NULL);
}

struct ast *parse_alone(struct arena *a, struct str name, struct str text,
			const struct parse_watch *watch)
{
	struct parse ps;
	const char *why;
	uint32_t file;

	source_reset();
	init(&ps, a);
	ps.memory = true;
	ps.watch = watch;
	why = source_text(a, name, text, &file);
	if (why) {
		diag(E020, (struct at) { 0 }, STR_ARG(name), why);
		return ps.ast;
	}
	return parse(&ps, file);
}

struct ast *parse_again(struct arena *a, uint32_t file, const struct parse_watch *watch)
{
	struct parse ps;

	init(&ps, a);
	ps.watch = watch;
	return parse(&ps, file);
}

struct ast_stmt *parse_statement(struct arena *a, struct str name, struct str text,
				 enum section_kind kind)
{
	struct parse ps;
	struct ast_section *s;
	const char *why;
	uint32_t file;

	init(&ps, a);
	ps.memory = true;
	s = ps.section = ARENA_NEW(a, struct ast_section);
	*s = (struct ast_section) { .kind = kind, .name = S("") };
	ps.tails[1] = &s->stmts;
	why = source_text(a, name, text, &file);
	if (why) {
		diag(E020, (struct at) { 0 }, STR_ARG(name), why);
		return NULL;
	}
	parse(&ps, file);
	return s->stmts && !s->stmts->next ? s->stmts : NULL;
}
