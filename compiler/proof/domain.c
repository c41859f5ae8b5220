/* SPDX-License-Identifier: Apache-2.0 */
#include "domain.h"

#include "../symbol.h"

bool domain_label_byte(char c)
{
	c = ascii_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* Behind the byte at <i>: a class and an escape are one. */
static size_t skip_item(struct str s, size_t i)
{
	if (s.p[i] == '\\')
		return i + 2;
	if (s.p[i] == '[') {
		i += i + 1 < s.n && s.p[i + 1] == '^' ? 3 : 2;
		while (i < s.n && s.p[i] != ']')
			i += s.p[i] == '\\' ? 2 : 1;
	}
	return i + 1;
}

/* Length of a dot of any spelling at <i>, 0: none. */
static size_t dot_at(struct str s, size_t i, bool *wild)
{
	*wild = false;
	if (str_starts(str_skip(s, i), S("\\.")))
		return 2;
	if (str_starts(str_skip(s, i), S("[.]")))
		return 3;
	*wild = s.p[i] == '.' && i > 0 && domain_label_byte(s.p[i - 1]) && i + 1 < s.n &&
		domain_label_byte(s.p[i + 1]);
	return *wild ? 1 : 0;
}

static bool repeats(struct str s, size_t i)
{
	return i < s.n && (s.p[i] == '*' || s.p[i] == '+' || s.p[i] == '?' || s.p[i] == '{');
}

/* May what follows at <i> be more letters of the name? Then where it ends is not known. */
static bool goes_on(struct str s, size_t i)
{
	struct str rest = str_skip(s, i);

	if (str_starts(rest, S("(?:")))
		rest = str_skip(rest, 3);
	else if (str_starts(rest, S("(")))
		rest = str_skip(rest, 1);
	else
		return str_starts(rest, S("[")) || str_starts(rest, S("\\"));
	return rest.n && !strchr(":/$|", rest.p[0]) && !str_starts(rest, S("\\.?"));
}

static bool is_domain(struct str s)
{
	ptrdiff_t dot = -1;

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '.')
			dot = (ptrdiff_t)i;
	if (dot <= 0 || s.n - (size_t)dot < 3)
		return false;
	for (size_t i = (size_t)dot + 1; i < s.n; i++)
		if (ascii_lower(s.p[i]) < 'a' || ascii_lower(s.p[i]) > 'z')
			return false;
	return true;
}

/* Does the label that begins at <i> go on to the left, in a class of letters? */
static bool label_before(struct str s, size_t i)
{
	if (i && s.p[i - 1] == '}')
		while (i && s.p[i - 1] != '{')
			i--;
	if (i && strchr("*+?{", s.p[i - 1]))
		i--;
	return i &&
	       (s.p[i - 1] == ']' || (i > 1 && s.p[i - 2] == '\\' && strchr("dw", s.p[i - 1])));
}

/* Takes the first label of <name> off. */
static struct str without_label(struct str name)
{
	ptrdiff_t dot = str_chr(name, '.');

	return dot < 0 ? str_of("", 0) : str_skip(name, (size_t)dot + 1);
}

bool domain_next(struct arena *a, struct str s, size_t *from, struct domain *d)
{
	struct textbuf b = { 0 };
	size_t i = *from;
	bool open = false; /* its first label is more than what is written */

	*d = (struct domain) { 0 };
	while (i < s.n) {
		bool wild;
		size_t dot = dot_at(s, i, &wild), start = b.n;

		if (domain_label_byte(s.p[i]) && !repeats(s, i + 1)) {
			open = start ? open : label_before(s, i);
			textbuf_byte(a, &b, s.p[i++]);
			continue;
		}
		if (dot && start && !repeats(s, i + dot)) {
			if (wild && !d->has_wild)
				*d = (struct domain) { .has_wild = true, .wild_at = start };
			textbuf_byte(a, &b, '.');
			i += dot;
			continue;
		}
		d->name = textbuf_str(&b);
		if (is_domain(d->name) && !goes_on(s, i))
			break;
		b = (struct textbuf) { 0 };
		*d = (struct domain) { 0 };
		i = skip_item(s, i);
	}
	*from = i < s.n ? i + 1 : s.n + 1;
	d->name = textbuf_str(&b);
	if (open) {
		size_t cut = d->name.n;

		d->name = without_label(d->name);
		cut -= d->name.n;
		d->has_wild = d->has_wild && d->wild_at >= cut;
		d->wild_at -= d->has_wild ? cut : 0;
	}
	return is_domain(d->name);
}

struct str domain_dots_escaped(struct arena *a, struct str s)
{
	struct textbuf b = { 0 };
	bool wild;

	for (size_t i = 0, next; i < s.n; i = next) {
		size_t dot = dot_at(s, i, &wild);

		next = dot ? i + dot : skip_item(s, i);
		next = next < s.n ? next : s.n;
		if (wild)
			textbuf_byte(a, &b, '\\');
		textbuf_put(a, &b, str_of(s.p + i, next - i));
	}
	return textbuf_str(&b);
}
