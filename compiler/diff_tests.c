/* SPDX-License-Identifier: Apache-2.0 */
#include "diff_tests.h"

#include <errno.h>
#include <sys/stat.h>

#include "test_write.h"

bool diff_tests(const struct diff_report *r, const char *dir)
{
	struct str path = arena_printf(r->a, "%s/diff.weir", dir);
	FILE *out;
	bool good;

	if (mkdir(dir, 0777) != 0 && errno != EEXIST) {
		fprintf(stderr, "weir diff: %s: %s\n", dir, strerror(errno));
		return false;
	}
	out = fopen(path.p, "we");
	if (out)
		fputs("# What the new site does with the requests that changed. Include it in the "
		      "site.\n",
		      out);
	for (uint32_t i = 0; out && i < r->shown; i++) {
		const struct compare_class *c = &r->classes->classes[i];

		test_write(out, r->a,
			   arena_printf(r->a, "%s %u: %.*s -> %.*s",
					compare_severities[c->severity], i + 1, STR_ARG(*c->was),
					STR_ARG(*c->is)),
			   &c->witness->request, c->witness->new);
	}
	good = out && fflush(out) == 0 && !ferror(out);
	if (out)
		good = fclose(out) == 0 && good;
	if (!good)
		fprintf(stderr, "weir diff: %.*s: %s\n", STR_ARG(path), strerror(errno));
	return good;
}
