/* SPDX-License-Identifier: Apache-2.0 */
/* program: the rule program. The only meeting point of the compiler: lower makes it from the
 * resolved AST; explain, test, lint, diff, inspect and emit read it. Canonical: equal behaviour
 * written equally gives equal programs; names are resolved to pointers, acls kept by name,
 * conditions kept as written (not rewritten). program_write/program_read give the versioned text
 * form, which is also embedded in the binary. All memory is the compile arena's; nothing is changed
 * after lower has returned. */
#ifndef WEIR_PROGRAM_H
#define WEIR_PROGRAM_H

#include <stdio.h>

#include "ast.h"

#define PROGRAM_VERSION 1

/* Place of a statement: index into program.files and line. */
struct p_place {
	uint32_t file, line;
};

enum subject_id {
#define SUBJECT(id, ...) SUBJ_##id,
#include "../grammar/subject.def"
	SUBJECTS
};
enum operator_id {
	OP_TRUE, /* no operator: present, or true */
#define OPERATOR(id, ...) OP_##id,
#include "../grammar/operator.def"
	OPERATORS
};
enum converter_id {
#define CONVERTER(id, ...) CONV_##id,
#include "../grammar/converter.def"
	CONVERTERS
};
enum action_id {
#define ACTION(id, ...) ACT_##id,
#include "../grammar/action.def"
	ACTIONS
};
enum option_id {
#define OPTION(id, ...) OPT_##id,
#include "../grammar/option.def"
	OPTIONS
};

enum p_type { TYPE_STR, TYPE_INT, TYPE_ADDR, TYPE_BOOL };
enum p_measure { MEASURE_NONE, MEASURE_LEN, MEASURE_COUNT };

struct p_section;
struct p_text;
struct p_map;
struct p_set;

/* A regular expression, PCRE2 syntax on bytes. Equal (text, flags) are one object. */
struct p_regex {
	uint32_t index; /* in program.regexes */
	struct str text;
	bool icase, freespace;
	unsigned groups; /* capturing groups */
};

struct p_conv {
	struct p_conv *next;
	enum converter_id id;
	int64_t num, num2;
	char delim;
	struct p_regex *regex; /* sub */
	struct p_text *text; /* sub: new; map: default or NULL */
	struct p_map *map;
};

struct p_subject {
	uint32_t index; /* in program.subjects; equal subjects are one object */
	enum subject_id id;
	bool of_request; /* reads the request (req.NAME, or a request-only name in a response rule)
			  */
	bool icase; /* spelt in lower case: comparisons ignore case */
	enum p_measure measure; /* len(), count() */
	enum p_type type; /* after converters and measure */
	struct str name; /* argument: header names in lower case, others as written */
	int64_t num;
	struct p_section *section; /* conns(), nbsrv()... */
	struct p_conv *convs;
};

/* An address prefix; IPv4 is stored as ::ffff:a.b.c.d with bits + 96. */
struct p_net {
	uint8_t addr[16];
	uint8_t bits;
};

enum p_value_kind {
	VALUE_STR,
	VALUE_INT,
	VALUE_NET,
	VALUE_REGEX,
	VALUE_TEXT /* computed: %{…} or ${…} */
};

struct p_value {
	enum p_value_kind kind;
	bool icase, bound;
	struct str text; /* STR: final bytes */
	int64_t lo, hi; /* INT: inclusive */
	struct p_net net;
	struct p_regex *regex;
	struct p_text *computed;
};

struct p_test {
	struct p_place place;
	struct p_subject *subject;
	enum operator_id op;
	bool negated; /* !op: no value matches any occurrence */
	uint32_t nvalues;
	struct p_value *values;
	struct p_set *set; /* values of a named set instead, or NULL */
};

struct p_acl {
	uint32_t index;
	struct p_place place;
	struct str name;
	struct p_section *section; /* NULL: whole site */
	bool response; /* as read by response rules; one used on both sides is two objects of one
			  name */
	struct p_expr *expr;
};

enum p_expr_kind { PE_TRUE, PE_FALSE, PE_AND, PE_OR, PE_NOT, PE_TEST, PE_ACL };

