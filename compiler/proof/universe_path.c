/* SPDX-License-Identifier: Apache-2.0 */
/* uri_normalise() backwards: a path as received is read byte by byte, and an automaton of normal
 * paths takes what the normaliser would write. The "/" before a segment is written when the
 * segment turns out not to be empty, "." or "..", so the state knows how much of one was seen. */
#include <stdlib.h>
#include <string.h>

#include "../../runtime/base/h1_class.h"
#include "../regular/dfa_raw.h"
#include "../regular/nfa.h"
#include "universe.h"

/* What was seen of the present segment and not written. */
enum segment {
	SEG_START, /* before the "/" that begins the path */
	SEG_EMPTY,
	SEG_DOT,
	SEG_DOTS,
	SEG_WRITTEN, /* all is written */
	SEG_PARENT, /* a segment ".." was read: the rest is not followed */
	SEGMENTS
};

/* Escape in the making: none, "%", "%" and a digit of value n. */
#define ESC_NONE 0
#define ESC_BEGUN 1
#define ESC_DIGIT 2
#define ESCAPES 18
#define REFUSED UINT32_MAX

struct reader {
	const struct dfa *d;
	enum spelling kind;
	struct dfa_raw raw;
	uint16_t *state_of; /* of each position, DFA_NO_STATE when it is new */
	uint32_t *position; /* of each state */
	struct budget *b;
};

static uint32_t position(uint16_t q, enum segment seg, uint32_t escape)
{
	return ((uint32_t)q * SEGMENTS + seg) * ESCAPES + escape;
}

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind a byte, or an escape, that the normaliser writes as <text>. */
static uint32_t written(const struct reader *r, uint16_t q, enum segment seg, struct str text)
{
	static const struct str held[SEGMENTS] = {
		[SEG_EMPTY] = { "/", 1 }, [SEG_DOT] = { "/.", 2 }, [SEG_DOTS] = { "/..", 3 }
	};

	if (seg == SEG_PARENT)
		return position(0, SEG_PARENT, ESC_NONE);
	if (text.p[0] == '.' && (seg == SEG_EMPTY || seg == SEG_DOT))
		return position(q, seg == SEG_EMPTY ? SEG_DOT : SEG_DOTS, ESC_NONE);
	q = dfa_run(r->d, q, held[seg]);
	return position(dfa_run(r->d, q, text), SEG_WRITTEN, ESC_NONE);
}

static uint32_t escaped(const struct reader *r, uint16_t q, enum segment seg, uint8_t c)
{
	static const char hex[] = "0123456789ABCDEF";
	char text[3] = { '%', hex[c >> 4], hex[c & 15] };

	if (c == 0)
		return REFUSED;
	if (h1_class((char)c) & H1_UNRESERVED)
		return written(r, q, seg, str_of((const char *)&c, 1));
	return written(r, q, seg, str_of(text, 3));
}

static uint32_t slash(const struct reader *r, uint16_t q, enum segment seg)
{
	if (seg == SEG_DOTS && r->kind == SPELLING_PLAIN)
		return REFUSED;
	if (seg == SEG_DOTS || seg == SEG_PARENT)
		return position(0, SEG_PARENT, ESC_NONE);
	return position(q, SEG_EMPTY, ESC_NONE);
}

/* The position behind <at> and the byte <c>. */
static uint32_t step(const struct reader *r, uint32_t at, uint8_t c)
{
	uint32_t escape = at % ESCAPES;
	enum segment seg = at / ESCAPES % SEGMENTS;
	uint16_t q = (uint16_t)(at / ESCAPES / SEGMENTS);
	const char text = (char)c;

	if (seg == SEG_START && c != '/')
		return REFUSED;
	if (escape >= ESC_DIGIT)
		return digit(c) < 0
			       ? REFUSED
			       : escaped(r, q, seg,
					 (uint8_t)((escape - ESC_DIGIT) << 4 | (uint32_t)digit(c)));
	if (escape == ESC_BEGUN)
		return digit(c) < 0 ? REFUSED : position(q, seg, ESC_DIGIT + (uint32_t)digit(c));
	if (c == '%')
		return position(q, seg, ESC_BEGUN);
	if (c == '/')
		return slash(r, q, seg);
	return h1_class((char)c) & H1_SEGMENT ? written(r, q, seg, str_of(&text, 1)) : REFUSED;
}

