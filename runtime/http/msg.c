/* SPDX-License-Identifier: Apache-2.0 */
#include "msg.h"

#include <stddef.h>

#include "../base/bug.h"

#include "../core/pool.h"
#include "msg_block.h"

/* Block sizes: MSG_BLOCK_MIN, doubled each. The largest holds MSG_BYTES_MAX, a full table, and as
 * much again, so that a message at its limit is not repacked at each edit. */
#define CLASSES 7
static struct pool classes[CLASSES];

static unsigned class_of(uint32_t need)
{
	unsigned i = 0;

	while (MSG_BLOCK_MIN << i < need)
		i++;
	return i;
}

void msg_setup(void)
{
	static const char *const names[CLASSES] = {
		"msg-2k", "msg-4k", "msg-8k", "msg-16k", "msg-32k", "msg-64k", "msg-128k",
	};

	for (unsigned i = 0; i < CLASSES; i++)
		pool_init(&classes[i], names[i], MSG_BLOCK_MIN << i);
}

char *msg_block_get(uint32_t need, uint32_t *cap)
{
	unsigned i = class_of(need);

	BUG_ON(i >= CLASSES);
	*cap = MSG_BLOCK_MIN << i;
	return pool_get(&classes[i]);
}

void msg_block_put(char *blk, uint32_t cap)
{
	if (blk)
		pool_put(&classes[class_of(cap)], blk);
}

void msg_init(struct msg *m)
{
	memset(m, 0, sizeof(*m));
}

void msg_release(struct msg *m)
{
	msg_block_put(m->blk, m->cap);
	msg_init(m);
}

void msg_drop(struct msg *m)
{
	msg_block_put(m->blk, m->cap);
}

void msg_move(struct msg *to, struct msg *from)
{
	*to = *from;
	msg_init(from);
}

/* The refs of struct msg whose text is kept, the start line apart. */
static const uint8_t refs[] = {
	offsetof(struct msg, meth),  offsetof(struct msg, uri),    offsetof(struct msg, path),
	offsetof(struct msg, query), offsetof(struct msg, scheme), offsetof(struct msg, authority),
	offsetof(struct msg, host),  offsetof(struct msg, reason),
};

static struct msg_ref *ref_at(struct msg *m, unsigned i)
{
	return (struct msg_ref *)(void *)((char *)m + refs[i]);
}

static bool inside(struct msg_ref outer, struct msg_ref r)
{
	return r.off >= outer.off && r.off + r.len <= outer.off + outer.len;
}

/* Text of header <h> as kept: "name: value CRLF" when canonical, else name and value. */
static uint32_t kept_size(const struct msg_hdr *h)
{
	return h->name_len + h->value_len + (h->flags & HDR_CANONICAL ? 4 : 0);
}

/* Bytes of text that are still named by something. */
static uint64_t live_text(struct msg *m)
{
	uint64_t n = m->line.len;

	for (unsigned i = 0; i < sizeof(refs); i++)
		if (!inside(m->line, *ref_at(m, i)))
			n += ref_at(m, i)->len;
	for (uint32_t i = 0; i < m->nhdr; i++)
		if (!(msg_hdr(m, i)->flags & HDR_DEAD))
			n += kept_size(msg_hdr(m, i));
	return n;
}

static uint32_t copy_text(char *to, uint32_t *used, const char *from, uint32_t n)
{
	uint32_t at = *used;

	if (n)
		memcpy(to + at, from, n);
	*used += n;
	return at;
}

/* Moves the text of header <i> to the new block <to>; canonical ones stay neighbours. */
static void pack_header(const struct msg *m, struct msg_hdr *h, char *to, uint32_t *used)
{
	const struct msg_hdr was = *h;

	if (was.flags & HDR_DEAD) {
		h->name = h->value = h->value_len = 0;
		h->name_len = 0;
	} else if (was.flags & HDR_CANONICAL) {
		h->name = copy_text(to, used, m->blk + was.name, kept_size(&was));
		h->value = h->name + was.name_len + 2;
	} else {
		h->name = copy_text(to, used, m->blk + was.name, was.name_len);
		h->value = copy_text(to, used, m->blk + was.value, was.value_len);
	}
}

