/* SPDX-License-Identifier: Apache-2.0 */
/* stream_splice: linked streams whose bytes need no look pass through a pipe of the kernel (splice(2))
 * and are not copied to this process. Private to stream*.c. A thread uses at most SPLICE_MAX pipes at
 * a time; where there is none, or no descriptor for one, bytes pass by buffers. */
#ifndef WEIR_HTTP_STREAM_SPLICE_H
#define WEIR_HTTP_STREAM_SPLICE_H

#include <stdbool.h>

struct stream;

/* <from>, linked, has sent much and all of it has left: begins to splice if that is possible. */
void splice_begin(struct stream *from);
/* Ends it at once; what is in the pipe is lost. Nothing happens when there is none. */
void splice_end(struct stream *from);
/* While it is being spliced: bytes that were received before have been passed, or have left. */
void splice_passed(struct stream *from);
/* Bytes or room may be there. */
void splice_step(struct stream *from);
void splice_setup(void);
void splice_thread_stop(void);

#endif
