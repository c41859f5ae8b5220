/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

#include "../core/log.h"
#include "../http/h1.h"
#include "balance.h"
#include "server.h"

#define REQUEST_MAX 4096 /* bytes of a check's request */
#define SPREAD_MS 2000 /* the first checks are spread over that long at most */
#define PAUSE_DISABLED_MS 1000 /* a disabled server: how often it is looked at */

struct check {
	const struct ws_check *ws;
	struct server *srv;
	struct addr to;
	struct str request; /* head as text */
	struct mux_conf mux;
	struct server_health health;
	/* thread of the check alone */
	struct timer timer; /* of the next check; during one, its end */
	struct buf_waiter wait; /* for a buffer to send from */
	struct conn *conn; /* during a check */
	struct stream *stream; /* during its answer */
	uint64_t began; /* us */
	uint32_t row; /* results of one kind, one after the other, that speak against the state */
	bool fresh; /* up as nothing was found out yet: the first bad result is enough */
	bool told_down; /* what the log says */
	_Atomic uint64_t told_at;
};

/* Of one server on one thread: asks idle connections, one after the other. A bad answer ends the
 * connection and says nothing about the server. */
struct probe {
	const struct check *k;
	struct timer timer; /* of the next question; during one, its end */
	struct stream *stream;
	bool good; /* the answer's head was */
};

static struct check *checks;
static uint32_t nchecks;
static _Thread_local struct probe *probes; /* by check */

/* -- state --------------------------------------------------------------------------------------
 */

static bool is_down(const struct check *k)
{
	return atomic_load_explicit(&k->srv->off, memory_order_relaxed) & SERVER_DOWN;
}

static unsigned usable(const struct back *be)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < be->nservers; i++)
		n += server_usable(&be->servers[i]);
	return n;
}

/* One line for a change, at most one a second for each server: what could not be told then is told
 * after a later check. */
static void tell(struct check *k)
{
	const struct server *s = k->srv;
	struct str why = check_result_name(&k->health);
	unsigned status = atomic_load(&k->health.status), ms = atomic_load(&k->health.ms), left;
	bool down = is_down(k);
	char text[32] = "";

	if (down == k->told_down || !log_due(&k->told_at))
		return;
	k->told_down = down;
	left = usable(s->be);
	if (status)
		snprintf(text, sizeof(text), " %u", status);
	log_say(!down  ? LOG_NOTICE
		: left ? LOG_WARNING
		       : LOG_ALERT,
		"server %.*s/%.*s is %s: %.*s%s after %u ms; %u of %u servers usable",
		STR_ARG(s->be->name), STR_ARG(s->name), down ? "down" : "up", STR_ARG(why), text,
		ms, left, s->be->nservers);
}

static void set_down(struct check *k, bool down)
{
	k->row = 0;
	atomic_fetch_add(&k->health.changes, 1);
	atomic_store(&k->health.changed, th->now);
	server_turn(k->srv, SERVER_DOWN, down);
}

/* As many bad results as <fall> take a server down, as many good ones as <rise> bring it back. */
static void judge(struct check *k, bool good)
{
	bool down = is_down(k);

	if (good == !down) {
		k->row = 0;
		k->fresh &= down;
		return;
	}
	k->row++;
	if (down ? k->row >= k->ws->rise : k->fresh || k->row >= k->ws->fall)
		set_down(k, !down);
	k->fresh = false;
}

static void next_in(struct check *k, uint32_t ms)
{
	uint64_t spent = (th->now_us - k->began) / 1000;

	timer_set(&k->timer, th->now + (spent < ms ? ms - spent : 1));
}

static uint32_t pause(const struct check *k)
{
	return k->row ? k->ws->fast : is_down(k) ? k->ws->down : k->ws->every;
}

/* -- one check ----------------------------------------------------------------------------------
 */

static void leave(struct check *k)
{
	struct stream *s = k->stream;
	struct conn *c = k->conn;

	timer_del(&k->timer);
	buf_wait_cancel(&k->wait);
	k->stream = NULL;
	k->conn = NULL;
	if (s)
		s->mux->detach(s, false);
	else if (c)
		conn_close(c);
}

