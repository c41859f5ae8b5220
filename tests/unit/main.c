/* SPDX-License-Identifier: Apache-2.0 */
/* Runs every suite of this binary, each test in a process of its own (CK_FORK=no to debug;
 * CK_RUN_SUITE=name for one). --list prints the names of the suites. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suites.h"

int main(int argc, char **argv)
{
	SRunner *run = NULL;
	int done, failed;

	if (argc > 1 && !strcmp(argv[1], "--list")) {
		for (const struct suite *s = suites; s->name; s++)
			puts(s->name);
		return EXIT_SUCCESS;
	}
	/* A test that hangs is ended; one that only waits for a processor is not. */
	setenv("CK_TIMEOUT_MULTIPLIER", "10", 0);

	for (const struct suite *s = suites; s->name; s++) {
		if (!run)
			run = srunner_create(s->make());
		else
			srunner_add_suite(run, s->make());
	}
	if (!run)
		return 1;
	srunner_run_all(run, CK_ENV);
	done = srunner_ntests_run(run);
	failed = srunner_ntests_failed(run);
	srunner_free(run);
	printf("%d passed, %d failed\n", done - failed, failed);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
