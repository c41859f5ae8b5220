/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to frames, in whatever pieces they come: a payload of DATA goes on by reference, all others
 * are looked at when they are whole. */
#include "mux_h2.h"

#include "../core/thread.h"
#include "msg_block.h"

#define MORE_MAX (8 * BUF_ROOM) /* a poller has fewer buffers under way */

enum what { PREFACE, HEAD, PAYLOAD, PAD_LENGTH, BYTES, PADDING, SKIP };

void h2_read_no_preface(struct h2 *h)
{
	h->what = HEAD;
	h->flags |= H2_PREFACED;
}

bool h2_store(struct h2 *h, struct buf *b)
{
	struct slice s = { .buf = b, .off = b->off, .len = b->len };

	if (h->rx.buf) {
		if (h->more.bytes < MORE_MAX)
			return h2_queue_add(&h->more, s);
		slice_put(&s);
		return false;
	}
	h->rx = s;
	return true;
}

void h2_drop_received(struct h2 *h)
{
	slice_put(&h->rx);
	h2_queue_drop(&h->more);
	msg_block_put(h->part, h->part_cap);
	h->part = NULL;
	msg_block_put(h->block, h->block_cap);
	h->block = NULL;
}

static void eat(struct h2 *h, uint32_t n)
{
	h->rx.off += n;
	h->rx.len -= n;
	if (h->rx.len)
		return;
	slice_put(&h->rx);
	if (h->more.last)
		h->rx = h2_queue_take(&h->more);
}

static bool fail(struct h2 *h, const struct h2_error *err)
{
	return h2_fail(h, err->code);
}

/* -- SETTINGS, PING, WINDOW_UPDATE and the like ------------------------------------------------- */

static bool new_window(struct h2 *h, uint32_t size)
{
	int64_t by = (int64_t)size - (int64_t)h->peer_window;

	h->peer_window = size;
	for (struct list *at = h->streams.next; at != &h->streams; at = at->next) {
		struct h2s *st = CONTAINER(at, struct h2s, link);

		st->send_win += by;
		if (st->send_win > H2_WINDOW_MAX) /* RFC 9113 6.9.2 */
			return h2_fail(h, H2_FLOW_CONTROL_ERROR);
		h2_may_send(st);
	}
	return true;
}

static bool setting(struct h2 *h, struct h2_setting s)
{
	switch (s.id) {
	case H2_SET_HEADER_TABLE_SIZE:
		hpack_out_limit(&h->out, s.value);
		return true;
	case H2_SET_MAX_CONCURRENT_STREAMS:
		h->peer_streams = s.value;
		return true;
	case H2_SET_INITIAL_WINDOW_SIZE:
		return new_window(h, s.value);
	case H2_SET_MAX_FRAME_SIZE:
		h->peer_frame = s.value;
		return true;
	case H2_SET_ENABLE_PUSH: /* RFC 9113 6.5.2: a server must not say 1 */
		return h->side == MUX_FRONT || !s.value || h2_fail(h, H2_PROTOCOL_ERROR);
	default:
		return true;
	}
}

static bool settings(struct h2 *h, struct str in)
{
	if (h->frame.flags & H2_FLAG_ACK) {
		h->flags |= H2_ACKED;
		h->ack_at = 0;
		return true;
	}
	if (h->flags & H2_SET && !h2_spend(h, H2_COST_SETTINGS))
		return false;
	h->flags |= H2_SET;
	for (; in.n; in = str_skip(in, H2_SETTING_BYTES)) {
		struct h2_setting s;
		const struct h2_error *err = h2_setting_read(in.p, &s);

		if (err)
			return fail(h, err);
		if (!setting(h, s))
			return false;
	}
	h2_send_frame(h, H2_SETTINGS, H2_FLAG_ACK, 0, S(""));
	return true;
}

static bool ping(struct h2 *h, struct str in)
{
	if (!(h->frame.flags & H2_FLAG_ACK)) {
		if (!h2_spend(h, H2_COST_FRAME))
			return false;
		h2_send_frame(h, H2_PING, H2_FLAG_ACK, 0, in);
	} else if (h->flags & H2_STOP && str_eq(in, S("weirstop"))) {
		h2_leave(h);
	} else if (h->flags & H2_PINGED && str_eq(in, S("weirping"))) {
		h->flags &= (uint16_t)~H2_PINGED;
		h->ping_at = th->now + H2_PING_MS;
	}
	return true;
}

static bool stream_window(struct h2 *h, uint32_t add, const struct h2_error *err)
{
	struct h2s *st = h2_find(h, h->frame.stream);

	if (!st) /* RFC 9113 5.1: it may have been under way when the stream ended */
		return h->frame.stream <= h->last_id ? h2_spend(h, H2_COST_FRAME)
						     : h2_fail(h, H2_PROTOCOL_ERROR);
	if (err) {
		h2_stream_fail(st, err->code, err->text);
		return true;
	}
	st->send_win += add;
	if (st->send_win > H2_WINDOW_MAX) /* RFC 9113 6.9.1 */
		h2_stream_fail(st, H2_FLOW_CONTROL_ERROR, "window too large");
	else
		h2_may_send(st);
	return true;
}

