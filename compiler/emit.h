/* SPDX-License-Identifier: Apache-2.0 */
/* emit: rule program to the tables of runtime/site.h. The tables are made in memory here; out.h
 * writes them as C. Only what the site uses gets a row, equal rows are one. Refuses to optimise:
 * rules are tested in the order in which they are written. */
#ifndef WEIR_EMIT_H
#define WEIR_EMIT_H

#include "../runtime/site.h"
#include "emit_table.h"
#include "program.h"

/* Every table: TABLE(ID, field of struct ws_site, row type) */
#define EMIT_TABLES(TABLE)                                                                         \
	TABLE(TEXT, text, char)                                                                    \
	TABLE(SECTIONS, sections, struct ws_section)                                               \
	TABLE(RULES, rules, struct ws_rule)                                                        \
	TABLE(CHAIN, chain, uint32_t)                                                              \
	TABLE(NODES, nodes, struct ws_node)                                                        \
	TABLE(TESTS, tests, struct ws_test)                                                        \
	TABLE(SUBJECTS, subjects, struct ws_subject)                                               \
	TABLE(CONV_ROWS, conv_rows, struct ws_conv)                                                \
	TABLE(VALUES, values, struct ws_value)                                                     \
	TABLE(NETS, nets, struct ws_net)                                                           \
	TABLE(REGEXES, regexes, struct ws_regex)                                                   \
	TABLE(AUTOMATA, automata, uint32_t)                                                        \
	TABLE(TEXTS, texts, struct ws_text)                                                        \
	TABLE(PIECES, pieces, struct ws_piece)                                                     \
	TABLE(MAPS, maps, struct ws_map)                                                           \
	TABLE(SETS, sets, struct ws_set)                                                           \
	TABLE(MAP_VALS, map_vals, struct ws_ref)                                                   \
	TABLE(ACTION_ROWS, action_rows, struct ws_action)                                          \
	TABLE(ANSWERS, answers, struct ws_answer)                                                  \
	TABLE(ANSWER_HEADERS, answer_headers, struct ws_answer_header)                             \
	TABLE(BINDS, binds, struct ws_bind)                                                        \
	TABLE(SERVERS, servers, struct ws_server)                                                  \
	TABLE(CHECKS, checks, struct ws_check)                                                     \
	TABLE(COOKIES, cookies, struct ws_cookie)                                                  \
	TABLE(TLSES, tlses, struct ws_tls)                                                         \
	TABLE(TLS_CERTS, tls_certs, uint32_t)                                                      \
	TABLE(ERRORS, errors, struct ws_error)                                                     \
	TABLE(LOGS, logs, struct ws_log)                                                           \
	TABLE(PLACES, places, struct ws_place)                                                     \
	TABLE(FILES, files, struct ws_ref)                                                         \
	TABLE(PARAMS, params, struct ws_param)                                                     \
	TABLE(BOUND_NUMS, bound_nums, struct ws_bound_num)                                         \
	TABLE(VALUE_NETS, value_nets, struct ws_value_net)                                         \
	TABLE(NUMS, nums, int64_t)                                                                 \
	TABLE(CAPTURES, captures, struct ws_ref)                                                   \
	TABLE(DECIDES, decides, struct ws_decide)                                                  \
	TABLE(DECIDE_GROUPS, decide_groups, struct ws_scan_group)                                  \
	TABLE(DECIDE_SCANS, decide_scans, struct ws_scan)                                          \
	TABLE(DECIDE_WORDS, decide_words, uint32_t)                                                \
	TABLE(CHECKPOINTS, checkpoints, struct ws_checkpoint)

enum emit_table {
#define TABLE(id, field, type) EMIT_##id,
	EMIT_TABLES(TABLE)
#undef TABLE
		EMIT_NTABLES
};

/* Optional parts besides actions, converters and subjects. */
enum emit_part {
	PART_POLLER_EPOLL,
	PART_POLLER_URING,
	PART_MUX_H1,
	PART_MUX_TCP,
	PART_MUX_H2,
	PART_SHARING,
	PART_REGEX_PCRE2,
	PART_REGEX_DFA,
	PART_REGEX_BOTH,
	PART_BALANCE_ROUNDROBIN,
	PART_BALANCE_LEASTCONN,
	PART_BALANCE_HASH,
	PART_BALANCE_RANDOM,
	PART_BALANCE_FIRST,
	PART_QUEUE,
	PART_CHECK,
	PART_COOKIE,
	PART_COUNT,
	PART_CONTROL,
	PART_PAGE_STATS,
	PART_PAGE_METRICS,
	PART_PREREAD_HELLO,
	PART_TARGET,
	PART_DECIDE_INDEX,
	PART_DYNAMIC,
	PART_TLS,
	PART_LOG_HTTP,
	PART_LOG_JSON,
	PART_CHECKPOINT,
	PART_HS_ACCEPT_PROXY,
	PART_HS_MONITOR,
	PART_HS_CONN_IN,
	PART_HS_SEND_PROXY_V1,
	PART_HS_SEND_PROXY_V2,
	EMIT_PARTS
};
extern const char *const emit_part_names[EMIT_PARTS]; /* as in site.h */
extern const char *const emit_action_names[ACTIONS], *const emit_conv_names[CONVERTERS],
							     *const emit_subject_names[SUBJECTS];

struct decide_report;

/* A file compiled in: error page or body. */
struct emit_file {
	struct str name, bytes;
};
#define EMIT_FILE_MAX ((size_t)1 << 20)

struct emit {
	struct arena *arena;
	const struct program *p;
	struct table tables[EMIT_NTABLES];
	bool parts[EMIT_PARTS], subjects[SUBJECTS];
	bool adds_regexes; /* while the binary runs: dynamic sets and maps */
	uint32_t nactions, nconvs; /* functions used, in order of first use */
	enum action_id actions[ACTIONS];
	enum converter_id convs[CONVERTERS];
	uint32_t action_fn[ACTIONS], conv_fn[CONVERTERS]; /* their rows, or WS_NONE */
	uint32_t *subject_rows, *regex_rows,
		*map_rows; /* by index in the program; WS_NONE: none yet */
	uint32_t site_nums, nfiles, files_room, chroot_text, cpu_map_where;
	struct ws_run site_logs, trusted;
	uint32_t control;
	struct ws_ref name, user, group, chroot, cpu_map;
	const struct p_section **named; /* but checkpoints, by name, then number */
	uint32_t nnamed; /* also the number of the first checkpoint, as they come last */
	struct emit_file *files; /* in the order in which they were first named */
	struct decide_report *decided; /* by section and direction, or NULL: decide/decide.h */
	uint64_t steps; /* made while conditions are expanded */
	bool bad;
};

/* Makes the tables of <p>, whose source set is still the current one; reads error pages and
 * bodies. False after reports. <e> lives in <a>. */
bool emit_build(struct emit *e, struct arena *a, const struct program *p);

#endif
