/* SPDX-License-Identifier: Apache-2.0 */
/* option: requires resolved options. Leaves the settings of global and of every section, defaults
 * filled in. */
#include "option.h"

#include "../runtime/base/bug.h"

#include "lower_part.h"
#include "value.h"

static const struct {
	int id;
	const char *words; /* in the order of their numbers */
} words[] = {
	{ OPT_MODE, "http tcp" },
	{ OPT_REUSE, "never safe aggressive always" },
	{ OPT_BALANCE, "roundrobin leastconn source uri hash random first" },
	{ OPT_POLLER, "auto epoll io_uring" },
};

/* A head lies in one buffer of 16 kB; tables of 512 header lines leave room for edits. */
static const struct {
	int id;
	int64_t min, max;
} ranges[] = {
	{ OPT_RETRIES, 0, 100 },          { OPT_REDISPATCH, 0, 100 },
	{ OPT_THREADS, 1, 1024 },         { OPT_THREAD_GROUPS, 1, 16 },
	{ OPT_ON_LIMIT, 400, 599 },       { OPT_HEAD_MAX, 1024, 16384 },
	{ OPT_URI_MAX, 256, 16384 },      { OPT_HEADERS_MAX, 8, 400 },
	{ OPT_MAXCONN, 1, 100000000 },    { OPT_QUEUE, 1, 100000000 },
	{ OPT_BUFFERS_MAX, 8, 1 << 30 },
};

/* <n> as it is written: the largest unit that leaves no rest. */
static void put_number(char *out, size_t room, int64_t n, enum option_unit unit)
{
	static const struct {
		int64_t size;
		const char *name;
	} units[][5] = {
		[UNIT_COUNT] = { { 1, "" } },
		[UNIT_SIZE] = { { 1 << 30, "g" }, { 1 << 20, "m" }, { 1024, "k" }, { 1, "" } },
		[UNIT_MS] = { { 86400000, "d" },
			      { 3600000, "h" },
			      { 60000, "m" },
			      { 1000, "s" },
			      { 1, "ms" } },
	};
	size_t i = 0;

	while (n % units[unit][i].size)
		i++;
	snprintf(out, room, "%lld%s", (long long)(n / units[unit][i].size), units[unit][i].name);
}

void option_range(int id, enum option_unit unit, int64_t *min, int64_t *max)
{
	*min = 1;
	*max = unit == UNIT_MS ? VALUE_DURATION_MAX : (int64_t)1 << 40;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		if (ranges[i].id == id) {
			*min = ranges[i].min;
			*max = ranges[i].max;
		}
}

bool option_number(const struct ast_value *v, const char *what, enum option_unit unit, int64_t min,
		   int64_t max, int64_t *out)
{
	const char *why = unit == UNIT_MS     ? value_duration(v->text, out)
			  : unit == UNIT_SIZE ? value_size(v->text, out)
					      : value_count(v->text, out);
	char range[80], low[32], high[32];

	if (!why && (*out < min || *out > max)) {
		put_number(low, sizeof(low), min, unit);
		put_number(high, sizeof(high), max, unit);
		snprintf(range, sizeof(range), "it must be %s to %s", low, high);
		why = range;
	}
	if (why)
		diag(E007, v->at, STR_ARG(v->text), what, why);
	return !why;
}

static unsigned count_values(const struct ast_value *v)
{
	unsigned n = 0;

	for (; v; v = v->next)
		n++;
	return n;
}

static bool usage(const struct ast_option *o, const char *takes)
{
	diag(E054, o->at, option_row(o->id)->words, takes);
	return false;
}

/* A word of a fixed list. */
static bool read_word(const struct ast_option *o, const struct ast_value *v, struct p_setting *s)
{
	struct str list = { 0 }, known[8];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (words[i].id == o->id)
			list = str_from(words[i].words);
	s->text = v->text;
	if (!list.p)
		return !text_refused(v, "it takes a word");
	while (list.p && n < 8) {
		known[n] = str_cut(&list, ' ');
		if (str_eq(known[n], v->text)) {
			s->num = (int64_t)n;
			s->text = known[n];
			return true;
		}
		n++;
	}
	diag(E056, v->at, STR_ARG(v->text), option_row(o->id)->words);
	model_suggest_words(v->text, known, n);
	return false;
}

