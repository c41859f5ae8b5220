/* SPDX-License-Identifier: Apache-2.0 */
#include "../core/thread.h"
#include "mux.h"
#include "stream.h"
#include "stream_splice.h"

#define BULK 65536 /* so much in large pieces, and a stream is spliced if it can be */

void stream_link(struct stream *from, struct stream *to)
{
	from->to = to;
	to->from = from;
	from->in_at = to->out_at = th->now;
}

void stream_unlink(struct stream *s)
{
	splice_end(s);
	if (s->from)
		splice_end(s->from);
	if (s->to)
		s->to->from = NULL;
	if (s->from)
		s->from->to = NULL;
	s->to = s->from = NULL;
}

void stream_give(struct stream *s, struct slice data)
{
	static const struct slice none;
	struct stream *to = s->to;

	if (!to) {
		s->ops->data(s, data);
		return;
	}
	s->in_at = th->now;
	s->passed += data.len;
	s->bulk = data.len < BUF_ROOM / 2 ? 0 : s->bulk < BULK ? s->bulk + data.len : s->bulk;
	if (!to->queued)
		to->out_at = th->now;
	if (!to->conn) {
		slice_put(&data);
		s->ops->data(s, none);
	} else if (!to->conn->mux->data(to, data)) {
		s->ops->data(s, none); /* finds the failure itself */
	} else {
		if (to->queued > STREAM_HIGH) {
			s->full_at = th->now;
			s->conn->mux->credit(s, false);
		}
		if (s->splice)
			splice_passed(s);
		else if (s->bulk >= BULK)
			splice_begin(s);
	}
}

void stream_drained(struct stream *s)
{
	struct stream *from = s->from;

	s->out_at = th->now;
	if (!s->queued)
		s->empty_at = th->now;
	if (!from || (from->flags & STREAM_GOT_END) || !from->conn) {
		s->ops->drained(s);
	} else if (s->queued <= STREAM_LOW) {
		if (from->full_at)
			from->full_at = th->now;
		if (from->splice)
			splice_passed(from);
		else
			from->conn->mux->credit(from, true);
	}
}

void stream_ready(struct stream *s, unsigned what)
{
	struct stream *from = s->from;

	if (what & IO_IN)
		splice_step(s);
	if ((what & IO_OUT) && from && from == s->from)
		splice_step(from);
}

void stream_setup(void)
{
	splice_setup();
}

void stream_thread_stop(void)
{
	splice_thread_stop();
}
