/* SPDX-License-Identifier: Apache-2.0 */
#include "field_find.h"
#include "../base/h1_class.h"
#include "h1_scan.h"
#include "h1_wide.h"
#include "msg_block.h"

/* First byte from <p> on that is no field value byte, or one that wide_controls() stops at. There
 * is one, as the text ends in LF. */
static inline const char *value_end(const char *wide, const char *p)
{
	for (; p <= wide; p += WIDE)
		if (wide_controls(p))
			return p + wide_first(wide_controls(p));
	if (wide)
		return p + wide_first(wide_skip(wide_controls(wide), (unsigned)(p - wide)));
	while (h1_class(*p) & H1_VALUE && *p != '\t')
		p++;
	return p;
}

/* First byte from <p> on that is no field value byte at all. */
static const char *odd_value_end(const char *wide, const char *p)
{
	while (h1_class(*p) & H1_VALUE) {
		do
			p++;
		while (h1_class(*p) & H1_VALUE && (*p == '\t' || (unsigned char)*p >= 0x80));
		p = value_end(wide, p);
	}
	return p;
}

/* As read_name() below, of any name. */
static __attribute__((noinline)) const char *read_odd_name(const char *wide, const char *name,
							   enum field_id *id)
{
	const char *p = name;

	while (p <= wide && !wide_no_letters(p))
		p += WIDE;
	if (p <= wide)
		p += wide_first(wide_no_letters(p));
	while (h1_class(*p) & H1_TOKEN)
		p++;
	*id = field_find(name, (size_t)(p - name));
	return p;
}

#ifdef __SSE2__
/* The names again, each in a row that one load may read. */
static const struct {
	char name[23];
	uint8_t n;
} rows[FIELDS] = {
#define FIELD(id, name, flags) [FIELD_##id] = { name, sizeof(name) - 1 },
#include "field.def"
};

/* Perfect hash of the first four letters and the length, for names of 4 to 15 bytes. The factor was
 * found by search. Two fields in one place do not compile (-Woverride-init). */
#define PLACE(four, n) ((((four) + ((uint32_t)(n) << 24)) * 0x7ce42c83u) >> 26)
#define ROW(id, a, b, c, d, n)                                                                     \
	[PLACE((a) | (b) << 8 | (c) << 16 | (uint32_t)(d) << 24, n)] = FIELD_##id

static const uint8_t places[64] = {
	ROW(HOST, 'h', 'o', 's', 't', 4),
	ROW(CONTENT_LENGTH, 'c', 'o', 'n', 't', 14),
	ROW(CONNECTION, 'c', 'o', 'n', 'n', 10),
	ROW(KEEP_ALIVE, 'k', 'e', 'e', 'p', 10),
	ROW(TRAILER, 't', 'r', 'a', 'i', 7),
	ROW(UPGRADE, 'u', 'p', 'g', 'r', 7),
	ROW(EXPECT, 'e', 'x', 'p', 'e', 6),
	ROW(COOKIE, 'c', 'o', 'o', 'k', 6),
	ROW(SET_COOKIE, 's', 'e', 't', '-', 10),
	ROW(LOCATION, 'l', 'o', 'c', 'a', 8),
	ROW(REFRESH, 'r', 'e', 'f', 'r', 7),
	ROW(DATE, 'd', 'a', 't', 'e', 4),
	ROW(SERVER, 's', 'e', 'r', 'v', 6),
	ROW(CONTENT_TYPE, 'c', 'o', 'n', 't', 12),
	ROW(USER_AGENT, 'u', 's', 'e', 'r', 10),
	ROW(REFERER, 'r', 'e', 'f', 'e', 7),
	ROW(ACCEPT, 'a', 'c', 'c', 'e', 6),
	ROW(AUTHORIZATION, 'a', 'u', 't', 'h', 13),
	ROW(X_FORWARDED_FOR, 'x', '-', 'f', 'o', 15),
	ROW(FORWARDED, 'f', 'o', 'r', 'w', 9),
	ROW(ORIGIN, 'o', 'r', 'i', 'g', 6),
};

/* Goes from <p> to the end of the name there; *<id> is its field. */
static inline const char *read_name(const char *wide, const char *p, enum field_id *id)
{
	uint32_t other = p <= wide ? wide_no_letters(p) : 0;
	unsigned n = other ? wide_first(other) : 0;

	if (__builtin_expect(n < 4 || p[n] != ':', 0))
		return read_odd_name(wide, p, id);
	*id = places[PLACE(wide_four(p), n)];
	if (rows[*id].n != n || wide_unlike(p, rows[*id].name) << (32 - n))
		*id = FIELD_OTHER;
	return p + n;
}
#else
static inline const char *read_name(const char *wide, const char *p, enum field_id *id)
{
	return read_odd_name(wide, p, id);
}
#endif

/* RFC 9112 5.1, 5.2 */
static enum h1_result bad_name(struct h1_scan *s, const char *name)
{
	if (*name == ' ' || *name == '\t')
		H1_FAIL(s, 400, "folded line");
	H1_FAIL(s, 400, "invalid field name");
}

