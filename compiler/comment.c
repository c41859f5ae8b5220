/* SPDX-License-Identifier: Apache-2.0 */
#include "comment.h"

#include "lex.h"

/* End of what begins at <p>, which is before <end>; <kind>: what it is. */
static const char *piece_end(const char *p, const char *end, enum piece *kind)
{
	const char *q = p, *stop = NULL;

	*kind = lex_piece(&q);
	if (*kind == PIECE_QUOTE || *kind == PIECE_SLASH)
		stop = lex_text(p);
	if (*kind == PIECE_SLASH && stop && stop < end && *stop != ' ' && *stop != '\t')
		stop = NULL; /* a path, no expression */
	if (*kind == PIECE_QUOTE || *kind == PIECE_SLASH || *kind == PIECE_WORD)
		q = stop ? stop : lex_word(p, false, false);
	if (!q || q <= p)
		q = p + 1;
	return q < end ? q : end;
}

size_t comment_start(struct str line)
{
	const char *p = line.p, *end = line.p + line.n;

	while (p < end) {
		enum piece kind;
		const char *q = piece_end(p, end, &kind);

		if (kind == PIECE_COMMENT)
			return (size_t)(p - line.p);
		p = q;
	}
	return line.n;
}

struct str comment_without(struct arena *a, struct str line)
{
	const char *end = line.p + comment_start(line), *p = line.p;
	char *out = arena_get(a, line.n + 1);
	size_t n = 0;

	while (p < end) {
		enum piece kind;
		const char *q = piece_end(p, end, &kind);

		if (kind == PIECE_BLANK) {
			if (n)
				out[n++] = ' ';
		} else {
			memcpy(out + n, p, (size_t)(q - p));
			n += (size_t)(q - p);
		}
		p = q;
	}
	while (n && out[n - 1] == ' ')
		n--;
	return str_of(out, n);
}
