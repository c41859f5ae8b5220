/* SPDX-License-Identifier: Apache-2.0 */
#include "field_find.h"

const struct str field_names[FIELDS] = {
	[FIELD_OTHER] = { "", 0 },
#define FIELD(id, name, flags) [FIELD_##id] = { name, sizeof(name) - 1 },
#include "field.def"
};

const uint8_t field_flags[FIELDS] = {
#define FIELD(id, name, flags) [FIELD_##id] = (flags),
#include "field.def"
};

/* Two fields in one place do not compile (-Woverride-init), and a field of field.def without a row
 * here fails its unit test. */
#define ROW(id, first, last, n) [FIELD_PLACE(first, last, n)] = FIELD_##id

const uint8_t field_places[64] = {
	ROW(HOST, 'h', 't', 4),
	ROW(CONTENT_LENGTH, 'c', 'h', 14),
	ROW(TRANSFER_ENCODING, 't', 'g', 17),
	ROW(CONNECTION, 'c', 'n', 10),
	ROW(KEEP_ALIVE, 'k', 'e', 10),
	ROW(PROXY_CONNECTION, 'p', 'n', 16),
	ROW(TE, 't', 'e', 2),
	ROW(TRAILER, 't', 'r', 7),
	ROW(UPGRADE, 'u', 'e', 7),
	ROW(EXPECT, 'e', 't', 6),
	ROW(COOKIE, 'c', 'e', 6),
	ROW(SET_COOKIE, 's', 'e', 10),
	ROW(LOCATION, 'l', 'n', 8),
	ROW(CONTENT_LOCATION, 'c', 'n', 16),
	ROW(REFRESH, 'r', 'h', 7),
	ROW(DATE, 'd', 'e', 4),
	ROW(SERVER, 's', 'r', 6),
	ROW(CONTENT_TYPE, 'c', 'e', 12),
	ROW(USER_AGENT, 'u', 't', 10),
	ROW(REFERER, 'r', 'r', 7),
	ROW(ACCEPT, 'a', 't', 6),
	ROW(AUTHORIZATION, 'a', 'n', 13),
	ROW(X_FORWARDED_FOR, 'x', 'r', 15),
	ROW(X_FORWARDED_PROTO, 'x', 'o', 17),
	ROW(FORWARDED, 'f', 'd', 9),
	ROW(ORIGIN, 'o', 'n', 6),
};

enum field_id field_lookup(struct str name)
{
	return field_find(name.p, name.n);
}
