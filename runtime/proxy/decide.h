/* SPDX-License-Identifier: Apache-2.0 */
/* decide: walks a chain of many rules from one that can match to the next (site.h, struct ws_decide).
 * Values are looked at once each, when the first rule that waits for them is next. An optional part:
 * linked when a chain has such tables. Its memory belongs to the thread and has a fixed size; one
 * walk at a time, a nested one ends the outer, which says so by decide_part.changed. */
#ifndef WEIR_PROXY_DECIDE_H
#define WEIR_PROXY_DECIDE_H

#include "../base/scan.h"
#include "rule.h"

struct decide_part {
	const char *name;
	int (*thread_start)(void); /* 0 or -1 */
	void (*thread_stop)(void);
	/* At the begin of a chain. */
	void (*begin)(const struct ws_decide *d);
	/* The position of the next rule that can match, from <from> on, which never goes down; the
	 * number of rules when there is none. *<holds>: its condition needs no test. */
	uint32_t (*next)(struct rule_run *r, const struct ws_decide *d, uint32_t from, bool *holds);
	/* Tests of many values: whether <v>, of <s>, is among those of <scan>. */
	bool (*among)(const struct ws_scan *scan, const struct ws_subject *s, const struct val *v);
	/* Maps of many keys: the keys that hold for <v>. The list stays until the next call. */
	const struct scan_set *(*keys)(const struct ws_scan *scan, const struct ws_subject *s,
				       const struct val *v);
	/* The rule at <at> has run its actions. */
	void (*changed)(const struct ws_decide *d, uint32_t at);
};

#endif
