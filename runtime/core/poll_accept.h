/* SPDX-License-Identifier: Apache-2.0 */
/* For pollers: what is done when a listening descriptor is ready. */
#ifndef WEIR_CORE_POLL_ACCEPT_H
#define WEIR_CORE_POLL_ACCEPT_H

#include "poll.h"

/* Accepts at most 4, and no more once <listening> says false: <io> may be gone then. 0, or the
 * errno for which accepting has to pause. */
int poll_accept_some(struct io *io, bool (*listening)(const struct io *));

#endif