struct p_expr {
	enum p_expr_kind kind;
	uint32_t nkids;
	struct p_expr **kids;
	struct p_test *test;
	struct p_acl *acl;
};

enum p_piece_kind { PIECE_LITERAL, PIECE_SUBJECT, PIECE_BACKREF, PIECE_PARAM };

struct p_piece {
	enum p_piece_kind kind;
	struct str text; /* LITERAL */
	struct p_subject *subject;
	unsigned backref; /* 0 to 9 */
	struct p_param *param;
};

/* A written text: pieces joined. */
struct p_text {
	uint32_t n;
	struct p_piece *pieces;
};

struct p_param {
	uint32_t index;
	struct p_place place;
	struct str name;
	bool has_default;
	struct str def;
};

/* What set, capture, rewrite edit besides a header. */
enum p_part {
	PART_HEADER,
	PART_HOST,
	PART_PATH,
	PART_QUERY,
	PART_URI,
	PART_METH,
	PART_STATUS,
	PART_LINE
};

enum p_redir { REDIR_TARGET, REDIR_SCHEME, REDIR_PREFIX };

/* respond stats, respond metrics */
enum p_page { PAGE_NONE, PAGE_STATS, PAGE_METRICS };

struct p_header {
	struct str name;
	struct p_text *value;
};

struct p_action {
	struct p_place place;
	enum action_id id;
	int64_t status; /* deny, redir, respond, auth, set status (when constant), tarpit */
	int64_t num; /* tarpit delay ms, capture length (0: 128), log level */
	enum p_part part; /* set */
	enum p_redir redir;
	enum p_page page;
	bool drop_query, append_slash;
	bool icase; /* mapuri OLD given with i */
	struct str name; /* header name in its written case, variable, capture, realm */
	struct str old; /* mapuri, maploc, uriremap */
	struct p_text *text; /* VALUE, NEW, TARGET, body */
	struct p_regex *regex; /* rep, delete, rewrite, reqline, stsline */
	struct p_subject *subject; /* capture; computed switch and setbe */
	struct p_map *map; /* computed switch and setbe: entries are section names */
	struct p_section *target; /* switch, setbe, uriremap, pass, count */
	uint32_t capture; /* slot */
	uint32_t var; /* slot */
	struct p_header *headers; /* respond */
	uint32_t nheaders;
	struct str type, file; /* respond */
};

struct p_rule {
	uint32_t index; /* in program.rules: identity in explain and logs */
	struct p_place place;
	struct p_section *section; /* where it is written */
	enum rule_dir dir;
	struct p_expr *cond; /* inline test AND condition; never NULL (PE_TRUE) */
	struct p_test
		*capturing; /* the inline one-valued =~ test whose groups are \0-\9, or NULL */
	uint32_t nactions;
	struct p_action *actions;
};

struct p_chain {
	uint32_t n;
	struct p_rule **rules;
};

enum p_addr_kind { ADDR_NONE, ADDR_INET, ADDR_UNIX, ADDR_ABNS, ADDR_FD };

/* An address as configured. With params inside, <text> is a written text parsed at start. */
struct p_addr {
	enum p_addr_kind kind;
	struct p_net ip; /* bits 128; port apart */
	bool any_host; /* ":port": all addresses */
	bool host_name; /* host is a name: resolved at start */
	bool port_offset; /* server 0.0.0.0:+1000 */
	uint16_t port, port_hi; /* a range when port_hi > port */
	struct str host, path;
	int fd;
	struct p_text *text; /* not constant: parse when bound, else NULL */
};

/* Whether the peer's certificate is looked at; UNSET: no TLS. */
enum p_verify { VERIFY_UNSET, VERIFY_NONE, VERIFY_OPTIONAL, VERIFY_REQUIRED };

/* TLS of a bind or of a server. Names of files may hold params. */
struct p_tls {
	bool on;
	enum p_verify verify;
	uint32_t ncerts;
	struct p_text **certs; /* with their keys; a server: at most one, shown when it asks */
	struct p_text *ca; /* who may have signed the peer's certificate; NULL: the system's list */
	struct p_text *sni; /* server: its name; NULL: that of its address */
	struct str alpn; /* names with commas between, best first */
};

