/* SPDX-License-Identifier: Apache-2.0 */
#include "control_table.h"

#include "../proxy/conf.h"
#include "../proxy/dynamic.h"

void control_sets(struct answer *a)
{
	struct dynamic_shown s;

	for (uint32_t i = 0; site.ws->dynamic && site.ws->dynamic->show(i, &s); i++) {
		row_begin(a);
		row_text(a, s.map ? "map" : "set", s.name);
		row_text(a, "kind", str_from(s.kind));
		row_num(a, "entries", s.entries);
		row_num(a, "bytes", s.bytes);
		row_end(a);
	}
}

static void show_key(void *arg, struct str key, struct str text)
{
	(void)text;
	row_begin(arg);
	row_text(arg, "value", key);
	row_end(arg);
}

static void show_entry(void *arg, struct str key, struct str text)
{
	row_begin(arg);
	row_text(arg, "key", key);
	row_text(arg, "value", text);
	row_end(arg);
}

static void list(struct answer *a, bool map, struct str name)
{
	if (!site.ws->dynamic->each(map, name, map ? show_entry : show_key, a))
		row_refuse(a, "no such name; show sets lists them");
}

static void begin(struct answer *a, struct control_bulk *b, bool map, struct str name)
{
	const char *why = site.ws->dynamic->replace_begin(map, name);

	if (why)
		row_refuse(a, why);
	else
		*b = (struct control_bulk) { .on = true, .of_map = map };
}

void control_bulk_line(struct control_bulk *b, struct str line)
{
	struct str key = line, text = S("");
	const char *why = NULL;
	uint32_t n;

	b->lines++;
	if (b->refused[0])
		return;
	if (b->of_map) {
		text = line;
		key = str_cut(&text, ' ');
		text = str_trim(text);
		why = text.n ? NULL : "KEY VALUE is expected";
	}
	why = why ? why : site.ws->dynamic->replace_add(key, text);
	if (!why)
		return;
	snprintf(b->refused, sizeof(b->refused), "line %u: %s", b->lines, why);
	site.ws->dynamic->replace_end(false, &n);
}

void control_bulk_end(struct control_bulk *b, struct answer *a)
{
	uint32_t n = 0;
	const char *why = b->refused[0] ? b->refused : NULL;

	if (!b->on)
		return;
	b->on = false;
	if (!why)
		why = site.ws->dynamic->replace_end(a != NULL, &n);
	if (a && why)
		row_refuse(a, why);
	else if (a)
		row_log(a, "%s replaced, %u entries", b->of_map ? "map" : "set", n);
}

static void change(struct answer *a, bool map, struct str all, struct str name,
		   enum dynamic_change what, struct str key, struct str text)
{
	const char *why = site.ws->dynamic->change(map, name, what, key, text);

	if (why)
		row_refuse(a, why);
	else
		row_log(a, "%s %.*s", map ? "map" : "set", STR_ARG(all));
}

void control_change(struct answer *a, struct control_bulk *bulk, bool map, struct str rest)
{
	struct str all = rest, verb = str_cut(&rest, ' '), name, key, text = S("");
	bool sets = str_eq(verb, map ? S("set") : S("add")), dels = str_eq(verb, S("del"));

	rest = str_trim(rest);
	name = str_cut(&rest, ' ');
	key = str_trim(rest);
	if (map && sets) {
		text = key;
		key = str_cut(&text, ' ');
		text = str_trim(text);
	}
	if (!site.ws->dynamic)
		row_refuse(a, "this site has no dynamic set or map");
	else if ((sets || dels) != (key.n != 0) || (map && sets && !text.n))
		row_refuse(a, "a word is missing or too much; help lists the commands");
	else if (str_eq(verb, S("list")))
		list(a, map, name);
	else if (str_eq(verb, S("replace")))
		begin(a, bulk, map, name);
	else if (sets || dels)
		change(a, map, all, name, sets ? DYNAMIC_SET : DYNAMIC_DELETE, key, text);
	else if (str_eq(verb, S("clear")))
		change(a, map, all, name, DYNAMIC_CLEAR, key, text);
	else
		row_refuse(a, "unknown command; help lists them");
}
