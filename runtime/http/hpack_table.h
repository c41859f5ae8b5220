/* SPDX-License-Identifier: Apache-2.0 */
/* hpack_table: static and dynamic table of RFC 7541. Private to hpack. A dynamic table is one
 * pooled block: entries in a ring, and their text in the order in which they came, moved to the
 * front when the end is reached. It begins at HPACK_BLOCK_MIN bytes and doubles as its contents
 * need. */
#ifndef WEIR_HTTP_HPACK_TABLE_H
#define WEIR_HTTP_HPACK_TABLE_H

#include "hpack.h"

#define HPACK_STATICS 61
#define HPACK_OVERHEAD 32 /* RFC 7541 4.1 */

/* Row 1 to HPACK_STATICS of appendix A. */
extern const struct hpack_field hpack_statics[HPACK_STATICS + 1];

struct hpack_entry {
	uint16_t at; /* of the name in the text; the value follows it */
	uint16_t name_len, value_len;
	uint8_t id, flags; /* as struct hpack_field */
};

void hpack_table_setup(void);
void hpack_table_init(struct hpack_table *t);
void hpack_table_release(struct hpack_table *t);
/* Evicts until the table is at most <max> (RFC 7541 4.3). */
void hpack_table_resize(struct hpack_table *t, uint32_t max);
/* RFC 7541 4.4; <f>'s name may lie in the table. Too large a field empties it. False: memory is
 * out, nothing is changed. */
bool hpack_table_add(struct hpack_table *t, const struct hpack_field *f);

static inline uint32_t hpack_table_count(const struct hpack_table *t)
{
	return t->next - t->first;
}

/* The entry with number <n>, which is in the table. */
struct hpack_field hpack_table_field(const struct hpack_table *t, uint32_t n);

/* Id of a pseudo-field, ":" included, or FIELD_OTHER. */
unsigned hpack_pseudo(struct str name);

#endif
