/* SPDX-License-Identifier: Apache-2.0 */
#include "log_setup.h"

#include "../proxy/conf.h"
#include "log_writer.h"

#define SINKS_MAX 16 /* of one frontend */

static bool sink_of(const struct ws_log *w, struct sink_conf *out, FILE *err)
{
	struct addr_conf addr;
	const char *why;

	*out = (struct sink_conf) {
		.part = w->json ? site.ws->log_json : site.ws->log_text,
		.facility = w->facility,
		.level = w->level,
	};
	switch (w->kind) {
	case WS_LOG_STDOUT:
		out->kind = SINK_STDOUT;
		return true;
	case WS_LOG_FILE:
		out->kind = SINK_FILE;
		out->path = conf_text(w->to);
		return true;
	case WS_LOG_UNIX:
		out->kind = SINK_UNIX;
		out->path = conf_text(w->to);
		if (str_starts(out->path, S("unix@")))
			out->path = str_skip(out->path, 5);
		return true;
	default:
		out->kind = SINK_UDP;
		if (!conf_addr(w->to, &addr, &out->path, &why)) {
			fprintf(err, "log udp '%.*s': %s\n", STR_ARG(out->path), why);
			return false;
		}
		if (!addr.has_port)
			addr.addr.port = 514;
		out->addr = addr.addr;
		return true;
	}
}

/* Opens the sinks of <run>; with <check> it only looks whether that is possible, and returns
 * NULL. */
static struct log_sink_set *sinks_of(struct ws_run run, bool check, bool *ok, FILE *err)
{
	struct sink_conf conf[SINKS_MAX];
	struct log_sink_set *set;
	unsigned n = 0;
	char why[256];

	for (uint32_t i = 0; i < run.n && n < SINKS_MAX; i++) {
		const struct ws_log *w = &site.ws->logs[run.first + i];

		if (w->kind == WS_LOG_OFF)
			return NULL;
		if (sink_of(w, &conf[n], err))
			n++;
		else
			*ok = false;
	}
	for (unsigned i = 0; check && i < n; i++)
		if (conf[i].kind == SINK_FILE && !log_file_check(conf[i].path, why, sizeof(why))) {
			fprintf(err, "%s\n", why);
			*ok = false;
		}
	if (!n || check)
		return NULL;
	set = log_sinks_new(conf, n, why, sizeof(why));
	if (!set) {
		fprintf(err, "%s\n", why);
		*ok = false;
	}
	return set;
}

static bool setup(bool check, FILE *err)
{
	bool ok = true;
	struct log_sink_set *all = sinks_of(site.ws->site_logs, check, &ok, err);

	for (uint32_t i = 0; i < site.ws->nsections; i++) {
		struct front *fe = site.fronts[i];

		if (fe)
			fe->sinks = fe->ws->logs.n ? sinks_of(fe->ws->logs, check, &ok, err) : all;
	}
	return ok;
}

bool log_setup(FILE *err)
{
	return setup(false, err);
}

bool log_setup_check(FILE *err)
{
	return setup(true, err);
}
