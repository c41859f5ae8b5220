/* SPDX-License-Identifier: Apache-2.0 */
/* lower_part: the functions that lower one construct each. Private to the lower pass. All return
 * NULL (or false) after a report. */
#ifndef WEIR_COMPILER_LOWER_PART_H
#define WEIR_COMPILER_LOWER_PART_H

#include "model.h"

/* lower_subject.c */
struct p_subject *lower_subject(struct use *u, const struct ast_subject *s);
/* In response rules a header test reads the response; "req." the request. W_* bits where subject
 * <id> exists. */
unsigned subject_where(enum subject_id id);
bool subject_is_request_only(enum subject_id id);
struct p_regex *lower_regex(struct use *u, const struct ast_value *v, bool icase);

/* lower_text.c: written texts. */
#define TEXT_ANY_BYTE 0x01 /* CR and LF may stand in it: a body */
#define TEXT_NO_BACKREF 0x02
#define TEXT_PARAMS 0x04 /* ${param} only: addresses, numbers, paths; no escapes but \\ */
struct p_text *lower_text(struct use *u, const struct ast_value *v, unsigned flags);
/* A text of constant bytes. */
struct p_text *lower_constant(struct model *m, struct str s);
/* The whole text when it is constant: false when it is computed. */
bool text_constant(const struct p_text *t, struct str *out);
/* Does <s> hold %{ or ${ that is not literal? */
bool text_has_subject(struct str s);
bool text_has_param(struct str s);
/* Reports a ${param} or %{subject} where only a constant may stand: true when there was one. */
bool text_refused(const struct ast_value *v, const char *why);

/* lower_test.c */
struct p_test *lower_test(struct use *u, const struct ast_test *t);
/* One value for a test of type <type> by <op>; <icase>: the subject's spelling. */
bool lower_value(struct use *u, const struct ast_value *v, enum p_type type, enum operator_id op,
		 bool icase, struct p_value *out);

/* lower_table.c: sets, maps and value files. */
struct p_set *lower_set(struct use *u, const struct ast_value *name, enum p_type type,
			enum operator_id op, bool icase);
struct p_map *lower_map(struct use *u, const struct ast_value *name, enum p_type type, bool icase);
/* Lines of <file>, without blank ones and comments, as values appended to <out>. */
bool lower_file(struct model *m, const struct ast_value *file, struct vec *out);
/* Reads all sets and maps; must run before what uses them. */
void lower_tables(struct model *m);

/* lower_cond.c */
struct p_expr *lower_cond(struct use *u, const struct ast_expr *e);
struct p_expr *expr_true(struct model *m);
struct p_expr *expr_test(struct model *m, struct p_test *t);
struct p_expr *expr_not(struct model *m, struct p_expr *e);
struct p_expr *expr_join(struct model *m, enum p_expr_kind kind, struct p_expr **kids, uint32_t n);
/* Lowers acls that nothing used, so that their faults are reported; W201. After everything else:
 * what they read does not get into the program. */
void lower_unused_acls(struct model *m);

/* lower_assert.c: after the rules. */
void lower_asserts(struct model *m);

/* lower_action.c, lower_edit.c */
struct lower_rule {
	struct use use;
	struct entity *entity;
	const struct ast_rule *ast;
	struct p_rule *out;
	struct p_test *test; /* the line's inline test, or NULL */
	const struct p_regex *line_groups; /* its groups when it is one-valued =~, else NULL */
	struct vec actions; /* struct p_action */
};

bool lower_action(struct lower_rule *r, const struct ast_action *a);
/* Header and message edits: lower_action has checked where they stand. */
bool lower_edit(struct lower_rule *r, const struct ast_action *a, struct p_action *out);
/* lower_answer.c: the arguments of the actions that answer. */
bool lower_deny(struct lower_rule *r, const struct ast_action *a, struct p_action *out);
bool lower_tarpit(const struct ast_action *a, struct p_action *out);
bool lower_auth(struct lower_rule *r, const struct ast_action *a, struct p_action *out);
bool lower_redir(struct lower_rule *r, const struct ast_action *a, struct p_action *out);
bool lower_respond(struct lower_rule *r, const struct ast_action *a, struct p_action *out);
/* E054: <usage> is what <a> takes. Always false. */
bool action_usage(const struct ast_action *a, const char *usage);
/* Number of arguments; the <n>th one as value, or NULL. */
unsigned action_nargs(const struct ast_action *a);
const struct ast_value *action_value(const struct ast_action *a, unsigned n);
bool action_header_name(const struct ast_value *v, struct str *name);
/* Text of an action with a REGEX of its own: <own> gives \0-\9. */
struct p_text *action_text(struct lower_rule *r, const struct ast_value *v,
			   const struct p_regex *own, unsigned flags);

#endif
