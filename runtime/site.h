/* SPDX-License-Identifier: Apache-2.0 */
/* site: the ABI between generated C and the runtime: the only header that generated C includes. A
 * site is one const struct of tables. Tables hold 32-bit indexes and offsets into <text>, no
 * pointers (no relocations: pages stay shared and clean); the only pointers are those of struct
 * ws_site itself and its lists of parts. The generated file is the only place that names optional
 * parts, so only what a site uses is linked.
 *
 * Changes: 1 first form; 2 targets, queues, pages, decisions, dynamic tables, control, threads;
 * 3 checkpoints, checks, cookies, TLS, automata, HTTP/2.
 * A change of any struct here raises WEIR_ABI. */
#ifndef WEIR_SITE_H
#define WEIR_SITE_H

#include "base/str.h"

#define WEIR_ABI 3
#define WEIR_MAGIC 0x52494557u /* "WEIR" */
#define WS_NONE UINT32_MAX

/* Text in ws_site.text. */
struct ws_ref {
	uint32_t off, len;
};

/* A run of rows of another table. */
struct ws_run {
	uint32_t first, n;
};

enum ws_subject_id {
#define SUBJECT(id, ...) WS_SUBJ_##id,
#include "../grammar/subject.def"
	WS_SUBJECTS
};
enum ws_operator_id {
	WS_OP_TRUE,
#define OPERATOR(id, ...) WS_OP_##id,
#include "../grammar/operator.def"
	WS_OPERATORS
};

/* Well-known header fields have a number; it is ws_subject.num of h(). */
enum ws_field_id {
	WS_FIELD_OTHER,
#define FIELD(id, ...) WS_FIELD_##id,
#include "http/field.def"
	WS_FIELDS
};

/* Number of the field <name>, in lower case. */
static inline enum ws_field_id ws_field_id(struct str name)
{
#define FIELD(id, lower, ...)                                                                      \
	if (name.n == sizeof(lower) - 1 && memcmp(name.p, lower, name.n) == 0)                     \
		return WS_FIELD_##id;
#include "http/field.def"
	return WS_FIELD_OTHER;
}

#define WS_SUBJ_REQUEST 0x01 /* reads the request, also in response rules */
#define WS_SUBJ_ICASE 0x02
#define WS_SUBJ_LEN 0x04
#define WS_SUBJ_COUNT 0x08
#define WS_SUBJ_ONE 0x10 /* gives one value at most */

enum ws_type { WS_STR, WS_INT, WS_ADDR, WS_BOOL };

struct ws_subject {
	uint8_t id; /* enum ws_subject_id */
	uint8_t flags;
	uint8_t type; /* enum ws_type, after converters and measure */
	uint8_t base_type; /* before converters */
	struct ws_ref name; /* header names in lower case */
	int64_t num; /* random(N); h: enum ws_field_id; var and capture: slot; section index of
			conns(), nbsrv()…; row of checkpoints of rate(), conc(), queued() */
	struct ws_run convs;
};

struct ws_conv {
	uint32_t fn; /* index into ws_site.convs */
	int32_t num, num2; /* hash: num2 is the enum ws_type of what it is made of */
	uint32_t delim;
	uint32_t regex, text, map; /* indexes or WS_NONE */
};

enum ws_value_kind { WS_V_STR, WS_V_INT, WS_V_NET, WS_V_REGEX, WS_V_TEXT };
#define WS_V_ICASE 0x01
#define WS_V_BOUND 0x02

struct ws_value {
	uint8_t kind, flags;
	uint16_t spare;
	uint32_t index; /* NET: of nets; REGEX: of regexes; TEXT: of texts (and of value_nets where
			   an address is compared) */
	int64_t lo, hi; /* INT: inclusive range; STR: offset and length */
};

struct ws_net {
	uint8_t ip[16];
	uint8_t bits, spare[3];
};

#define WS_TEST_NOT 0x01

struct ws_test {
	uint32_t subject;
	uint8_t op, flags;
	uint16_t spare;
	struct ws_run values;
	uint32_t scan; /* 1 + row of decide_scans: all values are literal 0; 0: one after another */
	uint32_t set; /* 1 + row of sets: its values change while the binary runs; 0: <values> */
};