/* <p> is the first byte that is not of the value. */
static enum h1_result bad_value(struct h1_scan *s, const char *p)
{
	if (*p == '\r' || *p == '\n') /* RFC 9112 2.2 */
		H1_FAIL(s, 400, "bare CR or LF");
	H1_FAIL(s, 400, "invalid byte in a field value"); /* RFC 9110 5.5 */
}

/* Sets the value of <h> to what is between <from> and <to>, without blanks at both ends. */
static void trim(const char *base, struct msg_hdr *h, const char *from, const char *to)
{
	bool blank = to > from && *from == ' ';
	const char *first = from;

	while (from < to && (*from == ' ' || *from == '\t'))
		from++;
	/* One blank before the value, none behind it: an empty value has one that is both. */
	h->flags = blank && from == first + 1 && (from == to || (to[-1] != ' ' && to[-1] != '\t'))
			   ? HDR_CANONICAL
			   : 0;
	while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
		to--;
	h->value = (uint32_t)(from - base);
	h->value_len = (uint32_t)(to - from);
}

/* Fills <h> from the line name ":" OWS value OWS CRLF. */
static inline void fill(const char *base, struct msg_hdr *h, const char *name, const char *colon,
			const char *cr)
{
	h->name = (uint32_t)(name - base);
	h->name_len = (uint16_t)(colon - name);
	/* As nearly always: one blank before, none behind; a byte above SP is none, and no CR. */
	if (colon[1] == ' ' && (unsigned char)colon[2] > ' ' && (unsigned char)cr[-1] > ' ') {
		h->flags = HDR_CANONICAL;
		h->value = (uint32_t)(colon + 2 - base);
		h->value_len = (uint32_t)(cr - colon - 2);
	} else {
		trim(base, h, colon + 1, cr);
	}
}

/* Entries that the table may have before room must be made. */
static uint32_t table_room(const struct h1_scan *s, const struct msg *m)
{
	uint32_t n = m->cap / (uint32_t)sizeof(struct msg_hdr);

	return n < s->lim->headers ? n : s->lim->headers;
}

static enum h1_result make_room(struct h1_scan *s, struct msg *m)
{
	if (m->nhdr >= s->lim->headers)
		H1_FAIL(s, 431, "too many field lines");
	if (!msg_fit(m, 0))
		H1_FAIL(s, 503, "out of memory");
	return H1_DONE;
}

/* The header with index <i>, the newest, gets its slot. */
static inline bool known(struct msg *m, enum field_id id, uint32_t i)
{
	if (m->slot[id]) {
		m->flags |= MSG_REPEATED;
		return !(field_flags[id] & FIELD_ONE);
	}
	m->slot[id] = (uint16_t)(i + 1);
	return true;
}

/* field-line CRLF, RFC 9112 5, from *<at> on, as header <i> in <h>. */
static inline enum h1_result field_line(struct h1_scan *s, const char *base, const char *wide,
					struct msg *m, struct msg_hdr *h, uint32_t i,
					const char **at)
{
	const char *const name = *at;
	enum field_id id;
	const char *colon = read_name(wide, name, &id), *cr;

	if (*colon != ':' || colon == name)
		return bad_name(s, name);
	cr = value_end(wide, colon + 1);
	if (__builtin_expect(*cr != '\r', 0))
		cr = odd_value_end(wide, cr);
	if (*cr != '\r' || cr[1] != '\n') /* LF ends the input, so CR is not its last byte */
		return bad_value(s, cr);
	if (colon - name > UINT16_MAX)
		H1_FAIL(s, 431, "field name too long");
	h->id = (uint8_t)id;
	fill(base, h, name, colon, cr);
	*at = cr + 2;
	if (id != FIELD_OTHER && !known(m, id, i)) /* RFC 9112 3.2 */
		H1_FAIL(s, 400, "more than one Host");
	return H1_DONE;
}

enum h1_result h1_scan_fields(struct h1_scan *s, struct msg *m)
{
	const char *const base = s->base, *const end = s->end;
	/* Last place from which a wide load stays inside, or NULL. */
	const char *const wide = end - base >= WIDE ? end - WIDE : NULL;
	const char *p = s->p;
	uint32_t i = m->nhdr, room = table_room(s, m);
	struct msg_hdr *h = i < room ? msg_hdr(m, i) : NULL;

	for (; p < end; i++, h--) {
		if (*p == '\r') {
			if (p[1] != '\n')
				H1_FAIL(s, 400, "bare CR or LF");
			s->p = p + 2;
			m->nhdr = i;
			return H1_DONE;
		}
		if (i >= room) {
			m->nhdr = i;
			if (make_room(s, m) != H1_DONE)
				return H1_BAD;
			room = table_room(s, m);
			h = msg_hdr(m, i);
		}
		if (field_line(s, base, wide, m, h, i, &p) != H1_DONE)
			return H1_BAD;
	}
	return H1_MORE;
}
