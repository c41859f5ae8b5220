/* SPDX-License-Identifier: Apache-2.0 */
/* ast: what the text says, before any name is resolved. Built by grammar actions (one constructor
 * call each), read only by the resolve and lower passes. Every node carries its place. All memory
 * is the compile arena's. */
#ifndef WEIR_AST_H
#define WEIR_AST_H

#include "../runtime/base/arena.h"
#include "../runtime/base/str.h"

/* A place in the text. <file> indexes the source set (source.h); line and col count from 1, col in
 * bytes; <len> bytes are underlined. line 0 = no place. */
struct at {
	uint32_t file, line, col, len;
};

enum section_kind {
	SEC_FILE, /* before the first header: acl, param, assert */
	SEC_GLOBAL,
	SEC_PROFILE,
	SEC_LISTEN,
	SEC_FRONTEND,
	SEC_REQRULES,
	SEC_BACKEND,
	SEC_RSPRULES,
	SEC_CHECKPOINT,
	SEC_SET,
	SEC_MAP,
	SEC_TEST
};

#define VAL_ICASE 0x01 /* option letter i */
#define VAL_CASE 0x02 /* option letter c */
#define VAL_FREE 0x04 /* option letter x */
#define VAL_BOUND 0x08 /* option letter b */

/* One value. <text> is the word, or what stands between the delimiters with \DELIM already reduced
 * to DELIM and every other escape still in place (their meaning depends on use). */
struct ast_value {
	struct ast_value *next;
	struct at at;
	struct str text;
	char delim; /* 0 for a bare word, else '"' '\'' or '/' */
	uint8_t opts; /* VAL_* */
	struct at opts_at;
};

/* NAME or NAME(args). Also a converter after '|'. */
struct ast_func {
	struct ast_func *next; /* the next converter */
	struct at at;
	struct str name; /* as spelt */
	bool call; /* has parentheses */
	struct ast_value *args;
	struct ast_subject *inner; /* of len(...) and count(...), else NULL */
};

struct ast_subject {
	struct at at;
	struct str text; /* as written */
	struct ast_func *head;
	struct ast_func *convs;
};

enum ast_source { VALS_INLINE, VALS_FILE, VALS_SET };

struct ast_test {
	struct at at;
	struct ast_subject *subject;
	struct str op; /* empty: presence or truth */
	struct at op_at;
	enum ast_source
		from; /* file "x" | set NAME: the one value is the file's or the set's name */
	struct ast_value *values;
};

enum expr_kind { EXPR_AND, EXPR_OR, EXPR_NOT, EXPR_TEST, EXPR_NAME /* acl, or "all" */ };

struct ast_expr {
	struct ast_expr *next; /* sibling */
	struct at at;
	enum expr_kind kind;
	struct ast_expr *kids; /* AND, OR: at least two; NOT: one */
	struct ast_test *test;
	struct str name;
};

/* One action: its word, then arguments as written up to the test, "on", "unless", ";" or the line's
 * end. An argument is a value or (after "capture", "switch %{}" is a value) a subject. */
struct ast_arg {
	struct ast_arg *next;
	struct at at;
	struct ast_value *value; /* exactly one of the two is set */
	struct ast_subject *subject; /* capture WHAT, set h(x) V */
};

struct ast_action {
	struct ast_action *next;
	struct at at;
	struct str word;
	struct ast_arg *args;
};

enum rule_dir { DIR_CONN_IN, DIR_SESS_IN, DIR_REQ_IN, DIR_REQ_OUT, DIR_RSP_IN, DIR_RSP_OUT };
#define RULE_DIRS 6

struct ast_rule {
	struct at at;
	enum rule_dir dir;
	struct ast_action *actions;
	struct ast_test *test; /* inline test, or NULL */
	bool test_not;
	struct ast_expr *cond; /* after on or unless, or NULL */
	bool unless;
	struct at cond_at;
};

struct ast_acl {
	struct at at, name_at;
	struct str name;
	struct ast_test *test; /* acl NAME what op values, else */
	struct ast_expr *expr; /* acl NAME on condition; neither: reported, stands for the name */
};

struct ast_param {
	struct at at, name_at;
	struct str name;
	struct ast_value *def; /* or NULL */
};

struct ast_assert {
	struct at at;
	bool always;
	struct ast_action *action;
	struct ast_expr *cond;
	bool unless;
};

/* An option statement: <id> of option.def found by prefix matching, then its values as written. */
struct ast_option {
	struct at at; /* the keyword words */
	int id; /* enum option */
	struct ast_value *values;
};

/* A line inside set, map or test: words as written ("value a b", "KEY VALUE", "file F", "request
 * GET /x host h"). */
struct ast_line {
	struct at at;
	struct ast_value *values;
};

enum stmt_kind { STMT_RULE, STMT_ACL, STMT_PARAM, STMT_ASSERT, STMT_OPTION, STMT_LINE };

struct ast_stmt {
	struct ast_stmt *next;
	struct at at;
	enum stmt_kind kind;
	union {
		struct ast_rule *rule;
		struct ast_acl *acl;
		struct ast_param *param;
		struct ast_assert *assertion;
		struct ast_option *option;
		struct ast_line *line;
	};
};

struct ast_section {
	struct ast_section *next;
	struct at at, name_at;
	enum section_kind kind;
	struct str name; /* empty for SEC_FILE and global; "?..." when it was reported */
	struct ast_value *args; /* words after the name: listen NAME ADDRESS, map NAME =^ dynamic,
				   set NAME dynamic */
	struct ast_stmt *stmts;
};

struct ast {
	struct ast_section *sections; /* in text order, the first is SEC_FILE */
};

#endif
