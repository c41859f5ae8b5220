/* SPDX-License-Identifier: Apache-2.0 */
#include "out.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "out_row.h"
#include "show.h"

static const struct {
	const char *name, *type;
} tables[EMIT_NTABLES] = {
#define TABLE(id, field, type) { #field, #type },
	EMIT_TABLES(TABLE)
#undef TABLE
};

struct out {
	const struct emit *e;
	const struct embed *m;
	const char *dir;
	bool readable;
	struct out_files *files;
	struct str rendered
		[EMIT_NTABLES]; /* initialisers of tables that are C; empty: none, or bytes */
	unsigned file[EMIT_NTABLES]; /* number of the file of C they stand in */
	bool failed;
};

/* The embedded text is one more object that may be large. */
#define EMBEDDED "embedded"

static FILE *open_file(struct out *o, const char *name)
{
	struct str path = arena_printf(o->e->arena, "%s/%s", o->dir, name);
	FILE *f = fopen(path.p, "we");

	if (!f)
		o->failed = true;
	return f;
}

static void close_file(struct out *o, FILE *f)
{
	int bad = ferror(f);

	if (fclose(f) != 0 || bad) {
		o->failed = true;
		if (!errno)
			errno = EIO;
	}
}

static void add_file(struct out *o, struct str name)
{
	o->files->names[o->files->n++] = name;
}

static void banner(struct out *o, FILE *f)
{
	fprintf(f, "/* made by weir %.*s from ", STR_ARG(o->m->version));
	out_comment(f, o->m->name, 200);
	fputs(", do not edit */\n#include \"runtime/site.h\"\n\n", f);
}

/* -- large tables
 * ---------------------------------------------------------------------------------- */

static void write_bytes(struct out *o, const char *name, struct str bytes)
{
	FILE *f = open_file(o, arena_printf(o->e->arena, "%s.bin", name).p);

	if (!f)
		return;
	fwrite(bytes.p, 1, bytes.n, f);
	close_file(o, f);
}

/* <name>.bin, and <name>.s that makes it the object weir_<name>. */
static void large(struct out *o, const char *name, struct str bytes, const char *section)
{
	struct str file = arena_printf(o->e->arena, "%s.s", name);
	FILE *f;

	write_bytes(o, name, bytes);
	f = open_file(o, file.p);
	if (!f)
		return;
	fprintf(f, "# made by weir %.*s, do not edit\n", STR_ARG(o->m->version));
	fprintf(f, "\t.section %s, \"a\"\n\t.balign 16\n", section);
	fprintf(f, "\t.globl weir_%s\n\t.hidden weir_%s\n\t.type weir_%s, %%object\n", name, name,
		name);
	fprintf(f, "\t.size weir_%s, %zu\nweir_%s:\n\t.incbin \"%s.bin\"\n", name, bytes.n, name,
		name);
	fputs("\t.section .note.GNU-stack, \"\", %progbits\n", f);
	close_file(o, f);
	add_file(o, file);
}

static bool is_large(const struct table *t)
{
	return t->n * t->size > OUT_TABLE_BYTES;
}

static void large_table(struct out *o, enum emit_table t)
{
	const struct table *table = &o->e->tables[t];
	FILE *f;

	large(o, tables[t].name, str_of((const char *)table->rows, table->n * table->size),
	      arena_printf(o->e->arena, ".rodata.weir_%s", tables[t].name).p);
	if (!o->readable)
		return;
	f = open_file(o, arena_printf(o->e->arena, "%s.c", tables[t].name).p);
	if (!f)
		return;
	banner(o, f);
	fprintf(f, "/* The same as %s.bin and %s.s: compile either. */\n", tables[t].name,
		tables[t].name);
	fprintf(f, "extern const %s weir_%s[] __attribute__((visibility(\"hidden\")));\n",
		tables[t].type, tables[t].name);
	fprintf(f, "const %s weir_%s[] = ", tables[t].type, tables[t].name);
	out_rows(o->e, t, f);
	close_file(o, f);
}

