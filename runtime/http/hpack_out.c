/* SPDX-License-Identifier: Apache-2.0 */
/* Encoder of hpack.h. Where a field may be in the dynamic table is told by its place: its id, or
 * for names without one a small number made of the name. A place remembers its newest entry and
 * what its value looked like the last time: a value goes into the table when it comes twice
 * running, those of <eager> at once. */
#include "../core/pool.h"
#include "hpack_huffman.h"
#include "hpack_table.h"

#define NAMES 64 /* places of names without id */
#define PLACES (HPACK_IDS + NAMES)
#define COOKIE_SHORT 20 /* a value that can be guessed byte by byte (RFC 7541 7.1.3) */

struct hpack_places {
	uint16_t entry[PLACES]; /* lower bits of its number; any value when there is none */
	uint16_t seen[PLACES]; /* print of the last value */
};
static struct pool places_pool;

static uint8_t static_of_id[HPACK_IDS]; /* first row of that id in the static table; 0: none */
static uint8_t static_of_name[NAMES]; /* of FIELD_OTHER: first row of that place */
static uint8_t static_next[HPACK_STATICS + 1]; /* next row of that place */

/* Fields with an id that are alike in nearly all messages. */
static const bool eager[HPACK_IDS] = {
	[HPACK_AUTHORITY] = true,    [HPACK_STATUS] = true,
	[FIELD_HOST] = true,         [FIELD_USER_AGENT] = true,
	[FIELD_SERVER] = true,       [FIELD_ACCEPT] = true,
	[FIELD_CONTENT_TYPE] = true, [FIELD_X_FORWARDED_PROTO] = true,
};

static unsigned name_place(struct str name)
{
	unsigned first, last, middle;

	if (!name.n)
		return 0;
	first = (uint8_t)name.p[0] | 0x20;
	last = (uint8_t)name.p[name.n - 1] | 0x20;
	middle = (uint8_t)name.p[name.n / 2] | 0x20;
	return ((unsigned)name.n * 2 + first * 5 + last * 6 + middle) % NAMES;
}

void hpack_setup(void)
{
	hpack_huffman_setup();
	hpack_table_setup();
	pool_init(&places_pool, "hpack-places", sizeof(struct hpack_places));
	memset(static_of_name, 0, sizeof(static_of_name));
	for (unsigned i = HPACK_STATICS; i; i--) {
		const struct hpack_field *f = &hpack_statics[i];

		if (f->id != FIELD_OTHER) {
			static_of_id[f->id] = (uint8_t)i;
		} else {
			static_next[i] = static_of_name[name_place(f->name)];
			static_of_name[name_place(f->name)] = (uint8_t)i;
		}
	}
}

void hpack_out_init(struct hpack_out *e)
{
	*e = (struct hpack_out) { .low = HPACK_TABLE, .limit = HPACK_TABLE };
	hpack_table_init(&e->table);
}

void hpack_out_release(struct hpack_out *e)
{
	pool_put(&places_pool, e->places);
	hpack_table_release(&e->table);
	hpack_out_init(e);
}

void hpack_out_limit(struct hpack_out *e, uint32_t limit)
{
	e->limit = limit < HPACK_TABLE ? limit : HPACK_TABLE;
	if (e->limit < e->low)
		e->low = e->limit;
	e->due = e->due || e->limit != e->table.max;
}

/* RFC 7541 5.1 */
static uint8_t *integer(uint8_t *out, unsigned first, unsigned prefix, uint32_t n)
{
	uint32_t mask = (1u << prefix) - 1;

	if (n < mask) {
		*out++ = (uint8_t)(first | n);
		return out;
	}
	*out++ = (uint8_t)(first | mask);
	for (n -= mask; n >= 0x80; n >>= 7)
		*out++ = (uint8_t)(n | 0x80);
	*out++ = (uint8_t)n;
	return out;
}

static uint8_t *string(uint8_t *out, struct str s)
{
	size_t n = hpack_huffman_size(s);

	if (n < s.n)
		return hpack_huffman_encode(s, integer(out, 0x80, 7, (uint32_t)n));
	out = integer(out, 0, 7, (uint32_t)s.n);
	if (s.n)
		memcpy(out, s.p, s.n);
	return out + s.n;
}

size_t hpack_begin(struct hpack_out *e, uint8_t *out)
{
	uint8_t *p = out;

	if (!e->due)
		return 0;
	if (e->low < e->limit) { /* RFC 7541 4.2: the smallest, then the last */
		hpack_table_resize(&e->table, e->low);
		p = integer(p, 0x20, 5, e->low);
	}
	hpack_table_resize(&e->table, e->limit);
	p = integer(p, 0x20, 5, e->limit);
	e->low = e->limit;
	e->due = false;
	return (size_t)(p - out);
}

/* Row of the static table with this name; *<whole>: with this value too. 0: none. */
static unsigned find_static(unsigned id, struct str name, struct str value, bool *whole)
{
	unsigned i = id == FIELD_OTHER ? static_of_name[name_place(name)] : static_of_id[id], row;

	while (id == FIELD_OTHER && i && !str_eq(hpack_statics[i].name, name))
		i = static_next[i];
	*whole = false;
	for (row = i; row && row <= HPACK_STATICS && hpack_statics[row].id == id; row++) {
		*whole = value.n && str_eq(hpack_statics[row].value, value);
		if (*whole)
			return row;
		if (id == FIELD_OTHER)
			break;
	}
	return i;
}

