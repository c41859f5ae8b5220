/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime_log.h"

#include <check.h>

#include "../../runtime/core/thread.h"

void log_be_thread(void)
{
	static struct thread self;

	th = &self;
	ck_assert_int_eq(log_thread_start(), 0);
}

struct log_record log_sample(void)
{
	struct log_record r;
	struct addr_conf a;

	log_record_init(&r, LOG_HTTP);
	ck_assert_ptr_null(addr_parse(S("192.0.2.7:4711"), &a));
	r.client = a.addr;
	r.at = UINT64_C(1794927600123456);
	r.frontend = S("www");
	r.backend = S("app");
	r.server = S("a");
	r.method = S("GET");
	r.uri = S("/x?y=1");
	r.version = S("HTTP/1.1");
	r.rule = S("site.weir:31");
	r.status = 200;
	r.bytes_out = 1234;
	r.bytes_in = 99;
	r.t_request = 1;
	r.t_queue = 0;
	r.t_connect = 2;
	r.t_response = 30;
	r.t_total = 34;
	r.conns = 5;
	r.retries = 1;
	r.redispatched = true;
	r.server_reused = true;
	r.seq = 10;
	return r;
}
