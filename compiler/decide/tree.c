/* SPDX-License-Identifier: Apache-2.0 */
/* tree: starts or ends of values as a tree whose edges are texts (runtime/base/scan.h). Patterns are
 * sorted; those that share a start are a range of the order, which is one node. */
#include <stdlib.h>

#include "decide_part.h"

struct tree {
	struct emit *e;
	const struct entry *entries;
	bool reverse; /* <entries> are written backwards */
	uint32_t worst;
};

static int by_text(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = str_cmp(x->p->text, y->p->text);

	return order ? order : (x->literal > y->literal) - (x->literal < y->literal);
}

/* Up to which byte the patterns <from> to <to> are alike, beyond <at>; at most a label further. */
static size_t alike(const struct tree *t, uint32_t from, uint32_t to, size_t at)
{
	struct str a = t->entries[from].p->text, b = t->entries[to - 1].p->text;
	size_t end = a.n < b.n ? a.n : b.n;

	if (end > at + SCAN_LABEL_MAX)
		end = at + SCAN_LABEL_MAX;
	while (at < end && a.p[at] == b.p[at])
		at++;
	return at;
}

static unsigned char byte_of(const struct tree *t, uint32_t entry, size_t at)
{
	return (unsigned char)t->entries[entry].p->text.p[at];
}

/* The patterns <from> to <to>, which end here; <above>: rules that have been woken on the way. */
static void put_entries(struct tree *t, uint32_t off, uint32_t from, uint32_t to, uint32_t *above)
{
	uint32_t whole = 0;

	for (uint32_t i = from; i < to; i++) {
		const struct entry *x = &t->entries[i];

		*decide_word(t->e, off + i - from) = x->literal << SCAN_KIND_BITS | x->p->how;
		if (x->p->how == SCAN_WHOLE)
			whole += x->weight;
		else
			*above += x->weight;
	}
	if (from < to && t->worst < *above + whole)
		t->worst = *above + whole;
}

/* Bytes <from> to <to> of the patterns, in the order in which values have them. */
static void put_label(struct tree *t, uint32_t off, struct str text, size_t from, size_t to)
{
	char *label = (char *)decide_word(t->e, off);

	for (size_t i = from; i < to; i++)
		label[t->reverse ? to - 1 - i : i - from] = text.p[i];
}

/* The node of the patterns <from> to <to>, whose first <at> bytes have been read. */
static uint32_t put_node(struct tree *t, uint32_t from, uint32_t to, size_t at, uint32_t above)
{
	size_t end = alike(t, from, to, at);
	uint32_t label = (uint32_t)(end - at), done = from, span = 0, node, entries, kids;
	unsigned char low = 0;

	while (done < to && t->entries[done].p->text.n == end)
		done++;
	if (done < to) {
		low = byte_of(t, done, end);
		span = (uint32_t)(byte_of(t, to - 1, end) - low) + 1;
	}
	node = decide_words(t->e, SCAN_NODE_WORDS + (label + 3) / 4 + (done - from) + span);
	entries = node + SCAN_NODE_WORDS + (label + 3) / 4;
	kids = entries + (done - from);
	decide_word(t->e, node)[0] = label | (uint32_t)low << 16 | (span ? span - 1 : 0) << 24;
	decide_word(t->e, node)[1] = (done - from) << SCAN_NODE_SHIFT | (span ? SCAN_NODE_KIDS : 0);
	if (label)
		put_label(t, node + SCAN_NODE_WORDS, t->entries[from].p->text, at, end);
	put_entries(t, entries, from, done, &above);
	for (uint32_t i = from; i < done; i++)
		if (t->entries[i].p->how != SCAN_WHOLE)
			decide_word(t->e, node)[1] |= SCAN_NODE_SOME;
	for (uint32_t i = done, next; i < to; i = next) {
		unsigned char c = byte_of(t, i, end);
		uint32_t kid;

		for (next = i + 1; next < to && byte_of(t, next, end) == c; next++)
			;
		kid = put_node(t, i, next, end + 1, above);
		*decide_word(t->e, kids + c - low) = kid;
	}
	return node;
}

static struct str backwards(struct arena *a, struct str s)
{
	char *p = arena_get(a, s.n);

	for (size_t i = 0; i < s.n; i++)
		p[i] = s.p[s.n - 1 - i];
	return str_of(p, s.n);
}

uint32_t decide_tree(struct emit *e, struct entry *entries, uint32_t n, bool reverse,
		     uint32_t *worst)
{
	struct tree t = { .e = e, .entries = entries, .reverse = reverse };
	struct pattern *turned = reverse ? ARENA_ARRAY(e->arena, struct pattern, n) : NULL;
	uint32_t root;

	for (uint32_t i = 0; reverse && i < n; i++) {
		turned[i] = *entries[i].p;
		turned[i].text = backwards(e->arena, turned[i].text);
		entries[i].p = &turned[i];
	}
	qsort(entries, n, sizeof(*entries), by_text);
	root = put_node(&t, 0, n, 0, 0);
	*worst += t.worst;
	return root;
}
