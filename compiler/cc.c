/* SPDX-License-Identifier: Apache-2.0 */
#include "cc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX 256

static char folder[PATH_MAX];
static volatile sig_atomic_t stopped;

static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
static struct sigaction before[sizeof(signals) / sizeof(*signals)];

static void on_signal(int number)
{
	stopped = number;
}

const char *cc_open(void)
{
	const char *tmp = getenv("TMPDIR");
	struct sigaction catch = { .sa_handler = on_signal };

	snprintf(folder, sizeof(folder), "%s/weir-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(folder)) {
		fprintf(stderr, "weir: cannot make the folder %s: %s\n", folder, strerror(errno));
		return NULL;
	}
	stopped = 0;
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &catch, &before[i]);
	return folder;
}

void cc_close(void)
{
	DIR *d = opendir(folder);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	rmdir(folder);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &before[i], NULL);
	if (stopped)
		raise(stopped);
}

/* -- commands
 * -------------------------------------------------------------------------------------- */

struct args {
	struct arena *arena;
	unsigned n;
	char *v[ARGS_MAX + 1];
};

static void put(struct args *a, const char *word)
{
	if (a->n < ARGS_MAX)
		a->v[a->n++] = (char *)(uintptr_t)arena_str(a->arena, str_from(word)).p;
}

/* Each word of <words>. */
static void put_words(struct args *a, const char *words)
{
	struct str rest = str_from(words);

	while (rest.p) {
		struct str word = str_cut(&rest, ' ');

		if (word.n)
			put(a, arena_str(a->arena, word).p);
	}
}

/* Flags of compiling and linking alike. */
static void put_common(struct args *a, const struct cc *c)
{
	put_words(a, c->command);
	put(a, "-O2");
	put(a, "-fPIE");
	if (c->lto)
		put(a, "-flto");
	if (c->flags)
		put_words(a, c->flags);
}

static pid_t start(const struct args *a)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
			signal(signals[i], SIG_DFL);
		if (chdir(folder) == 0)
			execvp(a->v[0], a->v);
		fprintf(stderr, "weir: cannot run '%s': %s\n", a->v[0], strerror(errno));
		_exit(127);
	}
	if (pid < 0)
		fprintf(stderr, "weir: cannot start '%s': %s\n", a->v[0], strerror(errno));
	return pid;
}

/* Waits for one child. Returns its exit code, 128 when a signal ended it, -1 when there is none. */
static int wait_one(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
		else if (stopped)
			kill(pid, SIGTERM);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void explain_failure(const struct cc *c, int code, const char *what)
{
	if (stopped || code == 127)
		return;
	if (c->flags) {
		fprintf(stderr,
			"weir: %s failed (exit code %d); the lines above are the compiler's own. "
			"It was "
			"called with --cflags '%s'\n",
			what, code, c->flags);
		return;
	}
	fprintf(stderr,
		"weir: internal error: %s failed (exit code %d). The lines above are the "
		"compiler's own; a site that weir accepts\n"
		"must build, so please report them with the files of 'weir build --emit-c "
		"FOLDER'.\n",
		what, code);
}

static struct str object_name(struct arena *a, struct str file)
{
	return arena_printf(a, "%.*s.o", (int)file.n, file.p);
}

static pid_t compile(const struct cc *c, struct arena *arena, struct str file)
{
	struct args a = { .arena = arena };

	put_common(&a, c);
	put(&a, "-std=gnu11");
	put(&a, "-fvisibility=hidden");
	put(&a, "-fdata-sections");
	put(&a, "-ffunction-sections");
	put(&a, arena_printf(arena, "-frandom-seed=%.*s", STR_ARG(file)).p);
	put(&a, arena_printf(arena, "-ffile-prefix-map=%s=.", folder).p);
	put(&a, arena_printf(arena, "-I%s/include", c->lib).p);
	put(&a, "-c");
	put(&a, file.p);
	put(&a, "-o");
	put(&a, object_name(arena, file).p);
	return start(&a);
}

/* As many at a time as there are processors. */
static bool compile_all(const struct cc *c, struct arena *arena, const struct out_files *files)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned width = cpus > 1 ? (unsigned)cpus : 1, begun = 0, done = 0;
	pid_t running[OUT_FILES_MAX];
	int code, worst = 0;

	while (done < files->n && (begun > done || (!worst && !stopped))) {
		while (!worst && !stopped && begun < files->n && begun - done < width) {
			running[begun] = compile(c, arena, files->names[begun]);
			if (running[begun++] < 0)
				return false;
		}
		code = wait_one(running[done++]);
		worst = worst ? worst : code;
	}
	if (worst)
		explain_failure(c, worst, "compiling the generated C");
	return !worst && !stopped;
}

static bool link_site(const struct cc *c, struct arena *arena, const struct out_files *files)
{
	struct args a = { .arena = arena };
	int code;

	put_common(&a, c);
	put(&a, c->is_static ? "-static-pie" : "-pie");
	put_words(&a,
		  "-Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,--gc-sections -Wl,--build-id=sha1");
	put(&a, c->strip ? "-Wl,-s" : "-Wl,-S");
	put_words(&a, "-o site");
	for (unsigned i = 0; i < files->n; i++)
		put(&a, object_name(arena, files->names[i]).p);
	put(&a, arena_printf(arena, "%s/libweirrt.a", c->lib).p);
	if (c->regex)
		put(&a, "-lpcre2-8");
	if (c->crypt)
		put(&a, "-lcrypt");
	if (c->tls)
		put_words(&a, "-lssl -lcrypto");
	put(&a, "-pthread");
	code = wait_one(start(&a));
	if (code)
		explain_failure(c, code, "linking the site");
	return !code && !stopped;
}

/* -- the result
 * ------------------------------------------------------------------------------------ */

static bool copy(int from, int to)
{
	char buf[65536];
	ssize_t n, done;

	while ((n = read(from, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < n; at += done) {
			done = write(to, buf + at, (size_t)(n - at));
			if (done < 0)
				return false;
		}
	return n == 0;
}

/* The target has its old or its new contents, never a part: written beside it, then renamed. */
static bool put_target(struct arena *arena, const char *target)
{
	struct str made = arena_printf(arena, "%s/site", folder),
		   beside = arena_printf(arena, "%s.XXXXXX", target);
	char *name = (char *)(uintptr_t)beside.p;
	mode_t mask = umask(0);
	int from = open(made.p, O_RDONLY | O_CLOEXEC), to = mkostemp(name, O_CLOEXEC);
	bool good;

	umask(mask);
	good = from >= 0 && to >= 0 && copy(from, to) && fchmod(to, 0777 & ~mask) == 0;
	if (from >= 0)
		close(from);
	if (to >= 0 && close(to) != 0)
		good = false;
	if (good && rename(name, target) == 0)
		return true;
	fprintf(stderr, "weir: cannot write %s: %s\n", target, strerror(errno));
	if (to >= 0)
		unlink(name);
	return false;
}

bool cc_run(const struct cc *c, const struct out_files *files, const char *target)
{
	struct arena arena = { 0 };
	bool good;

	good = compile_all(c, &arena, files) && link_site(c, &arena, files) &&
	       put_target(&arena, target);
	arena_free(&arena);
	return good;
}
