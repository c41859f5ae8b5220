/* SPDX-License-Identifier: Apache-2.0 */
/* testrun: runs the test blocks of a site through the interpreter (words: request.h). */
#ifndef WEIR_TESTRUN_H
#define WEIR_TESTRUN_H

#include "coverage.h"
#include "interp.h"

/* Writes one line for each block, "ok NAME" or "FAIL NAME" with what was expected and what came
 * out, then "N passed, N failed".
 * <covered>, when it is not NULL, notes what the requests met.
 * Returns the number of blocks that failed; a block that cannot be understood has failed. */
unsigned testrun(const struct program *p, FILE *out, struct coverage *covered);

#endif
