/* SPDX-License-Identifier: Apache-2.0 */
/* For muxes: what a stream has got or got rid of goes to its owner, or past it to the stream it is
 * linked with. Both are upcalls. */
#ifndef WEIR_HTTP_STREAM_H
#define WEIR_HTTP_STREAM_H

#include "../core/buf.h"

struct stream;

/* Body bytes of <s>. */
void stream_give(struct stream *s, struct slice data);
/* s->queued has fallen to STREAM_LOW or less. */
void stream_drained(struct stream *s);
/* As mux_ops.ready. The stream may end in it. */
void stream_ready(struct stream *s, unsigned what);

#endif
