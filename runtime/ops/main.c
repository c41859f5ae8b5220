/* SPDX-License-Identifier: Apache-2.0 */
#include "../site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include "../core/pool.h"
#include "../core/thread.h"
#include "../net/listener.h"
#include "../proxy/front.h"
#include "../proxy/proxy.h"

const uint32_t weir_abi_1 = WEIR_ABI;

static void on_term(int sig) { (void)sig; proxy_stop(); }

int main(int argc, char **argv)
{
	struct param_arg args[64];
	unsigned n = 0;
	for (int i = 1; i + 1 < argc; i += 2) {
		struct str v = str_from(argv[i + 1]);
		args[n].name = str_cut(&v, '=');
		args[n++].value = v;
	}
	if (!conf_load(&weir_site, args, n, stderr))
		return 1;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_term);
	listener_init(0, 0, NULL);
	proxy_init();
	if (!front_open(stderr))
		return 1;
	int64_t *num = site.nums + weir_site.site_nums;
	struct thread_config cfg = { .nthreads = (unsigned)num[WS_THREADS], .ngroups = 1, .poller = weir_site.pollers[0], .start = proxy_thread_start, .stop = proxy_thread_stop };
	int rc = thread_run(&cfg);
	conf_free();
	return rc || pool_fini(stderr) ? 1 : 0;
}