/* A dynamic set as tests of one kind use it; rows of one name change together. */
struct ws_set {
	struct ws_ref name;
	struct ws_run values; /* at start */
	uint8_t type; /* enum ws_type of what is compared */
	uint8_t op; /* enum ws_operator_id; of numbers and addresses the test's own counts */
	uint8_t icase; /* flag WS_V_ICASE of values that are added */
	uint8_t spare;
};

/* Conditions: a graph of tests. Evaluation starts at a rule's <cond> and follows yes and no until
 * WS_YES or WS_NO. */
#define WS_YES 0xFFFFFFFEu
#define WS_NO 0xFFFFFFFDu

struct ws_node {
	uint32_t test, yes, no;
};

/* What matches begins with <prefix>, and what follows is what the automaton accepts. */
struct ws_regex {
	struct ws_ref text, prefix;
	uint32_t flags; /* WS_RE_* */
	uint32_t automaton; /* 1 + offset in automata (base/automaton.h); 0: none, PCRE2 decides */
};
#define WS_RE_ICASE 0x01
#define WS_RE_FREE 0x02
#define WS_RE_GROUPS 0x04 /* where it matches is asked, too */
#define WS_RE_PREFIX_ICASE 0x08

enum ws_piece_kind { WS_P_LITERAL, WS_P_SUBJECT, WS_P_BACKREF, WS_P_PARAM };

struct ws_piece {
	uint32_t kind;
	uint32_t index; /* subject, group, param */
	struct ws_ref text;
};

struct ws_text {
	struct ws_run pieces;
};

/* Of a map that switch or setbe use, the values are sections: <off> is the section's row. */
struct ws_map {
	struct ws_ref name;
	uint32_t op; /* enum ws_operator_id */
	struct ws_run keys; /* of values */
	uint32_t vals; /* first row of map_vals, one a key */
	uint32_t scan; /* 1 + row of decide_scans: literals are key numbers; 0: one after another */
	uint8_t dynamic; /* its entries change while the binary runs */
	uint8_t sections; /* used by switch or setbe */
	uint8_t type, icase; /* of keys, as in ws_set */
};

#define WS_A_DROP_QUERY 0x01
#define WS_A_APPEND_SLASH 0x02
#define WS_A_ICASE 0x04
#define WS_A_SCHEME 0x08 /* redir scheme */
#define WS_A_PREFIX 0x10 /* redir prefix */

enum ws_part {
	WS_PART_HEADER,
	WS_PART_HOST,
	WS_PART_PATH,
	WS_PART_QUERY,
	WS_PART_URI,
	WS_PART_METH,
	WS_PART_STATUS,
	WS_PART_LINE
};

struct ws_action {
	uint32_t fn; /* index into ws_site.actions */
	uint8_t flags, part;
	uint16_t status;
	int64_t num;
	struct ws_ref name; /* header, realm, old prefix of mapuri is <old> */
	struct ws_ref old;
	uint32_t text, regex, subject, map, target; /* indexes or WS_NONE; target: section, of
						       pass and count checkpoint */
	uint32_t slot; /* capture, variable */
	uint32_t answer; /* respond: row of answers; WS_NONE: page <num> (enum ws_page) */
	uint32_t where; /* row of places */
};

/* Made answers of respond: body compiled in. */
struct ws_answer {
	struct ws_ref type, body; /* body when constant */
	uint32_t text; /* body, when written with %{} */
	struct ws_run headers; /* of answer_headers */
};
struct ws_answer_header {
	struct ws_ref name;
	uint32_t text;
};

struct ws_rule {
	uint32_t cond; /* node, WS_YES or WS_NO */
	uint32_t capturing; /* test whose groups are \0 to \9, or WS_NONE */
	struct ws_run actions;
	uint32_t where;
	uint32_t id; /* the rule's number in the rule program */
};

struct ws_place {
	uint32_t file; /* row of files */
	uint32_t line;
};

