/* SPDX-License-Identifier: Apache-2.0 */
/* regex: the automaton of each regular expression that has one within the budget: then the binary
 * decides it so, and takes PCRE2 only where it has to know where the match is. */
#include "decide_part.h"

#define STEPS_SITE 800000000 /* of all expressions together; the rest is left to PCRE2 */
#define PREFIX_MAX 1024

/* -- what every match begins with
 * ------------------------------------------------------------------ */

/* The bytes that lead from <q> to a state that is not dead: one byte, or the cases of a letter.
 * False: there are others. */
static bool only_byte(const struct dfa *d, uint16_t q, unsigned char *byte, bool *folded)
{
	unsigned n = 0;

	for (unsigned c = 0; c < 256; c++) {
		if (dfa_step(d, q, (uint8_t)c) == d->dead)
			continue;
		if (n == 0)
			*byte = (unsigned char)c;
		else if (n > 1 || c - *byte != 'a' - 'A' || *byte < 'A' || *byte > 'Z')
			return false;
		n++;
	}
	*folded = n == 2;
	return n == 1 || dfa_step(d, q, *byte) == dfa_step(d, q, (uint8_t)(*byte + 'a' - 'A'));
}

static bool is_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Into <text>, of PREFIX_MAX bytes; *<fold>: its letters stand for both cases. */
static struct str common_prefix(const struct dfa *d, char *text, bool *fold)
{
	bool exact = false;
	size_t n = 0;

	*fold = false;
	for (uint16_t q = 0; n < PREFIX_MAX && q != d->dead && !d->accept[q]; n++) {
		unsigned char c = 0;
		bool folded;

		if (!only_byte(d, q, &c, &folded) || (folded && exact) ||
		    (!folded && *fold && is_letter(c)))
			break;
		*fold |= folded;
		exact |= !folded && is_letter(c);
		text[n] = (char)c;
		q = dfa_step(d, q, c);
	}
	return str_of(text, n);
}

/* -- rows
 * -------------------------------------------------------------------------------------------- */

static uint32_t put_dfa(struct emit *e, struct arena *scratch, const struct dfa *d)
{
	struct automaton x = { .nstates = d->nstates,
			       .nclasses = d->nclasses,
			       .class_of = d->class_of,
			       .next = d->next };

	x.kind = ARENA_ARRAY(scratch, uint8_t, d->nstates);
	for (uint32_t q = 0; q < d->nstates; q++)
		x.kind[q] = q == d->dead   ? AUTOMATON_NONE
			    : q == d->full ? AUTOMATON_FULL
			    : d->accept[q] ? AUTOMATON_ACCEPTS
					   : AUTOMATON_GOES_ON;
	return decide_put_automaton(e, &x);
}

void decide_regex(struct emit *e, const struct p_regex *r, struct ws_regex *row, uint64_t *steps)
{
	struct arena scratch = { 0 };
	const struct dfa *d = dfa_of_pattern(&scratch, r->text, r->icase, r->freespace, steps);
	char text[PREFIX_MAX];
	struct str prefix;
	bool fold;

	if (d) {
		prefix = common_prefix(d, text, &fold);
		d = dfa_left_quotient(&scratch, prefix, d);
		row->prefix = emit_ref(e, prefix);
		row->flags |= fold ? WS_RE_PREFIX_ICASE : 0u;
		row->automaton = 1 + put_dfa(e, &scratch, d);
	}
	arena_free(&scratch);
}

void decide_regexes(struct emit *e)
{
	uint64_t steps = STEPS_SITE;
	bool other = e->adds_regexes, own = false;

	for (uint32_t i = 0; i < e->p->nregexes; i++) {
		struct ws_regex *row;

		if (e->regex_rows[i] == WS_NONE)
			continue;
		row = table_row(&e->tables[EMIT_REGEXES], e->regex_rows[i]);
		decide_regex(e, e->p->regexes[i], row, &steps);
		own |= row->automaton != 0;
		other |= !row->automaton || row->flags & WS_RE_GROUPS;
	}
	e->parts[PART_REGEX_PCRE2] = other && !own;
	e->parts[PART_REGEX_DFA] = own && !other;
	e->parts[PART_REGEX_BOTH] = own && other;
}
