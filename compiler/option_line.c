/* SPDX-License-Identifier: Apache-2.0 */
/* option_line: option statements with a structure of their own: log, forwardfor, error, source,
 * dispatch, monitor-net, trusted, cpu-map. */
#include "option.h"

#include "../runtime/base/thread_name.h"
#include "lower_part.h"
#include "show.h"
#include "subject.h"
#include "value.h"

static void usage(const struct ast_option *o, const char *takes)
{
	diag(E054, o->at, option_row(o->id)->words, takes);
}

static bool is_word(const struct ast_value *v, const char *word)
{
	return v && !v->delim && str_eq(v->text, str_from(word));
}

void option_host_bits(const struct ast_value *v, const struct p_net *net)
{
	struct show_buffer b;
	struct arena own = { 0 };

	diag(W209, v->at, STR_ARG(v->text));
	if (v->delim)
		return;
	show_open(&b);
	show_net(b.out, net);
	diag_fix(true, "write the network's own address");
	diag_edit_at(v->at, show_close(&b, &own));
	arena_free(&own);
}

static bool read_net(const struct ast_value *v, const char *what, struct p_net *net)
{
	bool host_bits;
	const char *why = value_net(v->text, net, &host_bits);

	if (why)
		diag(E007, v->at, STR_ARG(v->text), what, why);
	else if (host_bits)
		option_host_bits(v, net);
	return !why;
}

/* Networks from <v> on. */
static struct p_net *read_nets(struct model *m, const struct ast_value *v, const char *what,
			       uint32_t *count)
{
	struct p_net *nets;
	size_t n = 0;

	for (const struct ast_value *w = v; w; w = w->next)
		n++;
	nets = ARENA_ARRAY(m->arena, struct p_net, n);
	*count = 0;
	for (; v; v = v->next)
		if (read_net(v, what, &nets[*count]))
			++*count;
	return nets;
}

/* Networks of all statements of one option. */
static struct p_net *read_net_lists(struct model *m, const struct vec *list, uint32_t *count)
{
	struct ast_value *all = NULL, **last = &all;
	const char *what = NULL;

	for (size_t i = 0; i < list->n; i++) {
		const struct ast_option *o = ((struct option_use *)list->p[i])->opt;

		what = option_row(o->id)->words;
		if (!o->values)
			usage(o, "one address or network, or more");
		for (const struct ast_value *v = o->values; v; v = v->next) {
			*last = ARENA_NEW(m->arena, struct ast_value);
			**last = *v;
			last = &(*last)->next;
			*last = NULL;
		}
	}
	return read_nets(m, all, what, count);
}

static const char *const facilities[] = {
	"kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
	"uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
	"local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7",
};
static const char *const levels[] = { "emerg",   "alert",  "crit", "err",
				      "warning", "notice", "info", "debug" };

/* Index of the word <v> in <list>, or -1 after a report. */
static int index_of(const struct ast_value *v, const char *const *list, size_t n, const char *what)
{
	struct str names[24];

	for (size_t i = 0; i < n; i++) {
		names[i] = str_from(list[i]);
		if (str_eq(names[i], v->text))
			return (int)i;
	}
	diag(E056, v->at, STR_ARG(v->text), what);
	model_suggest_words(v->text, names, n);
	return -1;
}

static bool read_log_tail(const struct ast_option *o, const struct ast_value *v, struct p_log *log)
{
	int *out;

	for (; v; v = v->next->next) {
		if (!v->next) {
			usage(o, "format, facility and level with a word each after its target");
			return false;
		}
		if (is_word(v, "format")) {
			static const char *const formats[] = { "http", "json" };
			int n = index_of(v->next, formats, 2, "log format");

			if (n < 0)
				return false;
			log->json = n == 1;
			continue;
		}
		if (!is_word(v, "facility") && !is_word(v, "level")) {
			diag(E056, v->at, STR_ARG(v->text), "option of log");
			return false;
		}
		out = is_word(v, "facility") ? &log->facility : &log->level;
		*out = is_word(v, "facility") ? index_of(v->next, facilities, 24, "facility")
					      : index_of(v->next, levels, 8, "log level");
		if (*out < 0)
			return false;
	}
	return true;
}

/* stdout | off | file F | udp ADDR | unix PATH, then options */
static bool read_log(struct model *m, struct scope *scope, const struct ast_option *o,
		     struct p_log *log)
{
	const struct ast_value *v = o->values;
	struct use u = { .m = m, .scope = scope };

