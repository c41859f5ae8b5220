/* SPDX-License-Identifier: Apache-2.0 */
#include "keyword.h"

#include <stdlib.h>

#include "../generated/grammar.h"
#include "diag.h"
#include "program.h"

/* clang-format off */
#define STR_OF(lit) { .p = (lit), .n = sizeof(lit) - 1 }

static const struct str options[] = {
#define OPTION(id, words, ...) STR_OF(words),
#include "../grammar/option.def"
};

static const struct str actions[] = {
#define ACTION(id, word, ...) STR_OF(word),
#include "../grammar/action.def"
	STR_OF("permit"),
};

/* Arguments of subjects, as in subject.def. */
enum arg { ARG_NONE, ARG_NAME, ARG_SECTION, ARG_NUM, ARG_FORMAT, ARG_WORD };

static const struct {
	struct str name;
	enum arg arg;
} subjects[] = {
#define SUBJECT(id, word, arg, ...) { STR_OF(word), ARG_##arg },
#include "../grammar/subject.def"
	{ STR_OF("len"), ARG_NAME }, { STR_OF("count"), ARG_NAME },
};

static const struct str operators[] = {
#define OPERATOR(id, yes, no, ...) STR_OF(yes), STR_OF(no),
#include "../grammar/operator.def"
};

static const struct str headers[] = {
	[SEC_GLOBAL] = STR_OF("global"), [SEC_PROFILE] = STR_OF("profile"),
	[SEC_LISTEN] = STR_OF("listen"), [SEC_FRONTEND] = STR_OF("frontend"),
	[SEC_REQRULES] = STR_OF("reqrules"), [SEC_BACKEND] = STR_OF("backend"),
	[SEC_RSPRULES] = STR_OF("rsprules"), [SEC_CHECKPOINT] = STR_OF("checkpoint"),
	[SEC_SET] = STR_OF("set"), [SEC_MAP] = STR_OF("map"), [SEC_TEST] = STR_OF("test"),
};

static const struct str starts[] = {
	STR_OF("req"), STR_OF("rsp"), STR_OF("resp"), STR_OF("conn"), STR_OF("sess"), STR_OF("acl"),
	STR_OF("param"), STR_OF("assert"), STR_OF("include"),
};

static const struct {
	const char *word;
	int token;
} tokens[] = { /* sorted by word */
	{ "&&", TOK_AND }, { "acl", TOK_ACL }, { "add", TOK_ADD }, { "allow", TOK_ACT0 },
	{ "always", TOK_ALWAYS }, { "append", TOK_ACT1 }, { "append-slash", TOK_ROPT },
	{ "as", TOK_AS }, { "assert", TOK_ASSERT }, { "auth", TOK_AUTH }, { "body", TOK_BODY },
	{ "capture", TOK_CAPTURE }, { "conn", TOK_DIR }, { "count", TOK_ACT1 },
	{ "default", TOK_DEFAULT }, { "delete", TOK_DEL }, { "deny", TOK_ACTN },
	{ "drop", TOK_ACT0 }, { "drop-query", TOK_ROPT }, { "file", TOK_FILE },
	{ "header", TOK_HEADER }, { "if", TOK_IF }, { "in", TOK_WHERE },
	{ "include", TOK_INCLUDE }, { "len", TOK_LEN }, { "log", TOK_ACT1 },
	{ "maploc", TOK_ACT2 }, { "mapuri", TOK_ACT2 }, { "never", TOK_NEVER },
	{ "not", TOK_NOT }, { "on", TOK_ON }, { "out", TOK_WHERE }, { "param", TOK_PARAM },
	{ "pass", TOK_ACT1 }, { "permit", TOK_ACT0 }, { "prefix", TOK_PREFIX },
	{ "rebase", TOK_REBASE }, { "redir", TOK_REDIR }, { "rem", TOK_ACT1 },
	{ "remap_uri", TOK_OLD2 }, { "rep", TOK_ACT3 }, { "replace", TOK_REPLACE },
	{ "req", TOK_DIR }, { "reqadd", TOK_OLD1 }, { "reqdel", TOK_OLD1 },
	{ "reqidel", TOK_OLD1 }, { "reqisetbe", TOK_OLD2 }, { "reqline", TOK_ACT2 },
	{ "resp", TOK_DIR }, { "respond", TOK_RESPOND }, { "rewrite", TOK_ACT2 },
	{ "rsp", TOK_DIR }, { "scheme", TOK_SCHEME }, { "sess", TOK_DIR }, { "set", TOK_SET },
	{ "set_host", TOK_OLD1 }, { "setbe", TOK_SETBE }, { "setdst", TOK_ACT1 },
	{ "setsrc", TOK_ACT1 }, { "setvar", TOK_ACT2 }, { "stsline", TOK_ACT2 },
	{ "switch", TOK_SWITCH }, { "tarpit", TOK_ACTN }, { "then", TOK_THEN },
	{ "type", TOK_TYPE }, { "unless", TOK_UNLESS }, { "uriremap", TOK_UREMAP },
	{ "users", TOK_USERS }, { "||", TOK_OR },
};

/* clang-format on */
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static bool listed(const struct str *list, size_t n, struct str word)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].n && str_eq(list[i], word))
			return true;
	return false;
}

enum section_kind keyword_section(struct str word)
{
	for (size_t i = SEC_GLOBAL; i < COUNT(headers); i++)
		if (str_eq(headers[i], word))
			return (enum section_kind)i;
	return SEC_FILE;
}

const char *keyword_header(enum section_kind kind)
{
	return kind == SEC_FILE ? "file" : headers[kind].p;
}

