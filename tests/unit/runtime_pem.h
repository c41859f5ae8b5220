/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate for tests of TLS, signed by itself, with its key. */
#ifndef WEIR_TESTS_RUNTIME_PEM_H
#define WEIR_TESTS_RUNTIME_PEM_H

#define PEM_PATH "/tmp/weir-tls-XXXXXX"

/* Into a new file: <path> is PEM_PATH before and its name after. <names> as OpenSSL has them:
 * "DNS:a.example". */
void pem_make(char *path, const char *names);

#endif
