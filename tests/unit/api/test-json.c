/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/api/json.h"
#include <math.h>
#include <string.h>

static void test_good(void)
{
    static const char *const good[] = {
        "{}", "[]", " { \"a\" : [ 1 , -2.5e+3 , true , false , null , \"\" ] } ", "0", "-0", "\"\\u0110\\\"\\\\\\/\\n\"",
        "\"Đức Thọ\"", "\"\\ud83d\\ude00\"", "-9223372036854775808", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", "{\"a\":{\"b\":{}},\"c\":[{}]}",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        GError *error = NULL;
        g_autoptr(JsonNode) node = md_json_parse(good[i], strlen(good[i]), &error);
        g_assert_no_error(error);
        g_assert_nonnull(node);
    }
}

static void test_bad(void)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"", "line 1, byte 1: a value is missing here"},
        {"{\"a\":1", "line 1, byte 7: the text ends in the middle"},
        {"{\"a\":1,}", "line 1, byte 8: a field name in double quotes is missing here"},
        {"{\n'a':1}", "line 2, byte 1: a field name in double quotes is missing here"},
        {"{\"a\" 1}", "line 1, byte 6: ':' is missing here"},
        {"[1 2]", "line 1, byte 4: ',' or ']' is missing here"},
        {"[1,]", "line 1, byte 4: a value is missing here"},
        {"[1}", "line 1, byte 3: ',' or ']' is missing here"},
        {"{} {}", "line 1, byte 4: something follows the end of the JSON value"},
        {"01", "line 1, byte 3: a number must not begin with 0"},
        {"1.", "line 1, byte 3: a digit is missing in a number"},
        {"nul", "line 1, byte 1: a value is missing here"},
        {"/* x */ 1", "line 1, byte 1: a value is missing here"},
        {"\"a", "line 1, byte 3: a string has no end"},
        {"\"\\x\"", "line 1, byte 3: unknown escape in a string"},
        {"\"\\u12g4\"", "line 1, byte 5: \\u must be followed by four hexadecimal digits"},
        {"\"\\u0000\"", "line 1, byte 7: \\u0000 is not allowed in a string"},
        {"\"\\ud83d\"", "line 1, byte 7: half a surrogate pair in a string"},
        {"\"\\udc00\"", "line 1, byte 7: half a surrogate pair in a string"},
        {"\"\\ud83d\\u0041\"", "line 1, byte 13: half a surrogate pair in a string"},
        {"9223372036854775808", "line 1, byte 20: a number is too large"},
        {"-1e999", "line 1, byte 7: a number is too large"},
        {"\"a\nb\"", "line 1, byte 3: a control character inside a string must be escaped"},
        {"\"\xc3\"", "line 1, byte 2: not valid UTF-8"},
        {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "line 1, byte 33: nested too deep"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        GError *error = NULL;
        g_assert_null(md_json_parse(bad[i].text, strlen(bad[i].text), &error));
        g_assert_error(error, MD_JSON_ERROR, MD_JSON_ERROR_SYNTAX);
        g_assert_cmpstr(error->message, ==, bad[i].message);
        g_error_free(error);
    }
    g_assert_null(md_json_parse("[1\0]", 4, NULL));
}

