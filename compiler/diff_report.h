/* SPDX-License-Identifier: Apache-2.0 */
/* diff_report: what weir diff says: the structural differences and the classes of requests that
 * are treated differently, in several forms. It compares nothing. */
#ifndef WEIR_DIFF_REPORT_H
#define WEIR_DIFF_REPORT_H

#include "compare/compare.h"
#include "diff.h"
#include "diff_replay.h"

enum report_format {
	REPORT_TEXT,
	REPORT_JSON,
	REPORT_MD,
	REPORT_SARIF,
	REPORT_GITHUB,
	REPORT_HTML
};

struct diff_report {
	struct arena *a;
	const char *old_name, *new_name; /* as on the command line */
	const struct diff *structure;
	const struct compare *classes;
	const struct diff_replay *replay; /* NULL: without a log */
	uint32_t shown; /* classes printed: --max-classes */
	uint32_t settings; /* structural differences that are no rules and no acls */
	const char *verdict; /* EQUIVALENT, DIFFERENT, UNDECIDED */
};

bool report_format(const char *word, enum report_format *f);
void report_write(const struct diff_report *r, enum report_format f, FILE *out);

/* Parts of it, for the forms. */
void report_json(const struct diff_report *r, FILE *out);
void report_sarif(const struct diff_report *r, FILE *out);
void report_html(const struct diff_report *r, FILE *out);
/* The verdict as a sentence, and the counts. */
void report_verdict(const struct diff_report *r, FILE *out);
/* "site.weir:12 req in deny 403", or "the end of the rules". */
void report_rule(const struct diff_report *r, bool is_new, const struct p_rule *rule, FILE *out);
/* "4 logged requests, the first in line 7: GET /a", or "no logged request", of a log. */
struct str report_logged(const struct diff_report *r, const struct compare_class *c);
/* What became of the log, as lines of text. */
void report_replay(const struct diff_report *r, FILE *out);
/* Does some request get there or not: by the test of no rule. */
unsigned report_count(const struct diff_report *r, enum compare_severity s);

#endif
