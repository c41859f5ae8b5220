/* SPDX-License-Identifier: Apache-2.0 */
#include "words.h"

/* clang-format off */
#define ARG_NONE false
#define ARG_NAME true
#define ARG_SECTION true
#define ARG_NUM true
#define ARG_FORMAT true
#define ARG_WORD true

const struct word words[] = {
	{ WORD_HEADER, "global", "", "", "options of the whole process", false },
	{ WORD_HEADER, "profile", "", "", "options that several sections share (use_profile)", false },
	{ WORD_HEADER, "listen", "", "", "frontend, rules and backend in one", false },
	{ WORD_HEADER, "frontend", "", "", "where connections come in, and the rules that they meet first", false },
	{ WORD_HEADER, "reqrules", "", "", "request rules that others switch to", false },
	{ WORD_HEADER, "backend", "", "", "servers, and the rules on the way to them and back", false },
	{ WORD_HEADER, "rsprules", "", "", "response rules that others switch to", false },
	{ WORD_HEADER, "checkpoint", "", "", "a limit of rate or concurrency", false },
	{ WORD_HEADER, "set", "", "", "named list of values", false },
	{ WORD_HEADER, "map", "", "", "keys and values: map NAME [==|=^|=*|=.|=~]", false },
	{ WORD_HEADER, "test", "", "", "requests and what must come of them, for weir test", false },
	{ WORD_STATEMENT, "req", "", "", "a rule on requests: req in|out ACTION", false },
	{ WORD_STATEMENT, "rsp", "", "", "a rule on answers: rsp in|out ACTION", false },
	{ WORD_STATEMENT, "conn", "", "", "a rule on new connections: conn in ACTION", false },
	{ WORD_STATEMENT, "sess", "", "", "a rule on sessions, after the handshake: sess in ACTION", false },
	{ WORD_STATEMENT, "acl", "", "", "a named test or condition: acl NAME WHAT OP VALUE, acl NAME on CONDITION", false },
	{ WORD_STATEMENT, "param", "", "", "a value bound at start: param NAME [default VALUE]", false },
	{ WORD_STATEMENT, "assert", "", "", "what no request may do: assert never|always ACTION on CONDITION", false },
	{ WORD_STATEMENT, "include", "", "", "another file, std/NAME for the library", false },
#define OPTION(id, word, owner, args, value, doc) { WORD_OPTION, word, owner, value, doc, false },
#include "../../grammar/option.def"
#define ACTION(id, word, where, final, doc) { WORD_ACTION, word, where, "", doc, false },
#include "../../grammar/action.def"
#define SUBJECT(id, word, arg, type, many, where, doc) { WORD_SUBJECT, word, where, "", doc, ARG_##arg },
#include "../../grammar/subject.def"
	{ WORD_SUBJECT, "len", "", "", "length in bytes of a subject", true },
	{ WORD_SUBJECT, "count", "", "", "number of values of a subject", true },
#define CONVERTER(id, word, args, in, out, doc) { WORD_CONVERTER, word, "", "", doc, sizeof(args) > 1 },
#include "../../grammar/converter.def"
#define OPERATOR(id, yes, no, doc) { WORD_OPERATOR, yes, "", "", doc, false }, \
	{ WORD_OPERATOR, no, "", "", "none of the values: " doc, false },
#include "../../grammar/operator.def"
};

/* clang-format on */
const size_t words_count = sizeof(words) / sizeof(*words);

const struct word *words_find(enum word_kind kind, struct str text)
{
	if (kind == WORD_SUBJECT && str_istarts(text, S("req.")))
		text = str_skip(text, 4);
	for (size_t i = 0; i < words_count && text.n; i++)
		if (words[i].kind == kind && str_ieq(str_from(words[i].word), text))
			return &words[i];
	return NULL;
}