	*log = (struct p_log) { .place = place_of(o->at), .facility = 16, .level = 6 };
	if (is_word(v, "off") && !v->next)
		return true;
	if (is_word(v, "stdout")) {
		log->kind = LOG_STDOUT;
		return read_log_tail(o, v->next, log);
	}
	if (!v || !v->next || !(is_word(v, "file") || is_word(v, "udp") || is_word(v, "unix"))) {
		usage(o, "stdout, file F, udp ADDRESS, unix PATH or off");
		return false;
	}
	if (is_word(v, "file")) {
		log->kind = LOG_FILE;
		log->path = lower_text(&u, v->next, TEXT_PARAMS);
		return log->path && read_log_tail(o, v->next->next, log);
	}
	log->kind = is_word(v, "udp") ? LOG_UDP : LOG_UNIX;
	if (!option_addr(m, scope, v->next, "log", &log->addr))
		return false;
	if (log->addr.kind == ADDR_UNIX ? log->kind == LOG_UDP
					: log->kind == LOG_UNIX && !log->addr.text) {
		diag(E007, v->next->at, STR_ARG(v->next->text), "log",
		     "udp takes HOST:PORT, unix takes a path");
		return false;
	}
	if (log->kind == LOG_UDP && !log->addr.text && !log->addr.port)
		log->addr.port = log->addr.port_hi = 514;
	return read_log_tail(o, v->next->next, log);
}

static struct p_log *read_logs(struct model *m, struct scope *scope, const struct vec *list,
			       uint32_t *count)
{
	struct p_log *logs = ARENA_ARRAY(m->arena, struct p_log, list->n);

	for (size_t i = 0; i < list->n; i++)
		if (read_log(m, scope, ((struct option_use *)list->p[i])->opt, &logs[*count]))
			++*count;
	return logs;
}

/* forwardfor [header H] [unless NET...] */
static void read_forwardfor(struct model *m, const struct ast_option *o, struct p_forwardfor *out)
{
	const struct ast_value *v = o->values;

	out->on = true;
	out->header = S("X-Forwarded-For");
	if (is_word(v, "header") && v->next) {
		action_header_name(v->next, &out->header);
		v = v->next->next;
	}
	if ((is_word(v, "unless") || is_word(v, "except")) && v->next) {
		out->unless = read_nets(m, v->next, "forwardfor", &out->nunless);
		v = NULL;
	}
	if (v)
		usage(o, "header NAME, then unless NETWORK...");
}

/* error STATUS... file F | redir URL */
static void read_error(struct model *m, struct entity *e, const struct option_use *use,
		       struct vec *pages, struct p_errorpage **by_status)
{
	const struct ast_option *o = use->opt;
	const struct ast_value *v = o->values, *end = v;
	bool file;

	while (end && !is_word(end, "file") && !is_word(end, "redir"))
		end = end->next;
	if (!end || end == v || !end->next || end->next->next) {
		usage(o, "STATUS... file F, or STATUS... redir URL");
		return;
	}
	file = is_word(end, "file");
	if (text_refused(end->next, "an error page is fixed"))
		return;
	for (; v != end; v = v->next) {
		struct p_errorpage *page = ARENA_NEW(m->arena, struct p_errorpage);
		struct str text = value_plain(m->arena, end->next->text);
		int64_t status;

		if (!option_number(v, "a status", UNIT_COUNT, 400, 599, &status))
			continue;
		if (by_status[status]) { /* own pages come first, then the later profile's */
			if (!use->origin && e)
				diag(E058, v->at, "the page of this status");
			continue;
		}
		if (!file && !value_is_clean(text)) {
			diag(E008, end->next->at, STR_ARG(text), "it holds CR, LF or NUL");
			continue;
		}
		*page = (struct p_errorpage) { .place = place_of(o->at),
					       .status = (uint16_t)status };
		*(file ? &page->file : &page->url) = text;
		by_status[status] = page;
		vec_push(m->arena, pages, page);
	}
}

static void read_errors(struct model *m, struct entity *e)
{
	const struct vec *list = &e->opts[OPT_ERROR];
	struct p_errorpage *by_status[600] = { 0 };
	struct vec pages = { 0 };

	for (size_t i = 0; i < list->n; i++)
		read_error(m, e, list->p[i], &pages, by_status);
	e->out->errors = ARENA_ARRAY(m->arena, struct p_errorpage, pages.n);
	for (size_t i = 0; i < pages.n; i++)
		e->out->errors[e->out->nerrors++] = *(struct p_errorpage *)pages.p[i];
}

static bool source_addr(struct model *m, struct scope *scope, const struct ast_value *v,
			struct p_source *source)
{
	const struct p_addr *a = &source->addr;

