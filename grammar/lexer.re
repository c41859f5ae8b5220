/* SPDX-License-Identifier: Apache-2.0 */
/* lexer: the pieces of a line. Every text ends with a LF, which no piece but the end passes. */
#include "../compiler/lex.h"

/*!re2c
	re2c:define:YYCTYPE = "unsigned char";
	re2c:yyfill:enable = 0;
	re2c:sentinel = 10;

	lf = [\r]? [\n];
	blank = [ \t];
	gap = [ \t\r\n];
	op = [=!] [=~*^%/.] | [<>] [=]?;
	pair = [\\] [^\n];
	double = ["] ([^"\n\\] | pair)* ["];
	single = ['] ([^'\n\\] | pair)* ['];
	slashed = [/] ([^/\n\\] | pair)* [/];
*/

enum piece lex_piece(const char **p)
{
	const unsigned char *YYCURSOR = (const unsigned char *)*p, *YYMARKER;
	enum piece found;

	/*!re2c
		*                       { return PIECE_WORD; }
		lf                      { found = PIECE_END; goto out; }
		blank+                  { found = PIECE_BLANK; goto out; }
		[\\] blank* lf          { found = PIECE_JOIN; goto out; }
		[#] [^\n]*              { found = PIECE_COMMENT; goto out; }
		[;]                     { found = PIECE_SEMI; goto out; }
		[,]                     { found = PIECE_COMMA; goto out; }
		[(]                     { found = PIECE_OPEN; goto out; }
		[)]                     { found = PIECE_CLOSE; goto out; }
		[!]                     { found = PIECE_BANG; goto out; }
		op / gap                { found = PIECE_OP; goto out; }
		["']                    { return PIECE_QUOTE; }
		[/]                     { return PIECE_SLASH; }
		[:] / ["']              { found = PIECE_COLON; goto out; }
	*/
out:
	*p = (const char *)YYCURSOR;
	return found;
}

const char *lex_text(const char *p)
{
	const unsigned char *YYCURSOR = (const unsigned char *)p, *YYMARKER;

	/*!re2c
		*                       { return NULL; }
		double | single | slashed { return (const char *)YYCURSOR; }
	*/
}

/* True when "sub(" stands before <p>: a regex between slashes may follow. */
static bool after_sub(const char *start, const char *p)
{
	return p - start >= 4 && memcmp(p - 4, "sub(", 4) == 0;
}

const char *lex_word(const char *p, bool function, bool map)
{
	const unsigned char *YYCURSOR = (const unsigned char *)p;
	size_t depth = 0;

	for (;;) {
		const char *at = (const char *)YYCURSOR;

		/*!re2c
			*               { continue; }
			[^ \t\r\n();,:"'/]+ { continue; }
			lf              { return function && depth ? NULL : at; }
			blank           { if (function && depth) continue; return at; }
			[;,] / gap      { if (function && depth) continue; return at; }
			[:] / ["']      { if (map && !depth) return at; continue; }
			[(]             { depth++; continue; }
			[)]             { if (depth-- == 0) return at; continue; }
			["'/]           { goto delimiter; }
		*/
delimiter:
		if (!function || !depth || (*at == '/' && !after_sub(p, at)))
			continue;
		YYCURSOR = (const unsigned char *)lex_text(at);
		if (!YYCURSOR)
			return NULL;
	}
}