static void done(struct check *k, enum check_result result, unsigned status)
{
	struct server_health *h = &k->health;

	leave(k);
	atomic_store(&h->status, (uint16_t)status);
	atomic_store(&h->ms, (uint32_t)((th->now_us - k->began) / 1000));
	atomic_store(&h->at, th->now);
	atomic_store(&h->result, (uint8_t)result);
	if (result != CHECKED_SKIPPED) {
		atomic_fetch_add(&h->checks, 1);
		atomic_fetch_add(&h->failures, result != CHECKED_OK);
		judge(k, result == CHECKED_OK);
	}
	tell(k);
	next_in(k, pause(k));
}

/* Not the server's fault. */
static bool own_fault(int err)
{
	return err == ENOMEM || err == EMFILE || err == ENFILE || err == ENOBUFS ||
	       err == EADDRNOTAVAIL;
}

static void failed(struct check *k, int err)
{
	done(k, own_fault(err) ? CHECKED_SKIPPED : CHECKED_REFUSED, 0);
}

static bool good_status(const struct check *k, unsigned status)
{
	const int64_t *pair = site.ws->nums + k->ws->expect.first;

	for (uint32_t i = 0; i < k->ws->expect.n; i += 2)
		if (status >= pair[i] && status <= pair[i + 1])
			return true;
	return !k->ws->expect.n && status >= 200 && status < 400;
}

static void on_head(struct stream *s, struct msg *m)
{
	struct check *k = s->owner;
	unsigned status = m->status;

	if (status >= 200 || status == 101)
		done(k, good_status(k, status) ? CHECKED_OK : CHECKED_STATUS, status);
}

/* Nothing is taken after the head, which ends the check. */
static void on_data(struct stream *s, struct slice data)
{
	(void)s;
	slice_put(&data);
}

static void on_end(struct stream *s, struct msg *trailers)
{
	(void)s;
	(void)trailers;
}

static void on_drained(struct stream *s)
{
	(void)s;
}

static void on_failed(struct stream *s, enum stream_error why)
{
	done(s->owner,
	     why == STREAM_NO_MEMORY ? CHECKED_SKIPPED
	     : why == STREAM_BAD     ? CHECKED_INVALID
				     : CHECKED_CLOSED,
	     0);
}

static const struct stream_ops check_stream_ops = {
	.head = on_head,
	.data = on_data,
	.end = on_end,
	.drained = on_drained,
	.failed = on_failed,
};

/* Sends the request of <k> on <s>. False: memory is out. */
static bool ask(const struct check *k, struct stream *s, uint32_t how)
{
	const struct h1_limits lim = { .head = REQUEST_MAX, .headers = 8, .uri = REQUEST_MAX };
	const struct h1_error *err;
	size_t seen = 0, used;
	struct msg m;
	bool sent;

	msg_init(&m);
	sent = h1_parse_request(k->request, &seen, &lim, &m, &used, &err) == H1_DONE &&
	       s->mux->head(s, &m, true, how | HEAD_RAW_TARGET);
	msg_free(&m);
	if (sent)
		s->mux->credit(s, true);
	return sent;
}

static void send_now(struct check *k)
{
	if (!ask(k, k->stream, HEAD_CLOSE))
		done(k, CHECKED_SKIPPED, 0);
}

static bool on_buffer(struct buf_waiter *w)
{
	send_now(CONTAINER(w, struct check, wait));
	return true;
}

/* A request is written into a buffer: is there one? */
static bool may_send(void)
{
	struct buf *b = buf_get();

	if (b)
		buf_put(&b);
	else
		return false;
	return true;
}

static void send_request(struct check *k)
{
	if (may_send())
		send_now(k);
	else
		buf_wait(&k->wait);
}

static void on_ready(struct conn *c, int err)
{
	struct check *k = c->owner;
	const struct mux_ops *mux = err || !k->ws->http ? NULL : server_mux(k->srv, c);

	if (err) {
		failed(k, err);
	} else if (!k->ws->http) {
		done(k, CHECKED_OK, 0);
	} else if (!mux) {
		failed(k, EPROTO);
	} else if (!mux->start(c, MUX_BACK, &k->mux) || !(k->stream = mux->open(c))) {
		done(k, CHECKED_SKIPPED, 0);
	} else {
		k->stream->owner = k;
		k->stream->ops = &check_stream_ops;
		send_request(k);
	}
}

/* The stream's end was told before, if there was one. */
static void on_gone(struct conn *c)
{
	struct check *k = c->owner;

	if (k->conn == c) {
		k->conn = NULL;
		failed(k, c->err ? c->err : ECONNRESET);
	}
}

