/* SPDX-License-Identifier: Apache-2.0 */
/* Alternatives, sequences, repetitions, groups. What PCRE2 refuses never gets here, so faults of
 * the syntax are read as something and not reported. */
#include "re_read.h"

#define REPEAT_MAX 65535

/* Reader of alternatives up to ")" or the end. */
static struct re *alternatives(struct re_reader *r);

static bool at_end(const struct re_reader *r)
{
	return r->p >= r->end || r->why.n;
}

/* "(?#…)", and with (?x) blanks and "#…": true when some was skipped. */
static bool skip_comment(struct re_reader *r)
{
	if (re_takes(r, S("(?#"))) {
		while (r->p < r->end && *r->p++ != ')')
			;
		return true;
	}
	if (!r->mode.free || r->p >= r->end)
		return false;
	if (*r->p == ' ' || (*r->p >= '\t' && *r->p <= '\r') || *r->p == '\x85') {
		r->p++;
		return true;
	}
	if (*r->p != '#')
		return false;
	while (r->p < r->end && *r->p++ != '\n')
		;
	return true;
}

/* Skips what stands for nothing between items. */
static void skip_nothing(struct re_reader *r)
{
	for (;;) {
		if (re_takes(r, S("\\E")))
			r->quoting = false;
		else if (r->quoting)
			return;
		else if (re_takes(r, S("\\Q")))
			r->quoting = true;
		else if (!skip_comment(r))
			return;
	}
}

static struct re *pair(struct re_reader *r, enum re_kind kind, struct re *x, struct re *y)
{
	x->next = y;
	return re_list(r->a, kind, x);
}

static struct re *byte(struct re_reader *r, uint8_t c)
{
	struct byteset set = byteset_of(c);

	return re_set(r->a, r->mode.icase ? byteset_fold(set) : set);
}

/* ---- places ---- */

/* \b, or with <inside> \B */
static struct re *word_edge(struct re_reader *r, bool inside)
{
	struct re_side word = { re_word_bytes(), false };
	struct re_side other = { byteset_not(word.set), true };

	if (inside)
		return pair(r, RE_ALT, re_look(r->a, word, word), re_look(r->a, other, other));
	return pair(r, RE_ALT, re_look(r->a, word, other), re_look(r->a, other, word));
}

static struct re *line_start(struct re_reader *r)
{
	struct re_side newline = { byteset_of('\n'), false }, more = { BYTESET_ALL, false };
	struct re *start = re_look(r->a, RE_EDGE, RE_ANY);

	/* A line feed that ends the subject starts no line. */
	return r->mode.lines ? pair(r, RE_ALT, start, re_look(r->a, newline, more)) : start;
}

static struct re *line_end(struct re_reader *r)
{
	struct re_side end = RE_EDGE;

	if (r->mode.lines)
		byteset_add(&end.set, '\n');
	return re_look(r->a, RE_ANY, end);
}

/* \Z: the end, or a line feed that ends the subject. Where nothing can follow, it may as well be
 * taken. */
static struct re *end_or_newline(struct re_reader *r)
{
	struct re *end = re_look(r->a, RE_ANY, RE_EDGE);

	for (const char *p = r->p; p < r->end && (r->depth || *p != '|'); p++)
		if (*p != ')')
			return re_opaque(r, S("\\Z before something"));
	return pair(r, RE_CAT, re_repeat(r->a, re_set(r->a, byteset_of('\n')), 0, 1), end);
}

/* ---- escapes ---- */

static struct re *letter_escape(struct re_reader *r, char c)
{
	struct byteset set;

	if (re_class_letter(c, &set))
		return re_set(r->a, set);
	switch (c) {
	case 'b':
	case 'B':
		return word_edge(r, c == 'B');
	case 'A':
	case 'G': /* a search starts at the subject's start */
		return re_look(r->a, RE_EDGE, RE_ANY);
	case 'z':
		return re_look(r->a, RE_ANY, RE_EDGE);
	case 'Z':
		return end_or_newline(r);
	case 'N':
		return re_set(r->a, byteset_not(byteset_of('\n')));
	case 'C':
		return re_set(r->a, BYTESET_ALL);
	case 'R':
		return re_newline(r);
	case 'K':
		return re_opaque(r, S("\\K"));
	case 'X':
	case 'p':
	case 'P':
		return re_opaque(r, S("a property of characters"));
	case 'g':
	case 'k':
		return re_opaque(r, S("a back reference or a recursion"));
	default:
		return re_opaque(r, S("an unknown escape"));
	}
}

