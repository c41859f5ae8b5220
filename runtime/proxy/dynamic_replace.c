/* SPDX-License-Identifier: Apache-2.0 */
/* All entries of a set or map at once: they are gathered beside the table that serves, which they
 * then replace. One replacement at a time, so that its memory is bounded. */
#include <stdlib.h>

#include "dynamic_priv.h"

#define ROOM_FIRST 64u

static bool under_way, of_map;
static struct str of; /* the name, of the site */

static uint32_t first(void)
{
	return dynamic_next_of(of_map, of, 0);
}

static uint32_t behind(uint32_t i)
{
	return dynamic_next_of(of_map, of, i + 1);
}

static void forget(struct dynamic_source *s)
{
	for (uint32_t i = 0; s->next && i < s->next->n; i++)
		dynamic_entry_free(s->next->rows[i].entry);
	free(s->next);
	s->next = NULL;
}

static void give_up(void)
{
	for (uint32_t i = first(); i < dynamic_nsources; i = behind(i))
		forget(&dynamic_sources[i]);
	under_way = false;
}

const char *dynamic_replace_begin(bool is_map, struct str name)
{
	uint32_t found = dynamic_next_of(is_map, name, 0);
	bool good = true;

	if (found == dynamic_nsources)
		return DYNAMIC_UNKNOWN(is_map);
	if (under_way)
		return "another client is replacing a set or map; try again";
	under_way = true;
	of_map = is_map;
	of = dynamic_sources[found].name;
	for (uint32_t i = first(); i < dynamic_nsources; i = behind(i)) {
		struct dynamic_source *s = &dynamic_sources[i];

		s->room = ROOM_FIRST;
		s->next = dynamic_table_empty(ROOM_FIRST);
		good = good && s->next;
	}
	if (good)
		return NULL;
	give_up();
	return "out of memory";
}

/* Twice the room. */
static bool grow(struct dynamic_source *s)
{
	struct dynamic_table *t = dynamic_table_empty(2 * s->room);

	if (!t)
		return false;
	for (uint32_t i = 0; i < s->next->n; i++)
		dynamic_table_put(t, s->next->rows[i].entry);
	free(s->next);
	s->next = t;
	s->room *= 2;
	return true;
}

/* s->entry into s->next; a value that is there already is let go. */
static const char *gather(struct dynamic_source *s)
{
	struct dynamic_table *t = s->next;

	if (dynamic_table_same(t, s->entry) < t->n) {
		if (s->map)
			return "this key has come before";
		dynamic_entry_free(s->entry);
		return NULL;
	}
	if (t->n >= DYNAMIC_ENTRIES_MAX)
		return "these are more than 100000 entries, which is the limit";
	if (t->bytes + s->entry->bytes > DYNAMIC_BYTES_MAX)
		return "the entries are larger than 64 MB";
	if (t->n == s->room && !grow(s))
		return "out of memory";
	dynamic_table_put(s->next, s->entry);
	return NULL;
}

const char *dynamic_replace_add(struct str key, struct str text)
{
	const char *why = NULL;

	for (uint32_t i = first(); i < dynamic_nsources; i = behind(i)) {
		struct dynamic_source *s = &dynamic_sources[i];

		why = why ? why : dynamic_read_entry(s, key, text);
		if (!why && (why = gather(s)))
			dynamic_entry_free(s->entry);
		s->entry = NULL;
	}
	return why;
}

const char *dynamic_replace_end(bool commit, uint32_t *n)
{
	const char *why =
		commit && !dynamic_has_room() ? "threads still read older tables; try again" : NULL;

	if (why || !commit) {
		give_up();
		return why;
	}
	for (uint32_t i = first(); i < dynamic_nsources; i = behind(i)) {
		struct dynamic_source *s = &dynamic_sources[i];
		struct dynamic_table *t = atomic_load(&s->table);

		*n = s->next->n;
		t->all_gone = true;
		atomic_store(&s->table, s->next);
		s->next = NULL;
		dynamic_retire(t);
	}
	under_way = false;
	return NULL;
}
