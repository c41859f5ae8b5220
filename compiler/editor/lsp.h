/* SPDX-License-Identifier: Apache-2.0 */
/* lsp: a server of the Language Server Protocol 3.17 on two streams: diagnostics, hover, completion,
 * definition, references, rename, formatting, symbols and quick fixes. One request after the
 * other; each reads the site anew, open buffers before files. Any input gets an answer or is passed
 * over: what is no message of the protocol never ends it, but the end of the stream does. */
#ifndef WEIR_EDITOR_LSP_H
#define WEIR_EDITOR_LSP_H

#include <stdio.h>

#define LSP_MESSAGE_MAX ((size_t)128 << 20) /* bytes of a message */
#define LSP_DOCUMENTS_MAX 1000 /* open at a time */

/* Serves until exit or the end of <in>. The exit code: 0 after shutdown, else 1. */
int lsp_serve(FILE *in, FILE *out);

#endif
