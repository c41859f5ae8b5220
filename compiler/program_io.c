/* SPDX-License-Identifier: Apache-2.0 */
#include "program_io.h"

#include <inttypes.h>

struct pio_slot {
	struct str key;
	void *object;
	enum pio_kind kind;
};

/* ---- reading: tokens ---- */

static bool blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t';
}

/* End of the string that starts at <p>, NULL when it is open. */
static const char *string_end(const char *p, const char *end)
{
	for (p++; p < end && *p != '"' && *p != '\n'; p++)
		if (*p == '\\')
			p++;
	return p < end && *p == '"' ? p + 1 : NULL;
}

static const char *token_end(struct pio *io, const char *p)
{
	const char *q = p;

	if (*p == '(' || *p == ')')
		return p + 1;
	if (*p == '"') {
		q = string_end(p, io->end);
		if (q)
			return q;
		io_fail(io, "a string is not closed");
		return io->end;
	}
	while (q < io->end && !blank(*q) && *q != '(' && *q != ')' && *q != '"')
		q++;
	return q;
}

static void next(struct pio *io)
{
	const char *q;

	while (io->p < io->end && blank(*io->p))
		io->line += *io->p++ == '\n';
	io->tok = str_of(io->p, 0);
	if (io->p == io->end)
		return;
	q = token_end(io, io->p);
	io->tok.n = (size_t)(q - io->p);
	io->p = q;
}

void io_open(struct pio *io, struct arena *a, struct str text)
{
	*io = (struct pio) { .arena = a, .p = text.p, .end = text.p + text.n, .line = 1 };
	next(io);
}

bool io_failed(const struct pio *io)
{
	return io->why.n > 0;
}

void io_fail(struct pio *io, const char *text)
{
	if (io_failed(io) || !io_reading(io))
		return;
	io->why = arena_printf(io->arena, "line %u: %s", io->line, text);
	io->p = io->end;
	io->tok = str_of(io->end, 0);
}

bool io_at_end(const struct pio *io)
{
	return io->tok.n == 0 || io->tok.p[0] == ')';
}

static bool take(struct pio *io, const char *word)
{
	if (!str_eq(io->tok, str_from(word)))
		return false;
	next(io);
	return true;
}

/* ---- both ways ---- */

/* The stream is this thread's alone: no lock for each byte. */
static void write_word(FILE *out, const char *word)
{
	putc_unlocked(' ', out);
	fwrite_unlocked(word, 1, strlen(word), out);
}

bool io_key(struct pio *io, const char *word, bool present)
{
	if (io_reading(io))
		return take(io, word);
	if (present)
		write_word(io->out, word);
	return present;
}

bool io_line(struct pio *io, unsigned depth, const char *word, bool present)
{
	if (io_reading(io))
		return take(io, word);
	if (present)
		fprintf(io->out, "\n%.*s%s", (int)depth, "\t\t\t\t", word);
	return present;
}

bool io_begin(struct pio *io)
{
	if (!io_reading(io)) {
		write_word(io->out, "(");
		return true;
	}
	if (io->depth == PIO_DEPTH_MAX)
		io_fail(io, "nested too deep");
	if (!take(io, "(")) {
		io_fail(io, "expected \"(\"");
		return false;
	}
	io->depth++;
	return true;
}

void io_end(struct pio *io)
{
	if (!io_reading(io)) {
		write_word(io->out, ")");
		return;
	}
	if (!take(io, ")"))
		io_fail(io, "expected \")\"");
	if (io->depth)
		io->depth--;
}

static void write_str(FILE *out, struct str s)
{
	putc_unlocked('"', out);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			fprintf(out, "\\x%02x", c);
		else
			putc_unlocked(c, out);
	}
	putc_unlocked('"', out);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of a string at <*i>: itself, or \" \\ \xHH. */
static int read_byte(struct str s, size_t *i)
{
	int hi, lo;

	if (s.p[*i] != '\\')
		return (unsigned char)s.p[(*i)++];
	if (*i + 1 < s.n && (s.p[*i + 1] == '"' || s.p[*i + 1] == '\\')) {
		*i += 2;
		return (unsigned char)s.p[*i - 1];
	}
	if (*i + 3 >= s.n || s.p[*i + 1] != 'x')
		return -1;
	hi = hex_digit(s.p[*i + 2]);
	lo = hex_digit(s.p[*i + 3]);
	*i += 4;
	return hi < 0 || lo < 0 ? -1 : hi << 4 | lo;
}

static struct str read_str(struct pio *io)
{
	struct str body = str_of(io->tok.p + 1, io->tok.n - 2);
	char *buf = arena_get(io->arena, body.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < body.n;) {
		int c = read_byte(body, &i);

		if (c < 0) {
			io_fail(io, "an escape in a string is none of \\\" \\\\ \\xHH");
			return str_of(buf, 0);
		}
		buf[n++] = (char)c;
	}
	next(io);
	return str_of(buf, n);
}

