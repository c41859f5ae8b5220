/* SPDX-License-Identifier: Apache-2.0 */
/* diag: collected, coded messages shown at the source line with caret and hint. Every code is
 * one row of diag.def; codes are never reused. Passes report and go on; only main.c exits.
 * Who prints reports or chooses among them includes diag_report.h. */
#ifndef WEIR_DIAG_H
#define WEIR_DIAG_H

#include <stdio.h>

#include "ast.h"

enum severity { SEV_ERROR, SEV_WARNING, SEV_INFO };

enum diag_code {
#define DIAG(code, sev, format, hint, doc) code,
#include "diag.def"
	DIAG_CODES
};

/* Reports <code> at <at>; the row's format takes the arguments. The same code at the same place
 * is kept once. At most diag_limit() are kept; what is beyond is counted and said in one closing
 * line. */
void diag(enum diag_code code, struct at at, ...);
/* Adds a note to the last report: another place, or (line 0) a sentence alone. */
void diag_note(struct at at, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds or replaces the hint of the last report. */
void diag_hint(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Gives the last report another severity than its row has. */
void diag_severity(enum severity severity);

/* The request that shows what the last report claims, replayed by the interpreter before it was
 * reported. All texts are copied; empty ones are not shown. */
struct diag_witness {
	struct str request; /* as after "request" in a test block */
	struct str curl; /* a command line for a shell */
	struct str outcome; /* what came of it, one sentence */
};
void diag_witness(const struct diag_witness *w);

/* Gives the last report a repair: <what> is one sentence. <safe>: it never changes what a request
 * meets. Then diag_edit() for each piece. */
void diag_fix(bool safe, const char *what);
/* Bytes <from> to <to> of source <file> become <text>. Edits of one fix never overlap. */
void diag_edit(uint32_t file, size_t from, size_t to, struct str text);
/* diag_edit() of the bytes that <at> marks, which lie in one line. */
void diag_edit_at(struct at at, struct str text);
/* diag_edit() that takes away the whole line <line>, with its LF. */
void diag_edit_line(uint32_t file, uint32_t line);

#define DIAG_MAX 200
#define DIAG_ROOM_MAX 20000

/* How many reports are kept from now on: DIAG_MAX after diag_reset(), at most DIAG_ROOM_MAX. */
void diag_limit(unsigned n);

/* Reports of each severity, without hidden ones. */
unsigned diag_errors(void);
unsigned diag_warnings(void);
unsigned diag_infos(void);

/* Prints all reports in order of place: "file:line:col: error: text [E003]", source line,
 * caret, hint, notes. */
void diag_print_text(FILE *out);
/* Forgets everything (a process that handles several sites; tests). */
void diag_reset(void);

/* What stands on a line, for reports of things that know only their line: from the first byte
 * that is no blank to the last one. */
struct at diag_line(uint32_t file, uint32_t line);

/* Nearest of <n> candidates to <word> within an edit distance that a typo explains, or empty. */
struct str diag_nearest(struct str word, const struct str *candidates, size_t n);

#endif