struct p_bind {
	struct p_place place;
	struct p_addr addr;
	bool accept_proxy, v6only, transparent;
	int64_t backlog, maxconn, mode, uid, gid; /* -1: not given; mode: of a unix socket */
	struct p_tls tls;
	struct str interface, name;
	struct str thread; /* as written: 1/all … */
	struct str proto; /* h1, h2; empty: as agreed by TLS, else h1 */
};

enum p_srcmode { SRC_NONE, SRC_ADDR, SRC_CLIENT, SRC_CLIENT_IP, SRC_HEADER };

struct p_source {
	enum p_srcmode mode;
	struct p_addr addr; /* ADDR; HEADER: the else address */
	struct p_subject *subject;
};

/* How the servers of a section are checked. */
enum p_check_kind { CHECK_NONE, CHECK_TCP, CHECK_HTTP };

struct p_status {
	int64_t lo, hi;
};

struct p_check {
	enum p_check_kind kind;
	struct p_place place;
	struct str method, target, host; /* HTTP; host empty: the server's address */
	int64_t every, fast, down; /* ms; fast and down 0: as every */
	int64_t probe; /* ms between questions to idle connections; 0: none */
	int64_t rise, fall;
	int64_t port; /* 0: the server's */
	struct p_addr addr; /* kind NONE: the server's */
	uint32_t nexpect;
	struct p_status *expect; /* none: 200 to 399 */
};

/* Stickiness by cookie. */
enum p_cookie_mode { COOKIE_NONE, COOKIE_INSERT, COOKIE_REWRITE, COOKIE_PREFIX };

struct p_cookie {
	enum p_cookie_mode mode;
	struct p_place place;
	struct str name, domain, attr;
	bool indirect, nocache, postonly, httponly, secure;
};

struct p_server {
	uint32_t index; /* in its section */
	struct p_place place;
	struct str name;
	struct p_addr addr;
	int64_t weight, maxconn; /* 100-based weight as written, default 1; maxconn 0: none */
	bool backup, disabled;
	struct p_tls tls;
	int send_proxy; /* 0, 1, 2 */
	struct str proto; /* h1 (default), h2 */
	struct str cookie; /* empty: its name */
	bool check, no_check; /* as written */
	bool checked; /* what follows from it and from its section */
	int64_t check_port; /* 0: as the section says */
	struct p_addr check_addr; /* likewise kind NONE */
	struct p_source source;
	struct p_section *pass; /* checkpoint of its requests, or NULL */
};

struct p_errorpage {
	struct p_place place;
	uint16_t status;
	struct str file, url; /* one of them */
};

/* A resolved setting: own statement, profile or default. */
struct p_setting {
	bool set; /* by a statement or a profile; else the default */
	struct p_place place; /* of the statement that decided */
	struct str origin; /* profile name, or empty */
	int64_t num; /* duration in ms, size in bytes, count, enum index, rate count */
	int64_t num2; /* rate period in ms; pool: min */
	int64_t num3; /* pool: half-life in ms (num: max); -1: not given */
	struct str text;
	struct p_text *computed; /* holds params: bound at start */
};

/* In the order of the words of the option. */
enum p_balance {
	BALANCE_ROUNDROBIN,
	BALANCE_LEASTCONN,
	BALANCE_SOURCE,
	BALANCE_URI,
	BALANCE_HASH,
	BALANCE_RANDOM,
	BALANCE_FIRST,
	BALANCES
};

enum p_mode { MODE_HTTP, MODE_TCP };

enum p_log_kind { LOG_OFF, LOG_STDOUT, LOG_FILE, LOG_UDP, LOG_UNIX };

struct p_log {
	struct p_place place;
	enum p_log_kind kind;
	bool json;
	struct p_addr addr; /* UDP, UNIX */
	struct p_text *path; /* FILE */
	int facility, level; /* syslog numbers */
};

