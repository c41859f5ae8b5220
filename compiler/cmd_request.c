/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_request.h"

const char *request_option(struct arena *a, struct request_spec *r, int option, struct str text)
{
	switch (option) {
	case O_REQUEST:
		return request_line(r, text);
	case 'H':
		return request_header(a, &r->headers, text);
	case O_SRC:
		return request_src(r, text);
	case O_DST:
		return request_dst(r, text);
	case O_RESPONSE:
		return request_response(r, text);
	case O_RESPONSE_HEADER:
		return request_header(a, &r->response, text);
	default:
		r->bind = text;
		return NULL;
	}
}