static void test_write(void)
{
    static const struct {
        const char *text, *written; /* NULL: the same */
    } cases[] = {
        {"{\"a\":[1,-2.5,true,false,null,\"x\"],\"b\":{},\"c\":[]}", NULL},
        {"[6e-9,1e300,0.1,1.0,-0.0,123456789012345680.0]", "[6e-09,1e+300,0.1,1.0,-0.0,1.2345678901234568e+17]"},
        {"\"\\u0001\\t\\\"\\\\\\/\\u0110\"", "\"\\u0001\\u0009\\\"\\\\/Đ\""},
        {"9223372036854775807", NULL},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(JsonNode) node = md_json_parse(cases[i].text, strlen(cases[i].text), NULL);
        g_autofree char *text = md_json_to_text(node, false);
        g_assert_cmpstr(text, ==, cases[i].written ? cases[i].written : cases[i].text);
    }
    static const char nested[] = "{\"a\":[1,{}],\"b\":[]}";
    g_autoptr(JsonNode) node = md_json_parse(nested, strlen(nested), NULL);
    g_autofree char *pretty = md_json_to_text(node, true);
    g_assert_cmpstr(pretty, ==, "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
    g_autoptr(JsonNode) infinite = json_node_init_double(json_node_alloc(), INFINITY);
    g_autofree char *none = md_json_to_text(infinite, false);
    g_assert_cmpstr(none, ==, "null");
}

static const char schema_text[] =
    "{\"type\":\"object\",\"required\":[\"name\"],\"additionalProperties\":false,\"properties\":{"
    "\"name\":{\"type\":\"string\",\"minLength\":2,\"maxLength\":7,\"pattern\":\"^[^x]*$\"},"
    "\"seats\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":200},"
    "\"gain_db\":{\"type\":\"number\",\"minimum\":-40,\"maximum\":20},"
    "\"role\":{\"type\":\"string\",\"enum\":[\"chair\",\"site\"],\"nullable\":true},"
    "\"locked\":{\"type\":\"boolean\"},"
    "\"pattern\":{\"type\":\"string\"},"
    "\"tags\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}},"
    "\"members\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":2,\"items\":{\"type\":\"object\",\"required\":[\"id\"],"
    "\"properties\":{\"id\":{\"type\":\"string\"},\"gain_db\":{\"type\":\"number\",\"maximum\":20}}}}}}";

static void test_schema(void)
{
    static const struct {
        const char *text, *message; /* NULL: fits */
    } cases[] = {
        {"{'name':'Đức Thọ','seats':1,'gain_db':-39.5,'role':null,'locked':true,'tags':{'a':1},'pattern':'('}", NULL},
        {"{'name':'ab','gain_db':20,'members':[{'id':'x','more':1}]}", NULL},
        {"[]", "must be of type object, is array"},
        {"{}", "field 'name' is missing"},
        {"{'name':5}", "field 'name': must be of type string, is integer"},
        {"{'name':'a'}", "field 'name': must have at least 2 characters, has 1"},
        {"{'name':'Đức Thọ!'}", "field 'name': must have at most 7 characters, has 8"},
        {"{'name':'axb'}", "field 'name': must match ^[^x]*$"},
        {"{'name':null}", "field 'name': must be of type string, is null"},
        {"{'name':'ab','seats':0}", "field 'seats': must be at least 1, is 0"},
        {"{'name':'ab','seats':201}", "field 'seats': must be at most 200, is 201"},
        {"{'name':'ab','seats':1.5}", "field 'seats': must be of type integer, is number"},
        {"{'name':'ab','role':'king'}", "field 'role': must be one of \"chair\", \"site\""},
        {"{'name':'ab','members':[]}", "field 'members': must have at least 1 items"},
        {"{'name':'ab','members':[{'id':'a'},{'id':'b'},{'id':'c'}]}", "field 'members': must have at most 2 items, has 3"},
        {"{'name':'ab','members':[{'id':'a'},{'id':'b','gain_db':20.1}]}",
         "field 'members[1].gain_db': must be at most 20, is 20.1"},
        {"{'name':'ab','members':[{}]}", "field 'members[0]': field 'id' is missing"},
        {"{'name':'ab','tags':{'a':'b'}}", "field 'tags.a': must be of type integer, is string"},
        {"{'name':'ab','nmae':1}",
         "unknown field 'nmae'; allowed: name, seats, gain_db, role, locked, pattern, tags, members"},
    };
    GError *error = NULL;
    MdSchema *schema = md_schema_new(schema_text, &error);

    g_assert_no_error(error);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdelimit(g_strdup(cases[i].text), "'", '"');
        g_autoptr(JsonNode) node = md_json_parse(text, strlen(text), &error);
        g_assert_no_error(error);
        bool ok = md_schema_check(schema, node, &error);
        g_assert_true(ok == (cases[i].message == NULL));
        g_assert_cmpstr(error ? error->message : NULL, ==, cases[i].message);
        g_clear_error(&error);
    }
    md_schema_free(schema);
    g_assert_null(md_schema_new("{\"pattern\":\"(\"}", &error));
    g_clear_error(&error);
    g_assert_null(md_schema_new("[]", &error));
    g_clear_error(&error);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/good", test_good);
    g_test_add_func("/json/bad", test_bad);
    g_test_add_func("/json/write", test_write);
    g_test_add_func("/json/schema", test_schema);
    return g_test_run();
}
