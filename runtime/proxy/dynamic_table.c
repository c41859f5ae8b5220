/* SPDX-License-Identifier: Apache-2.0 */
#include "dynamic_table.h"

#include <stdlib.h>
#include <string.h>

#include "../site.h"

#define SLOTS_MIN 8u

/* -- hashes -------------------------------------------------------------------------------------
 */

static uint32_t mix(uint64_t h)
{
	h ^= h >> 32;
	h *= UINT64_C(0xd6e8feb86659fd93);
	return (uint32_t)(h ^ h >> 32);
}

/* The same for all cases of letters. */
static uint32_t hash_text(struct str s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)ascii_lower(s.p[i])) * UINT64_C(0x100000001b3);
	return mix(h);
}

static uint32_t hash_net(const uint8_t ip[16], unsigned bits)
{
	uint64_t half[2];

	memcpy(half, ip, 16);
	return mix((half[0] * UINT64_C(0x9e3779b97f4a7c15) ^ half[1]) *
			   UINT64_C(0xff51afd7ed558ccd) +
		   bits);
}

static uint32_t hash_of(const struct dynamic_entry *e)
{
	switch (e->kind) {
	case DYNAMIC_NET:
		return hash_net(e->net.ip, e->net.bits);
	case DYNAMIC_NUMBER:
		return mix((uint64_t)e->lo * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)e->hi);
	default:
		return hash_text(e->key);
	}
}

static bool same_text(const struct dynamic_entry *e, struct str key)
{
	return e->flags & WS_V_ICASE ? str_ieq(e->key, key) : str_eq(e->key, key);
}

static bool same(const struct dynamic_entry *a, const struct dynamic_entry *b)
{
	switch (a->kind) {
	case DYNAMIC_NET:
		return a->net.bits == b->net.bits && memcmp(a->net.ip, b->net.ip, 16) == 0;
	case DYNAMIC_NUMBER:
		return a->lo == b->lo && a->hi == b->hi;
	case DYNAMIC_REGEX:
		return str_eq(a->key, b->key);
	default:
		return same_text(a, b->key) || same_text(b, a->key);
	}
}

/* -- making -------------------------------------------------------------------------------------
 */

static struct str copied(char **at, struct str s)
{
	char *p = *at;

	if (s.n)
		memcpy(p, s.p, s.n);
	*at += s.n;
	return str_of(p, s.n);
}

struct dynamic_entry *dynamic_entry_new(const struct dynamic_entry *e)
{
	size_t bytes = sizeof(*e) + e->key.n + e->text.n;
	struct dynamic_entry *made = malloc(bytes);
	char *at;

	if (!made)
		return NULL;
	*made = *e;
	made->bytes = bytes;
	at = (char *)(made + 1);
	made->key = copied(&at, e->key);
	made->text = copied(&at, e->text);
	return made;
}

static void put_row(struct dynamic_table *t, struct dynamic_entry *e, uint32_t hash)
{
	uint32_t row = t->n++, at = hash & t->mask;

	t->rows[row] = (struct dynamic_slot) { hash, e };
	while (t->slots[at])
		at = (at + 1) & t->mask;
	t->slots[at] = row + 1;
	t->bytes += e->bytes;
	if (e->kind == DYNAMIC_NET)
		t->prefixes[e->net.bits / 64] |= UINT64_C(1) << e->net.bits % 64;
}

struct dynamic_table *dynamic_table_empty(uint32_t n)
{
	uint32_t nslots = SLOTS_MIN;
	struct dynamic_table *t;
	size_t rows;

	while (nslots < 2 * n)
		nslots *= 2;
	rows = sizeof(*t) + n * sizeof(*t->rows);
	t = calloc(1, rows + nslots * sizeof(*t->slots));
	if (!t)
		return NULL;
	t->slots = (uint32_t *)(void *)((char *)t + rows);
	t->mask = nslots - 1;
	return t;
}

void dynamic_table_put(struct dynamic_table *t, struct dynamic_entry *e)
{
	put_row(t, e, hash_of(e));
}

struct dynamic_table *dynamic_table_new(const struct dynamic_table *from, uint32_t without,
					struct dynamic_entry *more)
{
	struct dynamic_table *t = dynamic_table_empty(from->n + 1);
	uint32_t n = from->n;

	if (!t)
		return NULL;
	for (uint32_t i = 0; i < n; i++)
		if (i != without)
			put_row(t, from->rows[i].entry, from->rows[i].hash);
		else if (more)
			put_row(t, more, hash_of(more));
	if (more && without >= n)
		put_row(t, more, hash_of(more));
	return t;
}

/* -- looking ------------------------------------------------------------------------------------
 */

uint32_t dynamic_table_same(const struct dynamic_table *t, const struct dynamic_entry *e)
{
	uint32_t hash = hash_of(e), row;

	for (uint32_t at = hash & t->mask; (row = t->slots[at]); at = (at + 1) & t->mask)
		if (t->rows[row - 1].hash == hash && same(t->rows[row - 1].entry, e))
			return row - 1;
	return t->n;
}

/* Rows of one hash stand in the order of their slots, which is that of the rows. */
uint32_t dynamic_table_text(const struct dynamic_table *t, struct str key)
{
	uint32_t hash = hash_text(key), row;

	for (uint32_t at = hash & t->mask; (row = t->slots[at]); at = (at + 1) & t->mask)
		if (t->rows[row - 1].hash == hash && same_text(t->rows[row - 1].entry, key))
			return row - 1;
	return t->n;
}

static uint32_t find_net(const struct dynamic_table *t, const uint8_t ip[16], unsigned bits)
{
	uint32_t hash = hash_net(ip, bits), row;

	for (uint32_t at = hash & t->mask; (row = t->slots[at]); at = (at + 1) & t->mask) {
		const struct dynamic_slot *s = &t->rows[row - 1];

		if (s->hash == hash && s->entry->net.bits == bits &&
		    memcmp(s->entry->net.ip, ip, 16) == 0)
			return row - 1;
	}
	return t->n;
}

uint32_t dynamic_table_ip(const struct dynamic_table *t, const uint8_t ip[16])
{
	uint8_t cut[16];
	uint32_t row = t->n;

	memcpy(cut, ip, 16);
	for (unsigned word = 3; word-- > 0;)
		for (uint64_t left = t->prefixes[word]; left && row == t->n;) {
			unsigned bit = 63u - (unsigned)__builtin_clzll(left);
			unsigned bits = word * 64 + bit;

			left &= ~(UINT64_C(1) << bit);
			for (unsigned i = bits / 8; i < 16; i++)
				cut[i] &= (uint8_t)(i > bits / 8 ? 0 : 0xff00u >> bits % 8);
			row = find_net(t, cut, bits);
		}
	return row;
}
