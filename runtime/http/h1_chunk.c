/* SPDX-License-Identifier: Apache-2.0 */
#include "h1.h"

#include "../base/h1_class.h"

#define DIGITS_MAX 15 /* hexadecimal, leading zeros count */
#define EXTENSION_MAX 1024 /* bytes of one chunk's extensions */

enum chunk_state { SIZE, BLANK, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, LAST };

#define FAIL(what)                                                                                 \
	do {                                                                                       \
		static const struct h1_error failure_ = { 400, (what) };                           \
		return &failure_;                                                                  \
	} while (0)

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const struct h1_error *size_byte(struct h1_chunk *c, char byte)
{
	int digit = hex_digit(byte);

	if (digit >= 0) {
		if (c->digits++ == DIGITS_MAX)
			FAIL("chunk size too large");
		c->left = c->left << 4 | (uint64_t)digit;
		return NULL;
	}
	if (!c->digits)
		FAIL("invalid chunk size");
	if (byte == '\r')
		c->state = SIZE_LF;
	else if (byte == ';')
		c->state = EXTENSION;
	else if (byte == ' ' || byte == '\t')
		c->state = BLANK;
	else
		FAIL("invalid chunk size");
	return NULL;
}

/* One byte of framing. RFC 9112 7.1, 7.1.1: blanks only before an extension. */
static const struct h1_error *step(struct h1_chunk *c, char byte)
{
	switch (c->state) {
	case SIZE:
		return size_byte(c, byte);
	case BLANK:
		if (byte == ';')
			c->state = EXTENSION;
		else if ((byte != ' ' && byte != '\t') || ++c->extra > EXTENSION_MAX)
			FAIL("invalid chunk size line");
		break;
	case EXTENSION:
		if (byte == '\r')
			c->state = SIZE_LF;
		else if (!(h1_class(byte) & H1_VALUE) || ++c->extra > EXTENSION_MAX)
			FAIL("invalid chunk extension");
		break;
	case SIZE_LF:
	case DATA_LF:
		if (byte != '\n')
			FAIL("bare CR in chunk framing");
		c->digits = 0;
		c->extra = 0;
		c->state = c->state == DATA_LF ? SIZE : c->left ? DATA : LAST;
		break;
	default: /* DATA_CR */
		if (byte != '\r')
			FAIL("no CRLF behind chunk data");
		c->state = DATA_LF;
	}
	return NULL;
}

enum h1_result h1_chunk_parse(struct h1_chunk *c, struct str in, struct str *data, size_t *used,
			      const struct h1_error **err)
{
	size_t i = 0;

	*data = str_of(in.p, 0);
	while (c->state != DATA && c->state != LAST && i < in.n) {
		*err = step(c, in.p[i]);
		if (*err)
			return H1_BAD;
		i++;
	}
	if (c->state == DATA) {
		size_t n = in.n - i < c->left ? in.n - i : (size_t)c->left;

		*data = str_of(in.p + i, n);
		i += n;
		c->left -= n;
		if (!c->left)
			c->state = DATA_CR;
	}
	*used = i;
	return c->state == LAST ? H1_DONE : H1_MORE;
}