static bool window(struct h2 *h, struct str in)
{
	uint32_t add;
	const struct h2_error *err = h2_window_read(&h->frame, in, &add);

	if (h->frame.stream)
		return stream_window(h, add, err);
	if (err)
		return fail(h, err);
	h->send_win += add;
	return h->send_win <= H2_WINDOW_MAX || h2_fail(h, H2_FLOW_CONTROL_ERROR);
}

/* Checked, and of no effect (RFC 9113 5.3.2). */
static bool priority(struct h2 *h, struct str in)
{
	const struct h2_error *err = h2_priority_read(&h->frame, in);
	struct h2s *st = err ? h2_find(h, h->frame.stream) : NULL;

	if (st)
		h2_stream_fail(st, err->code, err->text);
	else if (err)
		h2_send_code(h, H2_RST_STREAM, h->frame.stream, err->code);
	return h2_spend(h, H2_COST_FRAME);
}

/* -- header lists ------------------------------------------------------------------------------- */

/* Appends to the list that is not whole. */
static bool keep_block(struct h2 *h, struct str in)
{
	uint32_t need = h->block_n + (uint32_t)in.n, cap;
	char *block;

	if (need > H2_BLOCK_MAX)
		return h2_fail(h, H2_ENHANCE_YOUR_CALM);
	if (need > h->block_cap || !h->block) {
		block = msg_block_get(need ? need : 1, &cap);
		if (!block)
			return h2_fail(h, H2_INTERNAL_ERROR);
		if (h->block_n)
			memcpy(block, h->block, h->block_n);
		msg_block_put(h->block, h->block_cap);
		h->block = block;
		h->block_cap = cap;
	}
	if (in.n)
		memcpy(h->block + h->block_n, in.p, in.n);
	h->block_n = need;
	return true;
}

static void block_done(struct h2 *h)
{
	msg_block_put(h->block, h->block_cap);
	h->block = NULL;
	h->block_cap = h->block_n = 0;
	h->flags &= (uint16_t)~H2_BLOCK;
	h->head_at = 0;
}

static bool headers(struct h2 *h, struct str in)
{
	struct str block;
	const struct h2_error *err = h2_headers_read(&h->frame, in, &block);

	if (err && !err->stream)
		return fail(h, err);
	h->begun = h->frame;
	h->begun_code = err ? err->code : H2_NO_ERROR;
	if (h->frame.flags & H2_FLAG_END_HEADERS)
		return h2_got_block(h, block);
	h->flags |= H2_BLOCK;
	h->ncontinued = 0;
	if (h->conf->head_ms)
		h->head_at = th->now + h->conf->head_ms;
	return keep_block(h, block);
}

static bool continuation(struct h2 *h, struct str in)
{
	bool ok;

	if (++h->ncontinued > H2_CONTINUATIONS)
		return h2_fail(h, H2_ENHANCE_YOUR_CALM);
	if (!keep_block(h, in))
		return false;
	if (!(h->frame.flags & H2_FLAG_END_HEADERS))
		return true;
	ok = h2_got_block(h, str_of(h->block, h->block_n));
	block_done(h);
	return ok;
}

/* -- frames ------------------------------------------------------------------------------------- */

/* A whole payload. */
static bool frame(struct h2 *h, struct str in)
{
	switch (h->frame.type) {
	case H2_HEADERS:
		return headers(h, in);
	case H2_CONTINUATION:
		return continuation(h, in);
	case H2_PRIORITY:
		return priority(h, in);
	case H2_RST_STREAM:
		return h2_got_reset(h, h2_u32(in.p));
	case H2_SETTINGS:
		return settings(h, in);
	case H2_PING:
		return ping(h, in);
	case H2_WINDOW_UPDATE:
		return window(h, in);
	case H2_GOAWAY: /* of a client: it begins nothing new, as we see */
		return h->side == MUX_FRONT || h2_goaway(h, h2_u32(in.p) & H2_WINDOW_MAX);
	default:
		return true;
	}
}

/* What may come where, RFC 9113 3.4, 6.10. */
static bool in_order(struct h2 *h)
{
	const struct h2_frame *f = &h->frame;
	bool continues = f->type == H2_CONTINUATION;

	if (!(h->flags & H2_SET) && (f->type != H2_SETTINGS || f->flags & H2_FLAG_ACK))
		return false;
	if (h->flags & H2_BLOCK)
		return continues && f->stream == h->begun.stream;
	return !continues;
}

static bool size_error_of_stream(struct h2 *h, const struct h2_error *err)
{
	struct h2s *st = h2_find(h, h->frame.stream);

	if (st)
		h2_stream_fail(st, err->code, err->text);
	else
		h2_send_code(h, H2_RST_STREAM, h->frame.stream, err->code);
	h->what = SKIP;
	return h2_spend(h, H2_COST_FRAME);
}

