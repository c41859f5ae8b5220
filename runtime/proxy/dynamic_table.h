/* SPDX-License-Identifier: Apache-2.0 */
/* dynamic_table: what dynamic.c publishes: entries in order and a hash of their keys; never changed
 * once published. Entries are shared by a table and those made of it. */
#ifndef WEIR_PROXY_DYNAMIC_TABLE_H
#define WEIR_PROXY_DYNAMIC_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/addr.h"
#include "../base/str.h"

enum dynamic_kind { DYNAMIC_TEXT, DYNAMIC_NUMBER, DYNAMIC_NET, DYNAMIC_REGEX };

struct regex_code;

struct dynamic_entry {
	enum dynamic_kind kind;
	uint8_t flags; /* WS_V_* */
	uint32_t section; /* of a map of sections */
	struct str key, text; /* behind the entry; of addresses and numbers as they were written */
	int64_t lo, hi;
	struct addr_net net;
	struct regex_code *regex;
	size_t bytes;
};

struct dynamic_slot {
	uint32_t hash;
	struct dynamic_entry *entry;
};

struct dynamic_table {
	struct dynamic_table *next; /* of those that wait to be freed */
	struct dynamic_entry *gone; /* goes with this table, */
	bool all_gone; /* or all do */
	uint32_t n, mask;
	size_t bytes; /* of entries */
	uint64_t prefixes[3]; /* lengths of the addresses: bits 0 to 128 */
	uint32_t *slots; /* 1 + row; 0: empty */
	struct dynamic_slot rows[];
};

/* NULL: out of memory. <e>'s strings are copied behind it. */
struct dynamic_entry *dynamic_entry_new(const struct dynamic_entry *e);
/* An empty one with room for <n>, and one more entry in it, before it is published. */
struct dynamic_table *dynamic_table_empty(uint32_t n);
void dynamic_table_put(struct dynamic_table *t, struct dynamic_entry *e);
/* Those of <from> but row <without> (or beyond its end), with <more> at its place or
 * the end unless it is NULL. NULL: out of memory. */
struct dynamic_table *dynamic_table_new(const struct dynamic_table *from, uint32_t without,
					struct dynamic_entry *more);
/* The row of the same key as <e>; t->n: none. */
uint32_t dynamic_table_same(const struct dynamic_table *t, const struct dynamic_entry *e);
/* The first row whose text is <key>, by its flags; t->n: none. */
uint32_t dynamic_table_text(const struct dynamic_table *t, struct str key);
/* The row of the longest prefix that holds <ip>; t->n: none. */
uint32_t dynamic_table_ip(const struct dynamic_table *t, const uint8_t ip[16]);

#endif