	if (!option_addr(m, scope, v, "source", &source->addr))
		return false;
	if (!a->text && (a->kind != ADDR_INET || a->host_name || a->port_offset || a->any_host))
		diag(E007, v->at, STR_ARG(v->text), "source",
		     "a source is an IP address, with ports LOW-HIGH if needed");
	return true;
}

/* SUBJECT else ADDRESS|unset */
static const struct ast_value *source_header(struct model *m, struct entity *e,
					     const struct ast_value *v, struct p_source *source)
{
	unsigned where = e->out->back_mode == MODE_TCP ? W_TCP : W_REQ_OUT;
	struct use u = { .m = m, .scope = &e->scope, .where = where, .avail = where };
	struct ast_subject *spec = subject_parse(m->arena, v->text, v->at);

	struct at spec_at = v->at;

	source->mode = SRC_HEADER;
	source->subject = spec ? lower_subject(&u, spec) : NULL;
	source->addr.fd = -1;
	v = v->next;
	if (!is_word(v, "else") || !v->next) {
		diag(E054, v ? v->at : spec_at, "source h(NAME)",
		     "else ADDRESS, or else unset: for requests without it");
		return NULL;
	}
	if (!is_word(v->next, "unset"))
		source_addr(m, &e->scope, v->next, source);
	return v->next->next;
}

const struct ast_value *option_source(struct model *m, struct entity *e, const struct ast_value *v,
				      struct p_source *source)
{
	if (!v) {
		diag(E054, (struct at) { 0 }, "source",
		     "an address, client, client-ip, or h(NAME) else ADDRESS");
		return NULL;
	}
	if (is_word(v, "client") || is_word(v, "client-ip")) {
		source->mode = v->text.n == 6 ? SRC_CLIENT : SRC_CLIENT_IP;
		return v->next;
	}
	if (!v->delim && str_istarts(v->text, S("h(")))
		return source_header(m, e, v, source);
	if (source_addr(m, &e->scope, v, source))
		source->mode = SRC_ADDR;
	return v->next;
}

static const struct ast_option *only(const struct entity *e, int id)
{
	const struct vec *list = &e->opts[id];

	return list->n ? ((const struct option_use *)list->p[0])->opt : NULL;
}

/* dispatch, transparent and proxy take all requests of the section: one of them, and no server. */
static void check_targets(const struct entity *e)
{
	static const int ids[] = { OPT_DISPATCH, OPT_TRANSPARENT, OPT_PROXY };
	bool taken = e->opts[OPT_SERVER].n > 0;

	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		const struct ast_option *o = only(e, ids[i]);

		if (!o)
			continue;
		if (taken)
			diag(E054, o->at, option_row(ids[i])->words,
			     "all requests of the section: nothing else beside it that says where "
			     "they go, as server, dispatch, transparent or proxy");
		taken = true;
		if (ids[i] == OPT_PROXY && e->out->back_mode == MODE_TCP)
			diag(E054, o->at, "proxy", "mode http: raw bytes name no destination");
	}
}

/* balance source | uri | hash SUBJECT: what decides. */
static void read_balance(struct model *m, struct entity *e, const struct ast_option *o)
{
	unsigned where = e->out->back_mode == MODE_TCP ? W_TCP : W_REQ_OUT;
	struct use u = { .m = m, .scope = &e->scope, .where = where, .avail = where };
	const struct ast_value *v = o->values;
	struct ast_subject *spec = NULL;

	if (is_word(v, "hash") && !v->next)
		usage(o, "hash and a subject, as hash h(x-user)");
	else if (is_word(v, "hash"))
		spec = subject_parse(m->arena, v->next->text, v->next->at);
	else if (is_word(v, "source"))
		spec = subject_parse(m->arena, S("src"), v->at);
	else if (is_word(v, "uri"))
		spec = subject_parse(m->arena, S("path"), v->at);
	e->out->balance_on = spec ? lower_subject(&u, spec) : NULL;
}

static void lines_of(struct model *m, struct entity *e)
{
	const struct ast_option *o;
	const struct ast_value *rest;
	struct p_section *out = e->out;

	out->logs = read_logs(m, &e->scope, &e->opts[OPT_LOG], &out->nlogs);
	read_errors(m, e);
	out->monitor = read_net_lists(m, &e->opts[OPT_MONITOR_NET], &out->nmonitor);
	out->dispatch.fd = -1;
	if ((o = only(e, OPT_FORWARDFOR)))
		read_forwardfor(m, o, &out->forwardfor);
	check_targets(e);
	if ((o = only(e, OPT_DISPATCH))) {
		if (!o->values || o->values->next)
			usage(o, "one address");
		else
			option_addr(m, &e->scope, o->values, "dispatch", &out->dispatch);
	}
	if ((o = only(e, OPT_BALANCE)))
		read_balance(m, e, o);
	if ((o = only(e, OPT_SOURCE))) {
		rest = o->values ? option_source(m, e, o->values, &out->source) : o->values;
		if (!o->values || rest)
			usage(o, "an address, client, client-ip, or h(NAME) else ADDRESS|unset");
	}
}

