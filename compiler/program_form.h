/* SPDX-License-Identifier: Apache-2.0 */
/* program_form: the text form of each struct of program.h, for both ways (program_io.h).
 * Requires, on reading, that the names
 * which a struct refers to are defined. Used by program_write, program_read and by diff, which
 * compares contents as text. */
#ifndef WEIR_PROGRAM_FORM_H
#define WEIR_PROGRAM_FORM_H

#include "program.h"
#include "program_io.h"

extern const char *const form_dirs[RULE_DIRS]; /* req_in … */
extern const char *const form_kinds[SEC_TEST + 1]; /* listen … */
extern const char *const form_options[OPTIONS]; /* "timeout connect" … */
extern const char *const form_actions[ACTIONS];
extern const char *const form_operators[OPERATORS];
extern const char *const form_negations[OPERATORS]; /* negative spellings */
extern const char *const form_subjects[SUBJECTS];
extern const char *const form_converters[CONVERTERS];

/* program_rule.c: matching and acting */
void form_place(struct pio *io, struct p_place *at);
void form_net(struct pio *io, struct p_net *net);
void form_value(struct pio *io, struct p_value *v);
void form_regex(struct pio *io, struct p_regex *r);
void form_subject(struct pio *io, struct p_subject *s);
void form_test(struct pio *io, struct p_test *t);
void form_expr(struct pio *io, struct p_expr **e);
void form_action(struct pio *io, struct p_action *a);
void form_rule(struct pio *io, struct p_rule *r);
void form_assert(struct pio *io, struct p_assert *s);
void form_ref_section(struct pio *io, const char *key, struct p_section **s);
void form_ref_subject(struct pio *io, const char *key, struct p_subject **s);
void form_ref_acl(struct pio *io, struct p_acl **a);
/* ( "NAME" [nth N] ): a set or map is there once for each type and case that it is looked up
 * with */
void form_name(struct pio *io, enum pio_kind kind, uint32_t index, struct str *name);
void form_text(struct pio *io, const char *key, struct p_text **t);

/* program_site.c: sections and what they hold */
void form_setting(struct pio *io, struct p_setting *s);
void form_addr(struct pio *io, const char *key, struct p_addr *a);
void form_bind(struct pio *io, struct p_bind *b);
void form_server(struct pio *io, struct p_server *s);
void form_errorpage(struct pio *io, struct p_errorpage *e);
void form_log(struct pio *io, struct p_log *l);
void form_control(struct pio *io, struct p_control *c);
/* What a section holds once, without settings, lists and chains. */
void form_section_facts(struct pio *io, struct p_section *s);
void form_section(struct pio *io, struct p_section *s, const struct program *p);
void form_set(struct pio *io, struct p_set *s);
void form_map(struct pio *io, struct p_map *m);
void form_case(struct pio *io, struct p_case *c);

/* program_text.c: the whole */
void form_program(struct pio *io, struct program *p);

#endif
