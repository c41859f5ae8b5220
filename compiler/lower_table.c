/* SPDX-License-Identifier: Apache-2.0 */
/* lower_table: sets, maps and files of values. A set or map is text until it is used: what uses it
 * tells the type, and each type and case gives one variant in the program. */
#include "lower_part.h"
#include "source.h"
#include "value.h"

#define FILE_LINES_MAX 1000000

/* Path of <name>, relative to the folder of the file that names it. */
static struct str beside(struct arena *a, struct str file, struct str name)
{
	size_t n = file.n;

	while (n && file.p[n - 1] != '/')
		n--;
	if (name.n && name.p[0] == '/')
		return arena_str(a, name);
	return arena_printf(a, "%.*s%.*s", (int)n, file.p, STR_ARG(name));
}

/* The words of <line>, one or two, as values. */
static void add_line(struct model *m, struct str line, struct at at, struct vec *out)
{
	struct ast_value *v = ARENA_NEW(m->arena, struct ast_value);

	v->at = at;
	v->text = line;
	vec_push(m->arena, out, v);
}

bool lower_file(struct model *m, const struct ast_value *file, struct vec *out)
{
	struct str name = value_plain(m->arena, file->text), text, line;
	const struct source *by = source_get(file->at.file);
	const char *why;
	uint32_t index, n = 0;

	if (text_refused(file, "a list is compiled in"))
		return false;
	why = source_open(m->arena, beside(m->arena, by->path, name),
			  beside(m->arena, by->name, name), &index);
	if (why) {
		diag(E067, file->at, STR_ARG(name), why);
		return false;
	}
	source_set_list(index);
	text = source_get(index)->text;
	while (text.n) {
		line = str_cut(&text, '\n');
		if (++n > FILE_LINES_MAX) {
			diag(E067, file->at, STR_ARG(name), "it has more than 1000000 lines");
			return false;
		}
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		line = str_trim(line);
		if (line.n && line.p[0] != '#')
			add_line(m, line,
				 (struct at) { .file = index,
					       .line = n,
					       .col = 1,
					       .len = (uint32_t)line.n },
				 out);
	}
	return true;
}

/* A line of a map's file: KEY, blanks, VALUE. */
static bool split_entry(struct model *m, struct ast_value *key, struct ast_value **val)
{
	size_t k = 0;

	while (k < key->text.n && key->text.p[k] != ' ' && key->text.p[k] != '\t')
		k++;
	*val = ARENA_NEW(m->arena, struct ast_value);
	(*val)->at = key->at;
	(*val)->text = str_trim(str_skip(key->text, k));
	key->text = str_first(key->text, k);
	if ((*val)->text.n)
		return true;
	diag(E054, key->at, "map", "a key and a value in each line");
	return false;
}

static void read_file_lines(struct model *m, struct table *t, const struct ast_value *file)
{
	struct vec lines = { 0 };
	struct ast_value *val;

	if (!lower_file(m, file, &lines)) {
		t->bad = true;
		return;
	}
	for (size_t i = 0; i < lines.n; i++) {
		if (t->ast->kind == SEC_MAP) {
			if (!split_entry(m, lines.p[i], &val))
				continue;
			vec_push(m->arena, &t->vals, val);
		}
		vec_push(m->arena, &t->keys, lines.p[i]);
	}
}

static void read_line(struct model *m, struct table *t, const struct ast_line *line)
{
	const struct ast_value *v = line->values;
	bool map = t->ast->kind == SEC_MAP;

	if (v && v->next && !v->next->next && !v->delim && str_eq(v->text, S("file"))) {
		read_file_lines(m, t, v->next);
		return;
	}
	if (map) {
		if (!v || !v->next || v->next->next) {
			diag(E054, line->at, "map", "lines KEY VALUE, or file F");
			t->bad = true;
			return;
		}
		vec_push(m->arena, &t->keys, (void *)v);
		vec_push(m->arena, &t->vals, (void *)v->next);
		return;
	}
	if (v && v->next && !v->delim && str_eq(v->text, S("value")))
		v = v->next;
	for (; v; v = v->next)
		vec_push(m->arena, &t->keys, (void *)v);
}

static bool same_case(const struct ast_value *v)
{
	return (v->opts & VAL_ICASE) == 0;
}

/* A key twice is an error. Keys that differ in a letter option are different keys. */
static void check_keys(struct model *m, struct table *t)
{
	struct symbols seen = { 0 };

	for (size_t i = 0; i < t->keys.n; i++) {
		const struct ast_value *v = t->keys.p[i];
		const struct ast_value *other;

		other = symbol_put(m->arena, &seen, v->text, (void *)v);
		if (other == v || same_case(other) != same_case(v))
			continue;
		diag(E055, v->at, STR_ARG(v->text), STR_ARG(t->name));
		diag_note(other->at, "the first one is here");
	}
}

