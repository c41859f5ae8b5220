/* SPDX-License-Identifier: Apache-2.0 */
/* dynamic: sets and maps whose entries change while the binary runs. An optional part: sites
 * without one do not link it.
 *
 * Tests read a table by one pointer, without a lock and without writing anything that threads
 * share. One thread, the control socket's, changes tables: each change makes a new one, publishes
 * it, and frees the old one when every thread has run a task of this part since, so that none reads
 * it any more. A name may have several tables, one for each kind of test that asks it: they change
 * together, and a value must be good for all of them. */
#ifndef WEIR_PROXY_DYNAMIC_H
#define WEIR_PROXY_DYNAMIC_H

#include "rule.h"

#define DYNAMIC_ENTRIES_MAX 100000u
#define DYNAMIC_BYTES_MAX ((size_t)64 << 20) /* of the entries of one table */

enum dynamic_change { DYNAMIC_SET, DYNAMIC_DELETE, DYNAMIC_CLEAR };

/* One set or map, for those who show it. */
struct dynamic_shown {
	bool map;
	struct str name;
	const char *kind; /* what is compared: text, number, address, regex */
	uint32_t entries;
	size_t bytes;
};

struct dynamic_part {
	const char *name;
	/* By conf_load and conf_free. */
	bool (*load)(FILE *err);
	void (*free)(void);
	/* Threads: whether a value of t->set matches <v>. Cost: text and addresses of == one look into
	 * a hash (addresses: one for each length of prefix that there is), else one comparison an
	 * entry. */
	bool (*among)(struct rule_run *r, const struct ws_test *t, const struct ws_subject *s,
		      const struct val *v);
	/* As rule_map. */
	bool (*map)(struct rule_run *r, const struct ws_map *m, const struct val *v,
		    uint32_t *section, struct str *text);
	/* The rest: by one thread, while the others serve. <change>: NULL, or a sentence that says why
	 * nothing has changed. <text> is a map's. */
	const char *(*change)(bool map, struct str name, enum dynamic_change change, struct str key,
			      struct str text);
	/* All entries anew: begin, any number of adds, end. What serves is as it was until the end with
	 * <commit>, and stays so without it. One at a time. <n>: how many there are now. */
	const char *(*replace_begin)(bool map, struct str name);
	const char *(*replace_add)(struct str key, struct str text);
	const char *(*replace_end)(bool commit, uint32_t *n);
	/* Entries in order, as they were written. False: there is none of that name. */
	bool (*each)(bool map, struct str name,
		     void (*row)(void *arg, struct str key, struct str text), void *arg);
	/* The <i>th; false: there are fewer. */
	bool (*show)(uint32_t i, struct dynamic_shown *out);
};

#endif
