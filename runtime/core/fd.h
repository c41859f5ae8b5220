/* SPDX-License-Identifier: Apache-2.0 */
/* fd: the descriptor table of a thread group: which io a descriptor number belongs to, and since
 * which use of the number. An event carries the generation it was registered with; one of an
 * earlier use is told by that. Each descriptor is used by one thread at a time, only the number may
 * wander. */
#ifndef WEIR_CORE_FD_H
#define WEIR_CORE_FD_H

#include <stdatomic.h>
#include <stdint.h>

struct io;
struct fd_table;

struct fd_slot {
	_Atomic(struct io *) io; /* NULL: nobody's */
	_Atomic uint32_t gen;
};

/* Who uses a descriptor number, for the whole process: a group, and how many of its threads, in one
 * word. One is never of two groups at a time; that would be a defect, and ends the process. At open
 * and close only, not for events. */
void fd_claim(int fd, unsigned group);
/* Before the number is given back to the kernel, as it may be another group's at once. */
void fd_disclaim(int fd, unsigned group);

/* Calls <fn> for each io of the table; nobody may be at work with them. */
void fd_each(const struct fd_table *t, void (*fn)(void *arg, const struct io *io), void *arg);

/* After all threads have ended. */
void fd_claims_free(void);

struct fd_table *fd_table_new(void);
void fd_table_free(struct fd_table **t);
/* The slot of <fd>, made when <make>; NULL when there is none, memory is out or the number too
 * high. */
struct fd_slot *fd_slot(struct fd_table *t, int fd, int make);

#endif
