/* SPDX-License-Identifier: Apache-2.0 */
/* option_tls: what bind and server lines say of TLS. */
#include "option_tls.h"

#include "lower_part.h"
#include "value.h"

#define PROTOCOL_MAX 255 /* bytes of a name: RFC 7301 3.1 */
#define PROTOCOLS_MAX 1024 /* bytes of the list */

static const char *const words[] = { "tls", "cert", "ca", "verify", "alpn", "sni" };

bool option_tls_word(const struct ast_value *v, bool server)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words) - !server; i++)
		if (!v->delim && str_eq(v->text, str_from(words[i])))
			return true;
	return false;
}

static bool is_word(const struct ast_value *v, const char *word)
{
	return v && !v->delim && str_eq(v->text, str_from(word));
}

/* verify [none|optional|required]: alone it is required. */
static const struct ast_value *read_verify(const struct ast_value *v, struct p_tls *t, bool server)
{
	const struct ast_value *next = v->next;

	t->verify = VERIFY_REQUIRED;
	if (is_word(next, "none"))
		t->verify = VERIFY_NONE;
	else if (!server && is_word(next, "optional"))
		t->verify = VERIFY_OPTIONAL;
	else if (!is_word(next, "required"))
		return next;
	return next->next;
}

/* alpn A,B: what is agreed on, best first. */
static bool read_protocols(const struct ast_value *v, struct p_tls *t)
{
	struct str rest = v->text;

	while (rest.p) {
		struct str one = str_cut(&rest, ',');

		if (one.n == 0 || one.n > PROTOCOL_MAX || v->text.n > PROTOCOLS_MAX) {
			diag(E007, v->at, STR_ARG(v->text), "alpn",
			     "it is names of protocols with commas between, as http/1.1");
			return false;
		}
	}
	t->alpn = v->text;
	return true;
}

static struct p_text *read_text(struct model *m, struct scope *scope, const struct ast_value *v)
{
	struct use u = { .m = m, .scope = scope };

	return lower_text(&u, v, TEXT_PARAMS);
}

static void add_cert(struct model *m, struct p_tls *t, struct p_text *file)
{
	struct p_text **certs = ARENA_ARRAY(m->arena, struct p_text *, t->ncerts + 1);

	if (t->ncerts)
		memcpy(certs, t->certs, t->ncerts * sizeof(*certs));
	certs[t->ncerts++] = file;
	t->certs = certs;
}

const struct ast_value *option_tls(struct model *m, struct scope *scope, const struct ast_value *v,
				   struct p_tls *t, bool server, bool *bad)
{
	const struct ast_value *arg = v->next;
	struct p_text *text;

	if (is_word(v, "tls")) {
		t->on = true;
		return arg;
	}
	if (is_word(v, "verify"))
		return read_verify(v, t, server);
	*bad = true;
	if (!arg) {
		diag(E054, v->at, arena_str(m->arena, v->text).p, "a value");
		return NULL;
	}
	if (is_word(v, "alpn")) {
		if (!text_refused(arg, "it takes names of protocols") && !read_protocols(arg, t))
			return NULL;
		*bad = false;
		return arg->next;
	}
	text = read_text(m, scope, arg);
	if (!text)
		return NULL;
	*bad = false;
	if (is_word(v, "cert"))
		add_cert(m, t, text);
	else
		*(is_word(v, "ca") ? &t->ca : &t->sni) = text;
	return arg->next;
}

void option_tls_end(struct model *m, struct p_tls *t, const struct ast_value *v, bool server)
{
	if (!v)
		return;
	if (!t->on)
		diag(E054, v->at, arena_str(m->arena, v->text).p, "the word 'tls' on its line");
	else if (server && t->ncerts > 1)
		diag(E058, v->at, "the certificate of a server line");
	else if (!server && !t->ncerts)
		diag(E054, v->at, "tls",
		     "a certificate on a bind: cert FILE, a PEM file with its key");
	else if (!server && t->verify > VERIFY_NONE && !t->ca)
		diag(E054, v->at, "verify",
		     "the certificates that sign the clients' ones: ca FILE");
	if (t->verify == VERIFY_UNSET)
		t->verify = server || t->ca ? VERIFY_REQUIRED : VERIFY_NONE;
}
