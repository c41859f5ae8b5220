/* SPDX-License-Identifier: Apache-2.0 */
/* isolate: to be alone. A thread asks the others of its group, or of all groups, to stand still
 * between two turns of their loops; those that sleep in their poller count as standing. For rare
 * things only: nobody serves meanwhile. The cost for the others is one load of their own memory in
 * each turn.
 *
 * Two stages: each group has its own right to isolate, and isolating all takes the right of every
 * group after a common one, always in the same order. Who waits for a right stands still itself. */
#ifndef WEIR_CORE_ISOLATE_H
#define WEIR_CORE_ISOLATE_H

/* Threads of the loops, between turns or inside a call of the loop; not nested. */
void isolate_group(void);
void isolate_group_end(void);
void isolate_all(void);
void isolate_all_end(void);

/* For the loop: the calling thread has been asked to stand still: does so until it may go on. */
void isolate_stand(void);

#endif
