/* SPDX-License-Identifier: Apache-2.0 */
/* dynamic_priv: what dynamic.c and dynamic_replace.c share. One thread, the control socket's. */
#ifndef WEIR_PROXY_DYNAMIC_PRIV_H
#define WEIR_PROXY_DYNAMIC_PRIV_H

#include "dynamic.h"
#include "dynamic_table.h"

/* One row of sets or maps. */
struct dynamic_source {
	struct str name;
	const struct ws_map *map; /* NULL: a set */
	struct ws_run values;
	uint8_t op, type, icase;
	_Atomic(struct dynamic_table *) table;
	struct dynamic_entry *entry; /* change under way: the new one */
	struct dynamic_table *made;
	struct dynamic_table *next; /* replacement under way: what has come, with room for */
	uint32_t room;
};

/* Sets, then maps; those of maps that are fixed have no table. */
extern struct dynamic_source *dynamic_sources;
extern uint32_t dynamic_nsources;

#define DYNAMIC_UNKNOWN(is_map)                                                                    \
	((is_map) ? "no such dynamic map; show sets lists them"                                    \
		  : "no such dynamic set; show sets lists them")

/* The next source of that name, from <i> on; dynamic_nsources: none. */
uint32_t dynamic_next_of(bool is_map, struct str name, uint32_t i);
/* s->entry, from <key> and <text>. NULL, or why not. */
const char *dynamic_read_entry(struct dynamic_source *s, struct str key, struct str text);
void dynamic_entry_free(struct dynamic_entry *e);
/* <t> is published no more: it is freed when no thread reads it. */
void dynamic_retire(struct dynamic_table *t);
/* False: threads are held up, and old tables would take too much memory. */
bool dynamic_has_room(void);

/* dynamic_replace.c */
const char *dynamic_replace_begin(bool map, struct str name);
const char *dynamic_replace_add(struct str key, struct str text);
const char *dynamic_replace_end(bool commit, uint32_t *n);

#endif
