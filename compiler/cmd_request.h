/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_request: the options of a command that takes one request. */
#ifndef WEIR_CMD_REQUEST_H
#define WEIR_CMD_REQUEST_H

#include "request.h"

enum request_option {
	O_REQUEST = 256,
	O_SRC,
	O_DST,
	O_BIND,
	O_RESPONSE,
	O_RESPONSE_HEADER,
	REQUEST_OPTIONS_END /* first number for options of the command */
};

/* Rows of a table for getopt_long(), whose short options are "H:". */
#define REQUEST_OPTIONS                                                                            \
	{ "request", required_argument, NULL, O_REQUEST },                                         \
		{ "header", required_argument, NULL, 'H' },                                        \
		{ "src", required_argument, NULL, O_SRC },                                         \
		{ "dst", required_argument, NULL, O_DST },                                         \
		{ "bind", required_argument, NULL, O_BIND },                                       \
		{ "response", required_argument, NULL, O_RESPONSE },                               \
	{                                                                                          \
		"response-header", required_argument, NULL, O_RESPONSE_HEADER                      \
	}

#define REQUEST_HELP                                                                               \
	"      --request LINE         \"METHOD TARGET [HTTP/x.y]\"\n"                              \
	"  -H, --header \"N: V\"        a header of the request; may stand often\n"                \
	"      --src ADDR[:PORT]      the client (default: 127.0.0.1:50000)\n"                     \
	"      --dst ADDR:PORT        where it connected to\n"                                     \
	"      --bind NAME            the frontend, listen or bind that gets it\n"                 \
	"      --response LINE        what the server answers: \"STATUS [reason]\" "               \
	"(default: 200)\n"                                                                         \
	"      --response-header \"N: V\"\n"

/* Takes one option into <r>. NULL, or what is wrong with its text. */
const char *request_option(struct arena *a, struct request_spec *r, int option, struct str text);

#endif
