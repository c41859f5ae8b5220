/* SPDX-License-Identifier: Apache-2.0 */
#include "lex.h"

#include "../generated/grammar.h"
#include "diag.h"
#include "keyword.h"
#include "source.h"

void lex_open(struct lexer *lx, struct arena *a, uint32_t file)
{
	struct str text = source_get(file)->text;

	lx->arena = a;
	lx->p = lx->line_start = text.p;
	lx->end = text.p + text.n;
	lx->file = file;
	lx->line = 1;
	lx->n = 0;
	if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
		lx->p += 3;
}

static struct at at_of(const struct lexer *lx, const char *from, const char *to)
{
	return (struct at) { .file = lx->file,
			     .line = lx->line,
			     .col = (uint32_t)(from - lx->line_start) + 1,
			     .len = (uint32_t)(to - from) };
}

/* Checks the bytes of the line that begins at <p>. Reports the first bad one. */
static bool check_line(const struct lexer *lx, const char *p)
{
	const char *from;
	uint32_t c;

	for (;;) {
		from = p;
		c = (unsigned char)*p;
		if (c == '\n')
			return true;
		if (c < 0x80)
			p++;
		else
			c = source_char(&p, lx->end);
		if (c == SOURCE_NO_CHAR) {
			diag(E026, at_of(lx, from, from + 1), (unsigned char)*from,
			     "it is not UTF-8");
			return false;
		}
		if ((c < 0x20 && c != '\t' && !(c == '\r' && *p == '\n')) || c == 0x7f) {
			diag(E026, at_of(lx, from, from + 1), (unsigned char)*from,
			     "it is a control byte");
			return false;
		}
	}
}

static void next_line(struct lexer *lx)
{
	lx->line++;
	lx->line_start = lx->p;
}

static struct token *add(struct lexer *lx, int kind, const char *from, const char *to)
{
	struct token *t;

	if (lx->n == lx->room) {
		struct token *more;

		lx->room = lx->room ? 2 * lx->room : 64;
		more = ARENA_ARRAY(lx->arena, struct token, lx->room);
		if (lx->n)
			memcpy(more, lx->tokens, lx->n * sizeof(*more));
		lx->tokens = more;
	}
	t = &lx->tokens[lx->n++];
	*t = (struct token) { .kind = kind,
			      .at = at_of(lx, from, to),
			      .text = str_of(from, (size_t)(to - from)) };
	return t;
}

/* Takes the first words of a statement whose bytes are bad. */
static void first_words(struct lexer *lx)
{
	const char *from = lx->statement, *to;

	for (int i = 0; i < 2; i++, from = to) {
		while (*from == ' ' || *from == '\t')
			from++;
		for (to = from; !strchr(" \t\r\n\"'", *to); to++)
			;
		if (to == from || lx->line_start > from)
			return;
		add(lx, TOK_WORD, from, to);
	}
}

/* Passes over the rest of a bad statement, continuation lines included. */
static enum lex_result skip(struct lexer *lx)
{
	bool joined = true;

	if (lx->n == 0)
		first_words(lx);
	while (joined && lx->p <= lx->end) {
		const char *nl = memchr(lx->p, '\n', (size_t)(lx->end + 1 - lx->p)), *q = nl;

		while (q > lx->p && (q[-1] == '\r' || q[-1] == ' ' || q[-1] == '\t'))
			q--;
		joined = q - lx->p >= 2 && q[-1] == '\\' && (q[-2] == ' ' || q[-2] == '\t');
		lx->p = nl + 1;
		next_line(lx);
	}
	return LEX_BAD;
}

/* May the last token be an action's word: first of a line, or behind what an action follows? In the
 * old spellings that is also the test of one value. */
static bool action_place(const struct lexer *lx)
{
	const struct token *t = &lx->tokens[lx->n - 1];
	int before = lx->n > 1 ? t[-1].kind : TOK_WHERE;

	if (lx->n > 3 && t[-2].kind == TOK_OP &&
	    (lx->n == 4 || t[-4].kind == TOK_WHERE || t[-4].kind == TOK_IF))
		return true;
	return before == TOK_WHERE || before == TOK_SEMI || before == TOK_NEVER ||
	       before == TOK_ALWAYS || before == TOK_THEN;
}

/* What a token tells about the next ones: may a regex between slashes come? */
static void watch_regex(struct lexer *lx)
{
	const struct token *t = &lx->tokens[lx->n - 1];
	bool action = action_place(lx);

	if (t->kind == TOK_OP && (str_eq(t->text, S("=~")) || str_eq(t->text, S("!~"))))
		lx->regex = REGEX_VALUES;
	else if (action && str_eq(t->text, S("rep")))
		lx->regex = REGEX_SKIP;
	else if (action && (str_eq(t->text, S("delete")) || str_eq(t->text, S("rewrite")) ||
			    str_eq(t->text, S("reqline")) || str_eq(t->text, S("stsline"))))
		lx->regex = REGEX_ARG;
	else if (lx->regex == REGEX_SKIP)
		lx->regex = REGEX_ARG;
	else if (lx->regex == REGEX_ARG && t->delim == '/')
		lx->regex = REGEX_NEW;
	else if (lx->regex == REGEX_VALUES && (t->kind == TOK_STR || t->kind == TOK_WORD))
		lx->regex = REGEX_VALUES;
	else
		lx->regex = REGEX_NO;
}