static bool read_number(const struct ast_option *o, const struct ast_value *v,
			enum option_unit unit, struct p_setting *s)
{
	int64_t min, max;

	if ((o->id == OPT_THREADS || o->id == OPT_THREAD_GROUPS) && str_eq(v->text, S("auto"))) {
		s->num = 0;
		return true;
	}
	option_range(o->id, unit, &min, &max);
	return option_number(v, option_row(o->id)->words, unit, min, max, &s->num);
}

/* N per DURATION */
static bool read_rate(const struct ast_option *o, const struct ast_value *v, struct p_setting *s)
{
	const char *what = option_row(o->id)->words;

	if (count_values(v) != 3 || !str_eq(v->next->text, S("per")))
		return usage(o, "a rate: N per DURATION");
	return option_number(v, what, UNIT_COUNT, 1, (int64_t)1 << 40, &s->num) &&
	       option_number(v->next->next, what, UNIT_MS, 1, VALUE_DURATION_MAX, &s->num2);
}

/* max N min N half-life D */
static bool read_pool(const struct ast_option *o, const struct ast_value *v, struct p_setting *s)
{
	static const char takes[] = "max N, min N and half-life DURATION";

	s->num = s->num2 = s->num3 = -1;
	for (; v; v = v->next->next) {
		int64_t *out = str_eq(v->text, S("max"))         ? &s->num
			       : str_eq(v->text, S("min"))       ? &s->num2
			       : str_eq(v->text, S("half-life")) ? &s->num3
								 : NULL;

		if (!out || !v->next)
			return usage(o, takes);
		if (!option_number(v->next, "pool", out == &s->num3 ? UNIT_MS : UNIT_COUNT,
				   out == &s->num3, 1 << 30, out))
			return false;
	}
	if (s->num >= 0 && s->num2 > s->num)
		return usage(o, "a min that is not above its max");
	return true;
}

#define KEYS_MAX 10000000

/* N expire DURATION */
static bool read_table(const struct ast_option *o, const struct ast_value *v, struct p_setting *s)
{
	unsigned n = count_values(v);

	if ((n != 1 && n != 3) || (n == 3 && !str_eq(v->next->text, S("expire"))))
		return usage(o, "a number of keys, then expire DURATION if wanted");
	return option_number(v, "table", UNIT_COUNT, 1, KEYS_MAX, &s->num) &&
	       (n == 1 ||
		option_number(v->next->next, "expire", UNIT_MS, 1, VALUE_DURATION_MAX, &s->num2));
}

/* Free text: the words with one blank between. */
static bool read_words(struct model *m, const struct ast_value *v, struct p_setting *s)
{
	struct textbuf b = { 0 };

	for (; v; v = v->next) {
		textbuf_put(m->arena, &b, v->text);
		if (v->next)
			textbuf_byte(m->arena, &b, ' ');
	}
	s->text = textbuf_str(&b);
	return true;
}

/* The one value of options whose kind allows ${param}. */
static bool read_computed(struct model *m, struct scope *scope, const struct ast_value *v,
			  struct p_setting *s)
{
	struct use u = { .m = m, .scope = scope };

	s->computed = lower_text(&u, v, TEXT_PARAMS);
	return s->computed != NULL;
}

static bool read_setting(struct model *m, struct scope *scope, const struct ast_option *o,
			 struct p_setting *s)
{
	const char *args = option_row(o->id)->args;
	const struct ast_value *v = o->values;
	unsigned n = count_values(v);
	char kind = args[0] == '?' ? args[1] : args[0];