static struct re *escape(struct re_reader *r)
{
	char c = r->p < r->end ? *r->p : '\\';
	int byte_value = c == 'b' ? -1 : re_escaped_byte(r, false);

	if (byte_value >= 0)
		return byte(r, (uint8_t)byte_value);
	r->p++;
	return letter_escape(r, c);
}

/* ---- groups ---- */

/* (?=…) and its kin, for a body of one byte or none: <behind> looks at the byte before. */
static struct re *look(struct re_reader *r, bool behind, bool negated)
{
	struct re *body = alternatives(r);
	struct re_side side = { .edge = negated };

	if (body && body->kind == RE_EMPTY) /* always true; (?!) never */
		return negated ? re_set(r->a, side.set) : body;
	if (!body || !re_as_set(body, &side.set))
		return re_opaque(r, S("lookaround"));
	if (negated)
		side.set = byteset_not(side.set);
	return behind ? re_look(r->a, side, RE_ANY) : re_look(r->a, RE_ANY, side);
}

static bool setting(struct re_reader *r, char c, bool on)
{
	switch (c) {
	case 'i':
		r->mode.icase = on;
		return true;
	case 'm':
		r->mode.lines = on;
		return true;
	case 's':
		r->mode.dotall = on;
		return true;
	case 'n':
		r->mode.unnumbered = on;
		return true;
	case 'x':
		r->mode.free_class = on && re_takes(r, S("x"));
		r->mode.free = on;
		return true;
	case 'J':
	case 'U':
		return true; /* names, and which match is the first: not whether there is one */
	default:
		return false;
	}
}

/* Settings behind "(?" up to ":" or ")". False: something else. */
static bool settings(struct re_reader *r)
{
	bool on = true;

	if (re_takes(r, S("^")))
		r->mode = (struct re_mode) { 0 };
	while (r->p < r->end && *r->p != ':' && *r->p != ')') {
		char c = *r->p++;

		if (c == '-' && on)
			on = false;
		else if (!setting(r, c, on))
			return false;
	}
	return true;
}

/* name and its end behind "(?<", "(?'" or "(?P<": a numbered group. */
static struct re *named(struct re_reader *r, char end)
{
	while (r->p < r->end && *r->p++ != end)
		;
	r->groups++;
	return alternatives(r);
}

/* Behind "(?". <outside> is the mode to come back to; settings of "(?i)" go there. */
static struct re *special_group(struct re_reader *r, struct re_mode *outside)
{
	struct re *body;

	if (re_takes(r, S(":")))
		return alternatives(r);
	if (re_takes(r, S("|"))) {
		r->reset = true;
		return alternatives(r);
	}
	if (re_takes(r, S(">"))) {
		body = alternatives(r);
		return body ? re_atomic(r, body) : NULL;
	}
	if (re_sees(r, S("=")) || re_sees(r, S("!")))
		return look(r, false, *r->p++ == '!');
	if (re_takes(r, S("<=")))
		return look(r, true, false);
	if (re_takes(r, S("<!")))
		return look(r, true, true);
	if (re_takes(r, S("P<")) || re_takes(r, S("<")))
		return named(r, '>');
	if (re_takes(r, S("'")))
		return named(r, '\'');
	if (re_sees(r, S("(")))
		return re_opaque(r, S("a condition"));
	if (re_sees(r, S("C")))
		return re_opaque(r, S("a callout"));
	if (!settings(r))
		return re_opaque(r, S("a back reference or a recursion"));
	if (re_takes(r, S(":")))
		return alternatives(r);
	*outside = r->mode;
	return re_new(r->a, RE_EMPTY);
}

/* Behind "(". */
static struct re *group(struct re_reader *r)
{
	struct re_mode mode = r->mode;
	struct re *body;

	if (r->depth++ == RE_DEPTH)
		return re_opaque(r, S("too many nested groups"));
	if (re_sees(r, S("*"))) {
		body = re_opaque(r, S("a verb"));
	} else if (re_takes(r, S("?"))) {
		body = special_group(r, &mode);
	} else {
		r->groups += !mode.unnumbered;
		body = alternatives(r);
	}
	r->mode = mode;
	r->depth--;
	re_takes(r, S(")"));
	return body;
}

/* ---- repetitions ---- */

static uint32_t count(const char **p, const char *end)
{
	uint32_t n = 0;

	while (*p < end && **p >= '0' && **p <= '9') {
		n = n * 10 + (uint32_t)(*(*p)++ - '0');
		if (n > REPEAT_MAX)
			n = REPEAT_MAX;
	}
	return n;
}