/* Copies what is live to the block <to> of <cap> bytes. The old block is left to the caller. */
static void repack(struct msg *m, char *to, uint32_t cap)
{
	const struct msg_ref line = m->line;
	struct msg_hdr *table = (struct msg_hdr *)(void *)(to + cap);
	uint32_t used = 0;

	m->line.off = copy_text(to, &used, m->blk + line.off, line.len);
	for (unsigned i = 0; i < sizeof(refs); i++) {
		struct msg_ref *r = ref_at(m, i);

		if (inside(line, *r))
			r->off = r->off - line.off + m->line.off;
		else
			r->off = copy_text(to, &used, m->blk + r->off, r->len);
	}
	for (uint32_t i = 0; i < m->nhdr; i++) {
		table[-1 - (ptrdiff_t)i] = *msg_hdr(m, i);
		pack_header(m, &table[-1 - (ptrdiff_t)i], to, &used);
	}
	m->blk = to;
	m->cap = cap;
	m->used = used;
}

/* Growth: text and table to the block <to> of <cap> bytes, offsets stay. */
static void move(struct msg *m, char *to, uint32_t cap)
{
	size_t table = m->nhdr * sizeof(struct msg_hdr);

	if (m->used)
		memcpy(to, m->blk, m->used);
	if (table)
		memcpy(to + cap - table, m->blk + m->cap - table, table);
	m->blk = to;
	m->cap = cap;
}

/* Makes room for <text> more bytes and <headers> more entries. *<old> (of *<old_cap> bytes) is
 * the former block when the text has moved, else NULL: the caller puts it back once it has
 * copied, since its sources may lie in it. */
static bool make_room(struct msg *m, uint64_t text, uint64_t headers, char **old, uint32_t *old_cap)
{
	uint64_t table = (m->nhdr + headers) * sizeof(struct msg_hdr);
	bool fits = m->blk && m->used + text + table <= m->cap;
	uint64_t live, need;
	uint32_t cap;
	char *blk;

	*old = NULL;
	if (fits && m->used + text <= MSG_BYTES_MAX && m->nhdr + headers <= MSG_HEADERS_MAX)
		return true;
	live = live_text(m);
	if (live + text > MSG_BYTES_MAX || m->nhdr + headers > MSG_HEADERS_MAX)
		return false;
	if (fits)
		return true;
	/* More than half of it live: a larger block, so that the next move is as many bytes away
	 * as this one copies. */
	need = live + text + table;
	if (m->cap && need * 2 > m->cap && m->cap < MSG_BLOCK_MAX)
		need = need > m->cap * UINT64_C(2) ? need : m->cap * UINT64_C(2);
	blk = msg_block_get((uint32_t)(need > m->cap ? need : m->cap), &cap);
	if (!blk)
		return false;
	*old = m->blk;
	*old_cap = m->cap;
	if (m->used + text + table <= cap)
		move(m, blk, cap);
	else
		repack(m, blk, cap);
	return true;
}

bool msg_fit(struct msg *m, uint32_t text)
{
	uint32_t need = text + (m->nhdr + 1) * (uint32_t)sizeof(struct msg_hdr), old = m->cap, cap;
	char *was = m->blk, *blk;

	if (need <= m->cap)
		return true;
	blk = msg_block_get(need, &cap);
	if (!blk)
		return false;
	if (!was) {
		m->blk = blk;
		m->cap = cap;
		return true;
	}
	move(m, blk, cap);
	msg_block_put(was, old);
	return true;
}

bool msg_reserve(struct msg *m, uint32_t text, uint32_t headers)
{
	uint32_t cap = 0;
	char *old;

	if (!make_room(m, text, headers, &old, &cap))
		return false;
	msg_block_put(old, cap);
	return true;
}

uint32_t msg_find(const struct msg *m, uint32_t prev, enum field_id id, struct str name)
{
	uint32_t i = prev == MSG_END ? 0 : prev + 1;

	if (id != FIELD_OTHER && prev == MSG_END) {
		if (!m->slot[id])
			return MSG_END;
		i = m->slot[id] - 1u;
	} else if (id != FIELD_OTHER && !(m->flags & MSG_REPEATED)) {
		return MSG_END;
	}
	for (; i < m->nhdr; i++) {
		const struct msg_hdr *h = msg_hdr(m, i);

		if (h->flags & HDR_DEAD)
			continue;
		if (id != FIELD_OTHER
			    ? h->id == id
			    : !name.n || (h->name_len == name.n && str_ieq(msg_name(m, i), name)))
			return i;
	}
	return MSG_END;
}

bool msg_text(struct msg *m, struct str text, struct msg_ref *out)
{
	uint32_t cap = 0;
	char *old;

	if (text.n > MSG_BYTES_MAX || !make_room(m, text.n, 0, &old, &cap))
		return false;
	out->len = (uint32_t)text.n;
	out->off = copy_text(m->blk, &m->used, text.p, out->len);
	msg_block_put(old, cap);
	return true;
}

