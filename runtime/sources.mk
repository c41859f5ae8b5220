# SPDX-License-Identifier: Apache-2.0
# The runtime's sources by layer, low to high. Optional parts are one object file each.
RT_BASE_SRC := runtime/base/bug.c runtime/base/str.c runtime/base/arena.c runtime/base/uri.c runtime/base/addr.c
RT_HTTP_SRC := runtime/http/field.c runtime/http/status.c runtime/http/msg.c runtime/http/msg_edit.c runtime/http/h1_class.c
