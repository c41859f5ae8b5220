/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what a client of HTTP/2 sends: every stream that was opened ends, and when the connection
 * is gone nothing is left of it. The first byte of the input: bit 0, the preface and SETTINGS go before
 * the rest; bit 1, bodies are taken; bit 2, answers are large; the others, bytes that are sent at once. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/core/poll.h"
#include "runtime/core/pool.h"
#include "runtime/core/thread.h"
#include "runtime/http/mux_h2.h"
#include "runtime/site.h"

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "failed: %s\n", #cond);                                    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 65536
#define LARGE 200000

static char input[INPUT_MAX + 64];
static size_t input_n, sent;
static unsigned how, quiet;
static int far_fd;
static long nopen;
static bool gone;
static struct task far;
static struct mux_conf conf = { .head_max = 8000, .headers_max = 50, .uri_max = 400 };
static const struct sockaddr_storage nobody = { .ss_family = AF_UNIX };

/* -- the owner of streams ------------------------------------------------------------------------ */

static void done(struct stream *s)
{
	nopen--;
	s->mux->detach(s, false);
}

/* s->owner: bytes that the answer still has. */
static void give(struct stream *s)
{
	uintptr_t left = (uintptr_t)s->owner;

	while (left && s->queued <= STREAM_HIGH) {
		struct slice piece = { .buf = buf_get(), .off = BUF_HEAD };

		CHECK(piece.buf);
		piece.len = piece.buf->len = (uint32_t)(left < BUF_ROOM ? left : BUF_ROOM);
		memset(piece.buf->data + piece.off, 'a', piece.len);
		left -= piece.len;
		if (!s->mux->data(s, piece))
			left = 0;
	}
	s->owner = (void *)left;
	if (!left && !(s->flags & STREAM_SENT_END))
		s->mux->end(s, NULL);
	if (!left && !s->queued)
		done(s);
}

static void answer(struct stream *s, unsigned status)
{
	struct msg m = { 0 };

	CHECK(msg_answer(&m, status));
	m.length = how & 4 && status == 200 ? LARGE : 5;
	s->owner = (void *)(uintptr_t)m.length;
	if (!s->mux->head(s, &m, false, 0))
		s->owner = NULL;
	msg_free(&m);
	give(s);
}

static void on_head(struct stream *s, struct msg *m)
{
	CHECK(m->meth.len && m->version == 20);
	if (how & 2)
		s->mux->credit(s, true);
}

static void on_data(struct stream *s, struct slice d)
{
	slice_put(&d);
}

static void on_end(struct stream *s, struct msg *trailers)
{
	answer(s, 200);
}

static void on_drained(struct stream *s)
{
	if (s->owner || s->flags & STREAM_SENT_END)
		give(s);
}

static void on_failed(struct stream *s, enum stream_error why)
{
	if (s->bad_status && !(s->flags & STREAM_SENT_HEAD))
		answer(s, s->bad_status);
	else
		done(s);
}

/* Who never takes a body waits for nothing else once the client has left. */
static void on_left(struct stream *s)
{
	if (!(s->flags & (STREAM_GOT_END | STREAM_SENT_HEAD)))
		done(s);
}

static const struct stream_ops ops = { on_head, on_data, on_end, on_drained, on_failed, on_left };

static bool on_open(struct stream *s)
{
	s->ops = &ops;
	nopen++;
	return true;
}

static const struct mux_app app = { .open = on_open };

/* -- the connection ------------------------------------------------------------------------------ */

static void on_ready(struct conn *c, int err)
{
	CHECK(mux_h2.start(c, MUX_FRONT, &conf));
}

static void on_gone(struct conn *c)
{
	gone = true;
}

static const struct conn_app front = { .ready = on_ready, .gone = on_gone };

/* Leaves when all is sent and nothing more comes for some turns. */
static void far_step(struct task *t)
{
	static char trash[65536];
	size_t left = input_n - sent, n = how >> 3 ? how >> 3 : left;
	ssize_t k;

	if (far_fd >= 0) {
		k = left ? send(far_fd, input + sent, n < left ? n : left, MSG_NOSIGNAL) : 0;
		if (k > 0)
			sent += (size_t)k;
		quiet = left && k > 0 ? 0 : quiet + 1;
		while ((k = read(far_fd, trash, sizeof(trash))) > 0)
			quiet = 0;
		if (k == 0 || quiet > 8) {
			close(far_fd);
			far_fd = -1;
		}
	}
	if (far_fd < 0 && gone)
		thread_stop_all();
	else
		task_wake(t);
}

static int start(struct thread *t)
{
	int fd[2];

	conn_thread_start();
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
	far_fd = fd[1];
	task_init(&far, TASK_BULK, far_step);
	task_wake(&far);
	CHECK(conn_accepted(fd[0], NULL, &front, NULL, &nobody, 0));
	return 0;
}

static void stop(struct thread *t)
{
	task_cancel(&far);
	stream_thread_stop();
	conn_thread_stop();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char set[] = H2_PREFACE "\0\0\0\4\0\0\0\0\0\0\0\0\4\1\0\0\0\0";
	struct thread_config cfg = {
		.nthreads = 1, .poller = &poller_epoll, .start = start, .stop = stop
	};

	if (!size || size > INPUT_MAX)
		return 0;
	how = data[0];
	input_n = how & 1 ? sizeof(set) - 1 : 0;
	memcpy(input, set, input_n);
	memcpy(input + input_n, data + 1, size - 1);
	input_n += size - 1;
	sent = quiet = 0;
	nopen = 0;
	gone = false;
	conf.app = &app;
	conn_init();
	mux_h2.setup();
	CHECK(thread_run(&cfg) == 0);
	CHECK(nopen == 0);
	CHECK(pool_fini(stderr) == 0);
	return 0;
}
