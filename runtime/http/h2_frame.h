/* SPDX-License-Identifier: Apache-2.0 */
/* h2_frame: frames of HTTP/2 (RFC 9113 4 to 6). Pure: bytes in, values out and back; no connection,
 * no stream, no state. What one frame alone shows to be wrong is told here, with the error code of
 * the RFC; what depends on the state of a stream is told by mux_h2. */
#ifndef WEIR_HTTP_H2_FRAME_H
#define WEIR_HTTP_H2_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/str.h"

enum h2_type {
	H2_DATA,
	H2_HEADERS,
	H2_PRIORITY,
	H2_RST_STREAM,
	H2_SETTINGS,
	H2_PUSH_PROMISE,
	H2_PING,
	H2_GOAWAY,
	H2_WINDOW_UPDATE,
	H2_CONTINUATION
};

#define H2_FLAG_ACK 0x01 /* SETTINGS, PING */
#define H2_FLAG_END_STREAM 0x01 /* DATA, HEADERS */
#define H2_FLAG_END_HEADERS 0x04
#define H2_FLAG_PADDED 0x08
#define H2_FLAG_PRIORITY 0x20

/* RFC 9113 7 */
enum h2_code {
	H2_NO_ERROR,
	H2_PROTOCOL_ERROR,
	H2_INTERNAL_ERROR,
	H2_FLOW_CONTROL_ERROR,
	H2_SETTINGS_TIMEOUT,
	H2_STREAM_CLOSED,
	H2_FRAME_SIZE_ERROR,
	H2_REFUSED_STREAM,
	H2_CANCEL,
	H2_COMPRESSION_ERROR,
	H2_CONNECT_ERROR,
	H2_ENHANCE_YOUR_CALM,
	H2_INADEQUATE_SECURITY,
	H2_HTTP_1_1_REQUIRED
};

/* An error knows its scope; NULL is success. */
struct h2_error {
	uint8_t code; /* enum h2_code */
	bool stream; /* ends the stream only */
	const char *text; /* for logs */
};

/* RFC 9113 6.5.2 */
enum h2_setting_id {
	H2_SET_HEADER_TABLE_SIZE = 1,
	H2_SET_ENABLE_PUSH,
	H2_SET_MAX_CONCURRENT_STREAMS,
	H2_SET_INITIAL_WINDOW_SIZE,
	H2_SET_MAX_FRAME_SIZE,
	H2_SET_MAX_HEADER_LIST_SIZE
};
struct h2_setting {
	uint16_t id;
	uint32_t value;
};

#define H2_FRAME_HEAD 9 /* bytes before the payload */
#define H2_SETTING_BYTES 6
#define H2_FRAME_MAX 16384 /* payload that every peer takes; what we take */
#define H2_WINDOW UINT32_C(65535) /* first window of connections and streams */
#define H2_WINDOW_MAX UINT32_C(0x7fffffff)
#define H2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define H2_PREFACE_BYTES 24

struct h2_frame {
	uint32_t len; /* of the payload */
	uint32_t stream; /* without the reserved bit */
	uint8_t type; /* enum h2_type, or one that is not known */
	uint8_t flags; /* H2_FLAG_* */
};

/* The first H2_FRAME_HEAD bytes of a frame at <p>. */
struct h2_frame h2_frame_read(const char *p);
/* Writes them to <out>. */
void h2_frame_write(char *out, const struct h2_frame *f);
/* Length and stream of a frame, before its payload is looked at. Unknown types pass. */
const struct h2_error *h2_frame_check(const struct h2_frame *f);

/* The parts of a HEADERS payload <in>: *<block> is what is left of it without padding and priority.
 * A stream that depends on itself is a stream error, and *<block> is set. */
const struct h2_error *h2_headers_read(const struct h2_frame *f, struct str in, struct str *block);
/* Payload of PRIORITY. */
const struct h2_error *h2_priority_read(const struct h2_frame *f, struct str in);
/* Padding of a DATA payload that begins with <first>; *<pad>: bytes at its end. */
const struct h2_error *h2_data_padding(const struct h2_frame *f, uint8_t first, uint32_t *pad);
/* Increment of WINDOW_UPDATE. */
const struct h2_error *h2_window_read(const struct h2_frame *f, struct str in, uint32_t *add);
/* Setting at <p>. */
const struct h2_error *h2_setting_read(const char *p, struct h2_setting *s);
/* Bytes written for <s>: H2_SETTING_BYTES. */
size_t h2_setting_write(char *out, struct h2_setting s);

uint32_t h2_u32(const char *p);
void h2_put_u32(char *out, uint32_t v);

#endif
