/* SPDX-License-Identifier: Apache-2.0 */
/* json: a JSON text (RFC 8259) to a tree in an arena. Numbers are kept as whole numbers when they
 * are, else as 0. Writing is show_json() of show.h. */
#ifndef WEIR_EDITOR_JSON_H
#define WEIR_EDITOR_JSON_H

#include "../../runtime/base/arena.h"
#include "../../runtime/base/str.h"

#define JSON_DEPTH_MAX 100

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_TEXT, JSON_ARRAY, JSON_OBJECT };

struct json {
	struct json *next; /* in the same array or object */
	enum json_kind kind;
	struct str name; /* of a member */
	struct str raw; /* as it was written; shares the input's memory */
	struct str text; /* TEXT: decoded, UTF-8 */
	int64_t number; /* NUMBER; BOOL: 1 is true */
	struct json *kids; /* ARRAY, OBJECT */
};

/* The tree of <text>; NULL when it is no JSON, or deeper than JSON_DEPTH_MAX. */
struct json *json_read(struct arena *a, struct str text);
/* Member <name>; of names that stand twice the last. NULL: there is none, or <j> is no object. */
const struct json *json_get(const struct json *j, const char *name);
/* Members of members: "position.line". */
const struct json *json_path(const struct json *j, const char *path);
/* The text or number of json_path(), or an empty one, or <otherwise>. */
struct str json_text(const struct json *j, const char *path);
int64_t json_number(const struct json *j, const char *path, int64_t otherwise);

#endif
