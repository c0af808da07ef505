/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/api/json.h"
#include "broadcast/link/json.h"

G_DEFINE_QUARK(md-json-error-quark, md_json_error)

JsonNode *md_json_parse(const char *text, gsize len, GError **error)
{
    g_autoptr(GError) problem = NULL;
    JsonNode *node = bc_json_parse(text, len, MD_JSON_DEPTH_MAX, &problem);
    if (!node)
        g_set_error_literal(error, MD_JSON_ERROR, MD_JSON_ERROR_SYNTAX, problem->message);
    return node;
}

const char **md_json_texts(JsonObject *object, const char *name)
{
    JsonArray *array = json_object_has_member(object, name) ? json_object_get_array_member(object, name) : NULL;
    unsigned n = array ? json_array_get_length(array) : 0;
    const char **texts = g_new0(const char *, n + 1);

    for (unsigned i = 0; i < n; i++)
        texts[i] = json_array_get_string_element(array, i);
    return texts;
}
