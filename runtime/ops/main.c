/* SPDX-License-Identifier: Apache-2.0 */
/* main: of every site's binary. Command line, start in the order that rights and descriptors
 * need, stop. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../core/poll.h"
#include "../core/pool.h"
#include "../core/thread.h"
#include "../core/watchdog.h"
#include "../net/conn.h"
#include "../net/listener.h"
#include "../proxy/front.h"
#include "../proxy/proxy.h"
#include "control.h"
#include "limits.h"
#include "log_setup.h"
#include "log_writer.h"
#include "process.h"
#include "threads.h"

#define PARAMS_MAX 256
#define INHERITED_MAX 64

const uint32_t weir_abi_3 = WEIR_ABI;

struct args {
	struct param_arg set[PARAMS_MAX];
	unsigned nset;
	const char *pool_debug, *poller;
	struct threads_place place;
	uint32_t warn_ms, abort_ms; /* of the watchdog; 0: off */
	bool check, limits, topology;
};

static int usage(FILE *out, const char *self)
{
	fprintf(out,
		"usage: %s [options]\n"
		"The proxy of the site '%s', made by weir %s.\n\n"
		"  --set NAME=VALUE   give a param of the site its value (else WEIR_NAME of the "
		"environment, else its default)\n"
		"  --check            look whether it could start here: params, files, names, "
		"ports, limits; then end\n"
		"  --limits           print the limits that would hold here, and where each comes "
		"from; then end\n"
		"  --cpus LIST        use only these processors, as 0-3,8\n"
		"  --show-topology[=SYSFS]  print the processors and the threads that would run on "
		"them (of another machine: a copy of its /sys); then end\n"
		"  --pool-debug MODES catch memory defects: comma list of "
		"poison,tag,caller,integrity,cold-first,no-cache,backup; "
		"or sizes: print what each costs\n"
		"  --poller NAME      use this poller (epoll, io_uring), or do not start\n"
		"  --watchdog WARN,ABORT|off  processor time in ms that one turn of a thread's "
		"loop "
		"may take until a message, and until the process ends (200,2000)\n"
		"  --version          print versions and digests\n"
		"  -h, --help         print this\n",
		self, weir_site.name, weir_site.weir_version);
	return out == stdout ? EXIT_CODE_OK : EXIT_CODE_USAGE;
}

static int version(void)
{
	printf("%s, made by weir %s\nsource   %s\nprogram  %s\nruntime  %s\n", weir_site.name,
	       weir_site.weir_version, weir_site.digest_source, weir_site.digest_program,
	       weir_site.digest_runtime);
	return EXIT_CODE_OK;
}

