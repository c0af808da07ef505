/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <json-glib/json-glib.h>

#define MD_JSON_ERROR (md_json_error_quark())
GQuark md_json_error_quark(void);
typedef enum MdJsonError {
    MD_JSON_ERROR_SYNTAX, /* no JSON (RFC 8259), no UTF-8 or nested too deep */
    MD_JSON_ERROR_SCHEMA, /* JSON, but a field is not what the schema allows */
} MdJsonError;

#define MD_JSON_DEPTH_MAX 32

/* Strict RFC 8259 from anybody's bytes: json-glib alone takes more than JSON and recurses as deep as the sender likes. The
 * error tells the line and the byte in it. Any thread. */
JsonNode *md_json_parse(const char *text, gsize len, GError **error);

/* UTF-8 text that md_json_parse takes again; g_free. Infinities and NaN become null. Any thread. */
char *md_json_to_text(JsonNode *node, bool pretty);

/* Texts of an array member, NULL-terminated; g_free the array only. No such member: none. */
const char **md_json_texts(JsonObject *object, const char *name);

/* A subset of JSON Schema as OpenAPI 3.0 uses it: type, nullable, required, properties, additionalProperties (boolean or
 * schema), enum, minimum, maximum, minLength, maxLength (characters), pattern, items, minItems, maxItems. Other keywords
 * (description, format, example …) are for readers. One thread at a time. */
typedef struct MdSchema MdSchema;
MdSchema *md_schema_new(const char *text, GError **error);
void md_schema_free(MdSchema *schema);
JsonNode *md_schema_root(const MdSchema *schema); /* borrowed */
/* The error names the field ("members[3].gain_db"), what is allowed and what came. */
bool md_schema_check(MdSchema *schema, JsonNode *node, GError **error);
