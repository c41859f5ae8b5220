/* SPDX-License-Identifier: Apache-2.0 */
/* topo: the processors that may be used, and what they share, from sysfs. Read once, at start. What
 * sysfs does not tell counts as shared by all. */
#ifndef WEIR_CORE_TOPO_H
#define WEIR_CORE_TOPO_H

#include <stdio.h>

#include "../base/number_set.h"

struct topo_cpu {
	uint16_t id;
	int16_t package, node; /* -1: not told */
	int16_t cache; /* lowest processor that shares its last cache; -1: not told */
	int16_t core; /* lowest processor of its core */
};

/* Sorted by package, node, cache, core and number: neighbours share most. */
struct topo {
	unsigned n;
	struct topo_cpu cpu[NUMBERS_MAX];
};

#define TOPO_SYSFS "/sys"

/* The processors that the calling thread may use. */
void topo_allowed(struct number_set *out);
/* From now on the calling thread, and those it starts, use only these. False: none is allowed. */
bool topo_restrict(const struct number_set *cpus);
/* Reads the tree <sysfs>: its processors that are of <allowed> (NULL: all). False: none is. */
bool topo_read(struct topo *t, const char *sysfs, const struct number_set *allowed);
/* Whether <a> and <b> are of one package / of one domain: package, node and last cache. */
bool topo_same_package(const struct topo_cpu *a, const struct topo_cpu *b);
bool topo_same_domain(const struct topo_cpu *a, const struct topo_cpu *b);
void topo_print(const struct topo *t, FILE *out);

#endif
