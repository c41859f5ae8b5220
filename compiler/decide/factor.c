/* SPDX-License-Identifier: Apache-2.0 */
/* factor: a text that every match of a regex must hold, read off its spelling. Understands plain
 * characters, escapes of punctuation, classes, groups (as something unknown), quantifiers and the
 * anchors ^ and $; whatever else stands there ends the search: then the regex has no factor. */
#include "decide_part.h"

struct reader {
	struct str re;
	size_t at;
	struct arena *arena;
	struct str run; /* plain characters just read */
	char *room;
	bool from_start; /* nothing but ^ stood before the run */
	bool pure; /* nothing but plain characters and anchors so far */
	bool anchored; /* ^ stood at the start */
	struct factor best;
	bool bad;
};

static int peek(const struct reader *r)
{
	return r->at < r->re.n ? (unsigned char)r->re.p[r->at] : -1;
}

/* How much a factor narrows, roughly: anchored ones are found at less cost, too. */
static size_t worth(const struct factor *f)
{
	return f->text.n ? f->text.n + (f->start ? 4 : 0) + (f->end ? 4 : 0) : 0;
}

static void end_run(struct reader *r, bool at_end)
{
	struct factor f = { .text = arena_str(r->arena, r->run),
			    .start = r->from_start,
			    .end = at_end };

	if (worth(&f) > worth(&r->best))
		r->best = f;
	r->run.n = 0;
	r->from_start = false;
}

static void unknown(struct reader *r)
{
	end_run(r, false);
	r->pure = false;
}

static void plain(struct reader *r, char c)
{
	r->room[r->run.n] = c;
	r->run = str_of(r->room, r->run.n + 1);
}

static bool is_punct(int c)
{
	return c > ' ' && c < 0x7f && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
	       !(c >= 'A' && c <= 'Z');
}

/* Behind the backslash. False: it is an escape of some meaning. */
static bool escaped(struct reader *r, char *c)
{
	int next = peek(r);

	if (next < 0 || strchr("QExoNpPcuUlLgkKGX0123456789", next))
		r->bad = true;
	r->at++;
	*c = (char)next;
	return is_punct(next);
}

/* Behind the '[': to after its ']'. */
static void skip_class(struct reader *r)
{
	if (peek(r) == '^')
		r->at++;
	if (peek(r) == ']')
		r->at++;
	for (; peek(r) >= 0 && peek(r) != ']'; r->at++) {
		if (peek(r) == '\\') {
			r->at++;
			if (peek(r) == 'Q' || peek(r) == 'E' || peek(r) < 0)
				r->bad = true;
		} else if (peek(r) == '[') {
			r->bad = true; /* [:alpha:] and the like: its end is not looked for */
		}
	}
	r->bad = r->bad || peek(r) < 0;
	r->at++;
}

/* Behind the '(': to after its ')'. */
static void skip_group(struct reader *r)
{
	unsigned depth = 1;

	while (depth && !r->bad) {
		int c = peek(r);
		char ignored;

		r->at++;
		if (c < 0 || (c == '(' && peek(r) == '*')) {
			r->bad = true;
		} else if (c == '\\') {
			escaped(r, &ignored);
		} else if (c == '[') {
			skip_class(r);
		} else if (c == ')') {
			depth--;
		} else if (c == '(') {
			depth++;
			r->bad = peek(r) == '?' && !str_starts(str_skip(r->re, r->at), S("?:"));
		}
	}
}

static void group(struct reader *r)
{
	if (peek(r) == '*' || (peek(r) == '?' && !str_starts(str_skip(r->re, r->at), S("?:")))) {
		r->bad = true;
		return;
	}
	skip_group(r);
	unknown(r);
}

/* A quantifier of what stands before it: its last character may be missing. */
static bool quantifier(struct reader *r)
{
	int c = peek(r);

	if (c != '*' && c != '+' && c != '?' && c != '{')
		return false;
	if (c != '+' && r->run.n)
		r->run.n--;
	unknown(r);
	if (c == '{') {
		while (peek(r) >= 0 && peek(r) != '}')
			r->at++;
		r->bad = r->bad || peek(r) < 0;
	}
	r->at++;
	if (peek(r) == '?' || peek(r) == '+')
		r->at++;
	return true;
}

static void atom(struct reader *r)
{
	int c = peek(r);
	char escape;

	r->at++;
	if (c == '(') {
		group(r);
	} else if (c == '[') {
		skip_class(r);
		unknown(r);
	} else if (c == '.' || c == '^') {
		unknown(r);
	} else if (c == '$') {
		if (peek(r) >= 0 && peek(r) != '|') {
			unknown(r);
			return;
		}
		end_run(r, true);
	} else if (c == '\\') {
		if (escaped(r, &escape))
			plain(r, escape);
		else
			unknown(r);
	} else if (c == ')') {
		r->bad = true;
	} else {
		plain(r, (char)c);
	}
}

/* One branch, to the '|' or the end. */
static bool branch(struct reader *r, struct factor *out, bool *exact)
{
	r->best = (struct factor) { 0 };
	r->run.n = 0;
	r->anchored = peek(r) == '^';
	r->from_start = r->anchored;
	r->pure = true;
	r->at += r->anchored;
	while (peek(r) >= 0 && peek(r) != '|' && !r->bad)
		if (!quantifier(r))
			atom(r);
	end_run(r, false);
	*out = r->best;
	*exact = *exact && r->pure && r->best.text.n;
	return !r->bad && r->best.text.n;
}

uint32_t decide_factors(struct arena *a, const struct p_regex *re, struct factor *out,
			uint32_t room, bool *exact)
{
	struct reader r = { .re = re->text, .arena = a };
	uint32_t n = 0;

	*exact = true;
	if (re->freespace || !re->text.n)
		return 0;
	r.room = arena_get(a, re->text.n + 1);
	for (;; r.at++) {
		if (n == room || !branch(&r, &out[n++], exact))
			return 0;
		if (peek(&r) != '|')
			return n;
	}
}
