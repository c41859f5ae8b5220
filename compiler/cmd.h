/* SPDX-License-Identifier: Apache-2.0 */
/* cmd: the commands of weir. Each reads its own options and returns the exit code: 0 done, 1 the
 * site (or the answer) is not as it should be, 2 misuse, 3 and 4 as below. */
#ifndef WEIR_CMD_H
#define WEIR_CMD_H

#include "decide/decide.h"
#include "emit.h"

#define EXIT_OK 0
#define EXIT_FAILED 1
#define EXIT_MISUSE 2
#define EXIT_UNDECIDED 3 /* with --require-proof: a limit of the analysis was reached */
#define EXIT_DISAGREES 4 /* a proof and the interpreter differ: a fault of weir itself */

int cmd_build(int argc, char **argv);
int cmd_lint(int argc, char **argv);
int cmd_code(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_gen_tests(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_why(int argc, char **argv);
int cmd_query(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_graph(int argc, char **argv);
int cmd_test(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_fmt(int argc, char **argv);
int cmd_lsp(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_dump(int argc, char **argv);
int cmd_version(int argc, char **argv);

/* The program of the site file <path>, and its tables when <e> is not NULL. NULL after reports,
 * which are not yet printed. */
struct program *cmd_load(struct arena *a, const char *path, struct emit *e);
/* The same, and what the text says in <ast>, which is never NULL. */
struct program *cmd_load_ast(struct arena *a, const char *path, struct emit *e, struct ast **ast);
/* The program of a site file, a built binary or git:REV:PATH. NULL after a message. */
struct program *cmd_side(struct arena *a, const char *path);
/* Prints the reports of the last load as text on stderr, when there are any. */
void cmd_reports(void);
/* Reads "text" or "json". False after a message. */
bool cmd_format(const char *word, bool *json);
/* Reads a number of at most 32 bits. False after a message. */
bool cmd_number(const char *command, const char *word, uint64_t *n);
/* "weir COMMAND: <what>; 'weir COMMAND -h' shows its use". Returns EXIT_MISUSE. */
int cmd_misuse(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Builds the site <path> as <target>. Returns an exit code. */
struct build {
	const char *path, *target, *emit_c, *cc, *cflags;
	bool report, is_static, lto, strip, no_prune;
	enum decide_mode decide;
};
int build_site(const struct build *b);
/* The same into the cache, unless it is there already; its path to <target>, of <room> bytes. */
int build_cached(struct build *b, char *target, size_t room);

#endif
