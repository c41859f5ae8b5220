/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime_conn.h"

#include <check.h>
#include <unistd.h>

struct tap tap;
int far;

const struct sockaddr_storage conn_case_nobody = { .ss_family = AF_UNIX };

static void thread_end(struct thread *t)
{
	(void)t;
	conn_thread_stop();
}

void conn_case_run(int poller, uint32_t buffers, int (*start)(struct thread *))
{
	conn_init();
	run_case(poller, buffers, start, thread_end);
	ck_assert_uint_eq(tap.released, tap.ready && !tap.ready_err);
}

static int holder = -1; /* keeps the number of descriptors equal while <far> outlives the loop */

void conn_case_run_far(int poller, uint32_t buffers, int (*start)(struct thread *))
{
	holder = dup(0);
	conn_case_run(poller, buffers, start);
}

int conn_case_accept(const struct handshake *const *hs, uint32_t ms)
{
	int fd[2];

	conn_thread_start();
	if (holder >= 0)
		close(holder);
	socket_pair(fd);
	far = fd[1];
	tap_next = &tap;
	conn_accepted(fd[0], NULL, &tap_app, hs, &conn_case_nobody, ms);
	return 0;
}

const char *conn_case_far_text(void)
{
	static char text[4096];
	ssize_t n = read(far, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = 0;
	return text;
}

void conn_case_far_closed(void)
{
	char c;

	ck_assert_int_eq(read(far, &c, 1), 0);
	close(far);
}
