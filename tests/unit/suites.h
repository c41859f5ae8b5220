/* SPDX-License-Identifier: Apache-2.0 */
/* The generated list of suites that a unit test binary holds. */
#ifndef WEIR_TESTS_SUITES_H
#define WEIR_TESTS_SUITES_H

#include <check.h>

/* <name>: of the file tests/unit/.../test_NAME.c and of its suite. The last one has none. */
struct suite {
	const char *name;
	Suite *(*make)(void);
};

extern const struct suite suites[];

#endif
