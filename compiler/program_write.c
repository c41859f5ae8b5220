/* SPDX-License-Identifier: Apache-2.0 */
#include "program_form.h"

/* For each acl, how many acls of its name and section come before it: one name has one acl for each side that uses it. */
static uint32_t *acl_numbers(struct pio *io, const struct program *p)
{
	uint32_t *nth = ARENA_ARRAY(io->arena, uint32_t, p->nacls + 1), *count;

	for (uint32_t i = 0; i < p->nacls; i++) {
		const struct p_acl *a = p->acls[i];
		struct str key = arena_printf(io->arena, "%p %.*s", (const void *)a->section, STR_ARG(a->name));

		count = io_lookup(io, REF_ACL, key);
		if (!count) {
			count = ARENA_NEW(io->arena, uint32_t);
			io_define(io, REF_ACL, key, count);
		}
		nth[i] = (*count)++;
	}
	return nth;
}

void program_write(const struct program *p, FILE *out)
{
	struct arena own = { 0 };
	struct pio io = { .out = out, .places = true, .arena = &own };

	io.acl_nth = acl_numbers(&io, p);
	form_program(&io, (struct program *)p); /* writing changes nothing in it */
	putc('\n', out);
	arena_free(&own);
}
