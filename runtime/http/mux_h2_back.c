/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 towards a server: streams are begun here and what comes are responses. */
#include "mux_h2.h"

#include "../core/thread.h"
#include "h2_response.h"

#define LAST_ID UINT32_C(0x7ffffffd) /* RFC 9113 5.1.1: then another connection is needed */

/* -- opening ------------------------------------------------------------------------------------ */

uint32_t h2_room(const struct conn *c, uint32_t *busy)
{
	const struct h2 *h = c->mux_ctx;
	uint32_t most = h->peer_streams < H2_STREAMS_MAX ? h->peer_streams : H2_STREAMS_MAX;

	*busy = h->nopen;
	if (!h2_usable(h) || c->flags & CONN_FAILED || h->last_id >= LAST_ID ||
	    h->flags & (H2_EOF | H2_STOP | H2_LEAVING | H2_OVER))
		return 0;
	return most > h->nstreams ? most - h->nstreams : 0;
}

/* The stream gets its number with its head, as they must begin in their order (RFC 9113 5.1.1). */
struct stream *h2_open(struct conn *c)
{
	struct h2 *h = c->mux_ctx;
	uint32_t busy;
	struct h2s *st = h2_room(c, &busy) ? h2_stream_new(h, 0) : NULL;

	if (!st)
		return NULL;
	st->flags |= H2S_OPEN;
	h->nopen++;
	return &st->s;
}

/* The target in one piece; what lies in two is joined at <joined>. */
static struct str target(const struct msg *m, bool raw, char *joined)
{
	struct str parts[4], uri = msg_str(m, m->uri);
	size_t n = 0;

	if (raw && uri.n && uri.p[0] == '/')
		return uri;
	if (msg_target(m, parts) == 1)
		return parts[0];
	for (unsigned i = 0; i < 3; i++) {
		if (parts[i].n)
			memcpy(joined + n, parts[i].p, parts[i].n);
		n += parts[i].n;
	}
	return str_of(joined, n);
}

size_t h2_request_room(const struct msg *m)
{
	size_t n = m->path.len + (size_t)m->query.len + 2;

	n = n > m->uri.len ? n : m->uri.len;
	return HPACK_ROOM(m->meth.len) + HPACK_ROOM(5) + HPACK_ROOM(m->authority.len) +
	       HPACK_ROOM(sizeof("trailers")) + 2 * HPACK_ROOM(n);
}

size_t h2_put_request(struct h2 *h, const struct msg *m, bool raw, uint8_t *out)
{
	struct str scheme = h->conn->flags & CONN_TRANSPORT ? S("https") : S("http");
	size_t n = hpack_put(&h->out, out, HPACK_METHOD, S(""), msg_str(m, m->meth), 0);
	uint32_t host = m->slot[FIELD_HOST], te = m->slot[FIELD_TE];
	struct str path;

	if (m->flags & MSG_AUTHORITY) /* RFC 9113 8.5 */
		return n + hpack_put(&h->out, out + n, HPACK_AUTHORITY, S(""),
				     msg_str(m, m->authority), 0);
	n += hpack_put(&h->out, out + n, HPACK_SCHEME, S(""), scheme, 0);
	if (host)
		n += hpack_put(&h->out, out + n, HPACK_AUTHORITY, S(""), msg_value(m, host - 1), 0);
	path = target(m, raw, (char *)out + n + HPACK_ROOM(m->path.len + m->query.len + 2));
	n += hpack_put(&h->out, out + n, HPACK_PATH, S(""), path, 0);
	/* The one field of a connection that may go on (RFC 9113 8.2.2). */
	if (te && str_ieq(msg_value(m, te - 1), S("trailers")))
		n += hpack_put(&h->out, out + n, FIELD_TE, S(""), S("trailers"), 0);
	return n;
}

void h2_number(struct h2s *st)
{
	struct h2 *h = st->h;

	h2_stream_number(st, h->last_id ? h->last_id + 2 : 1);
	h->last_id = st->id;
}

/* -- responses ---------------------------------------------------------------------------------- */