/* Decisions: of a chain of many rules, those whose conditions can hold are found by looking at each
 * value once (base/scan.h). Offsets are of decide_words; 0: none. Rules are named by their position
 * in the chain.
 *
 *   watch    rules, kids, ups; then the rules that wait for it, in order; kids: literal, watch of
 *            both together, in order of literal; ups: literals that hold with it
 *   flags    two bits a rule: WS_DECIDE_* */
struct ws_scan {
	uint32_t subject;
	uint32_t present; /* 1 + the literal that holds when there is a value */
	uint32_t trees[4]; /* starts, starts whatever the case, ends, ends whatever the case */
	uint32_t finders[2]; /* what is inside, and whatever the case */
	uint32_t ranges, nets;
	uint32_t automata; /* offset of n and n offsets in automata: each with lists of literals */
};

/* Values that are looked at together, when a rule of <first> to <last> is next. Rules wait for what
 * the first <roots> of them give; the others are looked at only when that leads to a watch with
 * kids. */
struct ws_scan_group {
	uint32_t first, last;
	struct ws_run scans; /* of decide_scans */
	uint32_t roots;
};

struct ws_decide {
	uint32_t nrules, nliterals;
	struct ws_run groups; /* of decide_groups, in order of <first> */
	uint32_t watches; /* one word a literal: its watch */
	uint32_t always, nalways; /* rules that wait for nothing, in order */
	uint32_t flags;
};
#define WS_DECIDE_RULES_BITS 24 /* a chain of more rules has no tables */
#define WS_DECIDE_HOLDS 1u /* its condition holds when what it waits for does */
#define WS_DECIDE_CHANGES 2u /* its actions may change a value that is looked at */

enum ws_dir { WS_CONN_IN, WS_SESS_IN, WS_REQ_IN, WS_REQ_OUT, WS_RSP_IN, WS_RSP_OUT, WS_DIRS };

/* Numeric settings of a section and of the site. Durations in ms (0: none), sizes in bytes, counts.
 */
enum ws_num {
	WS_T_CLIENT,
	WS_T_KEEPALIVE,
	WS_T_HEAD,
	WS_T_BODY,
	WS_T_CONNECT,
	WS_T_SERVER,
	WS_T_QUEUE,
	WS_T_TUNNEL,
	WS_T_CHECK, /* 0: as long as from one check to the next */
	WS_T_CLIENT_FIN,
	WS_T_PREREAD,
	WS_RATE_BYTES,
	WS_RATE_MS,
	WS_MAXCONN,
	WS_RETRIES,
	WS_REDISPATCH /* -1: off */,
	WS_REUSE,
	WS_POOL_MAX,
	WS_POOL_MIN,
	WS_POOL_HALFLIFE,
	WS_FORWARD_RAW,
	WS_QUEUE_MAX, /* most requests that wait for a place on a server; 0: none */
	WS_DESTINATION, /* enum ws_destination */
	/* of the site: */
	WS_HEAD_MAX,
	WS_HEADERS_MAX,
	WS_URI_MAX,
	WS_BUFFERS_MAX,
	WS_THREADS,
	WS_GROUPS,
	WS_T_DRAIN,
	WS_ON_LIMIT,
	WS_NUMS
};
/* Where connections of a section without servers go: dispatch, transparent, proxy. */
enum ws_destination { WS_DEST_CONFIGURED, WS_DEST_CLIENT, WS_DEST_REQUEST };
enum ws_reuse { WS_REUSE_NEVER, WS_REUSE_SAFE, WS_REUSE_AGGRESSIVE, WS_REUSE_ALWAYS };

enum ws_verify { WS_VERIFY_UNSET, WS_VERIFY_NONE, WS_VERIFY_OPTIONAL, WS_VERIFY_REQUIRED };

/* TLS of a bind or a server: names of files, which are read at start. */
struct ws_tls {
	uint32_t where;
	uint32_t verify; /* enum ws_verify: the peer's certificate */
	struct ws_run certs; /* of tls_certs: texts, PEM files with certificates and their key */
	uint32_t ca, sni; /* texts or WS_NONE; sni: of a server */
	struct ws_ref alpn; /* names with commas between, best first */
};

