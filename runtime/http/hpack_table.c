/* SPDX-License-Identifier: Apache-2.0 */
#include "hpack_table.h"

#include "../core/pool.h"

#define ROW(id, name, value)                                                                       \
	{                                                                                          \
		{ name, sizeof(name) - 1 }, { value, sizeof(value) - 1 }, id, 0                    \
	}

const struct hpack_field hpack_statics[HPACK_STATICS + 1] = {
	ROW(FIELD_OTHER, "", ""),
	ROW(HPACK_AUTHORITY, ":authority", ""),
	ROW(HPACK_METHOD, ":method", "GET"),
	ROW(HPACK_METHOD, ":method", "POST"),
	ROW(HPACK_PATH, ":path", "/"),
	ROW(HPACK_PATH, ":path", "/index.html"),
	ROW(HPACK_SCHEME, ":scheme", "http"),
	ROW(HPACK_SCHEME, ":scheme", "https"),
	ROW(HPACK_STATUS, ":status", "200"),
	ROW(HPACK_STATUS, ":status", "204"),
	ROW(HPACK_STATUS, ":status", "206"),
	ROW(HPACK_STATUS, ":status", "304"),
	ROW(HPACK_STATUS, ":status", "400"),
	ROW(HPACK_STATUS, ":status", "404"),
	ROW(HPACK_STATUS, ":status", "500"),
	ROW(FIELD_OTHER, "accept-charset", ""),
	ROW(FIELD_OTHER, "accept-encoding", "gzip, deflate"),
	ROW(FIELD_OTHER, "accept-language", ""),
	ROW(FIELD_OTHER, "accept-ranges", ""),
	ROW(FIELD_ACCEPT, "accept", ""),
	ROW(FIELD_OTHER, "access-control-allow-origin", ""),
	ROW(FIELD_OTHER, "age", ""),
	ROW(FIELD_OTHER, "allow", ""),
	ROW(FIELD_AUTHORIZATION, "authorization", ""),
	ROW(FIELD_OTHER, "cache-control", ""),
	ROW(FIELD_OTHER, "content-disposition", ""),
	ROW(FIELD_OTHER, "content-encoding", ""),
	ROW(FIELD_OTHER, "content-language", ""),
	ROW(FIELD_CONTENT_LENGTH, "content-length", ""),
	ROW(FIELD_CONTENT_LOCATION, "content-location", ""),
	ROW(FIELD_OTHER, "content-range", ""),
	ROW(FIELD_CONTENT_TYPE, "content-type", ""),
	ROW(FIELD_COOKIE, "cookie", ""),
	ROW(FIELD_DATE, "date", ""),
	ROW(FIELD_OTHER, "etag", ""),
	ROW(FIELD_EXPECT, "expect", ""),
	ROW(FIELD_OTHER, "expires", ""),
	ROW(FIELD_OTHER, "from", ""),
	ROW(FIELD_HOST, "host", ""),
	ROW(FIELD_OTHER, "if-match", ""),
	ROW(FIELD_OTHER, "if-modified-since", ""),
	ROW(FIELD_OTHER, "if-none-match", ""),
	ROW(FIELD_OTHER, "if-range", ""),
	ROW(FIELD_OTHER, "if-unmodified-since", ""),
	ROW(FIELD_OTHER, "last-modified", ""),
	ROW(FIELD_OTHER, "link", ""),
	ROW(FIELD_LOCATION, "location", ""),
	ROW(FIELD_OTHER, "max-forwards", ""),
	ROW(FIELD_OTHER, "proxy-authenticate", ""),
	ROW(FIELD_OTHER, "proxy-authorization", ""),
	ROW(FIELD_OTHER, "range", ""),
	ROW(FIELD_REFERER, "referer", ""),
	ROW(FIELD_REFRESH, "refresh", ""),
	ROW(FIELD_OTHER, "retry-after", ""),
	ROW(FIELD_SERVER, "server", ""),
	ROW(FIELD_SET_COOKIE, "set-cookie", ""),
	ROW(FIELD_OTHER, "strict-transport-security", ""),
	ROW(FIELD_TRANSFER_ENCODING, "transfer-encoding", ""),
	ROW(FIELD_USER_AGENT, "user-agent", ""),
	ROW(FIELD_OTHER, "vary", ""),
	ROW(FIELD_OTHER, "via", ""),
	ROW(FIELD_OTHER, "www-authenticate", ""),
};

/* A block of class c has ENTRIES << c entries and TEXT << c bytes of text: in the largest any
 * contents fit, as each entry counts for at least HPACK_OVERHEAD. */
#define CLASSES 4
#define ENTRIES 16u
#define TEXT 512u
_Static_assert(TEXT << (CLASSES - 1) == HPACK_TABLE, "all text fits");
_Static_assert(ENTRIES *HPACK_OVERHEAD << (CLASSES - 1) == HPACK_TABLE, "all entries fit");
static struct pool blocks[CLASSES];

void hpack_table_setup(void)
{
	static const char *const names[CLASSES] = { "hpack-640", "hpack-1280", "hpack-2560",
						    "hpack-5120" };

	for (unsigned i = 0; i < CLASSES; i++)
		pool_init(&blocks[i], names[i], (ENTRIES * sizeof(struct hpack_entry) + TEXT) << i);
}

void hpack_table_init(struct hpack_table *t)
{
	*t = (struct hpack_table) { .max = HPACK_TABLE };
}

