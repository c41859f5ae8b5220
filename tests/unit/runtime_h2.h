/* SPDX-License-Identifier: Apache-2.0 */
/* A client of HTTP/2 for tests: scripts become frames, received frames become a line of text.
 *
 * Words of a script, N being a stream:
 *   P [P:4=0]        preface, SETTINGS (id=value), acknowledgement
 *   GN/path ON/path  GET with END_STREAM; POST without
 *   DN:text FN:text  DATA; with END_STREAM. dN:200 fN:200: so many bytes
 *   HN:F:a=b,c=d     HEADERS with flags F (hex)
 *   TN:a=b           trailers with END_STREAM
 *   RN:C WN:I I:text RST_STREAM, WINDOW_UPDATE, PING of 8 bytes
 *   S:4=0 X:00ff     SETTINGS; any bytes, hex
 * Words of what came: H1 200 a=b, D1 text (or #bytes; frames of a stream that follow each
 * other are one), R1:code, Y:last:code (GOAWAY), W1:increment, I:text (PING), i:text (its acknowledgement), T (trailers); END_STREAM is a dot behind. SETTINGS, its
 * acknowledgement and windows of the connection are left out. */
#ifndef WEIR_TESTS_RUNTIME_H2_H
#define WEIR_TESTS_RUNTIME_H2_H

#include <stdbool.h>
#include <stddef.h>

#include "../../runtime/http/h2_frame.h"

#define H2_TEXT 400000

/* Appends the frames of <script> to <out>; returns the new length. */
size_t h2_script(const char *script, char *out, size_t n);
/* What the <n> bytes <in> are; <out> has H2_TEXT bytes. Returns how many were whole frames. */
size_t h2_transcript(const char *in, size_t n, char *out);
/* Whether the <n> bytes <in> hold the acknowledgement of PING <text>. */
bool h2_has_ack(const char *in, size_t n, const char *text);

#endif
