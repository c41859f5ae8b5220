/* SPDX-License-Identifier: Apache-2.0 */
/* model: one concrete request, as the values of all fields, and how one is found that satisfies
 * literals: by a guess that is checked, else by a search over the product of automata, which
 * proves that there is none. */
#ifndef WEIR_PROOF_MODEL_H
#define WEIR_PROOF_MODEL_H

#include "engine.h"

/* Of a field. Immutable once made, shared by copies of a model. */
struct value {
	bool present;
	uint32_t n; /* TEXT: occurrences */
	struct str *at;
	int64_t num;
	uint8_t addr[16];
	uint64_t serial; /* no two values have the same */
	bool lasting; /* outlives the query: of the usual request */
	uint32_t ntrue; /* atoms that watch rules and hold for this value */
	uint32_t *trues;
	uint32_t indexed; /* for how many watched atoms <trues> was made, plus 1 */
};

enum form { FORM_ORIGIN, FORM_ABSOLUTE, FORM_ASTERISK, FORM_CONNECT };

struct model {
	struct value **values; /* by field */
	enum form form;
	/* As sent. path holds no query; raw path may differ from the field's normal form. */
	struct str meth, path, query, host, version;
	struct str scheme; /* ABSOLUTE */
	uint32_t nfields;
};

/* Literals that one group must satisfy. */
struct demand {
	uint32_t n, room;
	uint32_t *lits;
};

struct solver {
	struct proof *g;
	struct arena *a; /* of the query: goes when a branch fails */
	struct arena *keep; /* lasts as long as the query */
	uint64_t *steps;
};

/* The request that means nothing special. */
void model_init(struct solver *s, struct model *m);
struct model *model_copy(struct solver *s, const struct model *m);
/* Changes <m> so that all literals of <d>, which are of the group <gr>, hold. LIMIT: not decided,
 * *<opaque> tells whether because of something opaque. */
enum answer model_solve(struct solver *s, struct model *m, const struct group *gr,
			const struct demand *d, bool *opaque);
/* Does the target say the host, in the place of Host? */
static inline bool model_has_authority(enum form f)
{
	return f == FORM_ABSOLUTE || f == FORM_CONNECT;
}
/* After a target took the place of Host, or gave it back: false when a literal fails then. */
bool model_refill(struct solver *s, struct model *m, const struct demand *demands);
bool model_holds(const struct model *m, struct proof *g, uint32_t lit);

/* Parts of it, for single fields. */
enum answer solve_text(struct solver *s, struct proof_field *f, const uint32_t *lits, uint32_t n,
		       struct str *out, bool *opaque);
bool text_satisfies(const struct solver *s, const uint32_t *lits, uint32_t n, struct str text);
enum answer solve_field(struct solver *s, struct model *m, struct proof_field *f,
			const uint32_t *lits, uint32_t n, bool *opaque);
/* Is there such a number, or address? */
enum answer solve_number(struct solver *s, struct proof_field *f, const uint32_t *lits, uint32_t n);
void model_set_texts(struct solver *s, struct model *m, const struct proof_field *f, struct str *at,
		     uint32_t n);
void model_set_text(struct solver *s, struct model *m, const struct proof_field *f,
		    struct str text);
void model_set_absent(struct solver *s, struct model *m, const struct proof_field *f);
void model_set_num(struct solver *s, struct model *m, const struct proof_field *f, int64_t num);

/* model_line.c, model_host.c: fields that are parts of one text. */
enum answer model_solve_line(struct solver *s, struct model *m, const struct group *gr,
			     const struct demand *d, bool *opaque);
enum answer model_solve_host(struct solver *s, struct model *m, const struct group *gr,
			     const struct demand *d, bool *opaque);
enum answer model_solve_cookie(struct solver *s, struct model *m, const struct group *gr,
			       const struct demand *d, bool *opaque);
enum answer model_solve_tls(struct solver *s, struct model *m, const struct group *gr,
			    const struct demand *d, bool *opaque);
/* Literals of <d> that are of <f>. */
uint32_t demand_of(const struct solver *s, const struct demand *d, const struct proof_field *f,
		   uint32_t *out);
bool demand_holds(const struct solver *s, const struct model *m, const struct demand *d);
/* The target as it is sent; of CONNECT, where the port must be said. */
struct str model_authority(struct arena *a, const struct model *m);
struct str model_target(struct arena *a, const struct model *m);
/* Every field of <gr> gets the value that m's texts say. */
void model_fill_line(struct solver *s, struct model *m, const struct group *gr);
void model_fill_host(struct solver *s, struct model *m, const struct group *gr);

#endif
