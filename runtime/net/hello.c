/* SPDX-License-Identifier: Apache-2.0 */
#include "hello.h"

#define RECORD_HEADER 5
#define RECORD_MAX 16384 /* RFC 8446 5.1 */
#define RECORD_HANDSHAKE 22
#define MESSAGE_HEADER 4
#define CLIENT_HELLO 1
#define EXT_SERVER_NAME 0
#define EXT_ALPN 16
#define RANDOM_BYTES 32

static unsigned byte_at(struct str s, size_t i)
{
	return (unsigned char)s.p[i];
}

static size_t number(struct str s, size_t at, unsigned bytes)
{
	size_t n = 0;

	for (unsigned i = 0; i < bytes; i++)
		n = n << 8 | byte_at(s, at + i);
	return n;
}

/* The beginning of a record, as far as it is there, is one of a handshake. */
static bool record_fits(struct str in)
{
	return (in.n < 1 || byte_at(in, 0) == RECORD_HANDSHAKE) &&
	       (in.n < 2 || byte_at(in, 1) == 3);
}

/* Takes the payload of the next record, which may be cut, off <in>. */
static enum hello_got next_record(struct str *in, struct str *payload, bool *cut)
{
	size_t n;

	if (!record_fits(*in))
		return HELLO_NONE;
	if (in->n < RECORD_HEADER)
		return HELLO_MORE;
	n = number(*in, 3, 2);
	/* An empty fragment is no valid one of a handshake (RFC 8446 5.1). */
	if (n == 0 || n > RECORD_MAX)
		return HELLO_NONE;
	*in = str_skip(*in, RECORD_HEADER);
	*cut = in->n < n;
	*payload = str_of(in->p, *cut ? in->n : n);
	*in = str_skip(*in, payload->n);
	return HELLO_WHOLE;
}

enum hello_got hello_join(struct str in, char *out, size_t *n)
{
	char head[MESSAGE_HEADER] = { 0 };
	size_t have = 0, need = MESSAGE_HEADER;
	bool cut = false;

	while (have < need) {
		struct str payload;
		enum hello_got got = cut ? HELLO_MORE : next_record(&in, &payload, &cut);

		if (got != HELLO_WHOLE)
			return got;
		for (size_t i = 0; i < payload.n && have + i < MESSAGE_HEADER; i++)
			head[have + i] = payload.p[i];
		if (out && payload.n && have < HELLO_MAX)
			memcpy(out + have, payload.p,
			       payload.n < HELLO_MAX - have ? payload.n : HELLO_MAX - have);
		have += payload.n;
		if (have > 0 && head[0] != CLIENT_HELLO)
			return HELLO_NONE;
		if (have >= MESSAGE_HEADER)
			need = MESSAGE_HEADER + number(str_of(head, MESSAGE_HEADER), 1, 3);
		if (need > HELLO_MAX)
			return HELLO_NONE;
	}
	*n = need;
	return HELLO_WHOLE;
}

/* Takes a text with a length of <bytes> before it off <s>. */
static bool take(struct str *s, unsigned bytes, struct str *out)
{
	size_t n;

	if (s->n < bytes)
		return false;
	n = number(*s, 0, bytes);
	if (s->n - bytes < n)
		return false;
	*out = str_of(s->p + bytes, n);
	*s = str_skip(*s, bytes + n);
	return true;
}

/* RFC 6066 3: a list of names by type; 0 is a host name, in ASCII, and stands once. */
static bool read_names(struct str ext, struct str *sni)
{
	struct str list, name;

	if (!take(&ext, 2, &list) || ext.n || !list.n)
		return false;
	while (list.n) {
		unsigned type = byte_at(list, 0);

		list = str_skip(list, 1);
		if (!take(&list, 2, &name) || !name.n)
			return false;
		if (type != 0)
			continue;
		if (sni->p)
			return false;
		for (size_t i = 0; i < name.n; i++)
			if (byte_at(name, i) <= ' ' || byte_at(name, i) > '~')
				return false;
		*sni = name;
	}
	return true;
}

/* RFC 7301 3.1: names that are not empty. */
static bool read_protocols(struct str ext, struct str *alpn)
{
	struct str list, rest, name;

	if (!take(&ext, 2, &list) || ext.n || !list.n)
		return false;
	for (rest = list; rest.n;)
		if (!take(&rest, 1, &name) || !name.n)
			return false;
	*alpn = list;
	return true;
}

static bool read_extensions(struct str list, struct str *sni, struct str *alpn)
{
	struct str ext;

	while (list.n) {
		size_t type;

		if (list.n < 2)
			return false;
		type = number(list, 0, 2);
		list = str_skip(list, 2);
		if (!take(&list, 2, &ext))
			return false;
		/* Each extension stands once (RFC 8446 4.2). */
		if (type == EXT_SERVER_NAME && (sni->p || !read_names(ext, sni)))
			return false;
		if (type == EXT_ALPN && (alpn->p || !read_protocols(ext, alpn)))
			return false;
	}
	return true;
}

bool hello_read(struct str message, struct str *sni, struct str *alpn)
{
	struct str body = str_skip(message, MESSAGE_HEADER), part;
	bool good;

	*sni = *alpn = (struct str) { 0 };
	if (message.n < MESSAGE_HEADER || body.n < 2 + RANDOM_BYTES)
		return false;
	body = str_skip(body, 2 + RANDOM_BYTES);
	good = take(&body, 1, &part) && part.n <= 32 && /* session */
	       take(&body, 2, &part) && part.n >= 2 && part.n % 2 == 0 && /* ciphers */
	       take(&body, 1, &part) && part.n >= 1; /* compression */
	if (good && body.n) /* before TLS 1.3 there may be no extensions */
		good = take(&body, 2, &part) && !body.n && read_extensions(part, sni, alpn);
	if (!good)
		*sni = *alpn = (struct str) { 0 };
	return good;
}

struct str hello_protocol(struct str *alpn)
{
	struct str name = { 0 };

	if (alpn->n)
		take(alpn, 1, &name);
	return name;
}