void hpack_table_release(struct hpack_table *t)
{
	if (t->entries)
		pool_put(&blocks[t->class], t->entries);
	hpack_table_init(t);
}

static struct hpack_entry *entry(const struct hpack_table *t, uint32_t n)
{
	return &t->entries[n & ((ENTRIES << t->class) - 1)];
}

static char *text(const struct hpack_table *t)
{
	return (char *)(t->entries + (ENTRIES << t->class));
}

struct hpack_field hpack_table_field(const struct hpack_table *t, uint32_t n)
{
	const struct hpack_entry *e = entry(t, n);
	const char *p = text(t) + e->at;

	return (struct hpack_field) { .name = str_of(p, e->name_len),
				      .value = str_of(p + e->name_len, e->value_len),
				      .id = e->id,
				      .flags = e->flags };
}

static void evict(struct hpack_table *t, uint32_t max)
{
	while (t->size > max) {
		const struct hpack_entry *e = entry(t, t->first++);

		t->size -= (uint32_t)e->name_len + e->value_len + HPACK_OVERHEAD;
	}
	if (!t->size)
		t->used = 0;
}

void hpack_table_resize(struct hpack_table *t, uint32_t max)
{
	t->max = max;
	evict(t, max);
	if (!max && t->entries) {
		pool_put(&blocks[t->class], t->entries);
		t->entries = NULL;
		t->class = 0;
	}
}

/* Copies all entries of <t> to the block <to> of <class>, their text from its start on. */
static void copy(struct hpack_table *t, struct hpack_entry *to, unsigned class)
{
	struct hpack_table was = *t;
	uint16_t from = hpack_table_count(t) ? entry(t, t->first)->at : t->used;

	t->entries = to;
	t->class = (uint8_t) class;
	t->used = (uint16_t)(was.used - from);
	for (uint32_t n = t->first; n != t->next; n++) {
		*entry(t, n) = *entry(&was, n);
		entry(t, n)->at = (uint16_t)(entry(t, n)->at - from);
	}
	if (t->used)
		memmove(text(t), text(&was) + from, t->used);
}

/* Room for one more entry with <n> bytes, which together with what there is fits the table. May
 * move the text. */
static bool make_room(struct hpack_table *t, uint32_t n)
{
	uint32_t count = hpack_table_count(t) + 1;
	uint32_t live = t->size - (count - 1) * HPACK_OVERHEAD + n;
	unsigned class = t->entries ? t->class : 0;
	struct hpack_entry *to;

	if (t->entries && count <= ENTRIES << class && t->used + n <= TEXT << class)
		return true;
	/* With less than a quarter free it would have to be moved again soon. */
	while (class < CLASSES - 1 && (count > ENTRIES << class || live > (TEXT << class) / 4 * 3))
		class ++;
	if (t->entries && class == t->class) {
		copy(t, t->entries, class);
		return true;
	}
	to = pool_get(&blocks[class]);
	if (!to)
		return false;
	if (t->entries) {
		struct hpack_entry *old = t->entries;
		unsigned old_class = t->class;

		copy(t, to, class);
		pool_put(&blocks[old_class], old);
	} else {
		t->entries = to;
		t->class = (uint8_t) class;
	}
	return true;
}

/* The name of <f> is in the text of <t>, which may move: adds <f> with a copy of it. */
static bool add_again(struct hpack_table *t, const struct hpack_field *f);

bool hpack_table_add(struct hpack_table *t, const struct hpack_field *f)
{
	uint32_t n = (uint32_t)(f->name.n + f->value.n), size = n + HPACK_OVERHEAD;
	struct hpack_entry *e;
	char *p;

	if (f->name.n + f->value.n + HPACK_OVERHEAD > t->max) {
		evict(t, 0);
		return true;
	}
	if (t->entries && f->name.p >= text(t) && f->name.p < text(t) + (TEXT << t->class))
		return add_again(t, f);
	evict(t, t->max - size);
	if (!make_room(t, n))
		return false;
	e = entry(t, t->next++);
	*e = (struct hpack_entry) { .at = t->used,
				    .name_len = (uint16_t)f->name.n,
				    .value_len = (uint16_t)f->value.n,
				    .id = f->id,
				    .flags = f->flags };
	p = text(t) + t->used;
	if (f->name.n)
		memcpy(p, f->name.p, f->name.n);
	if (f->value.n)
		memcpy(p + f->name.n, f->value.p, f->value.n);
	t->used = (uint16_t)(t->used + n);
	t->size += size;
	return true;
}

static bool add_again(struct hpack_table *t, const struct hpack_field *f)
{
	char name[HPACK_TABLE];
	struct hpack_field copied = *f;

	memcpy(name, f->name.p, f->name.n);
	copied.name.p = name;
	return hpack_table_add(t, &copied);
}

unsigned hpack_pseudo(struct str name)
{
	if (str_eq(name, S(":authority")))
		return HPACK_AUTHORITY;
	if (str_eq(name, S(":method")))
		return HPACK_METHOD;
	if (str_eq(name, S(":path")))
		return HPACK_PATH;
	if (str_eq(name, S(":scheme")))
		return HPACK_SCHEME;
	if (str_eq(name, S(":status")))
		return HPACK_STATUS;
	return str_eq(name, S(":protocol")) ? HPACK_PROTOCOL : FIELD_OTHER;
}
