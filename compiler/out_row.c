/* SPDX-License-Identifier: Apache-2.0 */
#include "out_row.h"

#include <inttypes.h>

#include "show.h"

enum field_kind { F_U8, F_U16, F_U32, F_I32, F_I64, F_NODE, F_REF, F_RUN, F_IP };

struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;
};

/* Fields of each row type, in order; what is not named here is zero. */
/* clang-format off */
#define F(kind, field) { #field, F_##kind, offsetof(struct ROW, field) },
#define END { NULL, F_U8, 0 }

#define ROW ws_section
static const struct field section_fields[] = { F(REF, name) F(U8, kind) F(U8, front_tcp)
	F(U8, back_tcp) F(U8, forwardfor)
	F(U32, where) F(U32, filters) F(U32, servers_of) F(U32, default_backend)
	F(RUN, chains[WS_CONN_IN])
	F(RUN, chains[WS_SESS_IN]) F(RUN, chains[WS_REQ_IN]) F(RUN, chains[WS_REQ_OUT])
	F(RUN, chains[WS_RSP_IN])
	F(RUN, chains[WS_RSP_OUT])
	F(U32, decides[WS_CONN_IN]) F(U32, decides[WS_SESS_IN]) F(U32, decides[WS_REQ_IN])
	F(U32, decides[WS_REQ_OUT]) F(U32, decides[WS_RSP_IN]) F(U32, decides[WS_RSP_OUT])
	F(RUN, binds) F(RUN, servers) F(RUN, errors) F(RUN, logs)
	F(RUN, monitor) F(RUN, ff_unless)
	F(REF, ff_header) F(U32, source.mode) F(U32, source.addr) F(U32, source.subject)
	F(U32, dispatch) F(U32, nums) F(U32, balance) F(U32, balance_subject)
	F(U32, check)
	F(U32, cookie) END };
#undef ROW
#define ROW ws_rule
static const struct field rule_fields[] = { F(NODE, cond) F(U32, capturing) F(RUN, actions)
	F(U32, where) F(U32, id) END };
#undef ROW
#define ROW ws_node
static const struct field node_fields[] = { F(U32, test) F(NODE, yes) F(NODE, no) END };
#undef ROW
#define ROW ws_test
static const struct field test_fields[] = { F(U32, subject) F(U8, op) F(U8, flags)
	F(RUN, values) F(U32, scan) F(U32, set) END };
#undef ROW
#define ROW ws_subject
static const struct field subject_fields[] = { F(U8, id) F(U8, flags) F(U8, type) F(U8, base_type)
	F(REF, name) F(I64, num)
	F(RUN, convs) END };
#undef ROW
#define ROW ws_conv
static const struct field conv_fields[] = { F(U32, fn) F(I32, num) F(I32, num2) F(U32, delim)
	F(U32, regex) F(U32, text)
	F(U32, map) END };
#undef ROW
#define ROW ws_value
static const struct field value_fields[] = { F(U8, kind) F(U8, flags) F(U32, index) F(I64, lo)
	F(I64, hi) END };
#undef ROW
#define ROW ws_net
static const struct field net_fields[] = { F(IP, ip) F(U8, bits) END };
#undef ROW
#define ROW ws_regex
static const struct field regex_fields[] = { F(REF, text) F(REF, prefix) F(U32, flags)
	F(U32, automaton) END };
#undef ROW
#define ROW ws_text
static const struct field text_fields[] = { F(RUN, pieces) END };
#undef ROW
#define ROW ws_piece
static const struct field piece_fields[] = { F(U32, kind) F(U32, index) F(REF, text) END };
#undef ROW
#define ROW ws_map
static const struct field map_fields[] = { F(REF, name) F(U32, op) F(RUN, keys) F(U32, vals)
	F(U32, scan) F(U8, dynamic) F(U8, sections) F(U8, type) F(U8, icase) END };
#undef ROW
#define ROW ws_set
static const struct field set_fields[] = { F(REF, name) F(RUN, values) F(U8, type) F(U8, op)
	F(U8, icase) END };
#undef ROW
#define ROW ws_action
static const struct field action_fields[] = { F(U32, fn) F(U8, flags) F(U8, part) F(U16, status)
	F(I64, num) F(REF, name)
	F(REF, old) F(U32, text) F(U32, regex) F(U32, subject) F(U32, map) F(U32, target)
	F(U32, slot) F(U32, answer)
	F(U32, where) END };
