/* SPDX-License-Identifier: Apache-2.0 */
/* cc: runs the C compiler and linker on the files of a site, in a folder of its own that does
 * not outlive it. */
#ifndef WEIR_CC_H
#define WEIR_CC_H

#include "out.h"

struct cc {
	const char *command; /* words with blanks between: "gcc", "ccache clang" */
	const char *flags; /* more flags for compiling and linking, or NULL */
	const char *lib; /* of paths_lib() */
	bool is_static, lto, strip;
	bool regex; /* needs libpcre2-8 */
	bool crypt; /* needs libcrypt */
	bool tls; /* needs libssl and libcrypto */
};

/* Makes a folder for the files of one build. NULL after a message on stderr. One at a time. From
 * here on a SIGINT, SIGHUP or SIGTERM ends the build: cc_run then returns false, and cc_close
 * ends the process by that signal. */
const char *cc_open(void);
/* Compiles <files> of the folder and links them to <target>, which is replaced at once, or not
 * at all. False after messages. */
bool cc_run(const struct cc *c, const struct out_files *files, const char *target);
/* Removes the folder. */
void cc_close(void);

#endif
