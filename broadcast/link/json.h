/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <json-glib/json-glib.h>
#include "broadcast/link/jws.h"

/* RFC 8259 to the letter, for text from the network: json-glib alone takes comments and half numbers and recurses without a bound. Any
 * thread. */
#define BC_JSON_DEPTH_MAX 32u
/* depth_max: 1..BC_JSON_DEPTH_MAX. NULL with BC_LINK_ERROR_FORMAT, "line 3, byte 7: what". */
JsonNode *bc_json_parse(const char *text, gsize len, unsigned depth_max, GError **error);
/* The same, for something that must be an object; unref with json_object_unref. */
JsonObject *bc_json_parse_object(const char *text, gsize len, GError **error);