/* -- tables as C
 * ----------------------------------------------------------------------------------- */

/* Renders every table that is C and gives each its file. Returns the number of files. */
static unsigned render(struct out *o)
{
	unsigned file = 0;
	size_t used = 0;

	for (int t = 0; t < EMIT_NTABLES; t++) {
		const struct table *table = &o->e->tables[t];
		struct show_buffer b;

		o->files->bytes += table->n * table->size;
		if (!table->n || is_large(table))
			continue;
		show_open(&b);
		out_rows(o->e, (enum emit_table)t, b.out);
		o->rendered[t] = show_close(&b, o->e->arena);
		if (used > OUT_FILE_BYTES) {
			file++;
			used = 0;
		}
		o->file[t] = file;
		used += o->rendered[t].n;
	}
	return file + 1;
}

static void put_table(struct out *o, FILE *f, int t, bool own)
{
	const struct table *table = &o->e->tables[t];
	uint32_t n = table->n + (t == EMIT_TEXT); /* a NUL follows the texts */

	if (!own)
		fprintf(f,
			"extern const %s weir_%s[%" PRIu32
			"] __attribute__((visibility(\"hidden\")));\n",
			tables[t].type, tables[t].name, n);
	fprintf(f, "%sconst %s weir_%s[%" PRIu32 "] = ", own ? "static " : "", tables[t].type,
		tables[t].name, n);
	fwrite(o->rendered[t].p, 1, o->rendered[t].n, f);
	putc('\n', f);
}

static void other_file(struct out *o, unsigned number)
{
	struct str name = arena_printf(o->e->arena, "site%u.c", number);
	FILE *f = open_file(o, name.p);

	if (!f)
		return;
	banner(o, f);
	for (int t = 0; t < EMIT_NTABLES; t++)
		if (o->rendered[t].n && o->file[t] == number)
			put_table(o, f, t, false);
	close_file(o, f);
	add_file(o, name);
}

/* -- the site
 * -------------------------------------------------------------------------------------- */

static void part_lists(const struct emit *e, FILE *f)
{
	const struct table *subjects = &e->tables[EMIT_SUBJECTS];

	fprintf(f, "static const struct poller *const pollers[] = { %s&poller_epoll, NULL };\n",
		e->parts[PART_POLLER_URING] ? "&poller_uring, " : "");
	fputs("static const struct action_part *const actions[] = {\n", f);
	for (uint32_t i = 0; i < e->nactions; i++)
		fprintf(f, "\t&%s,\n", emit_action_names[e->actions[i]]);
	fputs("\tNULL\n};\nstatic const struct conv_part *const convs[] = {\n", f);
	for (uint32_t i = 0; i < e->nconvs; i++)
		fprintf(f, "\t&%s,\n", emit_conv_names[e->convs[i]]);
	fputs("\tNULL\n};\nstatic const struct subject_part *const subject_parts[] = {\n", f);
	for (uint32_t i = 0; i < subjects->n; i++)
		fprintf(f, "\t&%s,\n",
			emit_subject_names[((const struct ws_subject *)table_row(subjects, i))
						   ->id]);
	fputs("\tNULL\n};\n\n", f);
}