void io_value_str(struct pio *io, struct str *s)
{
	if (!io_reading(io)) {
		putc_unlocked(' ', io->out);
		write_str(io->out, *s);
	} else if (io->tok.n >= 2 && io->tok.p[0] == '"') {
		*s = read_str(io);
	} else {
		io_fail(io, "expected a string");
	}
}

/* Whole token as a signed decimal number. */
static bool token_num(struct str t, int64_t *n)
{
	bool minus = t.n > 1 && t.p[0] == '-';
	uint64_t v;

	if (!str_u64(str_skip(t, minus), INT64_MAX, &v))
		return false;
	*n = minus ? -(int64_t)v : (int64_t)v;
	return true;
}

void io_value_num(struct pio *io, int64_t *n, int64_t min, int64_t max)
{
	if (!io_reading(io)) {
		fprintf(io->out, " %" PRId64, *n);
		return;
	}
	if (!token_num(io->tok, n)) {
		*n = min;
		io_fail(io, "expected a number");
	} else if (*n < min || *n > max) {
		*n = min;
		io_fail(io, "number out of range");
	}
	next(io);
}

void io_value_word(struct pio *io, int *index, const char *const *words, int n)
{
	if (!io_reading(io)) {
		write_word(io->out, words[*index]);
		return;
	}
	for (int i = 0; i < n; i++)
		if (take(io, words[i])) {
			*index = i;
			return;
		}
	*index = 0;
	io_fail(io, "a word that this version does not know");
}

void io_str(struct pio *io, const char *key, struct str *s)
{
	if (io_key(io, key, s->n > 0))
		io_value_str(io, s);
}

void io_flag(struct pio *io, const char *key, bool *b)
{
	bool on = io_key(io, key, *b);

	if (io_reading(io))
		*b = on;
}

void io_num(struct pio *io, const char *key, int64_t *n, int64_t min, int64_t max)
{
	if (io_key(io, key, *n != 0))
		io_value_num(io, n, min, max);
}

uint32_t io_count(struct pio *io, const char *key, uint32_t n)
{
	int64_t v = n;

	if (!io_key(io, key, n > 0))
		return 0;
	io_value_num(io, &v, 0, PIO_ITEMS_MAX);
	if (!io_reading(io))
		return n;
	/* An element takes at least one byte and a blank: a count cannot ask for more memory
	 * than its text earns. */
	if (v > (io->end - io->p) / 2 + 1 || (uint64_t)v + io->items > PIO_ITEMS_MAX) {
		io_fail(io, "a list is longer than the text");
		return 0;
	}
	io->items += (uint32_t)v;
	return (uint32_t)v;
}

/* ---- references ---- */

struct str io_span(struct pio *io)
{
	const char *from = io->tok.p, *p = from;
	unsigned depth = 0;

	if (io->tok.n == 0) {
		io_fail(io, "the text ends too early");
		return str_of(from, 0);
	}
	do {
		while (p < io->end && blank(*p))
			p++;
		if (p == io->end) {
			io_fail(io, "a bracket is not closed");
			return str_of(from, 0);
		}
		depth += *p == '(';
		if (*p == ')' && depth)
			depth--;
		p = token_end(io, p);
	} while (depth && !io_failed(io));
	return str_of(from, (size_t)(p - from));
}

void io_skip(struct pio *io, struct str span)
{
	if (io_failed(io))
		return;
	for (size_t i = 0; i < span.n; i++)
		io->line += span.p[i] == '\n';
	io->p = span.p + span.n;
	next(io);
}

static size_t slot_of(const struct pio *io, enum pio_kind kind, struct str key)
{
	uint64_t h = 14695981039346656037u + (uint64_t)kind;
	size_t i;

	for (size_t k = 0; k < key.n; k++)
		h = (h ^ (unsigned char)key.p[k]) * 1099511628211u;
	i = (size_t)(h ^ h >> 29) & (io->nslots - 1);
	while (io->slots[i].object && !(io->slots[i].kind == kind && str_eq(io->slots[i].key, key)))
		i = (i + 1) & (io->nslots - 1);
	return i;
}

static void grow(struct pio *io)
{
	struct pio_slot *old = io->slots;
	size_t n = io->nslots;

	io->nslots = n ? n * 2 : 64;
	io->slots = ARENA_ARRAY(io->arena, struct pio_slot, io->nslots);
	for (size_t i = 0; i < n; i++)
		if (old[i].object)
			io->slots[slot_of(io, old[i].kind, old[i].key)] = old[i];
}

bool io_define(struct pio *io, enum pio_kind kind, struct str span, void *object)
{
	size_t i;

	if (io->used * 2 >= io->nslots)
		grow(io);
	i = slot_of(io, kind, span);
	if (io->slots[i].object)
		return false;
	io->slots[i] = (struct pio_slot) { .key = span, .object = object, .kind = kind };
	io->used++;
	return true;
}

void *io_lookup(const struct pio *io, enum pio_kind kind, struct str span)
{
	return io->nslots ? io->slots[slot_of(io, kind, span)].object : NULL;
}