/* May a path end at <at>? */
static bool ends(const struct reader *r, uint32_t at)
{
	uint16_t q = (uint16_t)(at / ESCAPES / SEGMENTS);

	if (at % ESCAPES != ESC_NONE)
		return false;
	switch ((enum segment)(at / ESCAPES % SEGMENTS)) {
	case SEG_EMPTY:
	case SEG_DOT:
		return r->d->accept[dfa_run(r->d, q, S("/"))];
	case SEG_WRITTEN:
		return r->d->accept[q];
	case SEG_DOTS:
	case SEG_PARENT:
		return r->kind == SPELLING_ALL;
	default:
		return false;
	}
}

/* The state of <at>; DFA_NO_STATE: a limit. State 0 is the one of all that is refused. */
static uint16_t state_of(struct reader *r, uint32_t at)
{
	uint16_t q;

	if (at == REFUSED)
		return 0;
	if (r->state_of[at] != DFA_NO_STATE)
		return r->state_of[at];
	q = dfa_raw_state(&r->raw, r->b);
	if (q == DFA_NO_STATE)
		return q;
	r->position[q] = at;
	r->raw.accept[q] = ends(r, at);
	return r->state_of[at] = q;
}

static void reader_init(struct reader *r)
{
	size_t n = (size_t)r->d->nstates * SEGMENTS * ESCAPES;
	uint8_t class_of[256];
	uint32_t k = r->d->nclasses;

	memcpy(class_of, r->d->class_of, 256);
	/* What the normaliser tells apart: the kinds of bytes, and each digit of an escape. */
	for (unsigned bit = 1; bit < 256; bit <<= 1) {
		struct byteset set = { { 0 } };

		for (unsigned c = 0; c < 256; c++)
			if (h1_class((char)c) & bit)
				byteset_add(&set, (uint8_t)c);
		nfa_refine(class_of, &k, &set);
	}
	for (const char *p = "/.%0123456789ABCDEFabcdef"; *p; p++) {
		struct byteset set = byteset_of((uint8_t)*p);

		nfa_refine(class_of, &k, &set);
	}
	dfa_raw_init(&r->raw, class_of, k);
	r->state_of = dfa_room(n, sizeof(*r->state_of));
	memset(r->state_of, 0xff, n * sizeof(*r->state_of));
	r->position = dfa_room(DFA_STATES_MAX, sizeof(*r->position));
}

/* All states and their ways. False: a limit. */
static bool follow(struct reader *r)
{
	uint8_t byte[256];
	uint16_t start;

	dfa_bytes_of(r->raw.class_of, byte);
	if (dfa_raw_state(&r->raw, r->b) == DFA_NO_STATE)
		return false;
	start = state_of(r, position(0, SEG_START, ESC_NONE));
	if (start == DFA_NO_STATE)
		return false;
	for (uint32_t q = 1; q < r->raw.n; q++)
		for (uint32_t c = 0; c < r->raw.k; c++) {
			uint16_t to = state_of(r, step(r, r->position[q], byte[c]));

			if (to == DFA_NO_STATE)
				return false;
			r->raw.next[q * r->raw.k + c] = to;
		}
	r->raw.start = start;
	return true;
}

const struct dfa *universe_spellings(struct arena *a, const struct dfa *d, enum spelling s,
				     struct budget *b)
{
	struct reader r = { .d = d, .kind = s, .b = b };
	const struct dfa *out = NULL;

	reader_init(&r);
	if (follow(&r))
		out = dfa_raw_finish(a, &r.raw, false, b);
	dfa_raw_free(&r.raw);
	free(r.state_of);
	free(r.position);
	return out;
}
