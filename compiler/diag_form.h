/* SPDX-License-Identifier: Apache-2.0 */
/* diag_form: reports for other programs. All forms show the same collection (diag_report.h). */
#ifndef WEIR_DIAG_FORM_H
#define WEIR_DIAG_FORM_H

#include "diag.h"

enum diag_format { FORM_TEXT, FORM_JSON, FORM_SARIF, FORM_GITHUB, FORM_GCC };

/* The format named <word>. False: there is none. */
bool diag_format(const char *word, enum diag_format *f);

/* What stands before the first site, between two, and behind the last. */
void diag_form_open(FILE *out, enum diag_format f);
void diag_form_close(FILE *out, enum diag_format f);
/* The reports of one site; <first>: the first one after diag_form_open(). JSON: one object
 * {"version":1,"diagnostics":[...]} on a line; SARIF: one run. docs/ has the schemas. */
void diag_form_site(FILE *out, enum diag_format f, bool first);

#endif
