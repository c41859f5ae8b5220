/* SPDX-License-Identifier: Apache-2.0 */
#include "field_find.h"
#include "../base/h1_class.h"
#include "h1_scan.h"
#include "h1_wide.h"
#include "msg_block.h"

/* First byte from <p> on that is no field value byte, HTAB included as one to look at. There is
 * one, as <s> ends in LF. */
static inline const char *value_end(const struct h1_scan *s, const char *p)
{
	for (; p <= s->wide; p += WIDE)
		if (wide_controls(p))
			return p + wide_first(wide_controls(p));
	if (s->wide)
		return p + wide_first(wide_skip(wide_controls(s->wide), (unsigned)(p - s->wide)));
	while (h1_class(*p) & H1_VALUE && *p != '\t')
		p++;
	return p;
}

/* First byte from <p> on that is no byte of a field name. */
static inline const char *name_end(const struct h1_scan *s, const char *p)
{
	while (p <= s->wide && !wide_no_letters(p))
		p += WIDE;
	if (p <= s->wide)
		p += wide_first(wide_no_letters(p));
	while (h1_class(*p) & H1_TOKEN)
		p++;
	return p;
}

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
static void trim(const struct h1_scan *s, struct msg_hdr *h, const char *from, const char *to)
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
	h->value = (uint32_t)(from - s->base);
	h->value_len = (uint32_t)(to - from);
}

/* Fills <h> from the line name ":" OWS value OWS CRLF. */
static inline void fill(const struct h1_scan *s, struct msg_hdr *h, const char *name,
			const char *colon, const char *cr)
{
	h->name = (uint32_t)(name - s->base);
	h->name_len = (uint16_t)(colon - name);
	h->id = (uint8_t)field_find(name, (size_t)(colon - name));
	/* As nearly always: one blank before, none behind; a byte above SP is none, and no CR. */
	if (colon[1] == ' ' && (unsigned char)colon[2] > ' ' && (unsigned char)cr[-1] > ' ') {
		h->flags = HDR_CANONICAL;
		h->value = (uint32_t)(colon + 2 - s->base);
		h->value_len = (uint32_t)(cr - colon - 2);
	} else {
		trim(s, h, colon + 1, cr);
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

/* The newest header gets its slot. */
static inline bool known(struct msg *m, enum field_id id)
{
	if (m->slot[id]) {
		m->flags |= MSG_REPEATED;
		return !(field_flags[id] & FIELD_ONE);
	}
	m->slot[id] = (uint16_t)m->nhdr;
	return true;
}

/* field-line CRLF, RFC 9112 5 */
static inline enum h1_result field_line(struct h1_scan *s, struct msg *m, const char **at,
					uint32_t *room)
{
	const char *name = *at, *colon = name_end(s, name), *cr = colon;
	struct msg_hdr *h;

	if (*colon != ':' || colon == name)
		return bad_name(s, name);
	do
		cr = value_end(s, cr + 1);
	while (*cr == '\t');
	if (*cr != '\r' || cr[1] != '\n') /* LF ends the input, so CR is not its last byte */
		return bad_value(s, cr);
	if (colon - name > UINT16_MAX)
		H1_FAIL(s, 431, "field name too long");
	if (m->nhdr >= *room) {
		if (make_room(s, m) != H1_DONE)
			return H1_BAD;
		*room = table_room(s, m);
	}
	h = msg_hdr(m, m->nhdr++);
	fill(s, h, name, colon, cr);
	*at = cr + 2;
	if (h->id != FIELD_OTHER && !known(m, h->id)) /* RFC 9112 3.2 */
		H1_FAIL(s, 400, "more than one Host");
	return H1_DONE;
}

enum h1_result h1_scan_fields(struct h1_scan *s, struct msg *m)
{
	const char *p = s->p;
	uint32_t room = table_room(s, m);

	s->wide = s->end - s->base >= WIDE ? s->end - WIDE : NULL;
	while (p < s->end) {
		if (*p == '\r') {
			if (p[1] != '\n')
				H1_FAIL(s, 400, "bare CR or LF");
			s->p = p + 2;
			return H1_DONE;
		}
		if (field_line(s, m, &p, &room) != H1_DONE)
			return H1_BAD;
	}
	return H1_MORE;
}
