/* SPDX-License-Identifier: Apache-2.0 */
/* field_find: field_lookup for the inner loop of a parser. Private to the http layer. */
#ifndef WEIR_HTTP_FIELD_FIND_H
#define WEIR_HTTP_FIELD_FIND_H

#include "msg.h"

union field_name_size {
#define FIELD(id, name, flags) char id[sizeof(name) - 1];
#include "field.def"
};
#define FIELD_NAME_MAX sizeof(union field_name_size)

/* Perfect hash of length, first and last letter. The factors were found by search. */
#define FIELD_PLACE(first, last, n) (((n)*2u + (first)*5u + (last)*6u) & 63u)

extern const uint8_t field_places[64];

#define FIELD_FOLD UINT64_C(0x2020202020202020)

/* Unlike bits of 8 (or 4) bytes of a name and of a lower-case one. */
static inline uint64_t field_unlike8(const char *name, const char *lower)
{
	uint64_t a, b;

	memcpy(&a, name, 8);
	memcpy(&b, lower, 8);
	return (a | FIELD_FOLD) ^ b;
}

static inline uint32_t field_unlike4(const char *name, const char *lower)
{
	uint32_t a, b;

	memcpy(&a, name, 4);
	memcpy(&b, lower, 4);
	return (a | (uint32_t)FIELD_FOLD) ^ b;
}

/* Letters and "-" only: bit 5 folds them, and of the other bytes only CR would become "-". Two
 * overlapping loads cover the ends, a third the middle of the names above 16 bytes. */
static inline bool field_same(const char *name, const char *lower, size_t n)
{
	_Static_assert(FIELD_NAME_MAX <= 24, "three loads cover a name");
	if (n >= 8)
		return !(field_unlike8(name, lower) | field_unlike8(name + n - 8, lower + n - 8) |
			 (n > 16 ? field_unlike8(name + 8, lower + 8) : 0));
	if (n >= 4)
		return !(field_unlike4(name, lower) | field_unlike4(name + n - 4, lower + n - 4));
	for (size_t i = 0; i < n; i++)
		if ((name[i] | 0x20) != lower[i])
			return false;
	return true;
}

static inline enum field_id field_find(const char *name, size_t n)
{
	unsigned first, last;
	enum field_id id;

	if (n < 2)
		return FIELD_OTHER;
	first = (unsigned char)name[0] | 0x20;
	last = (unsigned char)name[n - 1] | 0x20;
	id = field_places[FIELD_PLACE(first, last, (unsigned)n)];
	return field_names[id].n == n && field_same(name, field_names[id].p, n) ? id : FIELD_OTHER;
}

#endif