/* The control socket. */
struct p_control {
	struct p_place place;
	struct p_addr addr; /* kind NONE: none */
	int64_t mode; /* of its file */
};

struct p_forwardfor {
	bool on;
	struct str header; /* default X-Forwarded-For */
	struct p_net *unless;
	uint32_t nunless;
};

/* Chains after use_filters_from has been applied; <filters> is the section whose rules these are.
 */
struct p_section {
	uint32_t index; /* in program.sections */
	enum section_kind kind; /* LISTEN FRONTEND REQRULES BACKEND RSPRULES CHECKPOINT */
	struct p_place place;
	struct str name;
	enum p_mode front_mode, back_mode;
	struct p_section *filters; /* itself, or of use_filters_from */
	struct p_section *servers_of; /* itself, or of use_backend_from */
	struct p_chain chains[RULE_DIRS];
	struct p_section *default_backend;
	struct p_setting settings[OPTIONS];
	uint32_t nbinds, nservers, nerrors, nlogs;
	struct p_bind *binds;
	struct p_server *servers;
	struct p_errorpage *errors;
	struct p_log *logs;
	struct p_forwardfor forwardfor;
	struct p_source source;
	struct p_addr dispatch; /* kind NONE: none */
	struct p_check check;
	struct p_cookie cookie;
	struct p_subject *balance_on; /* what source, uri and hash look at, else NULL */
	struct p_subject *key, *rsp_key; /* checkpoint: what is counted apart, as requests and as
					    responses read it; NULL: no key, or not there */
	struct p_net *monitor;
	uint32_t nmonitor;
};

struct p_set {
	uint32_t index;
	struct p_place place;
	struct str name;
	bool dynamic;
	struct str file;
	uint32_t nvalues;
	struct p_value *values;
};

struct p_map {
	uint32_t index;
	struct p_place place;
	struct str name;
	enum operator_id op; /* EQ PREFIX SUFFIX DOTWORD RE */
	bool dynamic;
	uint32_t n;
	struct p_value *keys;
	struct str *vals;
};

/* A test block (language.md 8), checked by explain. */
struct p_case {
	struct p_place place;
	struct str name;
	struct ast_line **lines; /* request and expect lines, as written */
	uint32_t nlines;
};

/* "assert never|always OUTCOME on|unless CONDITION" (language.md 4), about requests as they come in.
 * The outcome: ALLOW a server gets the request, SETBE one of <target>; DENY, REDIR, RESPOND, TARPIT
 * that answer, with <status> when it is not 0; DROP. Proved by lint and test. */
struct p_assert {
	struct p_place place;
	bool always;
	enum action_id outcome;
	int64_t status;
	struct str text; /* REDIR: its target, when one is asserted */
	struct p_section *target;
	struct p_expr *cond;
};

struct program {
	struct arena *arena;
	uint32_t nfiles, nsections, nrules, nacls, nsubjects, nregexes, nparams, nsets, nmaps,
		ncases;
	struct str *files; /* as named by the user, relative to the site file: no build path */
	struct p_section **sections;
	struct p_rule **rules;
	struct p_acl **acls;
	struct p_subject **subjects;
	struct p_regex **regexes;
	struct p_param **params;
	struct p_set **sets;
	struct p_map **maps;
	struct p_case **cases;
	uint32_t nasserts;
	struct p_assert *asserts;
	uint32_t ncaptures, nvars;
	struct str *captures, *vars; /* names by slot */
	struct p_setting globals[OPTIONS];
	struct p_log *logs; /* of global */
	uint32_t nlogs;
	struct p_net *trusted;
	uint32_t ntrusted;
	struct p_control control;
	struct str site; /* base name of the site file without .weir */
};

/* Writes the canonical text form; the same program always gives the same bytes. */
void program_write(const struct program *p, FILE *out);
/* The same without places: equal texts are programs that behave equally. */
void program_write_contents(const struct program *p, FILE *out);
/* Reads it back. NULL and one English sentence in <why> when it is not a program of this version.
 * Any bytes are safe. */
struct program *program_read(struct arena *a, struct str text, struct str *why);

#endif