/* How it is known what a peer speaks; ALPN: the handshake of TLS agrees on HTTP/2 or does not. */
enum ws_proto { WS_PROTO_H1, WS_PROTO_H2, WS_PROTO_ALPN };

/* An address is a written text (literal, or with params), parsed at start by base/addr. */
struct ws_bind {
	uint32_t addr; /* text */
	uint32_t where;
	uint8_t accept_proxy, v6only, transparent, proto /* enum ws_proto */;
	int32_t backlog, maxconn, mode, uid, gid; /* -1: not given */
	struct ws_ref interface, name, thread;
	uint32_t tls; /* 1 + row of tlses; 0: none */
};

enum ws_srcmode { WS_SRC_NONE, WS_SRC_ADDR, WS_SRC_CLIENT, WS_SRC_CLIENT_IP, WS_SRC_HEADER };

struct ws_source {
	uint32_t mode, addr /* text or WS_NONE */, subject;
};

struct ws_server {
	struct ws_ref name;
	uint32_t addr; /* text */
	uint32_t where;
	uint32_t pass; /* checkpoint of its requests, or WS_NONE */
	int32_t weight, maxconn;
	uint8_t backup, disabled, send_proxy, checked;
	struct ws_source source;
	uint32_t check_addr; /* text, or WS_NONE: the section's, else <addr> */
	struct ws_ref cookie; /* empty: the section has none */
	uint32_t check_port; /* 0: the section's, else that of the address */
	uint32_t tls; /* 1 + row of tlses; 0: none */
	uint32_t proto; /* enum ws_proto */
};

enum ws_cookie_mode { WS_COOKIE_INSERT, WS_COOKIE_REWRITE, WS_COOKIE_PREFIX };

/* Stickiness by cookie. */
struct ws_cookie {
	struct ws_ref name;
	struct ws_ref tail; /* what follows the value in Set-Cookie */
	uint8_t mode, indirect, nocache, postonly;
};

/* The health check of a section's servers. */
struct ws_check {
	uint8_t http, rise, fall, spare;
	uint32_t every, fast, down; /* ms; fast: while the state is in question */
	uint32_t probe; /* ms between questions to idle connections; 0: none */
	uint32_t addr; /* text or WS_NONE */
	uint32_t port; /* 0: none */
	struct ws_ref method, target, host; /* host empty: the server's address */
	struct ws_run expect; /* pairs of nums: good statuses; none: 200 to 399 */
};

struct ws_error {
	uint16_t status, spare;
	struct ws_ref file_body, url; /* the file's bytes, compiled in; or a redirect */
	struct ws_ref type;
};

enum ws_log_kind { WS_LOG_OFF, WS_LOG_STDOUT, WS_LOG_FILE, WS_LOG_UDP, WS_LOG_UNIX };

struct ws_log {
	uint8_t kind, json, facility, level;
	uint32_t to; /* text: path or address */
};

enum ws_page { WS_PAGE_NONE, WS_PAGE_STATS, WS_PAGE_METRICS, WS_PAGES };

enum ws_balance {
	WS_BALANCE_ROUNDROBIN,
	WS_BALANCE_LEASTCONN,
	WS_BALANCE_HASH, /* source and uri are made of it, too */
	WS_BALANCE_RANDOM,
	WS_BALANCE_FIRST,
	WS_BALANCES
};

enum ws_kind { WS_LISTEN, WS_FRONTEND, WS_REQRULES, WS_BACKEND, WS_RSPRULES };

struct ws_section {
	struct ws_ref name;
	uint8_t kind, front_tcp, back_tcp, forwardfor;
	uint32_t where;
	uint32_t filters, servers_of, default_backend; /* sections; default_backend WS_NONE: none */
	struct ws_run chains[WS_DIRS]; /* of chain: rule numbers in order */
	uint32_t decides[WS_DIRS]; /* 1 + row of decides; 0: rules are tested one after another */
	struct ws_run binds, servers, errors, logs, monitor /* nets */, ff_unless /* nets */;
	struct ws_ref ff_header;
	struct ws_source source;
	uint32_t dispatch; /* text or WS_NONE */
	uint32_t nums; /* first of WS_NUMS rows of <nums> */
	uint32_t balance; /* enum ws_balance */
	uint32_t balance_subject; /* what is hashed, or WS_NONE */
	uint32_t check; /* 1 + row of checks; 0: none */
	uint32_t cookie; /* 1 + row of cookies; 0: none */
};

