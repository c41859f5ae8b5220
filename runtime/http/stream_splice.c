/* SPDX-License-Identifier: Apache-2.0 */
#include "stream_splice.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "../core/pool.h"
#include "../core/thread.h"
#include "../net/listener.h"
#include "mux.h"

#define SPLICE_MAX 64 /* pipes of a thread in use */
#define PIPES_MAX 16 /* pipes of a thread that rest */
#define PIPE_BYTES 65536
#define ROUNDS 4 /* fills of the pipe per turn */
#define LEAST 65536 /* a shorter rest is not worth it */

struct splice {
	struct stream *from; /* to from->to */
	struct task task; /* goes on in the next turn */
	int pipe[2];
	bool clear; /* what was received before has passed: the next bytes are those of the pipe */
};

static struct pool splice_pool;
static _Thread_local struct {
	int pipes[PIPES_MAX][2];
	unsigned resting, used;
} my;

void splice_setup(void)
{
	pool_init(&splice_pool, "splice", sizeof(struct splice));
}

void splice_thread_stop(void)
{
	while (my.resting) {
		my.resting--;
		close(my.pipes[my.resting][0]);
		close(my.pipes[my.resting][1]);
	}
}

static bool pipe_get(int p[2])
{
	if (my.used >= SPLICE_MAX)
		return false;
	if (my.resting) {
		my.resting--;
		p[0] = my.pipes[my.resting][0];
		p[1] = my.pipes[my.resting][1];
	} else if (pipe2(p, O_NONBLOCK | O_CLOEXEC) < 0) {
		return false;
	} else if (listener_fd_scarce(2 * p[1])) { /* half of the descriptors are used */
		close(p[0]);
		close(p[1]);
		return false;
	}
	my.used++;
	return true;
}

static void pipe_put(const int p[2], bool empty)
{
	my.used--;
	if (empty && my.resting < PIPES_MAX) {
		my.pipes[my.resting][0] = p[0];
		my.pipes[my.resting][1] = p[1];
		my.resting++;
	} else {
		close(p[0]);
		close(p[1]);
	}
}

static uint64_t raw(const struct stream *s, bool out)
{
	const struct conn *c = s->conn;

	if (!c || c->state != CONN_READY || (c->flags & (CONN_FAILED | CONN_TRANSPORT)) ||
	    !c->mux->raw)
		return 0;
	return c->mux->raw(s, out);
}

/* Bytes that may pass. The last one of a message takes the usual way: the mux sees the end. */
static uint64_t passable(const struct stream *from)
{
	uint64_t in = raw(from, false), out = raw(from->to, true), n = in < out ? in : out;

	return n ? n - 1 : 0;
}

void splice_end(struct stream *from)
{
	struct splice *sp = from->splice;
	struct stream *to = from->to;

	if (!sp)
		return;
	from->splice = NULL;
	from->bulk = 0;
	task_cancel(&sp->task);
	if (from->conn && from->conn->state == CONN_READY)
		io_unwatch(&from->conn->io, IO_IN);
	if (to->conn && to->conn->state == CONN_READY)
		io_unwatch(&to->conn->io, IO_OUT);
	pipe_put(sp->pipe, !to->in_pipe);
	to->queued -= to->in_pipe < to->queued ? to->in_pipe : to->queued;
	to->in_pipe = 0;
	pool_put(&splice_pool, sp);
}

static void broken(struct stream *from, struct stream *at, int err)
{
	struct conn *c = at->conn;

	splice_end(from);
	conn_broken(c, err);
}

/* From now on bytes are received again. */
static void resume(struct stream *from)
{
	splice_end(from);
	from->conn->mux->credit(from, true);
}

static void set_in_pipe(struct stream *to, uint32_t n)
{
	to->in_pipe = to->queued = n;
	to->out_at = th->now;
	if (!n)
		to->empty_at = th->now;
}

/* Empties the pipe. False: it is not empty, or all is over. */
static bool pour(struct splice *sp)
{
	struct stream *to = sp->from->to;
	ssize_t n;

	while (to->in_pipe) {
		n = splice(sp->pipe[0], NULL, to->conn->io.fd, NULL, to->in_pipe,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		if (n > 0) {
			to->conn->mux->spliced(to, true, (size_t)n);
			set_in_pipe(to, to->in_pipe - (uint32_t)n);
		} else if (n < 0 && errno == EAGAIN) {
			io_watch(&to->conn->io, IO_OUT);
			return false;
		} else if (n == 0 || errno != EINTR) {
			broken(sp->from, to, n == 0 ? EIO : errno);
			return false;
		}
	}
	return true;
}

/* Fills it. False: nothing has come, or all is over. */
static bool fill(struct splice *sp)
{
	struct stream *from = sp->from;
	uint64_t most = passable(from);
	ssize_t n = 0;

	if (most) {
		do {
			n = splice(from->conn->io.fd, NULL, sp->pipe[1], NULL,
				   most < PIPE_BYTES ? (size_t)most : PIPE_BYTES,
				   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		} while (n < 0 && errno == EINTR);
	}
	if (n > 0) {
		from->conn->mux->spliced(from, false, (size_t)n);
		from->passed += (uint64_t)n;
		th->polled.spliced += (uint64_t)n;
		from->in_at = th->now;
		set_in_pipe(from->to, (uint32_t)n);
		return true;
	}
	if (n == 0)
		resume(from); /* the end, if there is one, is found by receiving */
	else if (errno == EAGAIN)
		io_watch(&from->conn->io, IO_IN);
	else
		broken(from, from, errno);
	return false;
}

/* What the poller has received, or is receiving, passes first and by buffers. False: some of it is
 * still on its way. */
static bool clear(struct splice *sp)
{
	struct stream *from = sp->from;

	if (sp->clear)
		return true;
	switch (io_recv_rest(&from->conn->io)) {
	case 0:
		sp->clear = conn_out_free(from->to->conn);
		break;
	case -EBUSY:
		from->conn->mux->credit(from, true); /* until splice_passed */
	}
	return sp->clear;
}

void splice_passed(struct stream *from)
{
	from->conn->mux->credit(from, false);
	task_wake(&from->splice->task);
}

void splice_step(struct stream *from)
{
	struct splice *sp = from->splice;

	if (!sp || !from->conn || from->conn->state != CONN_READY || !from->to->conn ||
	    from->to->conn->state != CONN_READY)
		return;
	if (!clear(sp))
		return;
	for (int i = 0; i < ROUNDS; i++)
		if (!pour(sp) || !fill(sp))
			return;
	task_wake(&sp->task);
}

static void go_on(struct task *t)
{
	splice_step(CONTAINER(t, struct splice, task)->from);
}

void splice_begin(struct stream *from)
{
	struct splice *sp;
	int p[2];

	from->bulk = 0;
	if (passable(from) < LEAST || !pipe_get(p))
		return;
	sp = pool_get_zero(&splice_pool);
	if (!sp) {
		pipe_put(p, true);
		return;
	}
	sp->from = from;
	sp->pipe[0] = p[0];
	sp->pipe[1] = p[1];
	task_init(&sp->task, TASK_BULK, go_on);
	from->splice = sp;
	from->conn->mux->credit(from, false);
	task_wake(&sp->task); /* not from here: a drain is being told */
}