#undef ROW
#define ROW ws_answer
static const struct field answer_fields[] = { F(REF, type) F(REF, body) F(U32, text)
	F(RUN, headers) END };
#undef ROW
#define ROW ws_answer_header
static const struct field answer_header_fields[] = { F(REF, name) F(U32, text) END };
#undef ROW
#define ROW ws_bind
static const struct field bind_fields[] = { F(U32, addr) F(U32, where) F(U8, accept_proxy)
	F(U8, v6only) F(U8, transparent) F(I32, backlog)
	F(I32, maxconn) F(I32, mode) F(I32, uid) F(I32, gid) F(REF, interface) F(REF, name)
	F(REF, thread) F(U32, tls) F(U8, proto) END };
#undef ROW
#define ROW ws_server
static const struct field server_fields[] = { F(REF, name) F(U32, addr) F(U32, where)
	F(U32, pass) F(I32, weight) F(I32, maxconn)
	F(U8, backup) F(U8, disabled) F(U8, send_proxy) F(U8, checked) F(U32, source.mode)
	F(U32, source.addr)
	F(U32, source.subject) F(U32, check_addr) F(REF, cookie) F(U32, check_port)
	F(U32, tls) F(U32, proto) END };
#undef ROW
#define ROW ws_cookie
static const struct field cookie_fields[] = { F(REF, name) F(REF, tail) F(U8, mode)
	F(U8, indirect) F(U8, nocache) F(U8, postonly) END };
#undef ROW
#define ROW ws_check
static const struct field check_fields[] = { F(U8, http) F(U8, rise) F(U8, fall) F(U32, every)
	F(U32, fast) F(U32, down) F(U32, probe) F(U32, addr) F(U32, port) F(REF, method) F(REF, target)
	F(REF, host) F(RUN, expect) END };
#undef ROW
#define ROW ws_tls
static const struct field tls_fields[] = { F(U32, where) F(U32, verify) F(RUN, certs) F(U32, ca)
	F(U32, sni) F(REF, alpn) END };
#undef ROW
#define ROW ws_error
static const struct field error_fields[] = { F(U16, status) F(REF, file_body) F(REF, url)
	F(REF, type) END };
#undef ROW
#define ROW ws_log
static const struct field log_fields[] = { F(U8, kind) F(U8, json) F(U8, facility) F(U8, level)
	F(U32, to) END };
#undef ROW
#define ROW ws_place
static const struct field place_fields[] = { F(U32, file) F(U32, line) END };
#undef ROW
#define ROW ws_param
static const struct field param_fields[] = { F(REF, name) F(REF, def) F(U32, has_default)
	F(U32, where) END };
#undef ROW
#define ROW ws_bound_num
static const struct field bound_num_fields[] = { F(U32, row) F(U32, text) F(U32, unit)
	F(U32, where) F(I64, min) F(I64, max) END };
#undef ROW
#define ROW ws_value_net
static const struct field value_net_fields[] = { F(U32, text) F(U32, where) END };
#undef ROW

#define ROW ws_decide
static const struct field decide_fields[] = { F(U32, nrules) F(U32, nliterals) F(RUN, groups)
	F(U32, watches) F(U32, always) F(U32, nalways) F(U32, flags) END };
#undef ROW
#define ROW ws_scan_group
static const struct field scan_group_fields[] = { F(U32, first) F(U32, last) F(RUN, scans)
	F(U32, roots) END };
#undef ROW
#define ROW ws_scan
static const struct field scan_fields[] = { F(U32, subject) F(U32, present) F(U32, trees[0])
	F(U32, trees[1]) F(U32, trees[2]) F(U32, trees[3]) F(U32, finders[0]) F(U32, finders[1])
	F(U32, ranges) F(U32, nets) F(U32, automata) END };
#undef ROW

#define ROW ws_checkpoint
static const struct field checkpoint_fields[] = { F(REF, name) F(U32, where) F(U32, nums)
	F(U32, key) F(U32, rsp_key) F(U8, limit) F(U8, holds) END };
#undef ROW

/* Rows of one number or one reference have no field names. */
static const struct field one_u32[] = { { "", F_U32, 0 }, END };
static const struct field one_i64[] = { { "", F_I64, 0 }, END };
static const struct field one_ref[] = { { "", F_REF, 0 }, END };

