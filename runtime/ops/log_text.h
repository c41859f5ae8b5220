/* SPDX-License-Identifier: Apache-2.0 */
/* log_text: pieces of log lines. Everything that a client or server may have chosen is escaped:
 * a line holds printable ASCII only, and no byte of a text can end the text or the line. */
#ifndef WEIR_OPS_LOG_TEXT_H
#define WEIR_OPS_LOG_TEXT_H

#include "../core/log.h"

void put_char(struct log_out *o, char c);
void put_str(struct log_out *o, struct str s);
void put_num(struct log_out *o, uint64_t v);
void put_ms(struct log_out *o, int64_t ms);
/* Bytes below 0x20, above 0x7e, quotes, backslashes and those of <also> become \xHH. */
void put_escaped(struct log_out *o, struct str s, const char *also);
/* "-" when it is empty; blanks are escaped too. */
void put_word(struct log_out *o, struct str s);
void put_addr(struct log_out *o, const struct addr *a);
void put_id(struct log_out *o, const struct log_record *r);
/* 2026-11-22T16:00:00.123456Z */
void put_iso(struct log_out *o, uint64_t us);
/* 22/Nov/2026:16:00:00.123 */
void put_date(struct log_out *o, uint64_t us);

#endif
