/* SPDX-License-Identifier: Apache-2.0 */
#include "h1_class.h"
#include "h1_scan.h"
#include "msg_block.h"

#define BYTES(x) (UINT64_C(0x0101010101010101) * (x))

/* First byte from <p> on that is no field value byte, HTAB included as one to look at. Eight at a
 * time: a byte below 0x20 borrows into its top bit, 0x7f carries into it, and a byte that has its
 * top bit set is let through. */
static inline const char *value_end(const char *p, const char *end)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	for (; end - p >= 8; p += 8) {
		uint64_t v, stop;

		memcpy(&v, p, 8);
		stop = ((v - BYTES(0x20)) | ((v & BYTES(0x7f)) + BYTES(0x01))) & ~v & BYTES(0x80);
		if (stop)
			return p + (__builtin_ctzll(stop) >> 3);
	}
#endif
	while (h1_class(*p) & H1_VALUE && *p != '\t')
		p++;
	return p;
}

/* CR LF at *<p>, which is the first byte that is not of the value. */
static enum h1_result line_end(struct h1_scan *s, const char *p)
{
	if (*p == '\r' && p[1] == '\n') /* LF ends the input, so CR is not its last byte */
		return H1_DONE;
	if (*p == '\r' || *p == '\n') /* RFC 9112 2.2 */
		H1_FAIL(s, 400, "bare CR or LF");
	H1_FAIL(s, 400, "invalid byte in a field value"); /* RFC 9110 5.5 */
}

/* Fills <h> from the line name ":" OWS value OWS CRLF, of which <name_end> is the colon and <p>
 * the CR. */
static void fill(const struct h1_scan *s, struct msg_hdr *h, const char *name, const char *name_end,
		 const char *value, const char *p)
{
	const char *from = value, *to = p;

	if (to > value && *from == ' ')
		from++;
	h->flags = from == value + 1 ? HDR_CANONICAL : 0;
	if (from < to && (*from == ' ' || *from == '\t' || to[-1] == ' ' || to[-1] == '\t')) {
		h->flags = 0;
		while (from < to && (*from == ' ' || *from == '\t'))
			from++;
		while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
			to--;
	}
	h->name = (uint32_t)(name - s->base);
	h->name_len = (uint16_t)(name_end - name);
	h->value = (uint32_t)(from - s->base);
	h->value_len = (uint32_t)(to - from);
}

/* Gives header <i> its id and slot. */
static enum h1_result known(struct h1_scan *s, struct msg *m, uint32_t i, struct str name)
{
	enum field_id id = field_lookup(name);

	msg_hdr(m, i)->id = (uint8_t)id;
	if (id == FIELD_OTHER)
		return H1_DONE;
	if (!m->slot[id])
		m->slot[id] = (uint16_t)(i + 1);
	else if (field_flags[id] & FIELD_ONE) /* RFC 9112 3.2 */
		H1_FAIL(s, 400, "more than one Host");
	return H1_DONE;
}

/* field-line CRLF, RFC 9112 5 */
static enum h1_result field_line(struct h1_scan *s, struct msg *m)
{
	const char *name = s->p, *p = name, *colon;

	while (h1_class(*p) & H1_TOKEN)
		p++;
	colon = p;
	if (p == name || *p != ':') { /* RFC 9112 5.1, 5.2 */
		if (*name == ' ' || *name == '\t')
			H1_FAIL(s, 400, "folded line");
		H1_FAIL(s, 400, "invalid field name");
	}
	do
		p = value_end(p + 1, s->end);
	while (*p == '\t');
	if (line_end(s, p) != H1_DONE)
		return H1_BAD;
	if (m->nhdr >= s->lim->headers || colon - name > UINT16_MAX)
		H1_FAIL(s, 431, "too many field lines");
	if ((m->nhdr + 1) * sizeof(struct msg_hdr) > m->cap &&
	    !msg_fit(m, 0)) /* the first one gets the block */
		H1_FAIL(s, 503, "out of memory");
	m->nhdr++;
	fill(s, msg_hdr(m, m->nhdr - 1), name, colon, colon + 1, p);
	s->p = p + 2;
	return known(s, m, m->nhdr - 1, str_of(name, (size_t)(colon - name)));
}

enum h1_result h1_scan_fields(struct h1_scan *s, struct msg *m)
{
	while (s->p < s->end) {
		if (*s->p == '\r') {
			if (s->p[1] != '\n')
				H1_FAIL(s, 400, "bare CR or LF");
			s->p += 2;
			return H1_DONE;
		}
		if (field_line(s, m) != H1_DONE)
			return H1_BAD;
	}
	return H1_MORE;
}