/* "{2}", "{2,}", "{2,5}" at the reader's place. */
static bool counted(struct re_reader *r, uint32_t *min, uint32_t *max)
{
	const char *p = r->p + 1, *from = p;

	/* From version 10.43 on these repeat, before that they are text. */
	if (re_sees(r, S("{,")) || re_sees(r, S("{ ")) || re_sees(r, S("{\t"))) {
		while (p < r->end &&
		       (*p == ',' || *p == ' ' || *p == '\t' || (*p >= '0' && *p <= '9')))
			p++;
		if (p < r->end && *p == '}')
			re_opaque(r, S("braces that versions of PCRE2 read differently"));
		return false;
	}
	*min = *max = count(&p, r->end);
	if (p == from)
		return false;
	if (p < r->end && (*p == ' ' || *p == '\t')) {
		re_opaque(r, S("braces that versions of PCRE2 read differently"));
		return false;
	}
	if (p < r->end && *p == ',') {
		from = ++p;
		*max = count(&p, r->end);
		if (p == from)
			*max = RE_FOREVER;
	}
	if (p >= r->end || *p != '}')
		return false;
	r->p = p + 1;
	return true;
}

static bool repetition(struct re_reader *r, uint32_t *min, uint32_t *max)
{
	*min = 0;
	*max = RE_FOREVER;
	if (re_takes(r, S("*")))
		return true;
	if (re_takes(r, S("+"))) {
		*min = 1;
		return true;
	}
	if (re_takes(r, S("?"))) {
		*max = 1;
		return true;
	}
	return re_sees(r, S("{")) && counted(r, min, max);
}

/* <item> with the repetitions that follow it. What stands for nothing may also stand before the "+"
 * or "?" that belongs to one. */
static struct re *repeated(struct re_reader *r, struct re *item)
{
	uint32_t min, max;

	for (skip_nothing(r); item && !r->quoting && repetition(r, &min, &max); skip_nothing(r)) {
		skip_nothing(r);
		if (!r->quoting && re_takes(r, S("+"))) {
			item = re_possessive(r, item, min, max);
		} else {
			if (!r->quoting)
				re_takes(r, S("?")); /* lazy: the same subjects */
			item = re_repeat(r->a, item, min, max);
		}
	}
	return item;
}

/* ---- sequences ---- */

static struct re *item(struct re_reader *r)
{
	char c = *r->p++;

	if (r->quoting)
		return byte(r, (uint8_t)c);
	switch (c) {
	case '\\':
		return escape(r);
	case '[':
		return re_class(r);
	case '(':
		return group(r);
	case '.':
		return re_set(r->a, r->mode.dotall ? BYTESET_ALL : byteset_not(byteset_of('\n')));
	case '^':
		return line_start(r);
	case '$':
		return line_end(r);
	default:
		return byte(r, (uint8_t)c);
	}
}

static struct re *sequence(struct re_reader *r)
{
	struct re *first = NULL, **link = &first;

	for (skip_nothing(r); !at_end(r); skip_nothing(r)) {
		if (!r->quoting && (*r->p == '|' || *r->p == ')'))
			break;
		*link = repeated(r, item(r));
		if (!*link)
			return NULL;
		link = &(*link)->next;
	}
	return re_list(r->a, RE_CAT, first);
}

static struct re *alternatives(struct re_reader *r)
{
	struct re *first = NULL, **link = &first;

	do {
		*link = sequence(r);
		if (!*link || r->why.n)
			return NULL;
		link = &(*link)->next;
	} while (!r->quoting && re_takes(r, S("|")));
	return re_list(r->a, RE_ALT, first);
}

static const struct re *parse(struct arena *a, struct str pattern, bool icase, bool freespace,
			      bool near, struct str *why)
{
	struct re_reader r = { .a = a, .p = pattern.p, .end = pattern.p + pattern.n, .near = near };
	struct re *re;

	r.mode = (struct re_mode) { .icase = icase, .free = freespace, .dotall = true };
	re = alternatives(&r);
	if (re && r.p < r.end) /* a ")" that PCRE2 refuses */
		re = re_opaque(&r, S("a bracket that was not opened"));
	*why = r.why;
	return r.why.n ? NULL : re;
}

const struct re *re_parse(struct arena *a, struct str pattern, bool icase, bool freespace,
			  struct str *why)
{
	return parse(a, pattern, icase, freespace, false, why);
}

const struct re *re_near(struct arena *a, struct str pattern, bool icase, bool freespace)
{
	struct str why;

	return parse(a, pattern, icase, freespace, true, &why);
}
