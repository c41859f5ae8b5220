/* SPDX-License-Identifier: Apache-2.0 */
/* msg: one message, the same for every HTTP version: start line, header table with direct slots,
 * trailers. All text lives in one block owned by the message and is named by 32-bit offsets,
 * never by raw pointers: the block may move when it grows, offsets stay. Text grows upward from
 * the block's start, the header table downward from its end. Edits append new text; old text is
 * left behind and reclaimed by repacking, which keeps table indexes. Owner thread only. Not here:
 * bodies (slices), parsing (h1_parse), rules. */
#ifndef WEIR_HTTP_MSG_H
#define WEIR_HTTP_MSG_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/str.h"

enum field_id {
	FIELD_OTHER,
#define FIELD(id, ...) FIELD_##id,
#include "field.def"
	FIELDS
};
#define FIELD_FRAMING 0x01
#define FIELD_HOP 0x02
#define FIELD_ONE 0x04

/* Id of the well-known field <name> (any case), or FIELD_OTHER. One hash and one comparison. */
enum field_id field_lookup(struct str name);
extern const struct str field_names[FIELDS]; /* lower case */
extern const uint8_t field_flags[FIELDS];

struct msg_ref {
	uint32_t off, len;
};

#define HDR_DEAD 0x01 /* deleted */
#define HDR_CANONICAL                                                                              \
	0x02 /* its text is "Name: value CRLF" byte for byte: neighbours are sent as one run */
#define HDR_LISTED 0x04 /* named by Connection: hop-by-hop for this message */
#define HDR_NEVER 0x08 /* HTTP/2: not to be indexed by any hop (RFC 7541 6.2.3) */

struct msg_hdr {
	uint32_t name, value; /* offsets */
	uint32_t value_len;
	uint16_t name_len;
	uint8_t id; /* enum field_id */
	uint8_t flags;
};

enum msg_body {
	BODY_NONE,
	BODY_LENGTH,
	BODY_CHUNKED,
	BODY_CLOSE /* until the connection's end */,
	BODY_TUNNEL
};

#define MSG_RESPONSE 0x0001
#define MSG_HTTP10 0x0002 /* sender's version is 1.0 */
#define MSG_KEEP 0x0004 /* the sender allows another message on this connection */
#define MSG_UPGRADE 0x0008 /* valid Upgrade + Connection: upgrade */
#define MSG_EXPECT 0x0010 /* Expect: 100-continue */
#define MSG_PATH_EDITED 0x0020 /* the target is rebuilt from path and query */
#define MSG_BAD_HOST 0x0040
#define MSG_ABSOLUTE 0x0080 /* received in absolute-form */
#define MSG_ASTERISK 0x0100 /* OPTIONS * */
#define MSG_AUTHORITY 0x0200 /* CONNECT */
#define MSG_HOST_KNOWN 0x0400 /* <host> is computed */
#define MSG_LENGTH 0x0800 /* no body follows, but <length> was announced (answer to HEAD, 304) */
#define MSG_CHUNKED 0x1000 /* received chunked; kept when <body> is changed */
#define MSG_REPEATED 0x2000 /* a field with a slot has, or had, more than one line */

struct msg {
	char *blk;
	uint32_t cap; /* bytes of the block */
	uint32_t used; /* text, from the start */
	uint32_t nhdr; /* entries of the table, dead ones included */
	uint32_t flags; /* MSG_* */
	uint16_t status;
	uint8_t body; /* enum msg_body */
	uint8_t version; /* 10, 11, 20 */
	uint64_t length; /* BODY_LENGTH */
	struct msg_ref line; /* whole start line as received */
	struct msg_ref meth, uri /* as received */, path /* normalised */, query, scheme, authority,
		host, reason;
	bool has_query, has_path;
	uint16_t slot[FIELDS]; /* 1 + index of the first live header of that field, 0: none */
};

