/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "mediad/api/json.h"
#include "tests/fuzz/fuzz.h"

/* Everything the validator knows. */
static const char schema_text[] =
    "{\"type\":\"object\",\"required\":[\"name\"],\"additionalProperties\":false,\"properties\":{"
    "\"name\":{\"type\":\"string\",\"minLength\":2,\"maxLength\":64,\"pattern\":\"^[a-z0-9._-]{1,64}$\"},"
    "\"seats\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":200},"
    "\"gain_db\":{\"type\":\"number\",\"minimum\":-40,\"maximum\":20},"
    "\"role\":{\"type\":\"string\",\"enum\":[\"chair\",\"site\"],\"nullable\":true},\"locked\":{\"type\":\"boolean\"},"
    "\"tags\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}},"
    "\"members\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":8,\"items\":{\"type\":\"object\",\"required\":[\"id\"],"
    "\"properties\":{\"id\":{\"type\":\"string\"},\"sub\":{\"type\":\"array\",\"items\":{\"type\":\"number\"}}}}}}}";

/* What is taken must say the same after being written and read again. */
static void round_trip(JsonNode *node)
{
    g_autofree char *text = md_json_to_text(node, false);
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) again = md_json_parse(text, strlen(text), &error);
    if (!again)
        g_error("written JSON is refused: %s: %s", error->message, text);
    g_autofree char *second = md_json_to_text(again, false);
    if (strcmp(text, second) != 0)
        g_error("JSON changed: %s, %s", text, second);
}

static void check(MdSchema *schema, JsonNode *node)
{
    g_autoptr(GError) error = NULL;
    bool ok = md_schema_check(schema, node, &error);
    if (ok != !error)
        g_error("neither good nor an error, or both");
    if (error && !g_utf8_validate(error->message, -1, NULL))
        g_error("the error is no UTF-8");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static MdSchema *schema;
    g_autoptr(GError) error = NULL;
    if (!schema)
        schema = md_schema_new(schema_text, NULL);
    g_autoptr(JsonNode) node = md_json_parse((const char *)data, size, &error);
    if (!node == !error)
        g_error("neither JSON nor an error, or both");
    if (!node)
        return 0;
    round_trip(node);
    check(schema, node);
    return 0;
}
