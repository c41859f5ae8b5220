/* SPDX-License-Identifier: Apache-2.0 */
/* Decoder of hpack.h. */
#include "../base/h1_class.h"
#include "field_find.h"
#include "hpack_huffman.h"
#include "hpack_table.h"
#include "msg_block.h"

/* One representation that is whole (RFC 7541 6). */
struct rep {
	uint8_t first; /* its first byte */
	bool name_huffman, value_huffman;
	uint32_t index; /* or the size of a size update */
	struct str name, value; /* as sent */
};

#define INDEXED 0x80
#define INCREMENTAL 0x40
#define SIZE_UPDATE 0x20
#define NEVER 0x10

void hpack_in_init(struct hpack_in *d)
{
	*d = (struct hpack_in) { .limit = HPACK_TABLE };
	hpack_table_init(&d->table);
}

void hpack_in_release(struct hpack_in *d)
{
	hpack_table_release(&d->table);
}

void hpack_in_limit(struct hpack_in *d, uint32_t limit)
{
	d->limit = limit;
	if (d->table.max > limit) /* RFC 7541 4.2 */
		d->due = true;
}

/* RFC 7541 5.1: an integer with a prefix of <prefix> bits at *<p>. 28 bits are enough for all that
 * is meant here. */
static enum hpack_result integer(const uint8_t **p, const uint8_t *end, unsigned prefix,
				 uint32_t *out)
{
	uint32_t mask = (1u << prefix) - 1, n;

	if (*p == end)
		return HPACK_MORE;
	n = *(*p)++ & mask;
	if (n == mask) {
		unsigned shift = 0;
		uint8_t b;

		do {
			if (shift > 21)
				return HPACK_BAD;
			if (*p == end)
				return HPACK_MORE;
			b = *(*p)++;
			n += (uint32_t)(b & 0x7f) << shift;
			shift += 7;
		} while (b & 0x80);
	}
	*out = n;
	return HPACK_DONE;
}

/* RFC 7541 5.2. <room>: bytes that strings of this field may still have. */
static enum hpack_result string(const uint8_t **p, const uint8_t *end, size_t *room, bool *huffman,
				struct str *out)
{
	uint32_t n;
	enum hpack_result r;

	*huffman = *p < end && **p & 0x80;
	r = integer(p, end, 7, &n);
	if (r != HPACK_DONE)
		return r;
	if (n > *room)
		return HPACK_BAD;
	if ((size_t)(end - *p) < n)
		return HPACK_MORE;
	*room -= n;
	*out = str_of((const char *)*p, n);
	*p += n;
	return HPACK_DONE;
}

/* Takes the representation at *<p> apart, without a look at its contents. */
static enum hpack_result take(const uint8_t **p, const uint8_t *end, struct rep *r)
{
	size_t room = HPACK_LITERAL;
	enum hpack_result res;
	unsigned prefix;

	r->first = **p;
	prefix = r->first & INDEXED       ? 7
		 : r->first & INCREMENTAL ? 6
		 : r->first & SIZE_UPDATE ? 5
					  : 4;
	res = integer(p, end, prefix, &r->index);
	if (res != HPACK_DONE || r->first & INDEXED || prefix == 5)
		return res;
	r->name_huffman = false;
	r->name = str_of(NULL, 0);
	if (!r->index)
		res = string(p, end, &room, &r->name_huffman, &r->name);
	if (res == HPACK_DONE)
		res = string(p, end, &room, &r->value_huffman, &r->value);
	return res;
}

/* RFC 7541 2.3.3 */
static bool indexed(const struct hpack_table *t, uint32_t index, struct hpack_field *f)
{
	if (!index)
		return false;
	if (index <= HPACK_STATICS) {
		*f = hpack_statics[index];
		return true;
	}
	if (index - HPACK_STATICS > hpack_table_count(t))
		return false;
	*f = hpack_table_field(t, t->next - (index - HPACK_STATICS));
	return true;
}

/* RFC 9113 8.2.1 */
static bool name_valid(struct str s)
{
	uint8_t all = H1_TOKEN;

	for (size_t i = 0; i < s.n; i++)
		all &= s.p[i] >= 'A' && s.p[i] <= 'Z' ? 0 : h1_class(s.p[i]);
	return s.n && all;
}

static bool value_valid(struct str s)
{
	uint8_t all = H1_VALUE;

	for (size_t i = 0; i < s.n; i++)
		all &= h1_class(s.p[i]);
	return all && (!s.n || (s.p[0] != ' ' && s.p[0] != '\t' && s.p[s.n - 1] != ' ' &&
				s.p[s.n - 1] != '\t'));
}