/* True when the word at <p> is a subject with brackets, or with converters. */
static bool subject_at(const char *p, bool *call)
{
	const char *q = p;

	while ((*q >= 'a' && *q <= 'z') || (*q >= 'A' && *q <= 'Z') || *q == '_' || *q == '.')
		q++;
	*call = *q == '(';
	return q > p && (*q == '(' || *q == '|') &&
	       keyword_subject(str_of(p, (size_t)(q - p)), false);
}

static int word_kind(const struct lexer *lx, struct str word, bool subject, bool call)
{
	int kind;

	if (lx->words)
		return TOK_WORD;
	if (subject)
		return call ? TOK_FUNC : TOK_SUBJ;
	kind = keyword_token(word);
	if (kind)
		return kind;
	if (keyword_subject(word, true))
		return TOK_SUBJ;
	if ((word.p[0] >= '0' && word.p[0] <= '9') || str_starts(word, S("${")))
		return TOK_NUM;
	return TOK_WORD;
}

/* May SECTION:"NEW" come: behind switch, or behind its test of one value in an old spelling? */
static bool map_place(const struct lexer *lx)
{
	const struct token *t = lx->n ? &lx->tokens[lx->n - 1] : NULL;

	return (t && t->kind == TOK_SWITCH) ||
	       (lx->n > 3 && t[-1].kind == TOK_OP && t[-3].kind == TOK_SWITCH);
}

/* "acl(" where an old spelling has a definition or a condition. */
static bool take_aclf(struct lexer *lx)
{
	const struct token *t = lx->n ? &lx->tokens[lx->n - 1] : NULL;
	const char *from = lx->p;

	if (lx->words || !t || strncmp(from, "acl(", 4) != 0)
		return false;
	switch (t->kind) {
	case TOK_WHERE:
	case TOK_NOT:
	case TOK_BANG:
	case TOK_ACT0:
	case TOK_ACTN:
		break;
	default:
		if (lx->n < 2 || (t[-1].kind != TOK_SETBE && t[-1].kind != TOK_SWITCH))
			return false;
	}
	lx->p += 4;
	add(lx, TOK_ACLF, from, lx->p);
	return true;
}

static bool take_word(struct lexer *lx)
{
	bool call = false, subject = subject_at(lx->p, &call);
	bool map = map_place(lx);
	const char *from = lx->p, *to = lex_word(from, subject, map);

	if (take_aclf(lx))
		return true;
	if (!to) {
		const char *open = memchr(from, '(', (size_t)(lx->end - from));

		diag(E024, at_of(lx, from, open + 1), (int)(open + 1 - from), from,
		     "a closing ')'");
		return false;
	}
	if (to ==
	    from) /* a sign where none can be: lex_piece has seen a word, which is never empty */
		to++;
	lx->p = to;
	add(lx, 0, from, to)->kind =
		word_kind(lx, str_of(from, (size_t)(to - from)), subject, call);
	return true;
}

/* Reads the option letters at lx->p into <t>. */
static bool take_opts(struct lexer *lx, struct token *t)
{
	static const char letters[] = "icxb";
	const char *from = lx->p;

	for (; (*lx->p >= 'a' && *lx->p <= 'z') || (*lx->p >= 'A' && *lx->p <= 'Z'); lx->p++) {
		const char *l = strchr(letters, *lx->p);

		if (!l) {
			diag(E025, at_of(lx, lx->p, lx->p + 1), 1, lx->p);
			if (t->delim == '/')
				diag_hint("here '/' begins a regex that ends at the next '/'; "
					  "write the regex "
					  "in quotes if it holds slashes");
			return false;
		}
		t->opts |= (uint8_t)(1 << (l - letters));
	}
	t->opts_at = at_of(lx, from, lx->p);
	if ((t->opts & VAL_ICASE) && (t->opts & VAL_CASE)) {
		diag(E001, t->opts_at, "the options i and c exclude each other");
		return false;
	}
	return true;
}

struct str lex_undelimit(struct arena *a, struct str s, char delim)
{
	char *out;
	size_t n = 0;

	if (!memchr(s.p, delim, s.n))
		return s;
	out = arena_get(a, s.n);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\') {
			if (s.p[i + 1] != delim)
				out[n++] = '\\';
			i++;
		}
		out[n++] = s.p[i];
	}
	return str_of(out, n);
}

