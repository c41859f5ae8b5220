/* SPDX-License-Identifier: Apache-2.0 */
/* Between listener.c (threads that accept) and listener_sock.c (sockets). */
#ifndef WEIR_NET_LISTENER_SOCK_H
#define WEIR_NET_LISTENER_SOCK_H

/* A close-on-exec duplicate, or -1. */
int sock_dup(int fd);

#endif
