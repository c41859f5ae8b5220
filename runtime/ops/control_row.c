/* SPDX-License-Identifier: Apache-2.0 */
#include "control_row.h"

#include <inttypes.h>
#include <stdarg.h>

#include "../core/log.h"

static void row_put(struct answer *a, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (a->json && (c == '"' || c == '\\'))
			fprintf(a->f, "\\%c", c);
		else if (c < ' ' || c == 0x7f || (!a->json && c == '\\'))
			fprintf(a->f, a->json ? "\\u%04x" : "\\x%02x", c);
		else
			fputc(c, a->f);
	}
}

void row_begin(struct answer *a)
{
	a->first = true;
	if (a->json)
		fputc('{', a->f);
}

void row_end(struct answer *a)
{
	fputs(a->json ? "}\n" : "\n", a->f);
}

static void row_field(struct answer *a, const char *name)
{
	if (!a->first)
		fputs(a->json ? "," : " ", a->f);
	a->first = false;
	fprintf(a->f, a->json ? "\"%s\":" : "%s=", name);
}

void row_text(struct answer *a, const char *name, struct str value)
{
	row_field(a, name);
	if (a->json)
		fputc('"', a->f);
	row_put(a, value);
	if (a->json)
		fputc('"', a->f);
}

void row_num(struct answer *a, const char *name, uint64_t value)
{
	row_field(a, name);
	fprintf(a->f, "%" PRIu64, value);
}

void row_refuse(struct answer *a, const char *why)
{
	fprintf(a->f, a->json ? "{\"error\":\"%s\"}\n" : "error: %s\n", why);
}

void row_log(const struct answer *a, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_say(LOG_NOTICE, "control: %s (uid %d, pid %d)", text, (int)a->who.uid, (int)a->who.pid);
}