static void part_pointers(const struct emit *e, FILE *f)
{
	static const struct {
		enum emit_part part;
		const char *field;
	} rows[] = {
		{ PART_MUX_H1, "mux_http" },
		{ PART_MUX_TCP, "mux_raw" },
		{ PART_MUX_H2, "mux_h2" },
		{ PART_REGEX_PCRE2, "regex" },
		{ PART_REGEX_DFA, "regex" },
		{ PART_REGEX_BOTH, "regex" },
		{ PART_BALANCE_ROUNDROBIN, "balances[WS_BALANCE_ROUNDROBIN]" },
		{ PART_BALANCE_LEASTCONN, "balances[WS_BALANCE_LEASTCONN]" },
		{ PART_BALANCE_HASH, "balances[WS_BALANCE_HASH]" },
		{ PART_BALANCE_RANDOM, "balances[WS_BALANCE_RANDOM]" },
		{ PART_BALANCE_FIRST, "balances[WS_BALANCE_FIRST]" },
		{ PART_QUEUE, "queue" },
		{ PART_SHARING, "sharing" },
		{ PART_CHECK, "check" },
		{ PART_COOKIE, "cookie" },
		{ PART_COUNT, "count" },
		{ PART_CONTROL, "control_part" },
		{ PART_PAGE_STATS, "pages[WS_PAGE_STATS]" },
		{ PART_PAGE_METRICS, "pages[WS_PAGE_METRICS]" },
		{ PART_PREREAD_HELLO, "preread" },
		{ PART_TARGET, "target" },
		{ PART_DECIDE_INDEX, "decide" },
		{ PART_DYNAMIC, "dynamic" },
		{ PART_TLS, "tls" },
		{ PART_LOG_HTTP, "log_text" },
		{ PART_LOG_JSON, "log_json" },
		{ PART_CHECKPOINT, "checkpoint" },
		{ PART_HS_ACCEPT_PROXY, "hs_accept_proxy" },
		{ PART_HS_MONITOR, "hs_monitor" },
		{ PART_HS_CONN_IN, "hs_conn_in" },
		{ PART_HS_SEND_PROXY_V1, "hs_send_proxy[1]" },
		{ PART_HS_SEND_PROXY_V2, "hs_send_proxy[2]" },
	};

	fputs("\t.pollers = pollers,\n\t.actions = actions,\n\t.convs = convs,\n\t.subject_parts = "
	      "subject_parts,\n",
	      f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (e->parts[rows[i].part])
			fprintf(f, "\t.%s = &%s,\n", rows[i].field, emit_part_names[rows[i].part]);
}

static void counts(const struct emit *e, FILE *f)
{
	static const struct {
		const char *field;
		enum emit_table table;
	} rows[] = {
		{ "nsections", EMIT_SECTIONS }, { "text_len", EMIT_TEXT },
		{ "nrules", EMIT_RULES },       { "nregexes", EMIT_REGEXES },
		{ "nparams", EMIT_PARAMS },     { "nbound_nums", EMIT_BOUND_NUMS },
		{ "nnums", EMIT_NUMS },         { "nmaps", EMIT_MAPS },
		{ "ncaptures", EMIT_CAPTURES }, { "nsubjects", EMIT_SUBJECTS },
		{ "ntexts", EMIT_TEXTS },       { "nvalue_nets", EMIT_VALUE_NETS },
		{ "ndecides", EMIT_DECIDES },   { "nsets", EMIT_SETS },
		{ "ntlses", EMIT_TLSES },
		{ "ncheckpoints", EMIT_CHECKPOINTS },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		fprintf(f, "\t.%s = %" PRIu32 ",\n", rows[i].field, e->tables[rows[i].table].n);
	fprintf(f, "\t.nvars = %" PRIu32 ",\n\t.site_nums = %" PRIu32 ",\n", e->p->nvars,
		e->site_nums);
	fprintf(f, "\t.site_logs = { %" PRIu32 ", %" PRIu32 " },\n", e->site_logs.first,
		e->site_logs.n);
	fprintf(f, "\t.trusted = { %" PRIu32 ", %" PRIu32 " },\n", e->trusted.first, e->trusted.n);
	fprintf(f, "\t.user = { %" PRIu32 ", %" PRIu32 " },\n", e->user.off, e->user.len);
	fprintf(f, "\t.group = { %" PRIu32 ", %" PRIu32 " },\n", e->group.off, e->group.len);
	fprintf(f, "\t.chroot = { %" PRIu32 ", %" PRIu32 " },\n", e->chroot.off, e->chroot.len);
	fprintf(f, "\t.cpu_map = { %" PRIu32 ", %" PRIu32 " },\n", e->cpu_map.off, e->cpu_map.len);
	fprintf(f, "\t.cpu_map_where = %" PRIu32 ",\n", e->cpu_map_where);
	if (e->control == WS_NONE)
		fputs("\t.control = WS_NONE,\n", f);
	else
		fprintf(f, "\t.control = %" PRIu32 ",\n\t.control_mode = 0%o,\n", e->control,
			(unsigned)e->p->control.mode);
	if (e->chroot_text == WS_NONE)
		fputs("\t.chroot_text = WS_NONE,\n", f);
	else
		fprintf(f, "\t.chroot_text = %" PRIu32 ",\n", e->chroot_text);
}

static void put_text(FILE *f, const char *field, struct str s)
{
	fprintf(f, "\t.%s = ", field);
	out_string(f, s);
	fputs(",\n", f);
}

static void put_site(struct out *o, FILE *f, size_t program_at)
{
	const struct emit *e = o->e;

	fputs("const struct ws_site weir_site = {\n\t.magic = WEIR_MAGIC,\n\t.abi = WEIR_ABI,\n"
	      "\t.size = sizeof(struct ws_site),\n",
	      f);
	put_text(f, "name", o->m->name);
	put_text(f, "weir_version", o->m->version);
	for (int t = 0; t < EMIT_NTABLES; t++)
		if (e->tables[t].n)
			fprintf(f, "\t.%s = weir_%s,\n", tables[t].name, tables[t].name);
	counts(e, f);
	part_pointers(e, f);
	fprintf(f, "\t.program = weir_" EMBEDDED " + %zu,\n\t.program_len = %zu,\n", program_at,
		o->m->program.n);
	put_text(f, "digest_source", o->m->source);
	put_text(f, "digest_program", o->m->program_digest);
	put_text(f, "digest_runtime", o->m->runtime);
	fputs("\t.abi_symbol = &weir_abi_3,\n};\n", f);
}

/* The embedded text is C when it is small, bytes when it is large. */
static void put_embedded(struct out *o, FILE *f, struct str text)
{
	if (text.n > OUT_TABLE_BYTES) {
		fputs("extern const char weir_" EMBEDDED
		      "[] __attribute__((visibility(\"hidden\")));\n\n",
		      f);
		large(o, EMBEDDED, text, EMBED_SECTION);
		return;
	}
	fprintf(f,
		"static const char weir_" EMBEDDED "[%zu] __attribute__((section(\"" EMBED_SECTION
		"\"))) =",
		text.n + 1);
	out_string(f, text);
	fputs(";\n\n", f);
}

static void main_file(struct out *o)
{
	size_t program_at;
	struct str text = embed_write(o->e->arena, o->m, &program_at);
	FILE *f = open_file(o, "site.c");

	if (!f)
		return;
	o->files->bytes += text.n + sizeof(struct ws_site);
	banner(o, f);
	fprintf(f, "_Static_assert(WEIR_ABI == %d, \"these tables are for another runtime\");\n\n",
		WEIR_ABI);
	for (int t = 0; t < EMIT_NTABLES; t++) {
		if (o->rendered[t].n && o->file[t] == 0)
			put_table(o, f, t, true);
		else if (o->e->tables[t].n)
			fprintf(f,
				"extern const %s weir_%s[] "
				"__attribute__((visibility(\"hidden\")));\n\n",
				tables[t].type, tables[t].name);
	}
	part_lists(o->e, f);
	put_embedded(o, f, text);
	put_site(o, f, program_at);
	close_file(o, f);
	add_file(o, S("site.c"));
}

bool out_site(const struct emit *e, const struct embed *m, const char *dir, bool readable,
	      struct out_files *files)
{
	struct out o = { .e = e, .m = m, .dir = dir, .readable = readable, .files = files };
	unsigned n;

	*files = (struct out_files) { 0 };
	errno = 0;
	n = render(&o);
	main_file(&o);
	for (unsigned i = 1; i < n && !o.failed; i++)
		other_file(&o, i);
	for (int t = 0; t < EMIT_NTABLES && !o.failed; t++)
		if (is_large(&e->tables[t]))
			large_table(&o, (enum emit_table)t);
	return !o.failed;
}
