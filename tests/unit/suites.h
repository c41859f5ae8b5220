/* SPDX-License-Identifier: Apache-2.0 */
/* The generated list of suites that a unit test binary holds. */
#ifndef WEIR_TESTS_SUITES_H
#define WEIR_TESTS_SUITES_H

#include <check.h>

extern Suite *(*const suites[])(void);

#endif
