/* SPDX-License-Identifier: Apache-2.0 */
/* diff_tests: classes of a comparison as test blocks, which hold for the new side. */
#ifndef WEIR_DIFF_TESTS_H
#define WEIR_DIFF_TESTS_H

#include "diff_report.h"

/* Writes <dir>/diff.weir: a block for each class shown. False after a message on stderr. */
bool diff_tests(const struct diff_report *r, const char *dir);

#endif
