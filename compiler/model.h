/* SPDX-License-Identifier: Apache-2.0 */
/* model: names resolved and statements sorted, between the AST and the rule program. Private to the
 * middle of the compiler: resolve_*, check_*, option*, lower_*. Passes report through diag() and go
 * on with what they have. */
#ifndef WEIR_COMPILER_MODEL_H
#define WEIR_COMPILER_MODEL_H

#include "diag.h"
#include "program.h"
#include "symbol.h"

/* Places where a subject or an action may stand: one bit a rule list. */
#define W_REQ_IN 0x01
#define W_REQ_OUT 0x02
#define W_RSP_IN 0x04
#define W_RSP_OUT 0x08
#define W_CONN 0x10
#define W_SESS 0x20
#define W_TCP 0x40 /* req in of a section in tcp mode */
#define W_RSP (W_RSP_IN | W_RSP_OUT)
#define W_REQ (W_REQ_IN | W_REQ_OUT | W_CONN | W_SESS | W_TCP)

#define MODEL_DEPTH_MAX 100 /* names that refer to names: acls, profiles */

struct scope {
	struct scope *outer; /* the site, or NULL */
	struct entity *owner; /* NULL: the site */
	struct symbols acls; /* struct acl */
	struct symbols params; /* struct p_param */
};

/* All definitions of one name in one scope. Lowered once for each side that uses it. */
struct acl {
	struct str name;
	struct at at; /* the first definition's name */
	struct scope *scope;
	struct vec defs; /* const struct ast_acl */
	struct p_acl *side[2]; /* request, response; NULL: not lowered yet */
	unsigned avail[2]; /* W_*: where all that it reads exists */
	bool done[2]; /* side[] is final, also when it is NULL after an error */
	bool busy; /* being lowered: to find cycles */
	bool used;
};

/* One option statement as a section or profile gets it. */
struct option_use {
	const struct ast_option *opt;
	struct profile *origin; /* NULL: the section's own statement */
	bool override; /* its line said so; <opt> is without that word */
};

struct profile {
	struct str name;
	const struct ast_section *ast;
	struct vec *opts; /* OPTIONS lists of struct option_use, after nested profiles */
	bool *taken; /* OPTIONS: some section of a right kind uses it */
	unsigned marked; /* 1 << kind of the sections that <taken> has heard of */
	bool used, busy;
};

struct jump {
	struct entity *to;
	struct at at;
};

/* A section of the common name space. */
struct entity {
	enum section_kind kind;
	struct str name;
	const struct ast_section *ast;
	struct p_section *out;
	struct scope scope;
	struct vec *opts; /* OPTIONS lists of struct option_use: own ones, else of profiles */
	struct entity *filters,
		*servers_of; /* after chains have been followed; itself without use_* */
	struct at filters_at, servers_at;
	struct entity *default_backend;
	struct at default_at;
	struct vec rules[RULE_DIRS]; /* struct p_rule, as written here */
	struct vec jumps[2]; /* struct jump: request, response */
	struct at ended[RULE_DIRS]; /* unconditional end of the list; line 0: none yet */
	struct at chosen; /* unconditional choice of a backend */
	bool told[RULE_DIRS]; /* W105 has been reported */
	bool used; /* named by another statement */
	bool broken; /* its use_* statement has been reported */
	unsigned key_where; /* of a checkpoint: W_* bits where its key exists */
	uint8_t state; /* of the walk that looks for cycles */
};

/* A set or map statement: its variants are made when a test or converter uses it. */
struct table {
	struct str name;
	struct at at;
	const struct ast_section *ast;
	enum operator_id op; /* map */
	struct vec keys, vals; /* const struct ast_value */
	struct symbols variants; /* struct p_set or struct p_map */
	bool dynamic;
	bool bad;
};