static bool bad(struct h2s *st, const struct h1_error *err)
{
	if (!h2_spend(st->h, H2_COST_RESET))
		return false;
	st->s.bad = err->text;
	st->flags |= H2S_BAD;
	st->code = H2_PROTOCOL_ERROR; /* RFC 9113 8.1.1 */
	h2_tell_failed(st, STREAM_BAD);
	return true;
}

static void tunnel(struct h2s *st)
{
	st->in = H2_IN_TUNNEL;
	st->out = H2_OUT_TUNNEL;
	st->s.flags |= STREAM_TUNNEL;
	st->s.flags &= ~(uint32_t)(STREAM_SENT_END | STREAM_GOT_END);
}

static bool response(struct h2s *st, struct msg *m)
{
	if (m->status < 200) {
		if (!h2_spend(st->h, H2_COST_FRAME))
			return false;
		st->s.ops->head(&st->s, m);
		return true;
	}
	st->s.flags |= STREAM_GOT_HEAD;
	/* No byte may follow what has no body. */
	st->in_body = m->body == BODY_NONE ? BODY_LENGTH : m->body;
	st->left = m->body == BODY_NONE ? 0 : m->length;
	if (m->body == BODY_TUNNEL)
		tunnel(st);
	st->s.ops->head(&st->s, m);
	if (h2s_listens(st))
		h2_give(st);
	return true;
}

/* The head of the response of <st>. */
static bool got_head(struct h2 *h, struct h2s *st, struct str block)
{
	static const struct h1_error over = { 502, "head too long" };
	bool end = h->begun.flags & H2_FLAG_END_STREAM, past = st->flags & H2S_FIN_IN, long_list;
	struct h2_response r = { .head = st->flags & H2S_HEAD, .connect = st->flags & H2S_CONNECT };
	const struct h1_error *err;
	bool ok = h2_decode(h, block, h2_response_visit, &r, &long_list);

	st->s.bytes_in += block.n + H2_FRAME_HEAD * (1u + h->ncontinued);
	st->s.flags |= STREAM_GOT_BYTES;
	if (ok && end)
		st->flags |= H2S_FIN_IN;
	if (ok && past) {
		h2_stream_fail(st, H2_STREAM_CLOSED, "header list behind the end");
	} else if (ok && h2s_listens(st)) {
		err = long_list ? &over : h2_response_end(&r, end);
		ok = err ? bad(st, err) : response(st, &r.m);
	}
	msg_free(&r.m);
	return ok;
}

bool h2_back_block(struct h2 *h, struct h2s *st, struct str block)
{
	struct h2_response r = { 0 };
	bool long_list, ok;

	if (st)
		return got_head(h, st, block);
	if (h->begun.stream > h->last_id || !(h->begun.stream & 1)) /* RFC 9113 5.1.1 */
		return h2_fail(h, H2_PROTOCOL_ERROR);
	ok = h2_decode(h, block, h2_response_visit, &r, &long_list);
	msg_free(&r.m);
	return ok && h2_stray(h, h->begun.stream);
}

/* -- ends --------------------------------------------------------------------------------------- */

bool h2_goaway(struct h2 *h, uint32_t last)
{
	struct list *at = h->streams.next, *next;

	h->flags |= H2_LEAVING;
	for (; at != &h->streams; at = next) {
		struct h2s *st = CONTAINER(at, struct h2s, link);

		next = at->next;
		if (st->id <= last)
			continue;
		st->flags |= H2S_RESET | H2S_FIN_IN; /* RFC 9113 6.8: not looked at */
		if (st->flags & H2S_DETACHED)
			h2_settle(st);
		else
			h2_tell_failed(st, h2_loss(st, STREAM_PEER_RESET));
	}
	return true;
}

void h2_ping(struct h2 *h)
{
	if (h->flags & H2_PINGED) {
		h2_fail(h, H2_NO_ERROR);
		return;
	}
	h->flags |= H2_PINGED;
	h2_send_frame(h, H2_PING, 0, 0, S("weirping"));
	h->ping_at = th->now + H2_PING_WAIT_MS;
}
