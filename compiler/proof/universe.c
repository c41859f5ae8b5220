/* SPDX-License-Identifier: Apache-2.0 */
#include "universe.h"

#include "../../runtime/base/bug.h"
#include "../../runtime/base/h1_class.h"

/* What a pattern below may name in "<…>". */
static const struct named_class {
	struct str name;
	uint8_t bits;
	struct str without;
} classes[] = {
	{ S("token"), H1_TOKEN, S("") },
	{ S("target"), H1_TARGET, S("") },
	{ S("path"), H1_SEGMENT, S("") },
	{ S("nodot"), H1_SEGMENT, S(".") },
	{ S("value"), H1_VALUE, S("") },
	{ S("cookie"), H1_VALUE, S(";") },
	{ S("parameter"), H1_TARGET, S("&") },
	{ S("name"), H1_REG_NAME, S("") },
	{ S("namend"), H1_REG_NAME, S(".") },
	{ S("lower"), H1_REG_NAME, S("ABCDEFGHIJKLMNOPQRSTUVWXYZ") },
	{ S("lowerend"), H1_REG_NAME, S(".ABCDEFGHIJKLMNOPQRSTUVWXYZ") },
	{ S("inner"), H1_VALUE, S(" \t") },
	{ S("innercookie"), H1_VALUE, S("; \t") },
};

#define PORT "0*(?:[0-9]{0,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
#define V6 "\\[[0-9A-Fa-f:.]{2,45}\\]"
/* host [":" port]; a name may end in one dot. */
#define HOST_PORT "(?:(?:<name>*<namend>\\.?|" V6 ")(?::" PORT ")?)"
/* One segment of a normal path, neither "." nor "..". */
#define SEGMENT                                                                                    \
	"(?:(?:<nodot>|<escape>)(?:<path>|<escape>)*"                                              \
	"|\\.(?:<nodot>|<escape>)(?:<path>|<escape>)*|\\.\\.(?:<path>|<escape>)+)"

static const char *const patterns[UNIVERSES] = {
	[UNIVERSE_METHOD] = "<token>{1,64}",
	[UNIVERSE_PATH] = "/|(?:/" SEGMENT ")+/?|\\*",
	[UNIVERSE_QUERY] = "<target>*",
	[UNIVERSE_HOST] = "<lower>*<lowerend>|\\[[0-9a-f:.]{2,45}\\]",
	[UNIVERSE_HOST_FIELD] = HOST_PORT "?",
	[UNIVERSE_FIELD_NAME] = "<token>+",
	[UNIVERSE_FIELD_VALUE] = "(?:<inner>(?:<value>*<inner>)?)?",
	[UNIVERSE_COOKIE] = "(?:<innercookie>(?:<cookie>*<innercookie>)?)?",
	[UNIVERSE_PARAMETER] = "<parameter>*",
	[UNIVERSE_SCHEME] = "(?i)https?",
	[UNIVERSE_VERSION] = "1\\.[01]|2\\.0",
	[UNIVERSE_LINE] = "<token>{1,64} <target>+ HTTP/(?:1\\.[01]|2\\.0)",
};

struct text {
	char *p;
	size_t n;
};

static void put(struct text *t, struct str s)
{
	memcpy(t->p + t->n, s.p, s.n);
	t->n += s.n;
}

static void put_byte(struct text *t, const char *before, unsigned c)
{
	static const char hex[] = "0123456789ABCDEF";

	put(t, str_from(before));
	t->p[t->n++] = hex[c >> 4];
	t->p[t->n++] = hex[c & 15];
}

static void put_class(struct text *t, const struct named_class *c)
{
	put(t, S("["));
	for (unsigned b = 0; b < 256; b++)
		if (h1_class((char)b) & c->bits && str_chr(c->without, (char)b) < 0)
			put_byte(t, "\\x", b);
	put(t, S("]"));
}

/* Escapes that a normal path keeps: of bytes that are not unreserved, NUL excepted. */
static void put_escapes(struct text *t)
{
	put(t, S("(?:%(?:"));
	for (unsigned b = 1; b < 256; b++)
		if (!(h1_class((char)b) & H1_UNRESERVED))
			put_byte(t, b == 1 ? "" : "|", b);
	put(t, S("))"));
}

static void put_name(struct text *t, struct str name)
{
	if (str_eq(name, S("escape"))) {
		put_escapes(t);
		return;
	}
	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++)
		if (str_eq(name, classes[i].name)) {
			put_class(t, &classes[i]);
			return;
		}
	BUG_ON(1);
}

/* The strings that <pattern> matches as a whole. */
static const struct dfa *language(struct arena *a, const char *pattern)
{
	struct budget b = BUDGET_DEFAULT;
	struct arena scratch = { 0 };
	struct str rest = str_from(pattern), why;
	struct text t = { .p = arena_get(&scratch, 32 * 1024) };
	const struct dfa *d;

	while (rest.p) {
		struct str plain = str_cut(&rest, '<');

		put(&t, plain);
		if (rest.p)
			put_name(&t, str_cut(&rest, '>'));
	}
	d = dfa_whole(a, re_parse(&scratch, str_of(t.p, t.n), false, false, &why), &b);
	BUG_ON(!d);
	arena_free(&scratch);
	return d;
}

/* [prefix] [path as received] ["?" query] */
static const struct dfa *target(struct arena *t, const char *prefix, const struct dfa *path,
				struct budget *b)
{
	const struct dfa *d = dfa_concat(t, path, language(t, "(?:\\?<target>*)?"), b);

	return dfa_concat(t, language(t, prefix), d, b);
}

static const struct dfa *uri(struct arena *a)
{
	struct budget b = BUDGET_DEFAULT;
	struct arena t = { 0 };
	const struct dfa *path, *d;

	path = universe_spellings(&t, dfa_all(&t), SPELLING_ALL, &b);
	d = target(&t, "", path, &b);
	path = dfa_union(&t, path, language(&t, ""), &b);
	d = dfa_union(&t, d, target(&t, "(?i:https?)://" HOST_PORT, path, &b), &b);
	d = dfa_union(a, d, language(&t, "\\*|" HOST_PORT), &b);
	arena_free(&t);
	return d;
}

const struct dfa *universe_make(struct arena *a, enum universe u)
{
	return u == UNIVERSE_URI ? uri(a) : language(a, patterns[u]);
}