/* The newest entry of <place>, when it is of this name: its index; else 0. *<whole>: with this
 * value too. */
static unsigned find_dynamic(const struct hpack_out *e, unsigned place, unsigned id,
			     struct str name, struct str value, bool *whole)
{
	struct hpack_field f;
	uint32_t back;

	*whole = false;
	if (!e->places)
		return 0;
	back = (uint16_t)((uint16_t)e->table.next - e->places->entry[place]);
	if (!back || back > hpack_table_count(&e->table))
		return 0;
	f = hpack_table_field(&e->table, e->table.next - back);
	if (f.id != id || (id == FIELD_OTHER && !str_eq(f.name, name)))
		return 0;
	*whole = str_eq(f.value, value);
	return HPACK_STATICS + back;
}

/* Values that differ seldom have the same; never 0. */
static uint16_t print_of(struct str s)
{
	uint32_t h = (uint32_t)s.n;

	for (size_t i = 0; i < s.n; i++)
		h = h * 31 + (uint8_t)s.p[i];
	return (uint16_t)((h ^ h >> 16) | 1);
}

/* Notes the value at <place>; shall it be indexed? */
static bool repeats(struct hpack_out *e, unsigned place, unsigned id, struct str name,
		    struct str value)
{
	uint16_t print;

	/* One entry shall not drive out most of the others. */
	if ((name.n + value.n + HPACK_OVERHEAD) * 4 > e->table.max || id == FIELD_SET_COOKIE)
		return false;
	if (!e->places && !(e->places = pool_get_zero(&places_pool)))
		return false;
	print = print_of(value);
	if (e->places->seen[place] == print || eager[id])
		return true;
	e->places->seen[place] = print;
	return false;
}

/* RFC 7541 7.1.3 */
static bool secret(unsigned id, unsigned row, struct str value)
{
	return id == FIELD_AUTHORIZATION || (id == FIELD_COOKIE && value.n < COOKIE_SHORT) ||
	       (row && str_eq(hpack_statics[row].name, S("proxy-authorization")));
}

/* Name of a field with <id>. */
static struct str known_name(unsigned id)
{
	if (static_of_id[id])
		return hpack_statics[static_of_id[id]].name;
	return id < FIELDS ? field_names[id] : S(":protocol");
}

/* Adds to the table what is about to be written as indexed. False: memory is out. */
static bool index_field(struct hpack_out *e, unsigned place, const struct hpack_field *f)
{
	if (!hpack_table_add(&e->table, f))
		return false;
	e->places->entry[place] = (uint16_t)(e->table.next - 1);
	return true;
}

static size_t put(struct hpack_out *e, uint8_t *out, const struct hpack_field *f)
{
	unsigned place = f->id == FIELD_OTHER ? HPACK_IDS + name_place(f->name) : f->id;
	unsigned row, index, first = 0, prefix = 4;
	uint8_t *p = out;
	bool whole;

	row = index = find_static(f->id, f->name, f->value, &whole);
	if (f->flags & HPACK_NEVER || secret(f->id, row, f->value)) {
		first = 0x10; /* RFC 7541 6.2.3 */
	} else {
		if (!whole) {
			unsigned own = find_dynamic(e, place, f->id, f->name, f->value, &whole);

			index = whole || !row ? own : row;
		}
		if (whole) /* RFC 7541 6.1 */
			return (size_t)(integer(out, 0x80, 7, index) - out);
		if (repeats(e, place, f->id, f->name, f->value) && index_field(e, place, f)) {
			first = 0x40; /* RFC 7541 6.2.1 */
			prefix = 6;
		}
	}
	p = integer(p, first, prefix, index);
	if (!index)
		p = string(p, f->name);
	return (size_t)(string(p, f->value) - out);
}

/* A field with a name too long to be compared: as it is, but in lower case. */
static size_t put_long(uint8_t *out, struct str name, struct str value, unsigned flags)
{
	uint8_t *p = out;

	*p++ = flags & HPACK_NEVER ? 0x10 : 0;
	p = integer(p, 0, 7, (uint32_t)name.n);
	str_lower((char *)p, name);
	return (size_t)(string(p + name.n, value) - out);
}

size_t hpack_put(struct hpack_out *e, uint8_t *out, unsigned id, struct str name, struct str value,
		 unsigned flags)
{
	struct hpack_field f = { .value = value, .id = (uint8_t)id, .flags = (uint8_t)flags };
	char lower[256];

	if (id != FIELD_OTHER) {
		f.name = known_name(id);
	} else {
		if (name.n > sizeof(lower))
			return put_long(out, name, value, flags);
		str_lower(lower, name);
		f.name = str_of(lower, name.n);
	}
	return put(e, out, &f);
}

size_t hpack_put_status(struct hpack_out *e, uint8_t *out, unsigned status)
{
	char digits[3] = { (char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10),
			   (char)('0' + status % 10) };

	return hpack_put(e, out, HPACK_STATUS, S(""), str_of(digits, sizeof(digits)), 0);
}
