/* SPDX-License-Identifier: Apache-2.0 */
/* build: the constructors that grammar actions call, and what they pass each other. One call a
 * production; what is decided here is only what the text alone decides. Used by grammar.y and
 * parse.c. */
#ifndef WEIR_BUILD_H
#define WEIR_BUILD_H

#include "ast.h"
#include "lex.h"

/* Parse of one statement of the rule grammar. */
struct build {
	struct arena *arena;
	const struct token *tokens;
	size_t n, fed; /* tokens given to the parser so far */
	bool failed; /* reported: the statement is dropped */
	bool old; /* an old spelling, made canonical */
	struct ast_stmt *stmt; /* what was built */
	const struct token *include; /* or the path of an include */
};

struct value_list {
	struct ast_value *first, *last;
};
struct arg_list {
	struct ast_arg *first, *last;
};
struct expr_list {
	struct ast_expr *first, *last;
	size_t n;
};
struct cond {
	struct ast_expr *expr;
	bool unless;
	struct at at;
};
/* Actions joined by ';', the one test among them and, in old spellings, the condition. */
struct chain {
	struct ast_action *first, *last;
	struct ast_test *test;
	bool test_not;
	struct cond cond;
};
struct item {
	struct ast_action *action;
	struct ast_test *test;
	bool test_not;
	struct cond cond;
};

/* <a> to <b> when they stand on one line, else <a>. */
struct at at_join(struct at a, struct at b);
struct at at_value(const struct ast_value *v);

struct ast_value *build_value(struct build *b, const struct token *t);
struct value_list build_values(struct build *b, struct value_list l, struct ast_value *v);
struct ast_subject *build_subject(struct build *b, const struct token *t);
/* <op> NULL: presence. */
struct ast_test *build_test(struct build *b, struct ast_subject *s, const struct token *op,
			    struct value_list l);
struct ast_test *build_test_from(struct build *b, struct ast_subject *s, const struct token *op,
				 enum ast_source from, struct ast_value *name);

struct arg_list build_arg(struct build *b, struct arg_list l, struct ast_value *v);
struct arg_list build_arg_subject(struct build *b, struct arg_list l, struct ast_subject *s);
struct arg_list build_arg_word(struct build *b, struct arg_list l, const struct token *word,
			       struct ast_value *v);
struct ast_action *build_action(struct build *b, const struct token *word, struct arg_list l);
struct item build_item(struct build *b, struct ast_action *a, bool not_, struct ast_test *t);
struct chain build_chain(struct build *b, struct chain c, struct item i);
/* Gives <c> the test <t>: E032 when it has one. */
struct chain build_chain_test(struct build *b, struct chain c, struct ast_test *t, bool not_);

struct ast_expr *build_name(struct build *b, const struct token *t);
struct ast_expr *build_bracket(struct build *b, const struct token *from, struct ast_test *t,
			       const struct token *to);
struct ast_expr *build_not(struct build *b, const struct token *t, struct ast_expr *e);
struct expr_list build_exprs(struct build *b, struct expr_list l, struct ast_expr *e);
/* The one of a list of one, else a node of <kind>. */
struct ast_expr *build_join(struct build *b, enum expr_kind kind, struct expr_list l);
struct cond build_cond(struct build *b, const struct token *t, struct ast_expr *e);

/* <dir> and <where> NULL: req in. */
void build_rule(struct build *b, const struct token *dir, const struct token *where, struct chain c,
		struct cond cond);
/* Neither <test> nor <expr>: a definition that was reported. */
void build_acl(struct build *b, const struct token *t, struct ast_value *name,
	       struct ast_test *test, struct ast_expr *expr);
void build_param(struct build *b, const struct token *t, struct ast_value *name,
		 struct ast_value *def);
void build_assert(struct build *b, const struct token *t, bool always, struct ast_action *a,
		  struct cond c);
void build_include(struct build *b, const struct token *path);

/* Called by the parser: the token just fed cannot stand there; brackets too deep. */
void build_misparse(struct build *b, const struct token *t);
void build_too_deep(struct build *b);

/* True when <v> can name an entity, else false and E029 reported. */
bool build_entity(const struct ast_value *v);

/* Runs the grammar over b->tokens. */
void grammar_run(struct build *b);

#endif
