/* SPDX-License-Identifier: Apache-2.0 */
#include "limits.h"

#include <inttypes.h>

#include "../net/listener.h"
#include "../proxy/conf.h"
#include "process.h"

#define FDS_THREAD 4 /* poller, its wake-up, and two to spare */
#define FDS_PROCESS 16 /* standard ones, logs, signals */

static unsigned listening(void)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < site.ws->nsections; i++)
		n += site.ws->sections[i].binds.n;
	return n;
}

/* Servers that are checked: each check has a connection. */
static unsigned checked(void)
{
	unsigned n = 0;

	for (uint32_t b = 0; site.ws->check && b < site.ws->nsections; b++) {
		const struct back *be = site.backs[b];

		for (uint32_t i = 0; be && be->owner == be && i < be->nservers; i++)
			n += be->servers[i].health != NULL;
	}
	return n;
}

void limits_find(struct limits *lim, const struct thread_shape *shape, FILE *err)
{
	const int64_t *num = site.nums + site.ws->site_nums;

	*lim = (struct limits) { .threads = shape->nthreads, .groups = shape->ngroups };
	lim->maxconn_set = num[WS_MAXCONN] > 0;
	lim->fixed = FDS_PROCESS + FDS_RESERVED + lim->threads * FDS_THREAD +
		     listening() * (lim->groups + 1) + checked();
	lim->fds = process_raise_fds(lim->maxconn_set ? (unsigned)num[WS_MAXCONN] * 2 + lim->fixed
						      : 0);
	lim->memory = process_memory_limit();
	lim->maxconn = lim->maxconn_set
			       ? (unsigned)num[WS_MAXCONN]
			       : process_maxconn(lim->fds, lim->fixed - FDS_RESERVED, lim->memory);
	lim->buffers = (unsigned)num[WS_BUFFERS_MAX];
	if (lim->maxconn_set && lim->maxconn * 2ull + lim->fixed > lim->fds)
		fprintf(err,
			"warning: maxconn %u may need %llu descriptors, %u are allowed: accepting "
			"will pause earlier\n",
			lim->maxconn, lim->maxconn * 2ull + lim->fixed, lim->fds);
}

void limits_print(const struct limits *lim, FILE *out)
{
	const int64_t *num = site.nums + site.ws->site_nums;

	fprintf(out, "threads          %u in %u group%s\n", lim->threads, lim->groups,
		lim->groups == 1 ? "" : "s");
	fprintf(out, "descriptors      %u (RLIMIT_NOFILE), %u of them not for connections\n",
		lim->fds, lim->fixed);
	if (lim->memory)
		fprintf(out, "memory           %" PRIu64 " bytes (cgroup)\n", lim->memory);
	else
		fputs("memory           no limit\n", out);
	fprintf(out, "maxconn          %u client connections (%s)\n", lim->maxconn,
		lim->maxconn_set ? "the site's maxconn"
				 : "two descriptors and 64 kB of the memory limit each");
	if (lim->buffers)
		fprintf(out, "buffers          %u of 16 kB (limit buffers)\n", lim->buffers);
	else
		fputs("buffers          no limit of their own\n", out);
	fprintf(out,
		"message head     %" PRId64 " bytes (limit head), %" PRId64
		" lines (limit headers), target %" PRId64 " bytes (limit uri)\n",
		num[WS_HEAD_MAX], num[WS_HEADERS_MAX], num[WS_URI_MAX]);
}
