/* SPDX-License-Identifier: Apache-2.0 */
/* sock: the few socket calls that the bench programs share. IPv4 on one host only; every failure
 * of a set-up call ends the program with a message, for a measurement that half works is worse
 * than none. */
#ifndef BENCH_SOCK_H
#define BENCH_SOCK_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

/* Prints "program: message" on stderr and ends with status 2. */
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Reads <text>, "PORT", ":PORT" or "A.B.C.D:PORT" (127.0.0.1 when there is no address). */
struct sockaddr_in sock_addr(const char *text);

/* Returns the number in <text>, which must lie in <min>..<max>; <what> names it in the message. */
long number_arg(const char *text, long min, long max, const char *what);

/* Returns a non-blocking listening socket; port 0 lets the kernel choose, sock_port() tells. */
int sock_listen(struct sockaddr_in at);
unsigned sock_port(int fd);

/* Starts a connection with TCP_NODELAY. <flags> is 0 or SOCK_NONBLOCK; returns -1 with errno when
 * the connection was refused at once. */
int sock_connect(struct sockaddr_in to, int flags);

void sock_nodelay(int fd);

/* Raises the limit of open files as far as the system lets this process. */
void raise_nofile(void);

/* Monotonic time in nanoseconds. */
uint64_t now_ns(void);

#endif