enum ws_limit { WS_LIMIT_NONE, WS_LIMIT_RATE, WS_LIMIT_CONCURRENCY };

/* A checkpoint. Its numbers are a block as that of a section: WS_RATE_BYTES and WS_RATE_MS are the
 * rate, or the period alone; WS_MAXCONN the concurrency; WS_QUEUE_MAX most waiting for a key, 0: no
 * limit; WS_T_QUEUE the longest wait; WS_POOL_MAX most keys; WS_KEEP how long an unused one is
 * kept. */
struct ws_checkpoint {
	struct ws_ref name;
	uint32_t where;
	uint32_t nums; /* first of WS_NUMS rows of <nums> */
	uint32_t key, rsp_key; /* subject as requests, as responses read it; WS_NONE: none */
	uint8_t limit; /* enum ws_limit */
	uint8_t holds; /* exchanges are counted until they end */
	uint8_t spare[2];
};
#define WS_KEEP WS_T_KEEPALIVE

struct ws_param {
	struct ws_ref name, def;
	uint32_t has_default, where;
};

/* A network written with params (src == ${office}): the text is parsed at start. */
struct ws_value_net {
	uint32_t text, where;
};

/* A number written with params: set at start. */
struct ws_bound_num {
	uint32_t row; /* of nums */
	uint32_t text;
	uint32_t unit; /* 0 count, 1 size, 2 duration */
	uint32_t where;
	int64_t min, max;
};

struct poller;
struct mux_ops;
struct action_part;
struct conv_part;
struct subject_part;
struct regex_part;
struct balance_part;
struct queue_part;
struct sharing_part;
struct check_part;
struct cookie_part;
struct preread_part;
struct count_part;
struct control_part;
struct page_part;
struct target_part;
struct decide_part;
struct dynamic_part;
struct tls_part;
struct log_part;
struct checkpoint_part;
struct handshake;

/* Parts that a site may name; each is one object file of the runtime. */
#define ACTION(id, ...) extern const struct action_part action_##id;
#include "../grammar/action.def"
#define CONVERTER(id, ...) extern const struct conv_part conv_##id;
#include "../grammar/converter.def"
#define SUBJECT(id, ...) extern const struct subject_part subject_##id;
#include "../grammar/subject.def"
extern const struct poller poller_epoll, poller_uring;
extern const struct mux_ops mux_h1, mux_h2, mux_tcp;
extern const struct regex_part regex_pcre2, regex_dfa, regex_both;
extern const struct balance_part balance_roundrobin, balance_leastconn, balance_hash,
	balance_random, balance_first;
extern const struct queue_part queue_places;
extern const struct sharing_part sharing_h2;
extern const struct check_part check_servers;
extern const struct cookie_part cookie_stick;
extern const struct preread_part preread_hello;
extern const struct count_part count_all;
extern const struct control_part control_socket;
extern const struct page_part page_stats, page_metrics;
extern const struct target_part target_dynamic;
extern const struct decide_part decide_index;
extern const struct dynamic_part dynamic_tables;
extern const struct tls_part tls_openssl;
extern const struct log_part log_http, log_json;
extern const struct checkpoint_part checkpoint_all;
/* accept-proxy, monitor-net, conn in rules, send-proxy */
extern const struct handshake hs_accept_proxy, hs_monitor, hs_conn_in, hs_send_proxy_v1,
	hs_send_proxy_v2;

