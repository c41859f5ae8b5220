/* SPDX-License-Identifier: Apache-2.0 */
/* option_tls: the words of bind and server lines that are about TLS: tls, cert, ca, verify, alpn and,
 * of servers, sni. Names of files are written texts: what is in the files is looked at when the
 * binary starts, and is never part of it. */
#ifndef WEIR_COMPILER_OPTION_TLS_H
#define WEIR_COMPILER_OPTION_TLS_H

#include "option.h"

/* Is <v> one of the words? */
bool option_tls_word(const struct ast_value *v, bool server);
/* Reads the word <v> and its value into <t>: returns what follows, or NULL at the end or after a
 * report, which leaves *<bad> set. */
const struct ast_value *option_tls(struct model *m, struct scope *scope, const struct ast_value *v,
				   struct p_tls *t, bool server, bool *bad);
/* At the end of a line whose first such word is <v>, NULL when there is none: checks that <t> is
 * whole, and gives it its defaults. */
void option_tls_end(struct model *m, struct p_tls *t, const struct ast_value *v, bool server);

#endif
