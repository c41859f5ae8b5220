/* SPDX-License-Identifier: Apache-2.0 */
/* Runs every suite of this binary, each test in a process of its own (CK_FORK=no to debug;
 * CK_RUN_SUITE=name for one). */
#include <stdio.h>
#include <stdlib.h>

#include "suites.h"

int main(void)
{
	SRunner *run = NULL;
	int done, failed;

	/* A test that hangs is ended; one that only waits for a processor is not. */
	setenv("CK_TIMEOUT_MULTIPLIER", "10", 0);

	for (unsigned i = 0; suites[i]; i++) {
		Suite *s = suites[i]();

		if (!run)
			run = srunner_create(s);
		else
			srunner_add_suite(run, s);
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
