/* SPDX-License-Identifier: Apache-2.0 */
#include "h2_frame.h"

#define FAIL(error_code, of_stream, what)                                                          \
	do {                                                                                       \
		static const struct h2_error failure_ = { (error_code), (of_stream), (what) };     \
		return &failure_;                                                                  \
	} while (0)

static unsigned byte(const char *p)
{
	return (unsigned char)*p;
}

uint32_t h2_u32(const char *p)
{
	return (uint32_t)byte(p) << 24 | (uint32_t)byte(p + 1) << 16 | (uint32_t)byte(p + 2) << 8 |
	       (uint32_t)byte(p + 3);
}

void h2_put_u32(char *out, uint32_t v)
{
	out[0] = (char)(v >> 24);
	out[1] = (char)(v >> 16);
	out[2] = (char)(v >> 8);
	out[3] = (char)v;
}

struct h2_frame h2_frame_read(const char *p)
{
	return (struct h2_frame) {
		.len = h2_u32(p) >> 8,
		.type = (uint8_t)byte(p + 3),
		.flags = (uint8_t)byte(p + 4),
		.stream =
			h2_u32(p + 5) & H2_WINDOW_MAX, /* RFC 9113 4.1: the first bit is ignored */
	};
}

void h2_frame_write(char *out, const struct h2_frame *f)
{
	h2_put_u32(out, f->len << 8 | f->type);
	out[4] = (char)f->flags;
	h2_put_u32(out + 5, f->stream);
}

/* Types that belong to a stream. */
static bool of_stream(uint8_t type)
{
	return type == H2_DATA || type == H2_HEADERS || type == H2_PRIORITY ||
	       type == H2_RST_STREAM || type == H2_CONTINUATION || type == H2_PUSH_PROMISE;
}

static bool of_connection(uint8_t type)
{
	return type == H2_SETTINGS || type == H2_PING || type == H2_GOAWAY;
}

static bool good_size(const struct h2_frame *f)
{
	switch (f->type) {
	case H2_DATA:
		return !(f->flags & H2_FLAG_PADDED) || f->len >= 1;
	case H2_HEADERS:
		return f->len >= (f->flags & H2_FLAG_PADDED ? 1u : 0u) +
					 (f->flags & H2_FLAG_PRIORITY ? 5u : 0u);
	case H2_RST_STREAM:
	case H2_WINDOW_UPDATE:
		return f->len == 4; /* RFC 9113 6.4, 6.9 */
	case H2_SETTINGS: /* RFC 9113 6.5 */
		return f->flags & H2_FLAG_ACK ? !f->len : f->len % H2_SETTING_BYTES == 0;
	case H2_PING:
		return f->len == 8; /* RFC 9113 6.7 */
	case H2_GOAWAY:
		return f->len >= 8; /* RFC 9113 6.8 */
	default:
		return true;
	}
}

const struct h2_error *h2_frame_check(const struct h2_frame *f)
{
	if (f->len > H2_FRAME_MAX) /* RFC 9113 4.2 */
		FAIL(H2_FRAME_SIZE_ERROR, false, "frame too large");
	if (of_stream(f->type) && !f->stream)
		FAIL(H2_PROTOCOL_ERROR, false, "frame of a stream without one");
	if (of_connection(f->type) && f->stream)
		FAIL(H2_PROTOCOL_ERROR, false, "frame of the connection on a stream");
	if (f->type == H2_PUSH_PROMISE) /* RFC 9113 8.4: clients do not push, and ours is off */
		FAIL(H2_PROTOCOL_ERROR, false, "push");
	if (f->type == H2_PRIORITY && f->len != 5) /* RFC 9113 6.3 */
		FAIL(H2_FRAME_SIZE_ERROR, true, "size of PRIORITY");
	if (!good_size(f))
		FAIL(H2_FRAME_SIZE_ERROR, false, "size of a frame");
	return NULL;
}

static const struct h2_error *depends(const struct h2_frame *f, const char *p)
{
	if ((h2_u32(p) & H2_WINDOW_MAX) == f->stream) /* RFC 7540 5.3.1 */
		FAIL(H2_PROTOCOL_ERROR, true, "stream depends on itself");
	return NULL;
}

const struct h2_error *h2_headers_read(const struct h2_frame *f, struct str in, struct str *block)
{
	const struct h2_error *err = NULL;
	size_t pad = 0;

	if (f->flags & H2_FLAG_PADDED) {
		pad = byte(in.p);
		in = str_skip(in, 1);
	}
	if (f->flags & H2_FLAG_PRIORITY) {
		err = depends(f, in.p);
		in = str_skip(in, 5);
	}
	if (pad > in.n) /* RFC 9113 6.2 */
		FAIL(H2_PROTOCOL_ERROR, false, "more padding than payload");
	*block = str_first(in, in.n - pad);
	return err;
}

const struct h2_error *h2_priority_read(const struct h2_frame *f, struct str in)
{
	return depends(f, in.p);
}

const struct h2_error *h2_data_padding(const struct h2_frame *f, uint8_t first, uint32_t *pad)
{
	*pad = first;
	if (*pad >= f->len) /* RFC 9113 6.1 */
		FAIL(H2_PROTOCOL_ERROR, false, "more padding than payload");
	return NULL;
}

const struct h2_error *h2_window_read(const struct h2_frame *f, struct str in, uint32_t *add)
{
	*add = h2_u32(in.p) & H2_WINDOW_MAX;
	if (*add)
		return NULL;
	if (f->stream) /* RFC 9113 6.9 */
		FAIL(H2_PROTOCOL_ERROR, true, "window grows by nothing");
	FAIL(H2_PROTOCOL_ERROR, false, "window grows by nothing");
}

const struct h2_error *h2_setting_read(const char *p, struct h2_setting *s)
{
	s->id = (uint16_t)(byte(p) << 8 | byte(p + 1));
	s->value = h2_u32(p + 2);
	if (s->id == H2_SET_ENABLE_PUSH && s->value > 1)
		FAIL(H2_PROTOCOL_ERROR, false, "value of ENABLE_PUSH");
	if (s->id == H2_SET_INITIAL_WINDOW_SIZE && s->value > H2_WINDOW_MAX)
		FAIL(H2_FLOW_CONTROL_ERROR, false, "value of INITIAL_WINDOW_SIZE");
	if (s->id == H2_SET_MAX_FRAME_SIZE && (s->value < H2_FRAME_MAX || s->value > 0xffffff))
		FAIL(H2_PROTOCOL_ERROR, false, "value of MAX_FRAME_SIZE");
	return NULL;
}

size_t h2_setting_write(char *out, struct h2_setting s)
{
	out[0] = (char)(s.id >> 8);
	out[1] = (char)s.id;
	h2_put_u32(out + 2, s.value);
	return H2_SETTING_BYTES;
}
