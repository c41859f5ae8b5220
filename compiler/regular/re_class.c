/* SPDX-License-Identifier: Apache-2.0 */
#include "re_read.h"

struct byteset re_word_bytes(void)
{
	struct byteset s = byteset_of('_');

	byteset_add_range(&s, '0', '9');
	byteset_add_range(&s, 'A', 'Z');
	byteset_add_range(&s, 'a', 'z');
	return s;
}

static struct byteset of_text(struct str text)
{
	struct byteset s = { { 0 } };

	for (size_t i = 0; i < text.n; i++)
		byteset_add(&s, (uint8_t)text.p[i]);
	return s;
}

bool re_class_letter(char letter, struct byteset *set)
{
	*set = (struct byteset) { { 0 } };
	switch (ascii_lower(letter)) {
	case 'd':
		byteset_add_range(set, '0', '9');
		break;
	case 'h':
		*set = of_text(S(" \t\xa0"));
		break;
	case 's':
		*set = of_text(S(" \t\n\v\f\r"));
		break;
	case 'v':
		*set = of_text(S("\n\v\f\r\x85"));
		break;
	case 'w':
		*set = re_word_bytes();
		break;
	default:
		return false;
	}
	if (letter < 'a')
		*set = byteset_not(*set);
	return true;
}

static const struct posix_class {
	struct str name;
	uint8_t ranges[8]; /* pairs, ended by 0 unless all are used; no class but two begins at 0 */
	bool from_nul;
} posix_classes[] = {
	{ S("alpha"), { 'A', 'Z', 'a', 'z' }, false },
	{ S("lower"), { 'a', 'z' }, false },
	{ S("upper"), { 'A', 'Z' }, false },
	{ S("alnum"), { 'A', 'Z', 'a', 'z', '0', '9' }, false },
	{ S("ascii"), { 1, 127 }, true },
	{ S("blank"), { ' ', ' ', '\t', '\t' }, false },
	{ S("cntrl"), { 1, 31, 127, 127 }, true },
	{ S("digit"), { '0', '9' }, false },
	{ S("graph"), { 33, 126 }, false },
	{ S("print"), { 32, 126 }, false },
	{ S("punct"), { 33, 47, 58, 64, 91, 96, 123, 126 }, false },
	{ S("space"), { 9, 13, 32, 32 }, false },
	{ S("word"), { 'A', 'Z', 'a', 'z', '0', '9', '_', '_' }, false },
	{ S("xdigit"), { '0', '9', 'A', 'F', 'a', 'f' }, false },
};

/* name ":]" behind "[:", "^" read. False: it is none, and nothing was read. */
static bool posix(struct re_reader *r, struct byteset *set)
{
	const char *from = r->p;
	bool negated = re_takes(r, S("^"));

	for (size_t i = 0; i < sizeof(posix_classes) / sizeof(*posix_classes); i++) {
		const struct posix_class *c = &posix_classes[i];
		const char *here = r->p;

		if (!re_takes(r, c->name) || !re_takes(r, S(":]"))) {
			r->p = here;
			continue;
		}
		if (r->mode.icase && i < 3) /* lower and upper are alpha then */
			c = &posix_classes[0];
		*set = (struct byteset) { { c->from_nul } };
		for (unsigned k = 0; k < 8 && c->ranges[k]; k += 2)
			byteset_add_range(set, c->ranges[k], c->ranges[k + 1]);
		if (negated)
			*set = byteset_not(*set);
		return true;
	}
	r->p = from;
	return false;
}

static int digit_of(char c, int base)
{
	int v = c >= '0' && c <= '9' ? c - '0' : 99;

	c = ascii_lower(c);
	if (c >= 'a' && c <= 'f')
		v = c - 'a' + 10;
	return v < base ? v : -1;
}

/* Up to <max> digits of <base>. */
static unsigned number(struct re_reader *r, int base, unsigned max)
{
	unsigned v = 0;

	for (unsigned n = 0; n < max && r->p < r->end && digit_of(*r->p, base) >= 0; n++)
		v = (v * (unsigned)base + (unsigned)digit_of(*r->p++, base)) & 0xffff;
	return v;
}

/* digits "}" behind "\x{" or "\o{" */
static int in_braces(struct re_reader *r, int base)
{
	unsigned v = number(r, base, 64);

	if (!re_takes(r, S("}")) || v > 255)
		re_opaque(r, S("an escape of no byte"));
	return (uint8_t)v;
}