struct ws_site {
	uint32_t magic, abi, size; /* sizeof(struct ws_site) */
	uint32_t nsections;
	const char *name; /* base name of the site */
	const char *weir_version;
	const char *text; /* all strings */
	uint64_t text_len;
	const struct ws_section *sections;
	const struct ws_rule *rules;
	const uint32_t *chain;
	const struct ws_node *nodes;
	const struct ws_test *tests;
	const struct ws_subject *subjects;
	const struct ws_conv *conv_rows;
	const struct ws_value *values;
	const struct ws_net *nets;
	const struct ws_regex *regexes;
	const uint32_t *automata;
	const struct ws_text *texts;
	const struct ws_piece *pieces;
	const struct ws_map *maps;
	const struct ws_set *sets;
	const struct ws_ref *map_vals;
	const struct ws_action *action_rows;
	const struct ws_answer *answers;
	const struct ws_answer_header *answer_headers;
	const struct ws_bind *binds;
	const struct ws_server *servers;
	const struct ws_check *checks;
	const struct ws_cookie *cookies;
	const struct ws_tls *tlses;
	const uint32_t *tls_certs;
	const struct ws_error *errors;
	const struct ws_log *logs;
	const struct ws_place *places;
	const struct ws_ref *files;
	const struct ws_param *params;
	const struct ws_bound_num *bound_nums;
	const struct ws_value_net *value_nets;
	const int64_t *nums;
	const struct ws_ref *captures; /* names by slot, for logs */
	const struct ws_decide *decides;
	const struct ws_scan_group *decide_groups;
	const struct ws_scan *decide_scans;
	const uint32_t *decide_words;
	const struct ws_checkpoint *checkpoints;
	uint32_t nrules, nregexes, nparams, nbound_nums, nnums, nmaps, ncaptures, nvars, nsubjects,
		ntexts, nvalue_nets, ndecides, nsets, ntlses;
	uint32_t ncheckpoints;
	uint32_t site_nums; /* first row of the site's own numbers in nums */
	struct ws_run site_logs, trusted;
	struct ws_ref user, group, chroot;
	uint32_t control; /* text: address of the control socket, or WS_NONE */
	uint32_t control_mode; /* of its file */
	uint32_t chroot_text; /* chroot written with params, else WS_NONE */
	struct ws_ref
		cpu_map; /* lines of base/thread_name.h with ';' between; where the first is */
	uint32_t cpu_map_where;

	/* Parts. NULL-terminated lists; regex NULL when no rule needs one. */
	const struct poller *const *pollers;
	const struct mux_ops *mux_http, *mux_raw;
	const struct mux_ops *mux_h2; /* NULL: nothing speaks HTTP/2 */
	const struct action_part *const *actions;
	const struct conv_part *const *convs;
	const struct subject_part *const *subject_parts; /* by subject row */
	const struct regex_part *regex;
	const struct balance_part *balances[WS_BALANCES]; /* NULL: no section uses it */
	const struct control_part *control_part; /* NULL: none */
	const struct count_part *count; /* NULL: nothing shows the counters */
	const struct page_part *pages[WS_PAGES];
	const struct preread_part *preread; /* NULL: the rules run with the first bytes */
	const struct queue_part *queue; /* NULL: no server has maxconn */
	const struct sharing_part *sharing; /* NULL: no server speaks HTTP/2 */
	const struct check_part *check; /* NULL: no server is checked */
	const struct cookie_part *cookie; /* NULL: no section sticks by cookie */
	const struct target_part *target; /* NULL: every address is constant */
	const struct decide_part *decide; /* NULL: every rule is tested */
	const struct dynamic_part *dynamic; /* NULL: no dynamic set or map */
	const struct tls_part *tls; /* NULL: every connection is in clear */
	const struct checkpoint_part *checkpoint; /* NULL: no checkpoint */
	const struct log_part *log_text, *log_json;
	const struct handshake *hs_accept_proxy, *hs_monitor, *hs_conn_in,
		*hs_send_proxy[3]; /* [1], [2]: by version */

	/* The embedded rule program, its digests (SHA-256, hex) and that of the runtime library. */
	const char *program;
	uint64_t program_len;
	const char *digest_source, *digest_program, *digest_runtime;
	const uint32_t *abi_symbol; /* &weir_abi_3 */
};

/* Defined by generated C. weir_abi_3 is defined by the runtime of this ABI and named by generated
 * C: a runtime of another ABI fails to link. */
extern const struct ws_site weir_site;
extern const uint32_t weir_abi_3;

#endif