struct model {
	struct arena *arena;
	const struct ast *ast;
	struct program *out;
	struct scope site;
	struct symbols sections, profiles, sets, maps; /* entity, profile, table */
	struct symbols checkpoints; /* entity, not among <entities> */
	struct symbols captures[2], vars; /* struct slot */
	struct symbols all_params; /* of every scope: bound by name alone at start */
	struct symbols subjects, regexes;
	struct vec entities;
	struct vec scopes;
	struct vec rules, acls, p_subjects, p_regexes, params, p_sets, p_maps, cases, logs, trusted;
	struct vec asserts; /* const struct ast_assert, of file level */
	struct vec *globals; /* OPTIONS lists of struct option_use */
	unsigned depth; /* of acls in acls, profiles in profiles */
	bool keying; /* the key of a checkpoint is lowered: it reads no counters */
};

/* A capture or a variable. */
struct slot {
	uint32_t index;
	struct str name;
	bool written;
	struct at first; /* the first place that reads it */
};

/* Where something is written, for what is lowered there. */
struct use {
	struct model *m;
	struct scope *scope;
	unsigned where; /* W_*: one bit in rules; all of a side in acls */
	unsigned avail; /* narrowed by each subject read */
	const struct p_regex *groups; /* what \0-\9 of a written text mean, or NULL */
	bool captured; /* a text used one of them */
};

/* Whether a diagnostic is still worth an expensive hint. */
static inline bool model_hints(void)
{
	return diag_errors() + diag_warnings() < DIAG_MAX;
}

static inline struct p_place place_of(struct at at)
{
	return (struct p_place) { .file = at.file, .line = at.line };
}

/* "backend", "listen"...; with its article. */
const char *kind_name(enum section_kind kind);
const char *kind_article(enum section_kind kind);
/* "req in"... of a W_* bit. */
const char *where_name(unsigned where);

/* Adds "did you mean" to the last report when a name of <t> is near <word>. */
void model_suggest(struct model *m, const struct symbols *t, struct str word);
void model_suggest_words(struct str word, const struct str *words, size_t n);

/* Entity <name>, marked as used, or NULL after E004 or E051 (<what>: "backend", "section"...). */
struct entity *model_entity(struct model *m, struct str name, struct at at, const char *what);

/* Slot of a capture or variable, made when new. */
struct slot *model_slot(struct model *m, struct symbols *t, struct str name, struct at at);

/* resolve.c: sections, scopes, acls, params, sets, maps and profiles by name. */
void resolve_names(struct model *m);
/* resolve_option.c: whose option statements hold; capability and owner checks; W211, W212. */
void resolve_options(struct model *m);
/* resolve_link.c: use_filters_from and use_backend_from, default_backend; W210. */
void resolve_links(struct model *m);
/* Whose statements of option <id> hold for <e>: itself, or a section that it takes from. After
 * resolve_links(). */
struct entity *link_owner(struct entity *e, int id);

/* lower_checkpoint.c: what checkpoints count apart, and what they allow. After lower_tables(). */
void lower_checkpoints(struct model *m);
/* Checkpoint <name>, marked as used, or NULL after E051. */
struct entity *model_checkpoint(struct model *m, struct str name, struct at at);
/* Does the key of <cp> exist in one of the places <where>? Reports E002 and tells. */
bool checkpoint_stands(struct model *m, const struct entity *cp, unsigned where, struct at at);
/* Has it a limit that pass may wait for? */
static inline bool checkpoint_waits(const struct p_section *cp)
{
	return cp->settings[OPT_RATE].set || cp->settings[OPT_CONCURRENCY].set;
}
#define CHECKPOINT_TAKES "a checkpoint with a rate or a concurrency; count takes any"

/* check_flow.c: jump cycles, unused names, rules after the end, backends without servers. */
void check_flow(struct model *m);

/* check_site.c: binds, and options that the mode ignores. */
void check_site(struct model *m);

/* lower_rule.c: all rules of all sections into p_rule. */
void lower_rules(struct model *m);

#endif