static bool take_set(struct args *a, const char *arg)
{
	struct str value = str_from(arg), name = str_cut(&value, '=');

	if (!value.p || !name.n || a->nset == PARAMS_MAX) {
		fprintf(stderr, "--set '%s': NAME=VALUE is expected\n", arg);
		return false;
	}
	a->set[a->nset++] = (struct param_arg) { .name = name, .value = value };
	return true;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WATCHED false /* instrumented code takes its time */
#else
#define WATCHED true
#endif

static bool take_watchdog(struct args *a, const char *arg)
{
	struct str abort_ms = str_from(arg), warn_ms = str_cut(&abort_ms, ',');
	uint64_t warn, end;

	a->warn_ms = a->abort_ms = 0;
	if (str_eq(warn_ms, S("off")) && !abort_ms.p)
		return true;
	if (!str_u64(warn_ms, 3600000, &warn) || !str_u64(abort_ms, 3600000, &end) || !warn ||
	    end < warn) {
		fprintf(stderr, "--watchdog '%s': WARN,ABORT in milliseconds or off is expected\n",
			arg);
		return false;
	}
	a->warn_ms = (uint32_t)warn;
	a->abort_ms = (uint32_t)end;
	return true;
}

/* -1: go on; else the exit code. */
static int read_args(int argc, char **argv, struct args *a)
{
	static const struct option longs[] = {
		{ "set", required_argument, NULL, 's' },
		{ "check", no_argument, NULL, 'c' },
		{ "limits", no_argument, NULL, 'l' },
		{ "watchdog", required_argument, NULL, 'w' },
		{ "cpus", required_argument, NULL, 'u' },
		{ "show-topology", optional_argument, NULL, 't' },
		{ "pool-debug", required_argument, NULL, 'd' },
		{ "poller", required_argument, NULL, 'p' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			if (!take_set(a, optarg))
				return EXIT_CODE_USAGE;
			break;
		case 'c':
			a->check = true;
			break;
		case 'l':
			a->limits = true;
			break;
		case 'w':
			if (!take_watchdog(a, optarg))
				return EXIT_CODE_USAGE;
			break;
		case 'u':
			a->place.cpus = str_from(optarg);
			break;
		case 't':
			a->topology = true;
			a->place.sysfs = optarg;
			break;
		case 'd':
			a->pool_debug = optarg;
			break;
		case 'p':
			a->poller = optarg;
			break;
		case 'v':
			return version();
		case 'h':
			return usage(stdout, argv[0]);
		default:
			return usage(stderr, argv[0]);
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "%s: '%s' is no option\n", argv[0], argv[optind]);
	return EXIT_CODE_USAGE;
}

/* -- threads -------------------------------------------------------------------------------------
 */

static int thread_begin(struct thread *t)
{
	if (log_thread_start() || proxy_thread_start(t))
		return -1;
	if (t->tid == 0)
		process_signals_start();
	if (t->tid != nthreads - 1)
		return 0;
	if (weir_site.control_part && weir_site.control_part->start())
		return -1;
	process_notify("READY=1");
	return 0;
}

static void thread_end(struct thread *t)
{
	if (t->tid == 0)
		process_signals_stop();
	if (weir_site.control_part)
		weir_site.control_part->stop();
	proxy_thread_stop(t);
}

static void on_stop(void)
{
	process_notify("STOPPING=1");
	proxy_stop();
}

static const struct process_signals signals = { .stop = on_stop,
						.stop_now = proxy_stop_now,
						.reopen = log_reopen };

/* Of the site's pollers the one named <name>; "": the first that can be used here, the last always
 * can. NULL and a message when <name> cannot be had. */
static const struct poller *choose_poller(const char *name)
{
	const struct poller *const *p = weir_site.pollers;
	const char *why = NULL;

#ifdef WEIR_TEST
	/* Test builds inject faults when WEIR_FAULT says which (core/poll_fault.h), and use
	 * the poller WEIR_POLLER in any site. */
	static const struct poller *const all[] = { &poller_uring, &poller_epoll, NULL };

	if (getenv("WEIR_FAULT"))
		return &poller_fault;
	if (!*name && getenv("WEIR_POLLER"))
		name = getenv("WEIR_POLLER");
	if (*name)
		p = all;
#endif
	for (; *p; p++) {
		if (*name && strcmp((*p)->name, name) != 0)
			continue;
		why = (*p)->unusable ? (*p)->unusable() : NULL;
		if (!why)
			return *p;
		if (!*name)
			log_say(LOG_NOTICE, "poller %s cannot be used here: %s", (*p)->name, why);
	}
	fprintf(stderr, "--poller %s: %s\n", name,
		why ? why : "not in this binary; its site says which ones are ('poller')");
	return NULL;
}

static int serve(const struct args *a, const struct limits *lim, const struct plan *plan,
		 const struct poller *poller)
{
	struct thread_config cfg = {
		.nthreads = lim->threads,
		.ngroups = lim->groups,
		.cpus = plan->bound ? plan->cpus : NULL,
		.poller = poller,
		.watchdog_warn_ms = a->warn_ms,
		.watchdog_abort_ms = a->abort_ms,
		.buffers_max = lim->buffers,
		.start = thread_begin,
		.stop = thread_end,
	};
	int rc;

	if (log_writer_start())
		return EXIT_CODE_RUNTIME;
	rc = thread_run(&cfg);
	if (weir_site.control_part)
		weir_site.control_part->close();
	log_writer_stop();
	if (rc)
		return EXIT_CODE_RUNTIME;
	return proxy_was_cut() ? EXIT_CODE_CUT : EXIT_CODE_OK;
}

/* -- start
 * --------------------------------------------------------------------------------------- */

static void warn_limit(const char *what, int err)
{
	log_say(LOG_WARNING, "%s%s%s", what, err ? ": " : "", err ? strerror(err) : "");
}

static void warn_unused(const char *address)
{
	fprintf(stderr, "warning: a socket of the service manager belongs to no bind: %s\n",
		address);
}

static void inherit(void)
{
	int fds[INHERITED_MAX];

	listener_inherit(fds, process_listen_fds(fds, INHERITED_MAX));
}

static bool change_rights(bool check)
{
	bool with_params = weir_site.chroot_text != WS_NONE;
	const struct process_rights rights = {
		.user = ws_str(weir_site.user),
		.group = ws_str(weir_site.group),
		.root = with_params ? conf_text(weir_site.chroot_text) : ws_str(weir_site.chroot),
		.foreign = site.foreign,
	};
	const struct process_rights root = { .root = rights.root },
				    names = { .user = rights.user, .group = rights.group };
	char why[256];
	bool ok = true;

	if (!check && process_drop(&rights, why, sizeof(why)))
		return true;
	if (!check || !process_drop_check(&names, why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		ok = false;
	}
	if (check && !process_drop_check(&root, why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		ok = false;
	}
	return ok;
}

/* Servers that are connected to from clients' addresses need a right that users rarely have. */
static bool check_foreign(void)
{
	int fd = site.foreign ? socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
	bool ok = fd < 0 || conn_foreign(fd, AF_INET) == 0;

	if (!ok)
		fprintf(stderr,
			"source client, client-ip and h(NAME): %s: CAP_NET_ADMIN is needed\n",
			strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

/* Everything that needs descriptors, names or rights of the start; all mistakes are told, not
 * only the first. With <check> and after a mistake nothing of it stays. */
static bool prepare(const struct limits *lim, bool check)
{
	bool ok = check ? log_setup_check(stderr) : log_setup(stderr);

	listener_init(lim->maxconn, lim->fds, warn_limit);
	inherit();
	ok = front_open(stderr) && ok;
	if (weir_site.control_part)
		ok = weir_site.control_part->open(stderr) && ok;
	ok = check_foreign() && ok;
	listener_inherit_end(warn_unused);
	if (check || ok)
		ok = change_rights(check) && ok;
	if (check || !ok)
		front_undo();
	if ((check || !ok) && weir_site.control_part)
		weir_site.control_part->close();
	return ok;
}

static int start(struct args *a)
{
	static struct topo topo;
	struct limits lim = { 0 };
	const struct plan *plan;
	const struct poller *poller;
	bool good, sizes = a->pool_debug && strcmp(a->pool_debug, "sizes") == 0;

	if (a->pool_debug && !sizes && pool_debug(a->pool_debug)) {
		fprintf(stderr, "--pool-debug '%s': unknown mode\n", a->pool_debug);
		return EXIT_CODE_USAGE;
	}
	good = conf_load(&weir_site, a->set, a->nset, stderr);
	plan = good ? threads_plan(&a->place, &topo, stderr) : NULL;
	good = plan != NULL;
	if (!good && !(a->check && site.fronts))
		return EXIT_CODE_CONFIG;
	if (good) {
		site.shape = plan->shape;
		limits_find(&lim, &plan->shape, stderr);
	}
	if (a->topology) {
		topo_print(&topo, stdout);
		plan_print(plan, stdout);
		return EXIT_CODE_OK;
	}
	if (a->limits) {
		limits_print(&lim, stdout);
		return EXIT_CODE_OK;
	}
	poller = choose_poller(a->poller ? a->poller : "");
	if (!poller)
		return EXIT_CODE_SYSTEM;
	process_signals_init(&signals);
	watchdog_init();
	proxy_init();
	if (sizes) {
		pool_print_sizes(stdout);
		return EXIT_CODE_OK;
	}
	if (!prepare(&lim, a->check))
		return good ? EXIT_CODE_SYSTEM : EXIT_CODE_CONFIG;
	if (!good)
		return EXIT_CODE_CONFIG;
	if (a->check) {
		puts("this site can start here");
		return EXIT_CODE_OK;
	}
	log_say(LOG_NOTICE, "%s %s: threads %u, maxconn %u, descriptors %u", weir_site.name,
		weir_site.weir_version, lim.threads, lim.maxconn, lim.fds);
	return serve(a, &lim, plan, poller);
}

int main(int argc, char **argv)
{
	struct args args = { .warn_ms = WATCHED ? WATCHDOG_WARN_MS : 0,
			     .abort_ms = WATCHDOG_ABORT_MS };
	int rc = read_args(argc, argv, &args);

	if (rc >= 0)
		return rc;
	rc = start(&args);
	log_sinks_free();
	conf_free();
	log_free();
	if (pool_fini(stderr) && rc == EXIT_CODE_OK)
		rc = EXIT_CODE_RUNTIME;
	return rc;
}
