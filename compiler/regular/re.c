/* SPDX-License-Identifier: Apache-2.0 */
#include "re.h"

struct re *re_new(struct arena *a, enum re_kind kind)
{
	struct re *re = ARENA_NEW(a, struct re);

	re->kind = kind;
	return re;
}

struct re *re_set(struct arena *a, struct byteset set)
{
	struct re *re = re_new(a, RE_SET);

	re->set = set;
	return re;
}

struct re *re_list(struct arena *a, enum re_kind kind, struct re *kids)
{
	struct re *re;

	if (kids && !kids->next)
		return kids;
	re = re_new(a, kids ? kind : RE_EMPTY);
	re->kid = kids;
	return re;
}

struct re *re_text(struct arena *a, struct str text, bool icase)
{
	struct re *kids = NULL;

	for (size_t i = text.n; i-- > 0;) {
		struct byteset set = byteset_of((uint8_t)text.p[i]);
		struct re *one = re_set(a, icase ? byteset_fold(set) : set);

		one->next = kids;
		kids = one;
	}
	return re_list(a, RE_CAT, kids);
}

struct re *re_repeat(struct arena *a, struct re *kid, uint32_t min, uint32_t max)
{
	struct re *re = re_new(a, RE_REPEAT);

	re->kid = kid;
	re->min = min;
	re->max = max;
	return re;
}

struct re *re_look(struct arena *a, struct re_side before, struct re_side after)
{
	struct re *re = re_new(a, RE_LOOK);

	re->before = before;
	re->after = after;
	return re;
}