/* Id and flags of a name that is not from a table. */
static void look_at_name(struct hpack_field *f)
{
	f->id = FIELD_OTHER;
	if (f->name.n && f->name.p[0] == ':')
		f->id = (uint8_t)hpack_pseudo(f->name);
	else if (name_valid(f->name))
		f->id = (uint8_t)field_find(f->name.p, f->name.n);
	else
		f->flags = HPACK_BAD_NAME;
	if (f->id == FIELD_OTHER && f->name.n && f->name.p[0] == ':')
		f->flags = HPACK_BAD_NAME;
}

static void give(struct hpack_list *l, const struct hpack_field *f,
		 bool (*visit)(void *arg, const struct hpack_field *f), void *arg)
{
	uint64_t bytes = l->bytes + (uint64_t)f->name.n + f->value.n + 4;

	if (l->over)
		return;
	l->over = bytes > l->bytes_max || l->fields >= l->fields_max;
	l->bytes = (uint32_t)bytes;
	l->fields++;
	if (!l->over)
		l->over = !visit(arg, f);
}

/* What a field is decoded to when it is sent in Huffman's code. */
struct scratch {
	char small[1024];
	char *block; /* for larger ones; or NULL */
	uint32_t cap;
	char *at; /* free from here */
};

static bool scratch_open(struct scratch *s, const struct rep *r)
{
	size_t need = (r->name_huffman ? HPACK_DECODED(r->name.n) : 0) +
		      (r->value_huffman ? HPACK_DECODED(r->value.n) : 0);

	s->block = NULL;
	s->cap = 0;
	s->at = s->small;
	if (need <= sizeof(s->small))
		return true;
	s->at = s->block = msg_block_get((uint32_t)need, &s->cap);
	return s->block;
}

static bool plain(struct scratch *s, struct str in, bool huffman, struct str *out)
{
	ptrdiff_t n;

	*out = in;
	if (!huffman)
		return true;
	n = hpack_huffman_decode(in, s->at);
	if (n < 0)
		return false;
	*out = str_of(s->at, (size_t)n);
	s->at += n;
	return true;
}

/* A literal (RFC 7541 6.2). */
static enum hpack_result literal(struct hpack_in *d, const struct rep *r, struct scratch *s,
				 struct hpack_field *f)
{
	f->flags = 0;
	if (r->index) {
		if (!indexed(&d->table, r->index, f))
			return HPACK_BAD;
		f->flags &= HPACK_BAD_NAME;
	} else {
		if (!plain(s, r->name, r->name_huffman, &f->name))
			return HPACK_BAD;
		look_at_name(f);
	}
	if (!plain(s, r->value, r->value_huffman, &f->value))
		return HPACK_BAD;
	if (!value_valid(f->value))
		f->flags |= HPACK_BAD_VALUE;
	if ((r->first & 0xf0) == NEVER)
		f->flags |= HPACK_NEVER;
	return HPACK_DONE;
}

/* RFC 7541 4.2, 6.3 */
static enum hpack_result size_update(struct hpack_in *d, const struct hpack_list *l, uint32_t size)
{
	if (l->begun || size > d->limit)
		return HPACK_BAD;
	hpack_table_resize(&d->table, size);
	d->due = false;
	return HPACK_DONE;
}

static enum hpack_result run(struct hpack_in *d, struct hpack_list *l, const struct rep *r,
			     bool (*visit)(void *arg, const struct hpack_field *f), void *arg)
{
	enum hpack_result res;
	struct hpack_field f;
	struct scratch s;

	if (!(r->first & (INDEXED | INCREMENTAL)) && r->first & SIZE_UPDATE)
		return size_update(d, l, r->index);
	if (d->due)
		return HPACK_BAD;
	l->begun = true;
	if (r->first & INDEXED) {
		if (!indexed(&d->table, r->index, &f))
			return HPACK_BAD;
		give(l, &f, visit, arg);
		return HPACK_DONE;
	}
	if (!scratch_open(&s, r))
		return HPACK_NO_MEMORY;
	res = literal(d, r, &s, &f);
	if (res == HPACK_DONE) {
		give(l, &f, visit, arg);
		if (r->first & INCREMENTAL && !hpack_table_add(&d->table, &f))
			res = HPACK_NO_MEMORY;
	}
	msg_block_put(s.block, s.cap);
	return res;
}

enum hpack_result hpack_decode(struct hpack_in *d, struct hpack_list *list, struct str in,
			       size_t *used, bool (*visit)(void *arg, const struct hpack_field *f),
			       void *arg)
{
	const uint8_t *start = (const uint8_t *)in.p, *p = start, *end = start + in.n;
	enum hpack_result res = HPACK_DONE;

	*used = 0;
	while (res == HPACK_DONE && p < end) {
		struct rep r;

		res = take(&p, end, &r);
		if (res == HPACK_DONE)
			res = run(d, list, &r, visit, arg);
		if (res == HPACK_DONE)
			*used = (size_t)(p - start);
	}
	return res;
}
