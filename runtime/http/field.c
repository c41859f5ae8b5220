/* SPDX-License-Identifier: Apache-2.0 */
#include "msg.h"

const struct str field_names[FIELDS] = {
	[FIELD_OTHER] = { "", 0 },
#define FIELD(id, name, flags) [FIELD_##id] = { name, sizeof(name) - 1 },
#include "field.def"
};

const uint8_t field_flags[FIELDS] = {
#define FIELD(id, name, flags) [FIELD_##id] = (flags),
#include "field.def"
};

/* Perfect hash of length, first and last letter. The factors were found by search; two fields in
 * one place do not compile (-Woverride-init), and a field of field.def without a row here fails
 * its unit test. */
#define PLACE(first, last, n) (((n)*2u + (first)*5u + (last)*6u) & 63u)
#define ROW(id, first, last, n) [PLACE(first, last, n)] = FIELD_##id

static const uint8_t places[64] = {
	ROW(HOST, 'h', 't', 4),
	ROW(CONTENT_LENGTH, 'c', 'h', 14),
	ROW(TRANSFER_ENCODING, 't', 'g', 17),
	ROW(CONNECTION, 'c', 'n', 10),
	ROW(KEEP_ALIVE, 'k', 'e', 10),
	ROW(PROXY_CONNECTION, 'p', 'n', 16),
	ROW(TE, 't', 'e', 2),
	ROW(TRAILER, 't', 'r', 7),
	ROW(UPGRADE, 'u', 'e', 7),
	ROW(EXPECT, 'e', 't', 6),
	ROW(COOKIE, 'c', 'e', 6),
	ROW(SET_COOKIE, 's', 'e', 10),
	ROW(LOCATION, 'l', 'n', 8),
	ROW(CONTENT_LOCATION, 'c', 'n', 16),
	ROW(REFRESH, 'r', 'h', 7),
	ROW(DATE, 'd', 'e', 4),
	ROW(SERVER, 's', 'r', 6),
	ROW(CONTENT_TYPE, 'c', 'e', 12),
	ROW(USER_AGENT, 'u', 't', 10),
	ROW(REFERER, 'r', 'r', 7),
	ROW(ACCEPT, 'a', 't', 6),
	ROW(AUTHORIZATION, 'a', 'n', 13),
	ROW(X_FORWARDED_FOR, 'x', 'r', 15),
	ROW(X_FORWARDED_PROTO, 'x', 'o', 17),
	ROW(FORWARDED, 'f', 'd', 9),
	ROW(ORIGIN, 'o', 'n', 6),
};

#define LOWER UINT64_C(0x2020202020202020)

static uint64_t load(const char *p, size_t n)
{
	uint64_t v = 0;

	if (n == 8) {
		memcpy(&v, p, 8);
	} else if (n == 4) {
		uint32_t w;

		memcpy(&w, p, 4);
		v = w;
	} else {
		uint16_t w;

		memcpy(&w, p, 2);
		v = w;
	}
	return v;
}

/* Letters and "-" only: bit 5 folds them, and of the other bytes only CR would become "-". Two
 * overlapping loads of a power of two cover the rest. */
static bool same(const char *name, const char *lower, size_t n)
{
	size_t w = n >= 8 ? 8 : n >= 4 ? 4 : 2;

	for (; n > w; n -= w, name += w, lower += w)
		if (((load(name, w) | (LOWER >> (64 - 8 * w))) ^ load(lower, w)) != 0) {
			return false;
		} else if (n < 2 * w) {
			name -= 2 * w - n;
			lower -= 2 * w - n;
			n = 2 * w;
		}
	return ((load(name, w) | (LOWER >> (64 - 8 * w))) ^ load(lower, w)) == 0;
}

enum field_id field_lookup(struct str name)
{
	unsigned first, last;
	enum field_id id;

	if (name.n < 2)
		return FIELD_OTHER;
	first = (unsigned char)name.p[0] | 0x20;
	last = (unsigned char)name.p[name.n - 1] | 0x20;
	id = places[PLACE(first, last, (unsigned)name.n)];
	return field_names[id].n == name.n && same(name.p, field_names[id].p, name.n) ? id
										      : FIELD_OTHER;
}