static const struct field *const fields[EMIT_NTABLES] = {
	[EMIT_SECTIONS] = section_fields, [EMIT_RULES] = rule_fields,
	[EMIT_CHAIN] = one_u32, [EMIT_NODES] = node_fields,
	[EMIT_TESTS] = test_fields, [EMIT_SUBJECTS] = subject_fields,
	[EMIT_CONV_ROWS] = conv_fields,
	[EMIT_VALUES] = value_fields, [EMIT_NETS] = net_fields,
	[EMIT_REGEXES] = regex_fields, [EMIT_AUTOMATA] = one_u32, [EMIT_TEXTS] = text_fields,
	[EMIT_PIECES] = piece_fields, [EMIT_MAPS] = map_fields,
	[EMIT_SETS] = set_fields, [EMIT_MAP_VALS] = one_ref, [EMIT_ACTION_ROWS] = action_fields,
	[EMIT_ANSWERS] = answer_fields, [EMIT_ANSWER_HEADERS] = answer_header_fields,
	[EMIT_BINDS] = bind_fields,
	[EMIT_SERVERS] = server_fields, [EMIT_CHECKS] = check_fields,
	[EMIT_COOKIES] = cookie_fields,
	[EMIT_TLSES] = tls_fields, [EMIT_TLS_CERTS] = one_u32, [EMIT_ERRORS] = error_fields,
	[EMIT_LOGS] = log_fields, [EMIT_PLACES] = place_fields,
	[EMIT_FILES] = one_ref, [EMIT_PARAMS] = param_fields, [EMIT_BOUND_NUMS] = bound_num_fields,
	[EMIT_VALUE_NETS] = value_net_fields, [EMIT_NUMS] = one_i64, [EMIT_CAPTURES] = one_ref,
	[EMIT_DECIDES] = decide_fields, [EMIT_DECIDE_GROUPS] = scan_group_fields,
	[EMIT_DECIDE_SCANS] = scan_fields, [EMIT_DECIDE_WORDS] = one_u32,
	[EMIT_CHECKPOINTS] = checkpoint_fields,
};

/* clang-format on */

void out_comment(FILE *out, struct str s, size_t max)
{
	size_t n = s.n < max ? s.n : max;

	for (size_t i = 0; i < n; i++) {
		char c = s.p[i], last = i ? s.p[i - 1] : 0;

		if ((c == '/' && last == '*') || (c == '*' && last == '/'))
			putc(' ', out);
		putc(c >= ' ' && c < 0x7f ? c : '?', out);
	}
	if (n < s.n)
		fputs("...", out);
}

/* -- texts
 * ---------------------------------------------------------------------------------------- */

static void put_byte(FILE *out, unsigned char c)
{
	if (c == '\n')
		fputs("\\n", out);
	else if (c == '"' || c == '\\' || c == '?')
		fprintf(out, "\\%c", c);
	else if (c >= ' ' && c < 0x7f)
		putc(c, out);
	else
		fprintf(out, "\\%03o", c);
}

void out_string(FILE *out, struct str s)
{
	size_t line = 0;

	fputs("\n\t\"", out);
	for (size_t i = 0; i < s.n; i++) {
		if (line >= 100 || (i && s.p[i - 1] == '\n')) {
			fputs("\"\n\t\"", out);
			line = 0;
		}
		put_byte(out, (unsigned char)s.p[i]);
		line++;
	}
	putc('"', out);
}

static struct str text_of(const struct emit *e, uint32_t off, uint32_t len)
{
	const struct table *t = &e->tables[EMIT_TEXT];

	return len ? str_of(table_row(t, off), len) : S("");
}

/* -- rows
 * ----------------------------------------------------------------------------------------- */

#define COMMENT_TEXT 40

static void put_u32(FILE *out, uint32_t v, bool is_node)
{
	if (is_node && v >= WS_NO && v != WS_NONE)
		fputs(v == WS_YES ? "WS_YES" : "WS_NO", out);
	else if (v == WS_NONE)
		fputs("WS_NONE", out);
	else
		fprintf(out, "%" PRIu32, v);
}

static void put_ref(const struct emit *e, const void *at, FILE *out)
{
	struct ws_ref r;

	memcpy(&r, at, sizeof(r));
	fprintf(out, "{ %" PRIu32 ", %" PRIu32, r.off, r.len);
	if (r.len) {
		fputs(" /* ", out);
		out_comment(out, text_of(e, r.off, r.len), COMMENT_TEXT);
		fputs(" */", out);
	}
	fputs(" }", out);
}

