/* SPDX-License-Identifier: Apache-2.0 */
/* compiler_random: random dense sites over a small alphabet, and every request of a small universe
 * that hits their rules from all sides. The same seed gives the same sites. */
#ifndef WEIR_COMPILER_RANDOM_H
#define WEIR_COMPILER_RANDOM_H

#include "../../compiler/request.h"

/* What the rules of a site test; sites of all four would need too large a universe. */
#define RANDOM_HOSTS 1u
#define RANDOM_PATHS 2u
#define RANDOM_HEADERS 4u
#define RANDOM_OTHERS 8u
#define RANDOM_MIXES 6
extern const unsigned random_mixes[RANDOM_MIXES];

void random_seed(uint64_t seed);
/* A number below <n>. */
unsigned random_below(unsigned n);
/* A site whose rules test <kinds>; <writes>: some of them edit the request. */
struct str random_site(struct arena *a, unsigned kinds, bool writes);
/* One rule of its frontend, with the LF. */
struct str random_rule(struct arena *a, unsigned kinds, bool writes);
/* One test; <edited>: for a site whose rules edit the request. */
const char *random_test(unsigned kinds, bool edited);
/* Tests as they stand in brackets: " (A) (B)". */
struct str random_condition(struct arena *a, unsigned kinds);
/* Calls <see> for each request of the universe of <kinds>. */
void random_requests(unsigned kinds, void (*see)(void *arg, const struct request_spec *r),
		     void *arg);

#endif