static const struct conn_app check_conn_app = { .ready = on_ready, .gone = on_gone };

/* From the mux: the connection could take another request, and gets none. */
static void on_idle(struct conn *c)
{
	conn_close(c);
}

static const struct mux_app check_mux_app = { .idle = on_idle };

static void begin(struct check *k)
{
	const struct server *s = k->srv;
	struct conn_route route = { .to = &k->to };
	int64_t limit = s->be->num[WS_T_CHECK];
	int err = 0;

	k->began = th->now_us;
	if (s->source.kind != AK_NONE && !s->source_hi)
		route.from = &s->source;
	timer_set(&k->timer, th->now + (limit ? (uint64_t)limit : k->ws->every));
	k->conn = conn_connect(&route, &check_conn_app, k, server_handshakes(s), 0, &err);
	if (!k->conn)
		failed(k, err);
}

/* A buffer was missing all the time: what the server has sent could not be read. */
static bool starved(const struct check *k)
{
	return list_queued(&k->wait.link) || io_starved(&k->conn->io);
}

static void fire(struct timer *t)
{
	struct check *k = CONTAINER(t, struct check, timer);

	if (k->conn) {
		done(k, starved(k) ? CHECKED_SKIPPED : CHECKED_TIMEOUT, 0);
	} else if (atomic_load(&k->srv->off) & SERVER_DISABLED) {
		k->row = 0;
		k->fresh = true;
		timer_set(&k->timer, th->now + PAUSE_DISABLED_MS);
	} else {
		begin(k);
	}
}

/* -- idle connections ---------------------------------------------------------------------------
 */

static void probe_ends(struct probe *p, bool good)
{
	struct stream *s = p->stream;

	p->stream = NULL;
	s->mux->detach(s, !good);
	timer_set(&p->timer, th->now + p->k->ws->probe);
}

static void probe_head(struct stream *s, struct msg *m)
{
	struct probe *p = s->owner;

	if (m->status < 200 && m->status != 101)
		return;
	p->good = good_status(p->k, m->status) && m->status != 101;
	if (!p->good || m->body == BODY_NONE)
		probe_ends(p, p->good);
}

static void probe_end(struct stream *s, struct msg *trailers)
{
	struct probe *p = s->owner;

	(void)trailers;
	probe_ends(p, p->good);
}

static void probe_failed(struct stream *s, enum stream_error why)
{
	(void)why;
	probe_ends(s->owner, false);
}

static const struct stream_ops probe_stream_ops = {
	.head = probe_head,
	.data = on_data,
	.end = probe_end,
	.drained = on_drained,
	.failed = probe_failed,
};

static void probe_fire(struct timer *t)
{
	struct probe *p = CONTAINER(t, struct probe, timer);
	int64_t limit = p->k->srv->be->num[WS_T_CHECK];

	if (p->stream) {
		probe_ends(p, false);
		return;
	}
	timer_set(t, th->now + p->k->ws->probe);
	if (!may_send() || !(p->stream = server_probe(p->k->srv)))
		return;
	timer_del(t);
	timer_set(t, th->now + (limit ? (uint64_t)limit : p->k->ws->every));
	p->good = false;
	p->stream->owner = p;
	p->stream->ops = &probe_stream_ops;
	if (!ask(p->k, p->stream, 0))
		probe_ends(p, false);
}

/* -- threads ------------------------------------------------------------------------------------
 */

static bool is_mine(uint32_t i)
{
	return i % nthreads == th->tid;
}

static int thread_start(void)
{
	probes = calloc(nchecks + 1, sizeof(*probes));
	if (!probes)
		return -1;
	for (uint32_t i = 0; i < nchecks; i++) {
		struct check *k = &checks[i];
		uint64_t over = k->ws->every < SPREAD_MS ? k->ws->every : SPREAD_MS;

		probes[i] = (struct probe) { .k = k, .timer.fire = probe_fire };
		if (k->ws->probe && k->ws->http)
			timer_set(&probes[i].timer, th->now + k->ws->probe);
		if (is_mine(i))
			timer_set(&k->timer, th->now + 1 + over * i / nchecks);
	}
	return 0;
}

static void thread_stop(void)
{
	for (uint32_t i = 0; probes && i < nchecks; i++) {
		if (probes[i].stream)
			probes[i].stream->mux->detach(probes[i].stream, true);
		timer_del(&probes[i].timer);
		if (is_mine(i))
			leave(&checks[i]);
	}
	free(probes);
	probes = NULL;
}

