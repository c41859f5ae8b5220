/* SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char lib[PATH_MAX + 32], stdlib_dir[PATH_MAX + 64];

/* Takes <dir>/<below> when it is there. */
static const char *take(const char *dir, const char *below)
{
	snprintf(lib, sizeof(lib), "%s%s", dir, below);
	return access(lib, R_OK | X_OK) == 0 ? lib : NULL;
}

const char *paths_lib(void)
{
	const char *named = getenv("WEIR_LIB"), *found;
	char exe[PATH_MAX];
	ssize_t n;
	char *slash;

	if (named && *named)
		return take(named, "");
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n <= 0)
		return NULL;
	exe[n] = 0;
	slash = strrchr(exe, '/');
	*slash = 0;
	found = take(exe, "/lib/weir");
	return found ? found : take(exe, "/../lib/weir");
}

const char *paths_stdlib(void)
{
	const char *dir = paths_lib();

	if (!dir)
		return NULL;
	snprintf(stdlib_dir, sizeof(stdlib_dir), "%s/stdlib", dir);
	return stdlib_dir;
}