/* The head of a frame is there. */
static bool frame_begins(struct h2 *h)
{
	const struct h2_error *err;

	h->nhead = 0;
	h->frame = h2_frame_read(h->head);
	h->left = h->frame.len;
	h->pad = 0;
	if (h->frame.len <= H2_FRAME_MAX && !in_order(h))
		return h2_fail(h, H2_PROTOCOL_ERROR);
	err = h2_frame_check(&h->frame);
	if (err)
		return err->stream ? size_error_of_stream(h, err) : fail(h, err);
	h->what = h->frame.type > H2_CONTINUATION ? SKIP : PAYLOAD;
	if (h->what == SKIP)
		return h2_spend(h, H2_COST_FRAME);
	if (h->frame.type != H2_DATA)
		return true;
	h->what = h->frame.flags & H2_FLAG_PADDED ? PAD_LENGTH : BYTES;
	return h->what == PAD_LENGTH || h2_got_data(h);
}

static bool read_head(struct h2 *h)
{
	uint32_t n = H2_FRAME_HEAD - h->nhead;

	n = n < h->rx.len ? n : h->rx.len;
	memcpy(h->head + h->nhead, slice_str(&h->rx).p, n);
	h->nhead = (uint8_t)(h->nhead + n);
	eat(h, n);
	return h->nhead < H2_FRAME_HEAD || frame_begins(h);
}

static bool read_preface(struct h2 *h)
{
	uint32_t n = H2_PREFACE_BYTES - h->nhead;

	n = n < h->rx.len ? n : h->rx.len;
	if (memcmp(slice_str(&h->rx).p, &H2_PREFACE[h->nhead], n)) /* RFC 9113 3.4 */
		return h2_fail(h, H2_PROTOCOL_ERROR);
	h->nhead = (uint8_t)(h->nhead + n);
	eat(h, n);
	if (h->nhead == H2_PREFACE_BYTES) {
		h->nhead = 0;
		h->what = HEAD;
		h->flags |= H2_PREFACED;
	}
	return true;
}

/* Collects a payload that is in more than one piece. */
static bool collect(struct h2 *h)
{
	uint32_t n = h->left < h->rx.len ? h->left : h->rx.len;

	if (!h->part) {
		h->part = msg_block_get(h->left, &h->part_cap);
		if (!h->part)
			return h2_fail(h, H2_INTERNAL_ERROR);
		if (h->conf->head_ms && !h->head_at)
			h->head_at = th->now + h->conf->head_ms;
	}
	memcpy(h->part + h->frame.len - h->left, slice_str(&h->rx).p, n);
	h->left -= n;
	eat(h, n);
	return true;
}

static bool read_payload(struct h2 *h)
{
	uint32_t n = h->left;
	bool ok;

	if (!h->part && h->rx.len >= n) {
		h->what = HEAD;
		ok = frame(h, str_of(slice_str(&h->rx).p, n));
		if (n)
			eat(h, n);
		return ok;
	}
	if (!collect(h))
		return false;
	if (h->left)
		return true;
	h->what = HEAD;
	if (!(h->flags & H2_BLOCK))
		h->head_at = 0;
	ok = frame(h, str_of(h->part, h->frame.len));
	msg_block_put(h->part, h->part_cap);
	h->part = NULL;
	return ok;
}

static bool read_pad_length(struct h2 *h)
{
	uint8_t first = (uint8_t)*slice_str(&h->rx).p;
	const struct h2_error *err = h2_data_padding(&h->frame, first, &h->pad);

	if (err)
		return fail(h, err);
	eat(h, 1);
	h->left--;
	h->what = BYTES;
	return h2_got_data(h);
}

static bool read_bytes(struct h2 *h)
{
	uint32_t left = h->left - h->pad, n = left < h->rx.len ? left : h->rx.len;
	struct slice data = { .buf = h->rx.buf, .off = h->rx.off, .len = n };

	h->left -= n;
	if (n) {
		buf_ref(data.buf);
		eat(h, n);
		h2_got_bytes(h, data);
	}
	if (n < left)
		return true;
	h->what = h->pad ? PADDING : HEAD;
	return h2_got_data_end(h);
}

static bool skip(struct h2 *h)
{
	uint32_t n = h->left < h->rx.len ? h->left : h->rx.len;

	h->left -= n;
	if (n)
		eat(h, n);
	if (!h->left)
		h->what = HEAD;
	return true;
}

bool h2_read(struct h2 *h)
{
	/* A payload of no bytes needs none. */
	bool empty = h->what > HEAD && !h->left;

	if (!h->rx.buf && !empty)
		return false;
	switch (h->what) {
	case PREFACE:
		return read_preface(h);
	case HEAD:
		return read_head(h);
	case PAYLOAD:
		return read_payload(h);
	case PAD_LENGTH:
		return read_pad_length(h);
	case BYTES:
		return read_bytes(h);
	default:
		return skip(h);
	}
}
