/* SPDX-License-Identifier: Apache-2.0 */
/* S74: encoder and decoder against each other and against libnghttp2, with lists drawn at random and
 * tables that change their size. */
#include "../../../runtime/http/hpack.h"

#include <check.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../../runtime/core/pool.h"

Suite *hpack_peer_suite(void);

/* Of nghttp2/nghttp2.h. */
struct peer_nv {
	uint8_t *name, *value;
	size_t name_len, value_len;
	uint8_t flags;
};
#define PEER_EMIT 2
#define PEER_NEVER 1

static struct {
	int (*inflate_new)(void **);
	ssize_t (*inflate)(void *, struct peer_nv *, int *, const uint8_t *, size_t, int);
	int (*inflate_end)(void *);
	int (*inflate_size)(void *, size_t);
	void (*inflate_del)(void *);
	int (*deflate_new)(void **, size_t);
	int (*deflate_size)(void *, size_t);
	ssize_t (*deflate)(void *, uint8_t *, size_t, const struct peer_nv *, size_t);
	void (*deflate_del)(void *);
} peer;

static bool peer_load(void)
{
	void *lib = dlopen("libnghttp2.so.14", RTLD_NOW);

	if (!lib)
		return false;
	*(void **)&peer.inflate_new = dlsym(lib, "nghttp2_hd_inflate_new");
	*(void **)&peer.inflate = dlsym(lib, "nghttp2_hd_inflate_hd2");
	*(void **)&peer.inflate_end = dlsym(lib, "nghttp2_hd_inflate_end_headers");
	*(void **)&peer.inflate_size = dlsym(lib, "nghttp2_hd_inflate_change_table_size");
	*(void **)&peer.inflate_del = dlsym(lib, "nghttp2_hd_inflate_del");
	*(void **)&peer.deflate_new = dlsym(lib, "nghttp2_hd_deflate_new");
	*(void **)&peer.deflate_size = dlsym(lib, "nghttp2_hd_deflate_change_table_size");
	*(void **)&peer.deflate = dlsym(lib, "nghttp2_hd_deflate_hd");
	*(void **)&peer.deflate_del = dlsym(lib, "nghttp2_hd_deflate_del");
	return true;
}

/* Fields as "name=value\n", "!" before those never to be indexed. */
struct text {
	char p[60000];
	size_t n;
};

static void add(struct text *t, bool never, struct str name, struct str value)
{
	ck_assert_uint_lt(t->n + name.n + value.n + 4, sizeof(t->p));
	if (never)
		t->p[t->n++] = '!';
	memcpy(t->p + t->n, name.p, name.n);
	t->n += name.n;
	t->p[t->n++] = '=';
	if (value.n)
		memcpy(t->p + t->n, value.p, value.n);
	t->n += value.n;
	t->p[t->n++] = '\n';
}

static bool note(void *arg, const struct hpack_field *f)
{
	add(arg, f->flags & HPACK_NEVER, f->name, f->value);
	return true;
}

static bool ours(struct hpack_in *d, struct str block, struct text *to)
{
	struct hpack_list list = { .bytes_max = 65536, .fields_max = 1000 };
	size_t used;

	to->n = 0;
	return hpack_decode(d, &list, block, &used, note, to) == HPACK_DONE;
}

static bool theirs(void *inflater, struct str block, struct text *to)
{
	const uint8_t *p = (const uint8_t *)block.p;
	size_t left = block.n;
	int flags;

	to->n = 0;
	do {
		struct peer_nv nv;
		ssize_t n;

		flags = 0;
		n = peer.inflate(inflater, &nv, &flags, p, left, 1);
		if (n < 0)
			return false;
		p += n;
		left -= (size_t)n;
		if (flags & PEER_EMIT)
			add(to, nv.flags & PEER_NEVER, str_of((char *)nv.name, nv.name_len),
			    str_of((char *)nv.value, nv.value_len));
	} while (left || flags & PEER_EMIT);
	peer.inflate_end(inflater);
	return true;
}

static uint32_t seed;

