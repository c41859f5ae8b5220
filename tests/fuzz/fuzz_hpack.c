/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as header blocks of one connection: whole and in pieces they mean the same, the table
 * keeps its size, and what was decoded comes through encoder and decoder unchanged. The first byte of
 * the input says how long the pieces are; each block is preceded by a byte with its length. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/http/hpack.h"

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "failed: %s\n", #cond);                                    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BYTES_MAX 8000

/* Fields behind each other with their lengths. */
struct text {
	char p[BYTES_MAX * 4];
	size_t n;
};

struct link {
	struct hpack_out *out;
	uint8_t block[BYTES_MAX * 4 + 40 * HPACK_ROOM(0)];
	size_t n;
	struct text text;
};

static void add(struct text *t, const struct hpack_field *f)
{
	uint32_t head[2] = { (uint32_t)f->name.n, (uint32_t)f->value.n };

	CHECK(t->n + sizeof(head) + f->name.n + f->value.n <= sizeof(t->p));
	memcpy(t->p + t->n, head, sizeof(head));
	t->n += sizeof(head);
	if (f->name.n)
		memcpy(t->p + t->n, f->name.p, f->name.n);
	t->n += f->name.n;
	if (f->value.n)
		memcpy(t->p + t->n, f->value.p, f->value.n);
	t->n += f->value.n;
}

static bool note(void *arg, const struct hpack_field *f)
{
	struct link *l = arg;

	/* Names in upper case would be written in lower case. */
	if (!(f->flags & HPACK_BAD_NAME)) {
		add(&l->text, f);
		if (l->out)
			l->n += hpack_put(l->out, l->block + l->n, f->id, f->name, f->value,
					  f->flags);
		CHECK(l->n <= sizeof(l->block));
	}
	return true;
}

static enum hpack_result whole(struct hpack_in *d, struct str in, struct link *l)
{
	struct hpack_list list = { .bytes_max = BYTES_MAX, .fields_max = 40 };
	size_t used;

	l->text.n = 0;
	return hpack_decode(d, &list, in, &used, note, l);
}

static enum hpack_result pieces(struct hpack_in *d, struct str in, size_t step, struct link *l)
{
	struct hpack_list list = { .bytes_max = BYTES_MAX, .fields_max = 40 };
	enum hpack_result r = HPACK_DONE;
	size_t at = 0, end = 0, used;

	l->text.n = 0;
	while (end < in.n && (r == HPACK_DONE || r == HPACK_MORE)) {
		end = end + step < in.n ? end + step : in.n;
		r = hpack_decode(d, &list, str_of(in.p + at, end - at), &used, note, l);
		at += used;
	}
	return r;
}

static void same(const struct text *a, const struct text *b)
{
	CHECK(a->n == b->n && !memcmp(a->p, b->p, a->n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct link first, second, third;
	struct hpack_in a, b, c;
	struct hpack_out out;
	size_t at = 1;

	if (!size)
		return 0;
	msg_setup();
	hpack_setup();
	hpack_in_init(&a);
	hpack_in_init(&b);
	hpack_in_init(&c);
	hpack_out_init(&out);
	first.out = &out;
	while (at < size) {
		size_t n = data[at] < size - at ? data[at] : size - at - 1;
		struct str in = str_of((const char *)data + at + 1, n);
		enum hpack_result r;

		if (data[0] & 0x80)
			hpack_out_limit(&out, data[at]);
		first.n = hpack_begin(&out, first.block);
		r = whole(&a, in, &first);
		CHECK(pieces(&b, in, 1u + (data[0] & 0x7f), &second) == r);
		same(&first.text, &second.text);
		CHECK(a.table.size <= a.table.max && a.table.max <= HPACK_TABLE);
		CHECK(whole(&c, str_of((const char *)first.block, first.n), &third) == HPACK_DONE);
		same(&first.text, &third.text);
		if (r != HPACK_DONE)
			break;
		at += n + 1;
	}
	hpack_in_release(&a);
	hpack_in_release(&b);
	hpack_in_release(&c);
	hpack_out_release(&out);
	return 0;
}