/* Before the threads start: makes the block pools. Twice is harmless. */
void msg_setup(void);
/* A zeroed message without a block costs nothing. */
void msg_init(struct msg *m);
/* Gives the block back; <m> is as after msg_init. */
void msg_release(struct msg *m);
/* Likewise; a message without a block has nothing to give and is left as it is. */
static inline void msg_free(struct msg *m)
{
	if (m->blk)
		msg_release(m);
}
/* Likewise, of a message that is used no more: it is not made anew. */
void msg_drop(struct msg *m);
/* Moves the contents, <from> is left empty. */
void msg_move(struct msg *to, struct msg *from);
/* A second message with the same contents. False: memory is out, <to> is empty. */
bool msg_copy(struct msg *to, const struct msg *from);

static inline struct str msg_str(const struct msg *m, struct msg_ref r)
{
	return str_of(m->blk + r.off, r.len);
}

/* Header <i> of the table; valid until the next call that adds text. */
static inline struct msg_hdr *msg_hdr(const struct msg *m, uint32_t i)
{
	return (struct msg_hdr *)(void *)(m->blk + m->cap) - 1 - i;
}

static inline struct str msg_name(const struct msg *m, uint32_t i)
{
	const struct msg_hdr *h = msg_hdr(m, i);

	return str_of(m->blk + h->name, h->name_len);
}

static inline struct str msg_value(const struct msg *m, uint32_t i)
{
	const struct msg_hdr *h = msg_hdr(m, i);

	return str_of(m->blk + h->value, h->value_len);
}

#define MSG_END UINT32_MAX
/* Next live header after <prev> (MSG_END to begin) with field <id>, or, when <id> is FIELD_OTHER,
 * of that <name> (any case); an empty <name> takes every header. MSG_END when there is none. */
uint32_t msg_find(const struct msg *m, uint32_t prev, enum field_id id, struct str name);

/* Limits of a message after edits; beyond them the edit fails. Left-behind text does not count. */
#define MSG_BYTES_MAX 65536
#define MSG_HEADERS_MAX 512

/* All return false when the message would pass its limits or memory is out: the message is
 * unchanged. <value> may point into the message itself. Callers have checked names and values (no
 * CR, LF, NUL). Any of them may repack: struct str and msg_ref values taken before it are void
 * afterwards, those in <m> are kept right. Indexes of the table stay, except that a table with
 * MSG_HEADERS_MAX entries is renumbered by msg_add when some of them are dead. */
bool msg_reserve(struct msg *m, uint32_t text, uint32_t headers);
bool msg_text(struct msg *m, struct str text,
	      struct msg_ref *out); /* appends text without giving it a meaning */
bool msg_add(struct msg *m, struct str name, struct str value);
bool msg_set_value(struct msg *m, uint32_t i, struct str value);
void msg_del(struct msg *m, uint32_t i);
/* Removes all of that name; returns how many. */
unsigned msg_del_all(struct msg *m, enum field_id id, struct str name);
bool msg_set_method(struct msg *m, struct str meth);
/* Sets the path (normalised by the caller) or the query; the target is sent from them from now
 * on. */
bool msg_set_path(struct msg *m, struct str path);
bool msg_set_query(struct msg *m, struct str query, bool present);
/* Sets Host (all lines become one) and the host subject. */
bool msg_set_host(struct msg *m, struct str host);
bool msg_set_status(struct msg *m, unsigned status,
		    struct str reason /* empty: the standard phrase */);
/* A made answer: status line, no headers. */
bool msg_answer(struct msg *m, unsigned status);
/* Start line without CRLF as it would be sent now; built again after an edit. Empty when memory
 * is out. */
struct str msg_line(struct msg *m);
/* Target as it would be sent in origin, authority or asterisk form: at most 4 parts to <parts>,
 * their number returned. */
unsigned msg_target(const struct msg *m, struct str parts[4]);
/* Standard reason phrase (RFC 9110 15), or empty. */
struct str status_reason(unsigned status);
/* True when a response of <status> never has a body (RFC 9110 6.4.1): 1xx, 204, 304. */
bool status_bodiless(unsigned status);

/* The host subject: authority or Host without port, lower case, no trailing dot; computed once.
 * Absent: n == 0. */
struct str msg_host(struct msg *m);

#endif
