/* SPDX-License-Identifier: Apache-2.0 */
/* paths: where an installed weir finds what it needs to build: the folder lib/weir beside the
 * executable or beside its folder, so that a moved installation works; WEIR_LIB names another
 * one. */
#ifndef WEIR_PATHS_H
#define WEIR_PATHS_H

/* The folder with libweirrt.a, include/ and stdlib/, or NULL. */
const char *paths_lib(void);
/* Its stdlib/, or NULL. */
const char *paths_stdlib(void);

#endif
