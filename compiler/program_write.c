/* SPDX-License-Identifier: Apache-2.0 */
#include "program_form.h"

/* Counts names: how often <key> has been asked for before. */
static uint32_t seen(struct pio *io, enum pio_kind kind, struct str key)
{
	uint32_t *count = io_lookup(io, kind, key);

	if (!count) {
		count = ARENA_NEW(io->arena, uint32_t);
		io_define(io, kind, key, count);
	}
	return (*count)++;
}

/* One name may stand for several: an acl for each side that uses it, a set or map for each type
 * and case. */
static void number_names(struct pio *io, const struct program *p)
{
	uint32_t *acls = ARENA_ARRAY(io->arena, uint32_t, p->nacls + 1),
		 *sets = ARENA_ARRAY(io->arena, uint32_t, p->nsets + 1);
	uint32_t *maps = ARENA_ARRAY(io->arena, uint32_t, p->nmaps + 1);

	for (uint32_t i = 0; i < p->nacls; i++) {
		const struct p_acl *a = p->acls[i];

		acls[i] = seen(io, REF_ACL,
			       arena_printf(io->arena, "%p %.*s", (const void *)a->section,
					    STR_ARG(a->name)));
	}
	for (uint32_t i = 0; i < p->nsets; i++)
		sets[i] = seen(io, REF_SET, p->sets[i]->name);
	for (uint32_t i = 0; i < p->nmaps; i++)
		maps[i] = seen(io, REF_MAP, p->maps[i]->name);
	io->nth[REF_ACL] = acls;
	io->nth[REF_SET] = sets;
	io->nth[REF_MAP] = maps;
}

static void write_all(const struct program *p, bool places, FILE *out)
{
	struct arena own = { 0 };
	struct pio io = { .out = out, .places = places, .arena = &own };

	number_names(&io, p);
	form_program(&io, (struct program *)p); /* writing changes nothing in it */
	putc('\n', out);
	arena_free(&own);
}

void program_write(const struct program *p, FILE *out)
{
	write_all(p, true, out);
}

void program_write_contents(const struct program *p, FILE *out)
{
	write_all(p, false, out);
}
