/* SPDX-License-Identifier: Apache-2.0 */
#include "msg.h"

/* RFC 9110 15 and the later registrations in the IANA list, sorted. */
static const struct status {
	uint16_t code;
	struct str reason;
} statuses[] = {
#define STATUS(code, reason) { code, { reason, sizeof(reason) - 1 } },
#include "../../grammar/status.def"
};

struct str status_reason(unsigned status)
{
	size_t lo = 0, hi = sizeof(statuses) / sizeof(*statuses);

	if (status == 200)
		return S("OK");
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (statuses[mid].code == status)
			return statuses[mid].reason;
		if (statuses[mid].code < status)
			lo = mid + 1;
		else
			hi = mid;
	}
	return S("");
}

bool status_bodiless(unsigned status)
{
	return status < 200 || status == 204 || status == 304;
}
