/* SPDX-License-Identifier: Apache-2.0 */
/* msg_block: the pooled blocks that hold the text of messages. For the http layer only. */
#ifndef WEIR_HTTP_MSG_BLOCK_H
#define WEIR_HTTP_MSG_BLOCK_H

#include <stdint.h>

#include "msg.h"

#define MSG_BLOCK_MIN UINT32_C(2048)
#define MSG_BLOCK_MAX (MSG_BLOCK_MIN << 6)

/* A block of at least <need> bytes (at most MSG_BLOCK_MAX); *<cap> tells how many. NULL when
 * memory is out. */
char *msg_block_get(uint32_t need, uint32_t *cap);
/* <cap> as msg_block_get gave it; NULL does nothing. */
void msg_block_put(char *blk, uint32_t cap);

/* For parsers, which fill the table before the text: room for <text> bytes and one entry more
 * than there are. <m>->used is 0. False when memory is out. */
bool msg_fit(struct msg *m, uint32_t text);

#endif