/* Behind "\" and a digit that is read: octal, unless it refers to a group. */
static int octal(struct re_reader *r, char first, bool in_class)
{
	const char *from = r->p;
	unsigned decimal = (unsigned)(first - '0');

	if (!in_class && first != '0') {
		while (r->p < r->end && *r->p >= '0' && *r->p <= '9' && decimal < 65536)
			decimal = decimal * 10 + (unsigned)(*r->p++ - '0');
		if (decimal < 10 || first >= '8' || decimal <= r->groups || r->reset) {
			re_opaque(r, S("a back reference"));
			return 0;
		}
		r->p = from;
	}
	if (first >= '8')
		return first;
	r->p = from - 1;
	return (int)(number(r, 8, 3) & 0xff);
}

int re_escaped_byte(struct re_reader *r, bool in_class)
{
	static const char from[] = "aefnrt", to[] = "\a\x1b\f\n\r\t";
	char c = r->p < r->end ? *r->p : '\\';
	const char *at = c ? strchr(from, c) : NULL;

	if (r->p < r->end)
		r->p++;
	if (at)
		return to[at - from];
	if (c == 'b' && in_class)
		return '\b';
	if (c >= '0' && c <= '9')
		return octal(r, c, in_class);
	if (c == 'x')
		return re_takes(r, S("{")) ? in_braces(r, 16) : (int)number(r, 16, 2);
	if (c == 'o' && re_takes(r, S("{")))
		return in_braces(r, 8);
	if (c == 'c' && r->p < r->end) {
		c = *r->p++;
		return (uint8_t)((c >= 'a' && c <= 'z' ? c - 32 : c) ^ 0x40);
	}
	if ((ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z')) {
		r->p--;
		return -1;
	}
	return (uint8_t)c;
}

/* One member: a byte (returned), or a set that is added (-1). */
static int member(struct re_reader *r, struct byteset *all)
{
	struct byteset set;
	int c;

	if (!r->quoting && re_takes(r, S("[:"))) {
		if (posix(r, &set)) {
			*all = byteset_or(*all, set);
			return -1;
		}
		r->p -= 2;
	}
	if (r->quoting || *r->p != '\\')
		return (uint8_t)*r->p++;
	r->p++;
	if (r->p < r->end && re_class_letter(*r->p, &set)) {
		r->p++;
		*all = byteset_or(*all, set);
		return -1;
	}
	c = re_escaped_byte(r, true);
	if (c < 0) {
		re_opaque(r, S("an escape that is no part of a class"));
		r->p = r->end;
	}
	return c;
}

/* Skips what stands for nothing: \Q, \E, and with (?xx) blanks. */
static void skip_nothing(struct re_reader *r)
{
	for (;;) {
		if (re_takes(r, S("\\E")))
			r->quoting = false;
		else if (!r->quoting && re_takes(r, S("\\Q")))
			r->quoting = true;
		else if (r->quoting || !r->mode.free_class ||
			 (!re_takes(r, S(" ")) && !re_takes(r, S("\t"))))
			return;
	}
}

/* The end of the range that began with <from>; <from> itself when it was none. */
static int range_end(struct re_reader *r, int from, struct byteset *set)
{
	const char *hyphen = r->p;
	int to;

	if (from < 0 || r->quoting || !re_takes(r, S("-")))
		return from;
	skip_nothing(r);
	if (r->p < r->end && (r->quoting || *r->p != ']')) {
		to = member(r, set);
		if (to >= from)
			return to;
	}
	r->p = hyphen;
	r->quoting = false;
	return from;
}

struct re *re_class(struct re_reader *r)
{
	bool negated = re_takes(r, S("^")), first = true;
	struct byteset set = { { 0 } };

	for (;; first = false) {
		int from;

		skip_nothing(r);
		if (r->p >= r->end || (!first && !r->quoting && *r->p == ']'))
			break;
		from = member(r, &set);
		skip_nothing(r);
		if (from >= 0)
			byteset_add_range(&set, (unsigned)from, (unsigned)range_end(r, from, &set));
	}
	r->p += r->p < r->end;
	if (r->mode.icase)
		set = byteset_fold(set);
	return re_set(r->a, negated ? byteset_not(set) : set);
}