static unsigned draw(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

struct drawn {
	unsigned id, flags;
	char name[300], value[6000];
	size_t name_len, value_len;
};

static const char *const words[] = {
	"x-request-id",
	"etag",
	"vary",
	"cache-control",
	"X-Powered-By",
	"strict-transport-security",
	"proxy-authorization",
	"accept-encoding",
	"x-frame-options",
	"a",
	"te",
	"via",
	"nel",
	"age",
};

static void draw_value(struct drawn *f)
{
	unsigned kind = draw(8);

	if (kind < 5) /* few values, so that they repeat */
		f->value_len =
			(size_t)snprintf(f->value, sizeof(f->value), "value-%u", draw(kind + 1));
	else
		f->value_len = draw(kind == 5 ? 3 : kind == 6 ? 100 : 5000);
	for (size_t i = 0; kind >= 5 && i < f->value_len; i++)
		f->value[i] = (char)(kind == 6 ? draw(256) : 'a' + draw(26));
}

static void draw_field(struct drawn *f)
{
	struct str name;

	f->flags = draw(12) ? 0 : HPACK_NEVER;
	f->id = draw(2) ? FIELD_OTHER : draw(HPACK_IDS);
	if (f->id >= FIELDS)
		f->id = FIELD_OTHER + 1;
	name = f->id == FIELD_OTHER ? str_from(words[draw(sizeof(words) / sizeof(*words))])
				    : field_names[f->id];
	memcpy(f->name, name.p, name.n);
	f->name_len = name.n;
	if (f->id == FIELD_OTHER && !draw(20)) {
		f->name_len = 1 + draw(299);
		for (size_t i = 0; i < f->name_len; i++)
			f->name[i] = (char)('a' + draw(26));
		f->id = FIELD_OTHER;
	}
	draw_value(f);
}

/* A list drawn at random and encoded: <block> has <n> bytes, <want> the fields. */
static size_t encode(struct hpack_out *e, uint8_t *block, struct text *want)
{
	static const char *const secrets[] = { "authorization", "proxy-authorization" };
	size_t n = hpack_begin(e, block);

	want->n = 0;
	ck_assert_uint_le(n, HPACK_BEGIN_ROOM);
	for (unsigned i = draw(12); i; i--) {
		static struct drawn f;
		char lower[300];
		struct str name, value;
		bool never;
		size_t k;

		draw_field(&f);
		str_lower(lower, str_of(f.name, f.name_len));
		name = str_of(lower, f.name_len);
		value = str_of(f.value, f.value_len);
		never = f.flags || str_eq(name, str_from(secrets[0])) ||
			str_eq(name, str_from(secrets[1])) ||
			(str_eq(name, S("cookie")) && value.n < 20);
		add(want, never, name, value);
		k = hpack_put(e, block + n, f.id, str_of(f.name, f.name_len), value, f.flags);
		ck_assert_uint_le(k, HPACK_ROOM(f.name_len + f.value_len));
		n += k;
		ck_assert_uint_le(e->table.size, e->table.max);
	}
	return n;
}

static void same(const struct text *got, const struct text *want)
{
	ck_assert_msg(got->n == want->n && !memcmp(got->p, want->p, got->n), "[%.*s] is not [%.*s]",
		      (int)got->n, got->p, (int)want->n, want->p);
}

#define ROUNDS 60

/* What is encoded is decoded, by both decoders; what of it is secret is marked so. */
START_TEST(lists_come_through)
{
	static uint8_t block[80000];
	static struct text want, got;
	struct hpack_out e;
	struct hpack_in d;
	void *inflater = NULL;

	hpack_setup(); /* once more */
	seed = (uint32_t)_i;
	hpack_in_init(&d);
	hpack_out_init(&e);
	if (peer_load())
		ck_assert_int_eq(peer.inflate_new(&inflater), 0);
	for (int round = 0; round < ROUNDS; round++) {
		unsigned limits[3] = { draw(300), draw(5000), 4096 };
		size_t n;

		for (unsigned k = draw(5) ? 0 : 1 + draw(3); k; k--) {
			unsigned limit = limits[draw(3)];

			hpack_out_limit(&e, limit);
			hpack_in_limit(&d, limit < 4096 ? limit : 4096);
			if (inflater)
				peer.inflate_size(inflater, limit);
		}
		n = encode(&e, block, &want);
		ck_assert(ours(&d, str_of((char *)block, n), &got));
		same(&got, &want);
		if (inflater) {
			ck_assert(theirs(inflater, str_of((char *)block, n), &got));
			same(&got, &want);
		}
		ck_assert_uint_eq(d.table.size, e.table.size);
	}
	if (inflater)
		peer.inflate_del(inflater);
	hpack_in_release(&d);
	hpack_out_release(&e);
}
END_TEST

/* A list as libnghttp2 encodes it. */
static size_t encode_theirs(void *deflater, uint8_t *block, size_t room, struct text *want)
{
	static struct drawn f[12];
	struct peer_nv nv[12];
	unsigned n = draw(12);
	ssize_t size;

	want->n = 0;
	for (unsigned i = 0; i < n; i++) {
		struct str name, value;
		char lower[300];

		draw_field(&f[i]);
		str_lower(lower, str_of(f[i].name, f[i].name_len));
		memcpy(f[i].name, lower, f[i].name_len);
		name = str_of(f[i].name, f[i].name_len);
		value = str_of(f[i].value, f[i].value_len);
		nv[i] = (struct peer_nv) { (uint8_t *)f[i].name, (uint8_t *)f[i].value, name.n,
					   value.n, f[i].flags ? PEER_NEVER : 0 };
		add(want, false, name, value);
	}
	size = peer.deflate(deflater, block, room, nv, n);
	ck_assert_int_ge(size, 0);
	return (size_t)size;
}

/* A broken block to fresh decoders of both: accepted by both or by none, with the same fields. */
static void compare_broken(const uint8_t *block, size_t n)
{
	static struct text a, b;
	struct hpack_in d;
	void *inflater;
	bool mine, other;

	hpack_in_init(&d);
	ck_assert_int_eq(peer.inflate_new(&inflater), 0);
	mine = ours(&d, str_of((const char *)block, n), &a);
	other = theirs(inflater, str_of((const char *)block, n), &b);
	ck_assert_msg(mine == other, "%s, the other %s", mine ? "accepted" : "refused",
		      other ? "accepted" : "refused");
	if (mine)
		same(&a, &b);
	peer.inflate_del(inflater);
	hpack_in_release(&d);
}

START_TEST(lists_of_nghttp2_are_read)
{
	static uint8_t block[80000];
	static struct text want, got, again;
	struct hpack_in d;
	void *deflater, *inflater;

	if (!peer_load())
		return;
	seed = (uint32_t)_i;
	hpack_in_init(&d);
	ck_assert_int_eq(peer.deflate_new(&deflater, 4096), 0);
	ck_assert_int_eq(peer.inflate_new(&inflater), 0);
	for (int round = 0; round < ROUNDS; round++) {
		size_t n;

		if (!draw(5)) {
			unsigned limit = draw(4097);

			ck_assert_int_eq(peer.deflate_size(deflater, limit), 0);
			hpack_in_limit(&d, limit);
			peer.inflate_size(inflater, limit);
		}
		n = encode_theirs(deflater, block, sizeof(block), &want);
		ck_assert(ours(&d, str_of((char *)block, n), &got));
		ck_assert(theirs(inflater, str_of((char *)block, n), &again));
		same(&got, &again);
		if (round == 0 && n)
			for (int k = 0; k < 20; k++) {
				uint8_t broken[200];

				if (n > sizeof(broken))
					n = sizeof(broken);
				memcpy(broken, block, n);
				broken[draw((unsigned)n)] ^= (uint8_t)(1 << draw(8));
				compare_broken(broken, n);
			}
	}
	peer.deflate_del(deflater);
	peer.inflate_del(inflater);
	hpack_in_release(&d);
}
END_TEST

Suite *hpack_peer_suite(void)
{
	Suite *s = suite_create("hpack_peer");
	TCase *t = tcase_create("random");

	if (!peer_load())
		printf("not run comparison of hpack with another implementation: no libnghttp2\n");
	tcase_add_unchecked_fixture(t, msg_setup, NULL);
	tcase_add_unchecked_fixture(t, hpack_setup, NULL);
	tcase_add_loop_test(t, lists_come_through, 0, 20);
	tcase_add_loop_test(t, lists_of_nghttp2_are_read, 0, 20);
	suite_add_tcase(s, t);
	return s;
}