/* -- set up -------------------------------------------------------------------------------------
 */

static const char *find_address(struct check *k)
{
	const struct ws_server *row = k->srv->ws;
	uint32_t text = row->check_addr != WS_NONE ? row->check_addr : k->ws->addr;
	uint16_t port = (uint16_t)(row->check_port ? row->check_port : k->ws->port);
	struct addr_conf c = { .addr = k->srv->addr, .has_port = true };
	const char *why = NULL;
	struct str as_text;

	c.any_host = k->srv->any_host;
	c.port_offset = k->srv->port_offset;
	if (text != WS_NONE && !conf_addr(text, &c, &as_text, &why))
		return why;
	if (text != WS_NONE && (c.addr.kind == AK_UNIX || c.addr.kind == AK_ABNS)) {
		char *path = conf_alloc(c.path.n + 1);

		memcpy(path, c.path.p, c.path.n);
		path[c.path.n] = 0;
		addr_set_path(&c.addr, path);
	}
	k->to = c.addr;
	if (c.addr.kind == AK_UNIX || c.addr.kind == AK_ABNS)
		return NULL;
	if (c.addr.kind != AK_INET)
		return "its address cannot be connected to";
	if (port)
		k->to.port = port;
	else if (text != WS_NONE && !c.has_port)
		k->to.port = k->srv->addr.port;
	if (c.any_host || (!port && c.port_offset) || !k->to.port)
		return "its address or port is the client's choice: check-addr and check-port are "
		       "needed";
	return NULL;
}

static void write_request(struct check *k)
{
	char host[ADDR_TEXT] = "localhost", *text = conf_alloc(REQUEST_MAX);
	struct str name = ws_str(k->ws->host);
	int n;

	if (!name.n) {
		if (k->to.kind == AK_INET)
			addr_format(&k->to, host);
		name = str_from(host);
	}
	n = snprintf(text, REQUEST_MAX,
		     "%.*s %.*s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: weir-check\r\n\r\n",
		     STR_ARG(ws_str(k->ws->method)), STR_ARG(ws_str(k->ws->target)), STR_ARG(name));
	k->request = str_of(text, (size_t)n);
}

static bool load_one(struct check *k, struct server *s, FILE *err)
{
	const int64_t *all = site.nums + site.ws->site_nums;
	const struct ws_place *place = &site.ws->places[s->ws->where];
	const char *why;

	k->ws = &site.ws->checks[s->be->servers_ws->check - 1];
	k->srv = s;
	k->timer.fire = fire;
	k->wait.wake = on_buffer;
	k->fresh = true;
	k->mux = (struct mux_conf) {
		.app = &check_mux_app,
		.head_max = (uint32_t)all[WS_HEAD_MAX],
		.headers_max = (uint32_t)all[WS_HEADERS_MAX],
		.uri_max = (uint32_t)all[WS_URI_MAX],
	};
	s->health = &k->health;
	why = find_address(k);
	if (why)
		fprintf(err, "%.*s:%u: check of server '%.*s': %s\n",
			STR_ARG(ws_str(site.ws->files[place->file])), place->line, STR_ARG(s->name),
			why);
	else
		write_request(k);
	return !why;
}

/* Calls <fn> with each server that is checked; false if one of them says so. */
static bool each(bool (*fn)(struct server *s, FILE *err), FILE *err)
{
	bool good = true;

	for (uint32_t b = 0; b < site.ws->nsections; b++) {
		struct back *be = site.backs[b];

		for (uint32_t i = 0; be && be->owner == be && i < be->nservers; i++)
			if (be->servers[i].ws && be->servers[i].ws->checked)
				good &= fn(&be->servers[i], err);
	}
	return good;
}

static bool count_one(struct server *s, FILE *err)
{
	(void)s;
	(void)err;
	nchecks++;
	return true;
}

static bool load_next(struct server *s, FILE *err)
{
	return load_one(&checks[nchecks++], s, err);
}

static bool load(FILE *err)
{
	nchecks = 0;
	each(count_one, err);
	checks = conf_alloc((nchecks + 1) * sizeof(*checks));
	nchecks = 0;
	return each(load_next, err);
}

const struct check_part check_servers = { "check", load, thread_start, thread_stop };