static void check_vals(struct model *m, struct table *t)
{
	for (size_t i = 0; i < t->vals.n; i++) {
		const struct ast_value *v = t->vals.p[i];

		if (text_refused(v, "a map's value is fixed")) {
			t->bad = true;
		} else if (!value_is_clean(value_plain(m->arena, v->text))) {
			diag(E008, v->at, STR_ARG(v->text), "it holds CR, LF or NUL");
			t->bad = true;
		}
	}
}

static void read_table(struct model *m, struct table *t)
{
	for (const struct ast_stmt *s = t->ast->stmts; s; s = s->next)
		if (s->kind == STMT_LINE)
			read_line(m, t, s->line);
	if (t->ast->kind == SEC_MAP) {
		check_keys(m, t);
		check_vals(m, t);
	}
}

void lower_tables(struct model *m)
{
	for (size_t i = 0; i < m->sets.n; i++)
		read_table(m, m->sets.all[i]->object);
	for (size_t i = 0; i < m->maps.n; i++)
		read_table(m, m->maps.all[i]->object);
}

static struct p_value *read_values(struct use *u, const struct vec *list, enum p_type type,
				   enum operator_id op, bool icase)
{
	struct p_value *values = ARENA_ARRAY(u->m->arena, struct p_value, list->n);
	bool good = true;

	for (size_t i = 0; i < list->n; i++) {
		const struct ast_value *v = list->p[i];

		if (op != OP_RE && text_refused(v, "values of sets and keys of maps are fixed"))
			good = false;
		else if (!lower_value(u, v, type, op, icase, &values[i]))
			good = false;
	}
	return good ? values : NULL;
}

static struct table *find_table(struct use *u, const struct symbols *tables,
				const struct ast_value *name, const char *what)
{
	struct table *t = symbol_get(tables, name->text);

	if (t)
		return t->bad ? NULL : t;
	diag(E051, name->at, what, STR_ARG(name->text));
	model_suggest(u->m, tables, name->text);
	return NULL;
}

struct p_set *lower_set(struct use *u, const struct ast_value *name, enum p_type type,
			enum operator_id op, bool icase)
{
	struct table *t = find_table(u, &u->m->sets, name, "set");
	struct p_set *set;
	struct str key;

	if (!t)
		return NULL;
	key = arena_printf(u->m->arena, "%d %d %d", (int)type, type == TYPE_STR ? (int)op : 0,
			   icase);
	set = symbol_get(&t->variants, key);
	if (set)
		return set;
	set = ARENA_NEW(u->m->arena, struct p_set);
	set->values = read_values(u, &t->keys, type, op, icase);
	if (!set->values) {
		t->bad = true;
		return NULL;
	}
	set->nvalues = (uint32_t)t->keys.n;
	set->index = (uint32_t)u->m->p_sets.n;
	set->place = place_of(t->at);
	set->name = t->name;
	set->dynamic = t->dynamic;
	vec_push(u->m->arena, &u->m->p_sets, set);
	return symbol_put(u->m->arena, &t->variants, key, set);
}

struct p_map *lower_map(struct use *u, const struct ast_value *name, enum p_type type, bool icase)
{
	struct table *t = find_table(u, &u->m->maps, name, "map");
	struct p_map *map;
	struct str key;

	if (!t)
		return NULL;
	key = arena_printf(u->m->arena, "%d %d", (int)type, icase);
	map = symbol_get(&t->variants, key);
	if (map)
		return map;
	map = ARENA_NEW(u->m->arena, struct p_map);
	map->op = t->op;
	if (type != TYPE_STR && t->op != OP_EQ) {
		diag(E050, name->at, STR_ARG(t->name),
		     type == TYPE_INT ? "a number" : "an address");
		return NULL;
	}
	map->keys = read_values(u, &t->keys, type, t->op, icase);
	if (!map->keys) {
		t->bad = true;
		return NULL;
	}
	map->vals = ARENA_ARRAY(u->m->arena, struct str, t->keys.n);
	for (size_t i = 0; i < t->keys.n; i++)
		map->vals[i] =
			value_plain(u->m->arena, ((const struct ast_value *)t->vals.p[i])->text);
	map->n = (uint32_t)t->keys.n;
	map->index = (uint32_t)u->m->p_maps.n;
	map->place = place_of(t->at);
	map->name = t->name;
	map->dynamic = t->dynamic;
	vec_push(u->m->arena, &u->m->p_maps, map);
	return symbol_put(u->m->arena, &t->variants, key, map);
}