static bool take_text(struct lexer *lx)
{
	const char *from = lx->p, *to = lex_text(from);
	struct token *t;

	if (!to) {
		diag(E024, at_of(lx, from, from + 1), 1, from,
		     *from == '/' ? "'/'" : "the closing quote");
		if (*from == '/')
			diag_hint("a value after =~, and what follows a /regex/, is delimited when "
				  "it begins "
				  "with '/'");
		return false;
	}
	t = add(lx, TOK_STR, from, to);
	t->delim = *from;
	t->text = lex_undelimit(lx->arena, str_of(from + 1, (size_t)(to - from) - 2), *from);
	lx->p = to;
	if (!take_opts(lx, t))
		return false;
	if (!strchr(" \t\r\n);,", *lx->p)) {
		diag(E001, at_of(lx, lx->p, lx->p + 1), "a blank is missing after the text");
		return false;
	}
	return true;
}

/* Signs as tokens of rule lines; in plain words they are errors, but '!' begins a word. */
static bool take_sign(struct lexer *lx, enum piece piece, const char *from)
{
	static const int kinds[] = {
		[PIECE_SEMI] = TOK_SEMI,   [PIECE_COMMA] = TOK_COMMA, [PIECE_OPEN] = TOK_LP,
		[PIECE_CLOSE] = TOK_RP,    [PIECE_BANG] = TOK_BANG,   [PIECE_OP] = TOK_OP,
		[PIECE_COLON] = TOK_COLON,
	};

	if (!lx->words) {
		add(lx, kinds[piece], from, lx->p);
		return true;
	}
	if (piece == PIECE_BANG || piece == PIECE_OP || piece == PIECE_COLON) {
		lx->p = from;
		return take_word(lx);
	}
	diag(E030, at_of(lx, from, lx->p), (int)(lx->p - from), from);
	diag_hint("write it in quotes, or leave it out");
	return false;
}

/* The first word decides how a statement is read. */
static void decide(struct lexer *lx, enum lex_mode mode)
{
	struct token *t = lx->tokens;
	int kind = t->kind == TOK_WORD ? keyword_token(t->text) : 0;
	bool include = kind == TOK_INCLUDE;
	bool rule = kind == TOK_ACL || kind == TOK_PARAM || kind == TOK_ASSERT ||
		    (kind && keyword_starts_rule(t->text));

	lx->words = !include && (!rule || mode == LEX_WORDS);
	if (!lx->words)
		t->kind = kind;
}

/* Takes the token at lx->p, which is a <piece> and begins at <from>. */
static bool take(struct lexer *lx, enum piece piece, const char *from)
{
	switch (piece) {
	case PIECE_QUOTE:
		return take_text(lx);
	case PIECE_SLASH:
		if (!lx->words && lx->regex != REGEX_NO && lx->regex != REGEX_SKIP)
			return take_text(lx);
		return take_word(lx);
	case PIECE_WORD:
		return take_word(lx);
	default:
		return take_sign(lx, piece, from);
	}
}

/* Goes on behind a LF. False when the new line is bad or the statement too long. */
static bool join(struct lexer *lx)
{
	next_line(lx);
	if (lx->p > lx->end)
		return true;
	if (!check_line(lx, lx->p))
		return false;
	if ((size_t)((const char *)memchr(lx->p, '\n', (size_t)(lx->end + 1 - lx->p)) -
		     lx->statement) > LEX_LINE_MAX) {
		diag(E027, at_of(lx, lx->p, lx->p + 1), "a statement is longer than 1 MB");
		return false;
	}
	return true;
}

static bool begin(struct lexer *lx)
{
	lx->n = 0;
	lx->words = true;
	lx->regex = REGEX_NO;
	lx->statement = lx->p;
	lx->comment = S("");
	if (!check_line(lx, lx->p))
		return false;
	if ((size_t)((const char *)memchr(lx->p, '\n', (size_t)(lx->end + 1 - lx->p)) - lx->p) >
	    LEX_LINE_MAX) {
		diag(E027, at_of(lx, lx->p, lx->p + 1), "a statement is longer than 1 MB");
		return false;
	}
	return true;
}

enum lex_result lex_statement(struct lexer *lx, enum lex_mode mode)
{
	if (lx->p >= lx->end)
		return LEX_EOF;
	if (!begin(lx))
		return skip(lx);
	while (lx->p <= lx->end) {
		const char *from = lx->p;
		enum piece piece = lex_piece(&lx->p);

		if (piece == PIECE_COMMENT)
			lx->comment = str_of(from, (size_t)(lx->p - from));
		if (piece == PIECE_BLANK || piece == PIECE_COMMENT)
			continue;
		if (piece == PIECE_JOIN) {
			if (!join(lx))
				return skip(lx);
			continue;
		}
		if (piece == PIECE_END) {
			next_line(lx);
			if (lx->n)
				return LEX_GOT;
			if (lx->p >= lx->end)
				return LEX_EOF;
			if (!begin(lx))
				return skip(lx);
			continue;
		}
		if (!take(lx, piece, from))
			return skip(lx);
		if (lx->n == 1)
			decide(lx, mode);
		if (!lx->words)
			watch_regex(lx);
	}
	return lx->n ? LEX_GOT : LEX_EOF;
}