static void put_i64(FILE *out, int64_t v)
{
	if (v == INT64_MIN)
		fputs("INT64_MIN", out);
	else
		fprintf(out, "%" PRId64, v);
}

static void put_field(const struct emit *e, enum field_kind kind, const void *at, FILE *out)
{
	uint16_t u16;
	uint32_t u32;
	int32_t i32;
	int64_t i64;
	struct ws_run run;

	switch (kind) {
	case F_U8:
		fprintf(out, "%u", *(const uint8_t *)at);
		break;
	case F_U16:
		memcpy(&u16, at, sizeof(u16));
		fprintf(out, "%u", u16);
		break;
	case F_U32:
	case F_NODE:
		memcpy(&u32, at, sizeof(u32));
		put_u32(out, u32, kind == F_NODE);
		break;
	case F_I32:
		memcpy(&i32, at, sizeof(i32));
		fprintf(out, "%" PRId32, i32);
		break;
	case F_I64:
		memcpy(&i64, at, sizeof(i64));
		put_i64(out, i64);
		break;
	case F_REF:
		put_ref(e, at, out);
		break;
	case F_RUN:
		memcpy(&run, at, sizeof(run));
		fprintf(out, "{ %" PRIu32 ", %" PRIu32 " }", run.first, run.n);
		break;
	case F_IP:
		fputs("{ ", out);
		for (int i = 0; i < 16; i++)
			fprintf(out, "%s%u", i ? ", " : "", ((const uint8_t *)at)[i]);
		fputs(" }", out);
		break;
	}
}

static bool is_zero(enum field_kind kind, const void *at)
{
	static const size_t sizes[] = {
		[F_U8] = 1,   [F_U16] = 2, [F_U32] = 4, [F_I32] = 4, [F_I64] = 8,
		[F_NODE] = 4, [F_REF] = 8, [F_RUN] = 8, [F_IP] = 16
	};
	static const char zeros[16];

	return memcmp(at, zeros, sizes[kind]) == 0;
}

static void put_row(const struct emit *e, const struct field *f, const void *row, FILE *out)
{
	const char *comma = "";

	if (!*f->name) {
		put_field(e, f->kind, row, out);
		return;
	}
	fputs("{ ", out);
	for (; f->name; f++) {
		const void *at = (const char *)row + f->offset;

		if (is_zero(f->kind, at))
			continue;
		fprintf(out, "%s.%s = ", comma, f->name);
		put_field(e, f->kind, at, out);
		comma = ", ";
	}
	fputs(*comma ? " }" : "0 }", out);
}

/* What a person wants to know of a row: a rule's line, a value's text. */
static void put_note(const struct emit *e, enum emit_table t, uint32_t i, FILE *out)
{
	const void *row = table_row(&e->tables[t], i);
	struct arena own = { 0 };
	struct show_buffer b;
	struct ws_value v;

	if (t == EMIT_VALUES) {
		memcpy(&v, row, sizeof(v));
		if (v.kind != WS_V_STR)
			return;
		fputs(" /* ", out);
		out_comment(out, text_of(e, (uint32_t)v.lo, (uint32_t)v.hi), COMMENT_TEXT);
		fputs(" */", out);
	} else if (t == EMIT_RULES) {
		const struct p_rule *r = e->p->rules[i];

		show_open(&b);
		show_place(b.out, e->p, r->place);
		fputs(": ", b.out);
		show_rule(b.out, r);
		fputs(" /* ", out);
		out_comment(out, show_close(&b, &own), 300);
		fputs(" */", out);
		arena_free(&own);
	}
}

void out_rows(const struct emit *e, enum emit_table t, FILE *out)
{
	const struct table *table = &e->tables[t];

	if (t == EMIT_TEXT) {
		out_string(out, str_of((const char *)table->rows, table->n));
		fputs(";\n", out);
		return;
	}
	fputs("{\n", out);
	for (uint32_t i = 0; i < table->n; i++) {
		fprintf(out, "\t/* %" PRIu32 " */ ", i);
		put_row(e, fields[t], table_row(table, i), out);
		putc(',', out);
		put_note(e, t, i, out);
		putc('\n', out);
	}
	fputs("};\n", out);
}
