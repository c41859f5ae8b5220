/* SPDX-License-Identifier: Apache-2.0 */
/* hpack: header compression of HTTP/2 (RFC 7541), one decoder and one encoder for each connection.
 * Pure: bytes in, fields out and back; knows no frames, no streams and no order of pseudo-fields.
 * Tables are taken from pools when the first field goes in, so an unused side costs its struct
 * only. Owner thread of the connection only. Not here: what a message needs (mux_h2). */
#ifndef WEIR_HTTP_HPACK_H
#define WEIR_HTTP_HPACK_H

#include "msg.h"

/* Ids of fields: enum field_id, and behind them the pseudo-fields (RFC 9113 8.3). */
enum hpack_id {
	HPACK_AUTHORITY = FIELDS,
	HPACK_METHOD,
	HPACK_PATH,
	HPACK_SCHEME,
	HPACK_STATUS,
	HPACK_PROTOCOL, /* RFC 8441 */
	HPACK_IDS
};

#define HPACK_NEVER 0x01 /* never to be indexed, on any hop (RFC 7541 6.2.3) */
/* RFC 9113 8.2.1. Name: empty, no token in lower case, or an unknown pseudo-field (8.3); value: a
 * control character, or a blank at an end. */
#define HPACK_BAD_NAME 0x02
#define HPACK_BAD_VALUE 0x04

/* <name> and <value> are valid until the visitor returns. A name is valid text of H1 unless
 * HPACK_BAD_NAME is set, pseudo-fields apart; likewise a value. */
struct hpack_field {
	struct str name, value;
	uint8_t id; /* enum field_id or enum hpack_id */
	uint8_t flags; /* HPACK_* */
};

#define HPACK_TABLE 4096 /* bytes of a dynamic table as RFC 7541 4.1 counts, at most */
#define HPACK_LITERAL 65536 /* encoded bytes of the strings of one field, at most */

struct hpack_table {
	struct hpack_entry *entries; /* NULL: no memory taken */
	uint32_t first, next; /* numbers of the oldest entry, of the next one */
	uint32_t size, max; /* as RFC 7541 4.1 counts */
	uint16_t used; /* text bytes up to the end of the newest */
	uint8_t class; /* of the block */
};

/* Decoder. */
struct hpack_in {
	struct hpack_table table;
	uint32_t limit; /* our SETTINGS_HEADER_TABLE_SIZE, acknowledged */
	bool due; /* the peer must begin its next block by a size update */
};

/* One header list while it is decoded; zero but for the limits at the start of each block. */
struct hpack_list {
	uint32_t bytes_max, fields_max; /* bytes: name, value and 4 for each field, as in H1 */
	uint32_t bytes, fields;
	bool begun; /* a field was seen: no more size updates */
	bool over; /* passed a limit: no more calls of the visitor */
};

enum hpack_result {
	HPACK_DONE, /* all of the input is used */
	HPACK_MORE, /* the rest is the start of one representation */
	HPACK_BAD, /* COMPRESSION_ERROR of the connection (RFC 7541 2.3.3, 4.2, 5.1, 5.2, 6.3) */
	HPACK_NO_MEMORY /* as bad: the table is lost */
};

/* Before the threads start: pools and tables. Twice is harmless. */
void hpack_setup(void);

/* A decoder with the RFC's first limit, 4096. */
void hpack_in_init(struct hpack_in *d);
void hpack_in_release(struct hpack_in *d);
/* The peer has acknowledged SETTINGS_HEADER_TABLE_SIZE <limit> (<= HPACK_TABLE). */
void hpack_in_limit(struct hpack_in *d, uint32_t limit);
/* Decodes whole representations from <in>, calls <visit> for each field that is within <list>'s
 * limits (false from it: as if the list had passed one); *<used> bytes are eaten. Calls for one
 * block follow each other with what was not eaten in front; HPACK_MORE where the block ends is a
 * COMPRESSION_ERROR, which is the caller's to say. Past a limit it decodes on, so that the table
 * stays in step, and stores nothing else. Cost: linear in the bytes of <in> plus what is given to
 * <visit>, which the limits bound. */
enum hpack_result hpack_decode(struct hpack_in *d, struct hpack_list *list, struct str in,
			       size_t *used, bool (*visit)(void *arg, const struct hpack_field *f),
			       void *arg);

/* Encoder. */
struct hpack_out {
	struct hpack_table table;
	uint32_t low, limit; /* smallest and last size the peer has set since the last block */
	bool due; /* the next block begins with them */
	struct hpack_places *places; /* where the names of the table are; with its memory */
};

void hpack_out_init(struct hpack_out *e);
void hpack_out_release(struct hpack_out *e);
/* The peer's SETTINGS_HEADER_TABLE_SIZE; what is above HPACK_TABLE is not used. */
void hpack_out_limit(struct hpack_out *e, uint32_t limit);
/* Most bytes that hpack_begin writes, and hpack_put for a field of <bytes> name and value. */
#define HPACK_BEGIN_ROOM 8
#define HPACK_ROOM(bytes) ((size_t)(bytes) + 16)
/* Both write to <out>, which has that room, and return how many bytes. Each block starts with
 * hpack_begin; blocks must reach the peer in the order in which they were made, and whole. */
size_t hpack_begin(struct hpack_out *e, uint8_t *out);
/* One field. <name> counts for FIELD_OTHER only, in any case: it is written in lower case. Of
 * <flags> HPACK_NEVER counts. What is secret (authorization, short cookies) is never indexed, what
 * seldom repeats is not; memory that is out means not indexed. */
size_t hpack_put(struct hpack_out *e, uint8_t *out, unsigned id, struct str name, struct str value,
		 unsigned flags);
/* Likewise :status. */
size_t hpack_put_status(struct hpack_out *e, uint8_t *out, unsigned status);

#endif