struct thread_shape option_threads(const struct model *m)
{
	const struct p_setting *n = &m->out->globals[OPT_THREADS],
			       *g = &m->out->globals[OPT_THREAD_GROUPS];

	return (struct thread_shape) {
		.nthreads = n->computed || n->num > THREADS_MAX ? 0 : (unsigned)n->num,
		.ngroups = g->computed || g->num > GROUPS_MAX ? 0 : (unsigned)g->num
	};
}

/* What the site says of both must agree; the rest is found at start. */
static struct thread_shape thread_shape(struct model *m)
{
	struct thread_shape shape = option_threads(m);
	const struct ast_option *o;

	if (!shape.nthreads || !shape.ngroups ||
	    (shape.ngroups <= shape.nthreads &&
	     shape.nthreads <= shape.ngroups * GROUP_THREADS_MAX))
		return shape;
	o = ((const struct option_use *)m->globals[OPT_THREAD_GROUPS].p[0])->opt;
	diag(E007, o->at, STR_ARG(o->values->text), "thread-groups",
	     "a group has 1 to 64 threads, and there are not so many, or more");
	return (struct thread_shape) { 0 };
}

/* cpu-map THREADS PROCESSORS [each]: joined to one text, "1/all 0-7;2/all 8-15 each". */
static void read_cpu_maps(struct model *m, const struct vec *list)
{
	struct thread_shape shape = thread_shape(m);
	struct p_setting *out = &m->out->globals[OPT_CPU_MAP];
	struct number_set mapped = { 0 };

	for (size_t i = 0; i < list->n; i++) {
		const struct ast_option *o = ((const struct option_use *)list->p[i])->opt;
		struct cpu_map map;
		char why[THREAD_WHY];
		struct str line = { 0 };

		for (const struct ast_value *v = o->values; v; v = v->next)
			line = line.n ? arena_printf(m->arena, "%.*s %.*s", STR_ARG(line),
						     STR_ARG(v->text))
				      : v->text;
		if (!o->values || !o->values->next) {
			usage(o, "threads and their processors, as 1/all 0-7");
			continue;
		}
		if (!cpu_map_read(line, &shape, &map, why)) {
			diag(E007, o->values->at, STR_ARG(line), "cpu-map", why);
			continue;
		}
		for (int t = numbers_next(&map.threads, 0); t >= 0;
		     t = numbers_next(&map.threads, (unsigned)t + 1)) {
			if (numbers_has(&mapped, (unsigned)t)) {
				diag(E058, o->values->at, "a thread");
				break;
			}
			numbers_add(&mapped, (unsigned)t);
		}
		out->text = out->set ? arena_printf(m->arena, "%.*s;%.*s", STR_ARG(out->text),
						    STR_ARG(line))
				     : line;
		out->place = out->set ? out->place : place_of(o->at);
		out->set = true;
	}
}

#define CONTROL_MODE 0600

/* control unix@PATH [mode N] */
static void read_control(struct model *m, const struct ast_option *o, struct p_control *c)
{
	const struct ast_value *v = o->values;

	*c = (struct p_control) { .place = place_of(o->at), .mode = CONTROL_MODE };
	if (!v ||
	    (v->next && (!is_word(v->next, "mode") || !v->next->next || v->next->next->next))) {
		usage(o, "unix@PATH, then mode N if wanted");
		return;
	}
	if (!option_addr(m, &m->site, v, "control", &c->addr))
		return;
	if (!c->addr.text && c->addr.kind != ADDR_UNIX)
		diag(E007, v->at, STR_ARG(v->text), "control", "it is unix@PATH");
	if (v->next && !option_octal(v->next->next, &c->mode))
		c->mode = CONTROL_MODE;
}

void option_lines(struct model *m)
{
	read_cpu_maps(m, &m->globals[OPT_CPU_MAP]);
	m->out->logs = read_logs(m, &m->site, &m->globals[OPT_LOG], &m->out->nlogs);
	m->out->control.addr.fd = -1;
	if (m->globals[OPT_CONTROL].n)
		read_control(m, ((struct option_use *)m->globals[OPT_CONTROL].p[0])->opt,
			     &m->out->control);
	m->out->trusted = read_net_lists(m, &m->globals[OPT_TRUSTED], &m->out->ntrusted);
	for (size_t i = 0; i < m->entities.n; i++)
		lines_of(m, m->entities.p[i]);
}
