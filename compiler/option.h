/* SPDX-License-Identifier: Apache-2.0 */
/* option: the table of option.def as data, and option statements to settings. */
#ifndef WEIR_COMPILER_OPTION_H
#define WEIR_COMPILER_OPTION_H

#include "model.h"
#include "range.h"

struct option_row {
	const char *words; /* full spelling */
	const char *owner; /* letters of option.def */
	const char *args;
	const char *value; /* default, or empty */
};

const struct option_row *option_row(int id);
static inline bool option_has(int id, char letter)
{
	return strchr(option_row(id)->owner, letter) != NULL;
}
/* Letter of the sides that <kind> owns: "f", "b", "fb", "g", "k" or "". */
const char *option_sides(enum section_kind kind);
/* Is <id> one that a section of <kind> may state? */
bool option_owned(int id, enum section_kind kind);

/* Several statements of one option in a section: kept as a list (bind, server, error...)? */
bool option_repeats(int id);

/* option.c: single-valued options into p_setting, defaults included. */
void option_settings(struct model *m);
/* option_line.c: log, forwardfor, error, source, monitor-net, trusted, cpu-map and dispatch.
 * After option_settings. */
void option_lines(struct model *m);
/* option_bind.c: bind and server. */
void option_binds(struct model *m);

/* option_check.c: check. After option_binds. */
void option_checks(struct model *m);

/* option_cookie.c: cookie. After option_binds. */
void option_cookies(struct model *m);

struct thread_shape;
/* Threads and groups as far as the site says them: 0 where they are found at start. */
struct thread_shape option_threads(const struct model *m);

/* An address that may hold params. False after a report. */
/* Octal digits, as the mode of a file. */
bool option_octal(const struct ast_value *v, int64_t *out);
bool option_addr(struct model *m, struct scope *scope, const struct ast_value *v, const char *what,
		 struct p_addr *addr);
/* W209 at <v>, which is more than its network <net>; with the repair. */
void option_host_bits(const struct ast_value *v, const struct p_net *net);
/* "source" and its arguments from <v> on: returns what follows them. */
const struct ast_value *option_source(struct model *m, struct entity *e, const struct ast_value *v,
				      struct p_source *source);
/* Word <v> as a count, size or duration of <what>, at least <min>: false after a report. */
bool option_number(const struct ast_value *v, const char *what, enum option_unit unit, int64_t min,
		   int64_t max, int64_t *out);

#endif
