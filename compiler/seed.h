/* SPDX-License-Identifier: Apache-2.0 */
/* seed: the constructors of old spellings. They build what the canonical spelling builds, so that
 * no later pass knows the difference, and mark the statement as old (W207, `weir fmt`). In them a
 * test that stands before its action's arguments takes exactly one value. The list is in
 * docs/language.md. */
#ifndef WEIR_SEED_H
#define WEIR_SEED_H

#include "build.h"

/* <t>, which stands before the actions, becomes the test of <c>. */
struct chain seed_first(struct build *b, struct ast_test *t, struct chain c);
/* ACTION acl CONDITION, ACTION [not] acl(CONDITION): on or unless. */
struct item seed_condition(struct build *b, struct ast_action *a, const struct token *word,
			   struct ast_expr *e, bool unless);
/* acl(NAME) TEST in a rule: a definition. */
void seed_acl(struct build *b, const struct token *where, struct ast_value *name,
	      struct ast_test *test);
/* switch TEST SECTION[:"NEW"] */
struct item seed_switch(struct build *b, const struct token *word, struct ast_test *t,
			struct ast_value *section, const struct token *map);
/* replace TEST NEW */
struct item seed_replace(struct build *b, const struct token *word, struct ast_test *t,
			 struct ast_value *v);
/* set_host, reqdel, reqadd, reqidel with one value, remap_uri and reqisetbe with two. */
struct item seed_item(struct build *b, const struct token *word, struct ast_value *v,
		      struct ast_value *second);
/* add NAME VALUE; add line "NAME: VALUE" is append. */
struct ast_action *seed_add(struct build *b, const struct token *word, struct ast_value *name,
			    struct ast_value *v);
/* add line == "NAME: VALUE" */
struct ast_action *seed_add_line(struct build *b, const struct token *word,
				 const struct token *line, const struct token *op,
				 struct ast_value *v);
/* delete h(NAME): rem NAME */
struct ast_action *seed_delete(struct build *b, const struct token *word, struct ast_subject *s);
/* setbe BACKEND rebase OLD NEW */
struct ast_action *seed_rebase(struct build *b, const struct token *word, struct ast_value *be,
			       struct ast_value *old, struct ast_value *new);
/* OLD NEW BACKEND: OLD BACKEND NEW */
struct arg_list seed_uriremap(struct build *b, struct arg_list l);
/* Arguments of set: <l> is a function. h(NAME) is NAME but where that names a part of the
 * message. */
struct arg_list seed_set(struct build *b, struct arg_list l, struct ast_value *v);

/* When all of a rule is read: replace, rebase and SECTION:"NEW" become the edits that they mean. */
void seed_finish(struct build *b, struct ast_rule *r);
/* Refuses replace and rebase in an assert, which have no test there. */
void seed_refuse(struct build *b, const struct ast_action *a);

#endif
