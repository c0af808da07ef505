/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /dictionary: how words are said. */
#include "mediad/api/bulletin-json.h"

static void list(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) all = bc_dictionary_list(b->dictionary, md_api_request_query(r, "area"));

    for (unsigned i = 0; i < all->len; i++) {
        const BcWord *word = all->pdata[i];
        if (!md_api_concerns(r, b, word->area))
            continue;
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "area", word->area);
        json_object_set_string_member(o, "written", word->written);
        json_object_set_string_member(o, "spoken", word->spoken);
        json_array_add_object_element(array, o);
    }
    md_api_reply(r, 200, md_api_bc_list("words", array));
}

static void put(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    JsonObject *body = md_api_request_body(r);
    BcWord word = {md_api_request_param(r, "area"), json_object_get_string_member(body, "written"), json_object_get_string_member(body, "spoken")};

    if (md_api_bc_may(r, &b->bc, word.area))
        bc_dictionary_put(b->dictionary, &word, md_api_bc_done, r);
}

static void remove_word(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    const char *area = md_api_request_param(r, "area");

    if (md_api_bc_may(r, &b->bc, area))
        bc_dictionary_remove(b->dictionary, area, md_api_request_param(r, "written"), md_api_bc_done, r);
}

static void export(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    g_autofree char *csv = bc_dictionary_export(b->dictionary, md_api_request_param(r, "area"));

    md_api_reply_text(r, 200, "text/csv; charset=utf-8", csv);
}

#define FAULTS_MAX 100u /* told in one answer */

typedef struct Faults {
    JsonArray *list;
    unsigned n;
} Faults;

static void on_fault(unsigned line, const char *code, const char *text, void *user)
{
    Faults *faults = user;
    JsonObject *o;

    if (faults->n++ >= FAULTS_MAX)
        return;
    o = json_object_new();
    json_object_set_int_member(o, "line", line);
    json_object_set_string_member(o, "code", code);
    json_object_set_string_member(o, "message", text);
    json_array_add_object_element(faults->list, o);
}

static void reply_faults(MdApiRequest *r, const Faults *faults)
{
    JsonObject *o = json_object_new(), *error = json_object_new();
    unsigned first = (unsigned)json_object_get_int_member(json_array_get_object_element(faults->list, 0), "line");
    g_autofree char *message = g_strdup_printf("%u lines are wrong, the first is line %u: nothing was imported", faults->n, first);

    json_object_set_string_member(error, "code", "invalid-table");
    json_object_set_string_member(error, "message", message);
    json_object_set_string_member(error, "hint", "mend the lines named under problems and send the whole table again");
    json_object_set_object_member(o, "error", error);
    json_object_set_array_member(o, "problems", json_array_ref(faults->list));
    md_api_reply(r, 422, md_api_bc_object(o));
}

static void import_table(MdApiRequest *r, MdApiBulletins *b, const char *area, const char *csv, gsize len)
{
    g_autoptr(JsonArray) list = json_array_new();
    g_autoptr(GError) error = NULL;
    Faults faults = {.list = list};

    if (!bc_dictionary_check(csv, len, on_fault, &faults, &error))
        md_api_bc_error(r, error);
    else if (faults.n)
        reply_faults(r, &faults);
    else
        bc_dictionary_import(b->dictionary, area, csv, len, md_api_bc_done, r);
}

static void import(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    const char *file = md_api_request_body_file(r, NULL), *area = md_api_request_param(r, "area");
    g_autofree char *csv = NULL;
    gsize len = 0;

    if (!md_api_bc_may(r, &b->bc, area))
        return;
    if (!file || !g_file_get_contents(file, &csv, &len, NULL))
        md_api_reply_error(r, 400, "no-body", "the table itself (CSV) is the body of this request", NULL);
    else
        import_table(r, b, area, csv, len);
}

static void on_heard(GBytes *wav, const GError *error, void *user)
{
    if (error)
        md_api_bc_error(user, error);
    else
        md_api_reply_bytes(user, 200, "audio/wav", wav);
}

static void hear(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    JsonObject *body = md_api_request_body(r);
    const char *text = json_object_get_string_member(body, "text");
    bool as_is = json_object_get_boolean_member_with_default(body, "as_is", FALSE);
    g_autofree char *said = as_is ? g_strdup(text) : bc_dictionary_apply(b->dictionary, md_api_request_param(r, "area"), text);

    bc_contents_say(bc_broadcast_contents(b->bc.b), said, on_heard, r);
}

static void say(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    JsonObject *o = json_object_new();
    g_autofree char *text = bc_dictionary_apply(b->dictionary, md_api_request_param(r, "area"),
                                                json_object_get_string_member(md_api_request_body(r), "text"));

    json_object_set_string_member(o, "said", text);
    md_api_reply(r, 200, md_api_bc_object(o));
}

#define STRING "{\"type\":\"string\"}"
#define WORD "{\"type\":\"object\",\"required\":[\"area\",\"written\",\"spoken\"],\"properties\":{\"area\":" BC_CODE ",\"written\":" STRING ",\"spoken\":" STRING "}}"
#define MAY(what) .role = MD_API_VIEWER, .rights = MD_API_MAY_##what

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/dictionary", MAY(VIEW), .handler = list, .summary = "How words are said, by area.",
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"area\":" BC_CODE "}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"words\"],\"properties\":{\"words\":{\"type\":\"array\",\"items\":" WORD "}}}"},
    {.method = "PUT", .path = "/dictionary/{area}", MAY(EDIT), .handler = put, .summary = "Say a word otherwise in an area and below it.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"written\",\"spoken\"],\"properties\":{\"written\":"
                       "{\"type\":\"string\",\"minLength\":1,\"maxLength\":100},\"spoken\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":300}}}"},
    {.method = "DELETE", .path = "/dictionary/{area}/words/{written}", MAY(EDIT), .handler = remove_word, .summary = "Forget a word."},
    {.method = "GET", .path = "/dictionary/{area}/table", MAY(VIEW), .handler = export, .summary = "An area's words as CSV (written,spoken).",
     .response_type = "text/csv"},
    {.method = "POST", .path = "/dictionary/{area}/table", MAY(EDIT), .handler = import, .raw_body = true, .body_max = 1u << 20,
     .summary = "Replace an area's words by a CSV table; a fault changes nothing: each line that is wrong is told (422 invalid-table).",
     .refusal_status = 422, .refusal_schema = "{\"type\":\"object\",\"properties\":{\"problems\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":"
                                              "[\"line\",\"code\",\"message\"],\"properties\":{\"line\":" BC_INT ",\"code\":" STRING ",\"message\":" STRING "}}}}}",
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}}"},
    {.method = "POST", .path = "/dictionary/{area}/say", MAY(VIEW), .handler = say, .summary = "What a text becomes before it is spoken there.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"text\"],\"properties\":{\"text\":{\"type\":\"string\",\"maxLength\":20000}}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"said\"],\"properties\":{\"said\":" STRING "}}"},
    {.method = "POST", .path = "/dictionary/{area}/hear", MAY(EDIT), .handler = hear,
     .summary = "Hear a short text as it is said there (WAV); nothing is kept. as_is: without the dictionary, to try a word before it is kept.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"text\"],\"properties\":{\"text\":{\"type\":\"string\",\"minLength\":1,"
                       "\"maxLength\":300},\"as_is\":" BC_FLAG "}}",
     .response_type = "audio/wav"},
};

void md_api_add_dictionary(MdApiBulletins *b)
{
    md_api_add_routes(b->bc.api, routes, G_N_ELEMENTS(routes), b);
}
