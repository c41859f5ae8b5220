/* SPDX-License-Identifier: Apache-2.0 */
/* emit_part: the functions that give one construct its rows. Private to emit. Each returns the
 * number of the row. */
#ifndef WEIR_EMIT_PART_H
#define WEIR_EMIT_PART_H

#include "emit.h"

static inline uint32_t emit_add(struct emit *e, enum emit_table t, const void *rows, uint32_t n)
{
	return table_add(&e->tables[t], rows, n);
}

static inline uint32_t emit_put(struct emit *e, enum emit_table t, const void *rows, uint32_t n)
{
	return table_put(&e->tables[t], rows, n);
}

/* emit_value.c: what is compared and written */
struct ws_ref emit_ref(struct emit *e, struct str s);
uint32_t emit_place(struct emit *e, struct p_place at);
uint32_t emit_text(struct emit *e, const struct p_text *t); /* NULL: WS_NONE */
uint32_t emit_constant(struct emit *e, struct str s); /* a text of these bytes */
/* <groups>: where it matches is asked, not only whether. NULL: WS_NONE. */
uint32_t emit_regex(struct emit *e, const struct p_regex *r, bool groups);
uint32_t emit_subject(struct emit *e, const struct p_subject *s);
bool emit_is_one(const struct p_subject *s); /* it gives one value at most */
/* <type>: enum ws_type of its keys; <icase>: a subject's that is written with i. */
uint32_t emit_map(struct emit *e, const struct p_map *m, uint8_t type, bool icase);
/* Of a choice by a map: the subject without its last converter; the map with sections for values;
 * the number of the section <name>. */
uint32_t emit_key(struct emit *e, const struct p_subject *s);
uint32_t emit_choices(struct emit *e, const struct p_map *m, const struct p_subject *s);
uint32_t emit_section(const struct emit *e, struct str name);
/* The row of checkpoint <cp>, or WS_NONE for NULL. */
uint32_t emit_checkpoint(const struct emit *e, const struct p_section *cp);
struct ws_run emit_nets(struct emit *e, const struct p_net *nets, uint32_t n);
uint32_t emit_test(struct emit *e, const struct p_test *t); /* without its negation */
/* The bytes of a text that is constant; false: it is computed. */
bool emit_is_constant(const struct p_text *t, struct str *out);

/* emit_rule.c: all rules and chains */
void emit_rules(struct emit *e);
struct ws_run emit_chain(struct emit *e, const struct p_chain *c);

/* emit_action.c */
struct ws_run emit_actions(struct emit *e, const struct p_rule *r);

/* emit_file.c: the bytes of <name>, relative to the folder of the file of <at>; empty after a
 * report. */
struct str emit_file(struct emit *e, struct str name, struct p_place at);
/* Media type by the ending of a file's name. */
struct str emit_file_type(struct str name);

/* emit_section.c */
void emit_sections(struct emit *e);

#endif
