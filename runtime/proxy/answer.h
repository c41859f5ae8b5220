/* SPDX-License-Identifier: Apache-2.0 */
/* answer: makes an answer in x->rsp, its body in x->made. Sends nothing, runs no rules. */
#ifndef WEIR_PROXY_ANSWER_H
#define WEIR_PROXY_ANSWER_H

#include "rule.h"

/* The error page for <status>: the backend's once one is chosen, else the front side's, else a
 * built-in text. */
void answer_status(struct exchange *x, unsigned status);
/* What a rule asked for in r->answer. False: it does not fit the limits of a message. */
bool answer_rule(struct exchange *x, struct rule_run *r);
/* Gives back what a made body held. */
void answer_release(struct exchange *x);

#endif
