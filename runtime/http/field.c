/* SPDX-License-Identifier: Apache-2.0 */
#include "msg.h"

const struct str field_names[FIELDS] = {
	[FIELD_OTHER] = { "", 0 },
#define FIELD(id, name, flags) [FIELD_##id] = { name, sizeof(name) - 1 },
#include "field.def"
};

union field_name_size {
#define FIELD(id, name, flags) char id[sizeof(name) - 1];
#include "field.def"
};
#define FIELD_NAME_MAX sizeof(union field_name_size)

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

#define FOLD UINT64_C(0x2020202020202020)

/* Unlike bits of 8 (or 4) bytes of a name and of a lower-case one. */
static inline uint64_t unlike8(const char *name, const char *lower)
{
	uint64_t a, b;

	memcpy(&a, name, 8);
	memcpy(&b, lower, 8);
	return (a | FOLD) ^ b;
}

static inline uint32_t unlike4(const char *name, const char *lower)
{
	uint32_t a, b;

	memcpy(&a, name, 4);
	memcpy(&b, lower, 4);
	return (a | (uint32_t)FOLD) ^ b;
}

/* Letters and "-" only: bit 5 folds them, and of the other bytes only CR would become "-". Two
 * overlapping loads cover the ends, a third the middle of the names above 16 bytes. */
static bool same(const char *name, const char *lower, size_t n)
{
	_Static_assert(FIELD_NAME_MAX <= 24, "three loads cover a name");
	if (n >= 8)
		return !(unlike8(name, lower) | unlike8(name + n - 8, lower + n - 8) |
			 (n > 16 ? unlike8(name + 8, lower + 8) : 0));
	if (n >= 4)
		return !(unlike4(name, lower) | unlike4(name + n - 4, lower + n - 4));
	for (size_t i = 0; i < n; i++)
		if ((name[i] | 0x20) != lower[i])
			return false;
	return true;
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
