/* SPDX-License-Identifier: Apache-2.0 */
#include "poll_accept.h"

#include <errno.h>
#include <string.h>

#include "thread.h"

#define ACCEPT_BUDGET 4

/* Whether <err> concerns one connection only, so that the next accept may succeed (accept(2),
 * "Error handling"). */
static bool accept_again(int err)
{
	return err == ECONNABORTED || err == EINTR || err == EPERM || err == EPROTO ||
	       err == ENOPROTOOPT || err == ENETDOWN || err == ENETUNREACH || err == EHOSTDOWN ||
	       err == EHOSTUNREACH || err == ENONET || err == EOPNOTSUPP;
}

int poll_accept_some(struct io *io, bool (*listening)(const struct io *))
{
	struct sockaddr_storage peer;

	for (int i = 0; i < ACCEPT_BUDGET; i++) {
		socklen_t len = sizeof(peer);
		int fd = accept4(io->fd, (struct sockaddr *)&peer, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		th->polled.accepts++;
		if (fd >= 0) {
			if (len < sizeof(peer))
				memset((char *)&peer + len, 0, sizeof(peer) - len);
			io->ops->accepted(io, fd, &peer);
		} else if (errno == EAGAIN) {
			return 0;
		} else if (!accept_again(errno)) {
			return errno;
		}
		if (!listening(io))
			return 0;
	}
	return 0;
}