int keyword_token(struct str word)
{
	size_t lo = 0, hi = COUNT(tokens);

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = str_cmp(word, str_from(tokens[mid].word));

		if (c == 0)
			return tokens[mid].token;
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return listed(operators, COUNT(operators), word) ? TOK_OP : 0;
}

bool keyword_reserved(struct str word)
{
	switch (keyword_token(word)) {
	case TOK_ON:
	case TOK_UNLESS:
	case TOK_NOT:
	case TOK_IF:
	case TOK_THEN:
		return true;
	default:
		return false;
	}
}

bool keyword_operator(struct str word)
{
	return listed(operators, COUNT(operators), word);
}

bool keyword_action(struct str word)
{
	return listed(actions, COUNT(actions), word);
}

/* Word <k> of keyword <id>, empty when it has fewer. */
static struct str option_word(size_t id, size_t k)
{
	struct str rest = options[id], word = str_cut(&rest, ' ');

	while (k-- && rest.p)
		word = str_cut(&rest, ' ');
	return k == SIZE_MAX ? word : S("");
}

/* An option or a header that begins with the same word wins: log, set. */
bool keyword_starts_rule(struct str word)
{
	switch (keyword_token(word)) {
	case TOK_DIR:
	case TOK_IF:
	case TOK_OLD1:
	case TOK_OLD2:
	case TOK_REPLACE:
		return true;
	default:
		break;
	}
	if (!keyword_action(word) || keyword_section(word) != SEC_FILE)
		return false;
	for (size_t i = 0; i < COUNT(options); i++)
		if (str_eq(option_word(i, 0), word))
			return false;
	return true;
}

bool keyword_subject(struct str name, bool alone)
{
	if (str_istarts(name, S("req.")))
		name = str_skip(name, 4);
	for (size_t i = 0; i < COUNT(subjects); i++)
		if (str_ieq(subjects[i].name, name))
			return !alone || subjects[i].arg == ARG_NONE;
	return false;
}

static size_t option_words(size_t id)
{
	size_t n = 1;

	for (size_t i = 0; i < options[id].n; i++)
		n += options[id].p[i] == ' ';
	return n;
}

/* Two spellings of one option: the later row says that it is the same as the former. */
static int whole(size_t id)
{
	return id == OPT_TIMEOUT_CONNECTION ? OPT_TIMEOUT_CONNECT : (int)id;
}

/* Keeps in <alive> the keywords whose word <k> is <word>, exactly if there is one. Says how
 * many are left. */
static size_t narrow(bool *alive, size_t k, struct str word)
{
	bool fits[COUNT(options)] = { false }, exact = false;
	size_t n = 0;

	for (size_t i = 0; i < COUNT(options); i++) {
		struct str w = option_word(i, k);

		if (!alive[i] || w.n == 0)
			continue;
		if (str_eq(w, word)) {
			if (!exact)
				memset(fits, 0, sizeof(fits));
			exact = fits[i] = true;
		} else if (!exact && option_words(i) > 1 && word.n && str_starts(w, word)) {
			fits[i] = true;
		}
	}
	for (size_t i = 0; i < COUNT(options); i++)
		n += fits[i];
	if (n)
		memcpy(alive, fits, sizeof(fits));
	return n;
}

/* Looks at the keywords left over after <used> words. */
static struct keyword_match decide(const bool *alive, size_t used)
{
	struct keyword_match m = { .result = KEYWORD_NONE, .used = used };
	size_t complete = 0;

	for (size_t i = 0; i < COUNT(options); i++) {
		if (!alive[i])
			continue;
		if (option_words(i) == used) {
			if (complete && whole(i) == m.id)
				continue;
			complete++;
			m.id = whole(i);
		}
		if (m.ncandidates < KEYWORD_LIST)
			m.candidates[m.ncandidates++] = options[i];
	}
	m.result = complete == 0   ? KEYWORD_INCOMPLETE
		   : complete == 1 ? KEYWORD_FOUND
				   : KEYWORD_AMBIGUOUS;
	return m;
}

struct keyword_match keyword_option(const struct str *words, size_t n)
{
	struct keyword_match none = { .result = KEYWORD_NONE };
	bool alive[COUNT(options)];
	size_t used = 0;

	memset(alive, true, sizeof(alive));
	while (used < n && narrow(alive, used, words[used]))
		used++;
	return used ? decide(alive, used) : none;
}

struct str keyword_option_name(int id)
{
	return options[id];
}

struct str keyword_near_statement(struct str word)
{
	struct str all[COUNT(headers) + COUNT(starts) + COUNT(options)], near;
	size_t n = 0;

	for (size_t i = SEC_GLOBAL; i < COUNT(headers); i++)
		all[n++] = headers[i];
	for (size_t i = 0; i < COUNT(starts); i++)
		all[n++] = starts[i];
	for (size_t i = 0; i < COUNT(options); i++)
		all[n++] = option_word(i, 0);
	near = diag_nearest(word, all, n);
	for (size_t i = 0; i < n && near.n == 0 && word.n >= 3; i++)
		if (str_starts(all[i], word))
			near = all[i]; /* headers are never shortened, but people try */
	return near;
}

struct str keyword_near_action(struct str word)
{
	return diag_nearest(word, actions, COUNT(actions));
}

struct str keyword_near_subject(struct str word)
{
	struct str all[COUNT(subjects)];

	for (size_t i = 0; i < COUNT(subjects); i++)
		all[i] = subjects[i].name;
	return diag_nearest(word, all, COUNT(all));
}
