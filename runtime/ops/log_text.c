/* SPDX-License-Identifier: Apache-2.0 */
#include "log_text.h"

#include <stdio.h>
#include <time.h>

void put_char(struct log_out *o, char c)
{
	if (o->n < o->room)
		o->p[o->n++] = c;
	else
		o->cut = true;
}

void put_str(struct log_out *o, struct str s)
{
	size_t n = o->room - o->n < s.n ? o->room - o->n : s.n;

	memcpy(o->p + o->n, s.p, n);
	o->n += n;
	o->cut |= n < s.n;
}

void put_num(struct log_out *o, uint64_t v)
{
	char digits[20];
	size_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	put_str(o, str_of(digits + n, sizeof(digits) - n));
}

void put_ms(struct log_out *o, int64_t ms)
{
	if (ms < 0)
		put_str(o, S("-1"));
	else
		put_num(o, (uint64_t)ms);
}

void put_escaped(struct log_out *o, struct str s, const char *also)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && !strchr(also, c)) {
			put_char(o, (char)c);
			continue;
		}
		if (o->room - o->n < 4) { /* an escape is whole or left out */
			o->cut = true;
			return;
		}
		put_str(o, S("\\x"));
		put_char(o, hex[c >> 4]);
		put_char(o, hex[c & 15]);
	}
}

void put_word(struct log_out *o, struct str s)
{
	if (s.n)
		put_escaped(o, s, " ");
	else
		put_char(o, '-');
}

void put_addr(struct log_out *o, const struct addr *a)
{
	char text[ADDR_TEXT];

	put_str(o, str_of(text, addr_format(a, text)));
}

void put_id(struct log_out *o, const struct log_record *r)
{
	char text[LOG_ID_TEXT];

	put_str(o, str_of(text, log_id_text(r->tid, r->seq, text)));
}

/* Calendar parts of <us>; the last second's are kept, only the writer asks. */
static const struct tm *parts_of(uint64_t us)
{
	static time_t last = -1;
	static struct tm tm;
	time_t sec = (time_t)(us / 1000000);

	if (sec != last) {
		gmtime_r(&sec, &tm);
		last = sec;
	}
	return &tm;
}

void put_iso(struct log_out *o, uint64_t us)
{
	const struct tm *t = parts_of(us);
	char text[80];
	int n = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%06uZ",
			 t->tm_year + 1900, t->tm_mon + 1, t->tm_mday, t->tm_hour, t->tm_min,
			 t->tm_sec, (unsigned)(us % 1000000));

	put_str(o, str_of(text, (size_t)n));
}

void put_date(struct log_out *o, uint64_t us)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const struct tm *t = parts_of(us);
	char text[80];
	int n = snprintf(text, sizeof(text), "%02d/%.3s/%04d:%02d:%02d:%02d.%03u", t->tm_mday,
			 months + 3 * t->tm_mon, t->tm_year + 1900, t->tm_hour, t->tm_min,
			 t->tm_sec, (unsigned)(us / 1000 % 1000));

	put_str(o, str_of(text, (size_t)n));
}
