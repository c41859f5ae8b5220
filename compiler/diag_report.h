/* SPDX-License-Identifier: Apache-2.0 */
/* diag_report: the reports that diag.h collects, for those that print them or choose among them:
 * diag_text, diag_form, lint_*. Nothing here makes a report. */
#ifndef WEIR_DIAG_REPORT_H
#define WEIR_DIAG_REPORT_H

#include "diag.h"

enum diag_class {
	CLASS_EXACT, /* proved, or certain from the text */
	CLASS_HEURISTIC /* rests on a guess at what was meant */
};
enum diag_fixable { FIX_NONE, FIX_SAFE, FIX_UNSAFE };

struct diag_row {
	const char *name; /* "W101" */
	enum severity severity;
	const char *format, *hint, *doc;
};

/* A row of diag_help.def. */
struct diag_help {
	enum diag_class class;
	enum diag_fixable fix;
	const char *todo; /* what to do, a sentence */
	const char *bad, *good; /* whole sites; bad gives the code, good does not */
};

struct diag_note {
	struct diag_note *next;
	struct at at;
	struct str text;
};

struct diag_edit {
	struct diag_edit *next;
	uint32_t file;
	size_t from, to;
	struct str text;
};

struct diag_repair {
	bool safe;
	struct str what;
	struct diag_edit *edits, **last;
};

struct diag_report {
	enum diag_code code;
	enum severity severity;
	unsigned order;
	bool hidden; /* not selected, suppressed, or in the baseline; set by diag_hide() */
	struct at at;
	struct str text, hint;
	struct diag_note *notes, **last_note;
	struct diag_witness *witness; /* or NULL */
	struct diag_repair *repair; /* or NULL */
};

extern const char *const diag_severities[];

const struct diag_row *diag_row(enum diag_code code);
/* NULL: the code has no row in diag_help.def. */
const struct diag_help *diag_help(enum diag_code code);
/* The code named <word>; leading zeroes of its number do not count. DIAG_CODES: none. */
enum diag_code diag_find(struct str word);

/* Reports that are not hidden, in order of place. The array is the collection's and holds until
 * the next call; <n> gets their number. */
struct diag_report **diag_sorted(unsigned *n);
/* All of them, hidden ones too, in the order in which they were made. */
struct diag_report *diag_all(unsigned *n);
void diag_hide(struct diag_report *r);
/* Reports beyond diag_limit(). */
unsigned diag_dropped(void);

/* Text of the statement of <at> as a key that survives moving it: blanks joined, comments gone. */
struct str diag_statement(struct arena *a, struct at at);
/* 16 hexadecimal digits of a hash of code, section name and statement. */
struct str diag_fingerprint(struct arena *a, const struct diag_report *r);

#endif
