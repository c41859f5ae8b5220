# SPDX-License-Identifier: Apache-2.0
# The runtime's sources by layer, low to high. Optional parts are one object file each.
RT_BASE_SRC := runtime/base/bug.c runtime/base/str.c runtime/base/arena.c runtime/base/h1_class.c runtime/base/uri.c runtime/base/addr.c \
	runtime/base/number_set.c runtime/base/thread_name.c \
	runtime/base/scan.c runtime/base/automaton.c runtime/base/siphash.c
RT_HTTP_SRC := runtime/http/field.c runtime/http/status.c runtime/http/msg.c runtime/http/msg_edit.c \
	runtime/http/h1_fields.c runtime/http/h1_frame.c runtime/http/h1_parse.c runtime/http/h1_write.c runtime/http/h1_chunk.c \
	runtime/http/mux_copy.c runtime/http/stream.c runtime/http/stream_splice.c runtime/http/mux_h1_in.c runtime/http/mux_h1_out.c runtime/http/mux_h1.c runtime/http/mux_tcp.c
# HTTP/2.
RT_HTTP_SRC += runtime/http/hpack_huffman.c runtime/http/hpack_table.c runtime/http/hpack_in.c runtime/http/hpack_out.c
RT_CORE_SRC := runtime/core/topo.c runtime/core/plan.c runtime/core/clock.c runtime/core/pool.c runtime/core/pool_guard.c runtime/core/timer.c runtime/core/task.c \
	runtime/core/buf.c runtime/core/fd.c runtime/core/io.c runtime/core/thread.c runtime/core/poll_epoll.c \
	runtime/core/poll_accept.c runtime/core/poll_fault.c runtime/core/uring.c runtime/core/poll_uring.c runtime/core/poll_uring_recv.c runtime/core/log.c
RT_CORE_SRC += runtime/core/shared.c runtime/core/isolate.c runtime/core/profile.c runtime/core/watchdog.c
RT_NET_SRC := runtime/net/conn.c runtime/net/conn_open.c runtime/net/conn_out.c runtime/net/conn_transport.c runtime/net/transport_stack.c \
	runtime/net/listener.c runtime/net/listener_sock.c \
	runtime/net/proxy_hdr.c runtime/net/hello.c runtime/net/hs_monitor.c runtime/net/hs_proxy.c runtime/net/hs_conn_in.c \
	runtime/net/hs_send_proxy.c
RT_NET_SRC += runtime/net/tls.c runtime/net/tls_ctx.c runtime/net/tls_info.c
RT_PROXY_SRC := runtime/proxy/conf.c runtime/proxy/exchange.c runtime/proxy/attempt.c runtime/proxy/route.c runtime/proxy/relay.c runtime/proxy/answer.c \
	runtime/proxy/server.c runtime/proxy/count.c runtime/proxy/page_metrics.c runtime/proxy/page_stats.c runtime/proxy/balance.c runtime/proxy/balance_load.c runtime/proxy/balance_hash.c runtime/proxy/queue.c runtime/proxy/rule.c runtime/proxy/rule_text.c runtime/proxy/regex_pcre2.c runtime/proxy/regex_load.c runtime/proxy/regex_dfa.c runtime/proxy/regex_both.c \
	runtime/proxy/target.c runtime/proxy/decide.c \
	runtime/proxy/dynamic.c runtime/proxy/dynamic_replace.c runtime/proxy/dynamic_table.c \
	runtime/proxy/subject_message.c runtime/proxy/subject_state.c runtime/proxy/convert.c runtime/proxy/action_flow.c \
	runtime/proxy/action_edit.c runtime/proxy/tarpit.c runtime/proxy/subject_hello.c runtime/proxy/auth.c runtime/proxy/session.c runtime/proxy/front.c \
	runtime/proxy/xlog.c runtime/proxy/proxy.c
RT_PROXY_SRC += runtime/proxy/takeover.c
RT_PROXY_SRC += runtime/proxy/check.c
RT_PROXY_SRC += runtime/proxy/takeover.c runtime/proxy/conns.c
RT_PROXY_SRC += runtime/proxy/check.c runtime/proxy/cookie.c
RT_PROXY_SRC += runtime/proxy/tls_openssl.c runtime/proxy/subject_tls.c
RT_PROXY_SRC += runtime/proxy/sharing.c
RT_PROXY_SRC += runtime/proxy/counters.c runtime/proxy/checkpoint.c runtime/proxy/pass.c
RT_HTTP_SRC += runtime/http/h2_frame.c runtime/http/h2_request.c runtime/http/mux_h2_queue.c \
	runtime/http/mux_h2_in.c runtime/http/mux_h2_stream.c runtime/http/mux_h2_out.c runtime/http/h2_response.c runtime/http/mux_h2_back.c runtime/http/mux_h2.c
# Apart: it holds main().
RT_MAIN_SRC := runtime/ops/main.c
RT_OPS_SRC := runtime/ops/log_text.c runtime/ops/log_http.c runtime/ops/log_json.c \
	runtime/ops/log_sink.c runtime/ops/log_writer.c runtime/ops/process.c runtime/ops/process_rights.c \
	runtime/ops/log_setup.c runtime/ops/control.c runtime/ops/control_row.c runtime/ops/control_table.c runtime/ops/control_conn.c runtime/ops/control_threads.c \
	runtime/ops/threads.c runtime/ops/limits.c
# At start, at stop, or when something is wrong: no request passes through.
RT_COLD_SRC := runtime/base/number_set.c runtime/base/thread_name.c runtime/core/topo.c runtime/core/plan.c \
	runtime/core/watchdog.c runtime/core/isolate.c runtime/core/profile.c runtime/core/pool_guard.c \
	runtime/net/listener_sock.c runtime/proxy/conf.c runtime/proxy/front.c runtime/proxy/proxy.c runtime/ops/log_sink.c runtime/ops/threads.c runtime/ops/limits.c \
	runtime/ops/process.c runtime/ops/process_rights.c runtime/ops/log_setup.c runtime/ops/control.c \
	runtime/ops/control_row.c runtime/ops/control_table.c runtime/ops/control_conn.c runtime/ops/control_threads.c runtime/proxy/conns.c runtime/ops/main.c