	if (o->id == OPT_POOL)
		return read_pool(o, v, s);
	if (o->id == OPT_TABLE)
		return read_table(o, v, s);
	if (kind == '|')
		return n ? read_words(m, v, s) : usage(o, "arguments");
	if (kind == 'R')
		return read_rate(o, v, s);
	if (n == 0 && args[0] == '?') {
		s->num = -1;
		return true;
	}
	/* What a hash is made of is read by option_lines. */
	if (o->id == OPT_BALANCE && n == 2 && str_eq(v->text, S("hash")))
		n = 1;
	if (n != (kind != 0))
		return usage(o, kind ? "one value" : "no value");
	if (kind && strchr("DSNF", kind) && text_has_param(v->text))
		return read_computed(m, scope, v, s);
	switch (kind) {
	case 'D':
		return read_number(o, v, UNIT_MS, s);
	case 'S':
		return read_number(o, v, UNIT_SIZE, s);
	case 'N':
		return read_number(o, v, UNIT_COUNT, s);
	case 'W':
		return read_word(o, v, s);
	case 'F':
		s->text = value_plain(m->arena, v->text);
		return true;
	case 'C': /* read by lower_checkpoint; kept to be shown */
		s->text = v->text;
		return true;
	default:
		return true;
	}
}

/* The default of option.def, written like a statement. */
static void read_default(struct model *m, int id, struct p_setting *s)
{
	struct str text = str_from(option_row(id)->value);
	struct ast_value v[4] = { { 0 } };
	struct ast_option o = { .id = id, .values = v };
	size_t n = 0;

	if (!text.n)
		return;
	while (text.p && n < 4) {
		v[n].text = str_cut(&text, ' ');
		if (n)
			v[n - 1].next = &v[n];
		n++;
	}
	BUG_ON(!read_setting(m, &m->site, &o, s));
}

/* Options that are lists or structures of their own: not settings. */
static bool is_line(int id)
{
	switch (id) {
	case OPT_BIND:
	case OPT_SERVER:
	case OPT_ERROR:
	case OPT_LOG:
	case OPT_FORWARDFOR:
	case OPT_SOURCE:
	case OPT_DISPATCH:
	case OPT_MONITOR_NET:
	case OPT_TRUSTED:
	case OPT_CONTROL:
	case OPT_CHECK:
	case OPT_COOKIE:
	case OPT_CPU_MAP:
	case OPT_USE_PROFILE:
	case OPT_USE_FILTERS_FROM:
	case OPT_USE_BACKEND_FROM:
	case OPT_DEFAULT_BACKEND:
		return true;
	default:
		return false;
	}
}

static void settings_of(struct model *m, const struct vec *opts, struct scope *scope,
			const char *sides, struct p_setting *out)
{
	for (int id = 0; id < OPTIONS; id++) {
		const struct option_use *use = opts[id].n ? opts[id].p[0] : NULL;
		struct p_setting *s = &out[id];

		if (is_line(id) || id == OPT_TIMEOUT_CONNECTION ||
		    !strpbrk(option_row(id)->owner, sides))
			continue;
		read_default(m, id, s);
		if (!use)
			continue;
		s->set = true;
		s->place = place_of(use->opt->at);
		s->origin = use->origin ? use->origin->name : (struct str) { 0 };
		s->computed = NULL;
		read_setting(m, scope, use->opt, s);
	}
}

static void queue_default(struct p_setting *s)
{
	if (!s[OPT_TIMEOUT_QUEUE].set) {
		s[OPT_TIMEOUT_QUEUE].num = s[OPT_TIMEOUT_CONNECT].num;
		s[OPT_TIMEOUT_QUEUE].computed = s[OPT_TIMEOUT_CONNECT].computed;
	}
}

void option_settings(struct model *m)
{
	settings_of(m, m->globals, &m->site, "g", m->out->globals);
	for (size_t i = 0; i < m->entities.n; i++) {
		struct entity *e = m->entities.p[i];
		struct p_section *out = e->out;

		settings_of(m, e->opts, &e->scope, option_sides(e->kind), out->settings);
		out->front_mode = out->back_mode = (enum p_mode)out->settings[OPT_MODE].num;
		if (strchr(option_sides(e->kind), 'b'))
			queue_default(out->settings);
	}
	for (size_t i = 0; i < m->checkpoints.n; i++) {
		struct entity *e = m->checkpoints.all[i]->object;

		settings_of(m, e->opts, &e->scope, "k", e->out->settings);
	}
}