/* Writes "name: value CRLF" at the end of the text, for which there is room. */
static void put_line(struct msg *m, struct msg_hdr *h, struct str name, struct str value)
{
	h->name = copy_text(m->blk, &m->used, name.p, (uint32_t)name.n);
	copy_text(m->blk, &m->used, ": ", 2);
	h->value = copy_text(m->blk, &m->used, value.p, (uint32_t)value.n);
	copy_text(m->blk, &m->used, "\r\n", 2);
	h->name_len = (uint16_t)name.n;
	h->value_len = (uint32_t)value.n;
	h->flags = HDR_CANONICAL;
}

static void find_slot(struct msg *m, enum field_id id)
{
	m->slot[id] = 0;
	for (uint32_t i = 0; i < m->nhdr && !m->slot[id]; i++)
		if (msg_hdr(m, i)->id == id && !(msg_hdr(m, i)->flags & HDR_DEAD))
			m->slot[id] = (uint16_t)(i + 1);
}

static void touched(struct msg *m, enum field_id id)
{
	if (id == FIELD_HOST)
		m->flags &= ~(uint32_t)(MSG_HOST_KNOWN | MSG_BAD_HOST);
}

/* Takes the dead entries out of a full table. */
static void renumber(struct msg *m)
{
	uint32_t n = 0;

	memset(m->slot, 0, sizeof(m->slot));
	for (uint32_t i = 0; i < m->nhdr; i++) {
		const struct msg_hdr h = *msg_hdr(m, i);

		if (h.flags & HDR_DEAD)
			continue;
		*msg_hdr(m, n++) = h;
		if (h.id != FIELD_OTHER && !m->slot[h.id])
			m->slot[h.id] = (uint16_t)n;
	}
	m->nhdr = n;
}

bool msg_add(struct msg *m, struct str name, struct str value)
{
	struct msg_hdr *h;
	uint32_t cap = 0;
	char *old;

	if (name.n > UINT16_MAX || value.n > MSG_BYTES_MAX)
		return false;
	if (m->nhdr == MSG_HEADERS_MAX)
		renumber(m);
	if (!make_room(m, name.n + value.n + 4, 1, &old, &cap))
		return false;
	h = msg_hdr(m, m->nhdr++);
	h->id = (uint8_t)field_lookup(name);
	put_line(m, h, name, value);
	if (h->id != FIELD_OTHER && !m->slot[h->id])
		m->slot[h->id] = (uint16_t)m->nhdr;
	else if (h->id != FIELD_OTHER)
		m->flags |= MSG_REPEATED;
	touched(m, h->id);
	msg_block_put(old, cap);
	return true;
}

bool msg_set_value(struct msg *m, uint32_t i, struct str value)
{
	struct str name = msg_name(m, i);
	uint8_t flags = msg_hdr(m, i)->flags;
	uint32_t cap = 0;
	char *old;

	if (value.n > MSG_BYTES_MAX)
		return false;
	msg_hdr(m, i)->flags = HDR_DEAD; /* the old text need not fit beside the new one */
	if (!make_room(m, name.n + value.n + 4, 0, &old, &cap)) {
		msg_hdr(m, i)->flags = flags;
		return false;
	}
	put_line(m, msg_hdr(m, i), name, value);
	touched(m, msg_hdr(m, i)->id);
	msg_block_put(old, cap);
	return true;
}

void msg_del(struct msg *m, uint32_t i)
{
	struct msg_hdr *h = msg_hdr(m, i);
	enum field_id id = h->id;

	if (h->flags & HDR_DEAD)
		return;
	h->flags |= HDR_DEAD;
	if (id != FIELD_OTHER && m->slot[id] == i + 1)
		find_slot(m, id);
	touched(m, id);
	while (m->nhdr && msg_hdr(m, m->nhdr - 1)->flags & HDR_DEAD)
		m->nhdr--;
}

unsigned msg_del_all(struct msg *m, enum field_id id, struct str name)
{
	unsigned n = 0;
	uint32_t i = MSG_END;

	while ((i = msg_find(m, i, id, name)) != MSG_END) {
		msg_del(m, i);
		n++;
	}
	return n;
}

bool msg_copy(struct msg *to, const struct msg *from)
{
	struct msg m = *from;

	msg_init(to);
	if (!msg_reserve(to, from->used, from->nhdr))
		return false;
	m.blk = to->blk;
	m.cap = to->cap;
	if (from->used)
		memcpy(m.blk, from->blk, from->used);
	if (from->nhdr)
		memcpy(msg_hdr(&m, from->nhdr - 1), msg_hdr(from, from->nhdr - 1),
		       from->nhdr * sizeof(struct msg_hdr));
	*to = m;
	return true;
}
