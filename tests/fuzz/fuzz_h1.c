/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a request and as a response: parsed whole and in pieces they mean the same, and
 * what is written from a message parses to the same message again. The first byte of the input
 * chooses the kind, the second where it is cut. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/http/h1.h"

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "failed: %s\n", #cond);                                    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct h1_limits lim = { 2000, 40, 600 };

struct parsed {
	enum h1_result r;
	const struct h1_error *err;
	struct msg m;
	size_t used;
};

static void parse(struct parsed *p, bool response, struct str in, size_t *seen)
{
	p->err = NULL;
	p->used = 0;
	if (response)
		p->r = h1_parse_response(in, seen, &lim, false, false, &p->m, &p->used, &p->err);
	else
		p->r = h1_parse_request(in, seen, &lim, &p->m, &p->used, &p->err);
}

static bool same_ref(const struct msg *a, struct msg_ref ra, const struct msg *b, struct msg_ref rb)
{
	return str_eq(msg_str(a, ra), msg_str(b, rb));
}

static bool carried(const struct msg *m, uint32_t i)
{
	const struct msg_hdr *h = msg_hdr(m, i);

	return !(h->flags & (HDR_DEAD | HDR_LISTED)) &&
	       !(field_flags[h->id] & (FIELD_FRAMING | FIELD_HOP)) && h->id != FIELD_TRAILER;
}

static uint32_t next_carried(const struct msg *m, uint32_t i)
{
	while (i < m->nhdr && !carried(m, i))
		i++;
	return i;
}

/* Fields that travel are equal, in order. */
static void same_fields(const struct msg *a, const struct msg *b)
{
	uint32_t i = next_carried(a, 0), k = next_carried(b, 0);

	for (; i < a->nhdr && k < b->nhdr; i = next_carried(a, i + 1), k = next_carried(b, k + 1)) {
		CHECK(str_eq(msg_name(a, i), msg_name(b, k)));
		CHECK(str_eq(msg_value(a, i), msg_value(b, k)));
	}
	CHECK(i == a->nhdr && k == b->nhdr);
}

static void same(struct msg *a, struct msg *b)
{
	CHECK(a->status == b->status && a->body == b->body);
	CHECK(a->body != BODY_LENGTH || a->length == b->length);
	CHECK(same_ref(a, a->meth, b, b->meth));
	CHECK(same_ref(a, a->path, b, b->path));
	CHECK(a->has_query == b->has_query && same_ref(a, a->query, b, b->query));
	CHECK(str_eq(msg_host(a), msg_host(b)));
	same_fields(a, b);
}

static void write_and_read(struct msg *m, bool response)
{
	struct h1_framing f = { .body = m->body,
				.length = m->length,
				.http10 = !response && !m->slot[FIELD_HOST] };
	struct parsed again;
	size_t seen = 0, room, n;
	char *out;

	if (m->body == BODY_TUNNEL) /* 101 */
		f.upgrade = true;
	room = h1_head_size(m, &f);
	out = malloc(room);
	CHECK(out);
	n = h1_write_head(m, &f, out);
	CHECK(n <= room);
	if (n <= lim.head && msg_str(m, m->path).n + msg_str(m, m->query).n < lim.uri) {
		parse(&again, response, str_of(out, n), &seen);
		CHECK(again.r == H1_DONE && again.used == n);
		same(m, &again.m);
		msg_free(&again.m);
	}
	free(out);
}

static void head(bool response, size_t cut, struct str in)
{
	struct parsed whole, parts = { .r = H1_MORE };
	size_t seen = 0;

	parse(&whole, response, in, &seen);
	seen = 0;
	for (size_t n = cut; parts.r == H1_MORE; n += cut + 1) {
		if (n > in.n)
			n = in.n;
		parse(&parts, response, str_first(in, n), &seen);
		if (n == in.n)
			break;
	}
	if (whole.r == H1_BAD && parts.r == H1_MORE) /* told at the latest when the head is whole */
		parse(&parts, response, str_of(in.p, in.n + 2), &seen);
	CHECK(parts.r == whole.r && parts.err == whole.err && parts.used == whole.used);
	if (whole.r == H1_DONE) {
		same(&whole.m, &parts.m);
		write_and_read(&whole.m, response);
	}
	msg_free(&whole.m);
	msg_free(&parts.m);
}

/* Reads a chunked body in pieces of <step> bytes; the sum of what came out, and how it ended. */
static uint64_t body(struct str in, size_t step, enum h1_result *r)
{
	struct h1_chunk c = { 0 };
	uint64_t sum = 0;
	size_t at = 0, have = 0;

	*r = H1_MORE;
	while (*r == H1_MORE && at < in.n) {
		const struct h1_error *err;
		struct str data;
		size_t used;

		if (at == have)
			have = have + step < in.n ? have + step : in.n;
		*r = h1_chunk_parse(&c, str_of(in.p + at, have - at), &data, &used, &err);
		if (*r == H1_BAD)
			break;
		for (size_t i = 0; i < data.n; i++)
			sum = sum * 31 + (unsigned char)data.p[i];
		at += used;
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in;
	char *copy;

	if (size < 2)
		return 0;
	msg_setup();
	copy = malloc(size);
	CHECK(copy);
	memcpy(copy, data + 2, size - 2);
	memcpy(copy + size - 2, "\n\n", 2); /* behind the input, see head() */
	in = str_of(copy, size - 2);
	if (data[0] % 3 < 2) {
		head(data[0] % 3, data[1], in);
	} else {
		enum h1_result whole, parts;
		uint64_t sum = body(in, in.n ? in.n : 1, &whole);

		CHECK(body(in, (size_t)data[1] + 1, &parts) == sum || whole == H1_BAD);
		CHECK(whole == parts);
	}
	free(copy);
	return 0;
}
