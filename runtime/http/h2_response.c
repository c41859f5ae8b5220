/* SPDX-License-Identifier: Apache-2.0 */
#include "h2_response.h"

#include "h1_scan.h"

/* The first failure is the one that is told. */
#define REFUSE(r, what)                                                                            \
	do {                                                                                       \
		static const struct h1_error failure_ = { 502, (what) };                           \
		if (!(r)->err)                                                                     \
			(r)->err = &failure_;                                                      \
	} while (0)

/* RFC 9113 8.3.2 */
static void status(struct h2_response *r, const struct hpack_field *f)
{
	uint64_t n;

	if (f->id != HPACK_STATUS || r->m.status || r->regular) {
		REFUSE(r, "pseudo-field where none may be");
	} else if (f->value.n != 3 || !str_u64(f->value, 999, &n) || n < 100 || n == 101) {
		REFUSE(r, "invalid status"); /* RFC 9113 8.6: no 101 */
	} else if (!msg_answer(&r->m, (unsigned)n)) {
		REFUSE(r, "out of memory");
	} else {
		r->m.version = 20;
		r->m.body = BODY_NONE;
	}
}

bool h2_response_visit(void *arg, const struct hpack_field *f)
{
	struct h2_response *r = arg;

	if (r->err)
		return true;
	if (f->flags & (HPACK_BAD_NAME | HPACK_BAD_VALUE)) { /* RFC 9113 8.2.1 */
		REFUSE(r, "invalid field name or value");
		return true;
	}
	if (f->id >= FIELDS) {
		status(r, f);
		return true;
	}
	r->regular = true;
	if (field_flags[f->id] & FIELD_HOP) { /* RFC 9113 8.2.2 */
		REFUSE(r, "field of a connection");
		return true;
	}
	if (f->id != FIELD_OTHER && r->m.slot[f->id])
		r->m.flags |= MSG_REPEATED;
	if (!msg_add(&r->m, f->name, f->value))
		REFUSE(r, "head too long");
	else if (f->flags & HPACK_NEVER)
		msg_hdr(&r->m, r->m.nhdr - 1)->flags |= HDR_NEVER;
	return true;
}

const struct h1_error *h2_response_end(struct h2_response *r, bool end)
{
	struct msg *m = &r->m;

	if (!r->err && !m->status)
		REFUSE(r, "no status");
	if (!r->err)
		r->err = h1_frame_response(m, r->head, r->connect);
	if (r->err)
		return r->err;
	m->flags |= MSG_KEEP;
	if (m->body == BODY_CLOSE) { /* its end is told by a frame */
		m->body = end ? BODY_NONE : BODY_CHUNKED;
		m->flags |= end ? 0 : MSG_CHUNKED;
	}
	if (end && (m->status < 200 || (m->body == BODY_LENGTH && m->length))) /* RFC 9113 8.1.1 */
		REFUSE(r, "less body than announced");
	return r->err;
}
