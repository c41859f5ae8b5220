/* SPDX-License-Identifier: Apache-2.0 */
/* poll_sys: system calls of poller_epoll. */
#ifndef WEIR_CORE_POLL_SYS_H
#define WEIR_CORE_POLL_SYS_H

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The three calls of each request, made directly: the C library's own are cancellation points,
 * which costs them 30 to 60 instructions more in a process with threads. -1 and errno. */

static inline ssize_t sys_recv(int fd, void *to, size_t n)
{
	return syscall(SYS_recvfrom, fd, to, n, 0, NULL, NULL);
}

/* One piece goes without a message header, which the kernel would have to fetch. */
static inline ssize_t sys_send(int fd, const struct iovec *iov, int n, int flags)
{
	if (n > 1) {
		struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)iov,
				      .msg_iovlen = (size_t)n };

		return syscall(SYS_sendmsg, fd, &msg, flags);
	}
	return syscall(SYS_sendto, fd, iov->iov_base, iov->iov_len, flags, NULL, 0);
}

static inline int sys_wait(int epfd, struct epoll_event *events, int most, int timeout)
{
	return (int)syscall(SYS_epoll_pwait, epfd, events, most, timeout, NULL, 0);
}

#endif
