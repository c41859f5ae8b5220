/* SPDX-License-Identifier: Apache-2.0 */
/* The text line of a record:
 *   client [date] frontend backend/server request/queue/connect/response/total status bytes end
 *   process/frontend/backend/server/retries server_queue/backend_queue
 *   {captures}{response captures}
 *   "METHOD target protocol" id=… rule=file:line in=bytes reuse=cs
 * tcp: without request and response time, status, captures and request. Times in ms, -1: not
 * reached; retries have a "+" when the last went to another server; reuse: c client connection,
 * s server connection, "-" none. */
#include "log_text.h"

static void put_nums(struct log_out *o, const uint64_t *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (i)
			put_char(o, '/');
		put_num(o, v[i]);
	}
}

static void put_begin(struct log_out *o, const struct log_record *r)
{
	put_addr(o, &r->client);
	put_str(o, S(" ["));
	put_date(o, r->at);
	put_str(o, S("] "));
	put_word(o, r->frontend);
	put_char(o, ' ');
	put_word(o, r->backend);
	put_char(o, '/');
	put_word(o, r->server);
	put_char(o, ' ');
}

static void put_times(struct log_out *o, const struct log_record *r)
{
	bool http = r->kind == LOG_HTTP;

	if (http) {
		put_ms(o, r->t_request);
		put_char(o, '/');
	}
	put_ms(o, r->t_queue);
	put_char(o, '/');
	put_ms(o, r->t_connect);
	put_char(o, '/');
	if (http) {
		put_ms(o, r->t_response);
		put_char(o, '/');
	}
	put_ms(o, r->t_total);
	put_char(o, ' ');
	if (http) {
		put_num(o, r->status);
		put_char(o, ' ');
	}
	put_num(o, r->bytes_out);
}

static void put_counters(struct log_out *o, const struct log_record *r)
{
	uint64_t conns[] = { r->conns, r->fe_conns, r->be_conns, r->srv_conns };
	uint64_t queues[] = { r->srv_queue, r->be_queue };

	put_char(o, ' ');
	put_escaped(o, str_of(r->end, 2), " ");
	put_char(o, ' ');
	put_nums(o, conns, 4);
	put_char(o, '/');
	if (r->redispatched)
		put_char(o, '+');
	put_num(o, r->retries);
	put_char(o, ' ');
	put_nums(o, queues, 2);
}

static void put_captures(struct log_out *o, const struct log_caps *c)
{
	if (!c->n)
		return;
	put_char(o, '{');
	for (uint32_t i = 0; i < c->n; i++) {
		if (i)
			put_char(o, '|');
		put_escaped(o, c->values[i], "{|}");
	}
	put_char(o, '}');
}

static void put_request(struct log_out *o, const struct log_record *r)
{
	put_str(o, S(" \""));
	if (r->method.n) {
		put_escaped(o, r->method, "");
		put_char(o, ' ');
		put_escaped(o, r->uri, "");
		put_char(o, ' ');
		put_escaped(o, r->version, "");
	} else {
		put_str(o, S("<BADREQ>"));
	}
	put_char(o, '"');
}

static void put_end(struct log_out *o, const struct log_record *r)
{
	put_str(o, S(" id="));
	put_id(o, r);
	put_str(o, S(" rule="));
	put_word(o, r->rule);
	put_str(o, S(" in="));
	put_num(o, r->bytes_in);
	if (r->kind != LOG_HTTP)
		return;
	put_str(o, S(" reuse="));
	if (r->client_reused)
		put_char(o, 'c');
	if (r->server_reused)
		put_char(o, 's');
	if (!r->client_reused && !r->server_reused)
		put_char(o, '-');
	if (r->cookie.n) {
		put_str(o, S(" cookie="));
		put_str(o, r->cookie);
	}
}

static void line(struct log_out *o, const struct log_record *r)
{
	put_begin(o, r);
	put_times(o, r);
	put_counters(o, r);
	if (r->kind == LOG_HTTP) {
		if (r->caps_in.n + r->caps_out.n)
			put_char(o, ' ');
		put_captures(o, &r->caps_in);
		put_captures(o, &r->caps_out);
		put_request(o, r);
	}
	put_end(o, r);
}

const struct log_part log_http = { "http", line };
