/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /settings: every setting as it stands, a look at the file, and taking it over: for administrators, from the console as from the machine. */
#include "mediad/api/nouns.h"
#include <string.h>

typedef struct Settings {
    MdApiSettings what;
} Settings;

static void set_text(JsonObject *o, const char *name, const char *text)
{
    if (text)
        json_object_set_string_member(o, name, text);
}

static JsonNode *take(JsonObject *o)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), o);
    json_object_unref(o);
    return node;
}

/* "file:line: key: what", as the reader of settings says it, without a key where the line is no setting; what is not like that is the text alone. */
static JsonArray *faults_json(const char *message)
{
    static const char pattern[] = "^(.*?):(?:(\\d+):(?: ([a-z0-9_.\\[\\]-]+):)?| ([a-z0-9_.\\[\\]-]+):) (.*)$";
    g_autoptr(GRegex) regex = g_regex_new(pattern, 0, 0, NULL);
    g_auto(GStrv) lines = g_strsplit(message, "\n", -1);
    JsonArray *array = json_array_new();

    for (char **line = lines; *line; line++) {
        g_autoptr(GMatchInfo) match = NULL;
        JsonObject *o = json_object_new();
        if (g_regex_match(regex, *line, 0, &match)) {
            g_autofree char *file = g_match_info_fetch(match, 1), *number = g_match_info_fetch(match, 2), *key = g_match_info_fetch(match, *number ? 3 : 4);
            g_autofree char *text = g_match_info_fetch(match, 5);
            json_object_set_string_member(o, "file", file);
            if (*number)
                json_object_set_int_member(o, "line", g_ascii_strtoll(number, NULL, 10));
            if (*key)
                json_object_set_string_member(o, "key", key);
            json_object_set_string_member(o, "text", text);
        } else {
            json_object_set_string_member(o, "text", *line);
        }
        json_array_add_object_element(array, o);
    }
    return array;
}

static JsonArray *changes_json(GPtrArray *changes)
{
    static const char *const kinds[] = {[CFG_CHANGED] = "changed", [CFG_ADDED] = "added", [CFG_REMOVED] = "removed"};
    JsonArray *array = json_array_new();

    for (unsigned i = 0; i < changes->len; i++) {
        const CfgChange *change = changes->pdata[i];
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "key", change->key);
        json_object_set_string_member(o, "kind", kinds[change->kind]);
        json_object_set_boolean_member(o, "restart", change->restart);
        json_array_add_object_element(array, o);
    }
    return array;
}

static JsonArray *texts_json(char *const *texts)
{
    JsonArray *array = json_array_new();

    for (; texts && *texts; texts++)
        json_array_add_string_element(array, *texts);
    return array;
}

/* Does a change of "rooms.giao-ban.pin" concern the entry "rooms"? */
static bool concerns(const CfgChange *change, const char *key)
{
    size_t n = strlen(key);

    return strncmp(change->key, key, n) == 0 && (change->key[n] == '\0' || change->key[n] == '.');
}

static void mark_changed(JsonObject *o, const CfgEntry *entry, const CfgEntry *at_start, GPtrArray *changes)
{
    bool changed = false, waits = false;

    for (unsigned i = 0; i < changes->len; i++)
        if (concerns(changes->pdata[i], entry->key)) {
            changed = true;
            waits |= ((const CfgChange *)changes->pdata[i])->restart;
        }
    json_object_set_boolean_member(o, "changed", changed);
    json_object_set_boolean_member(o, "waits", waits); /* for the next start */
    set_text(o, "value", waits ? at_start->value : entry->value);
    if (waits)
        set_text(o, "next", entry->value);
}

static void show(MdApiRequest *r, void *user)
{
    const Settings *s = user;
    const CfgSettings *current = s->what.current(s->what.user), *started = s->what.started(s->what.user);
    g_autoptr(GPtrArray) entries = cfg_entries(current);
    g_autoptr(GPtrArray) first = cfg_entries(started);
    g_autoptr(GPtrArray) changes = cfg_diff(started, current);
    JsonObject *o = json_object_new();
    JsonArray *array = json_array_new();

    for (unsigned i = 0; i < entries->len; i++) {
        const CfgEntry *entry = entries->pdata[i];
        JsonObject *one = json_object_new();
        json_object_set_string_member(one, "key", entry->key);
        mark_changed(one, entry, first->pdata[i], changes);
        set_text(one, "default", entry->fallback);
        set_text(one, "from", entry->origin);
        json_object_set_string_member(one, "range", entry->range);
        json_object_set_string_member(one, "help", entry->help);
        json_object_set_boolean_member(one, "set", entry->set);
        json_object_set_boolean_member(one, "secret", entry->secret);
        json_object_set_boolean_member(one, "restart", entry->restart);
        json_array_add_object_element(array, one);
    }
    set_text(o, "file", current->path);
    json_object_set_array_member(o, "warnings", texts_json(current->warnings));
    json_object_set_array_member(o, "settings", array);
    md_api_reply(r, 200, take(o));
}

static void check(MdApiRequest *r, void *user)
{
    const Settings *s = user;
    const CfgSettings *current = s->what.current(s->what.user);
    g_autoptr(GError) error = NULL;
    g_autoptr(CfgSettings) read = current->path ? cfg_load(current->path, &error) : NULL;
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    g_autoptr(GPtrArray) changes = read ? cfg_diff(current, read) : NULL;
    JsonObject *o = json_object_new();

    json_object_set_boolean_member(o, "fine", read != NULL);
    json_object_set_array_member(o, "faults", read ? json_array_new() : faults_json(error ? error->message : "these settings came from no file"));
    json_object_set_array_member(o, "warnings", texts_json(read ? read->warnings : NULL));
    json_object_set_array_member(o, "changes", changes_json(changes ? changes : none));
    md_api_reply(r, 200, take(o));
}

static void reload(MdApiRequest *r, void *user)
{
    const Settings *s = user;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) changes = NULL;
    g_autofree char *problem = NULL;

    if (!s->what.reload(s->what.user, &changes, &problem, &error)) {
        md_api_reply_error(r, 409, "settings-faulty", error->message, "the former settings stay in force; POST /api/v1/settings/check tells file and line");
        return;
    }
    JsonObject *o = json_object_new();
    json_object_set_array_member(o, "changes", changes_json(changes));
    json_object_set_array_member(o, "warnings", texts_json(s->what.current(s->what.user)->warnings));
    set_text(o, "problem", problem);
    md_api_reply(r, 200, take(o));
}

#define TEXT "{\"type\":\"string\"}"
#define TRUTH "{\"type\":\"boolean\"}"
#define LIST(item) "{\"type\":\"array\",\"items\":" item "}"
#define OBJECT(needed, fields) "{\"type\":\"object\",\"required\":[" needed "],\"properties\":{" fields "}}"
#define CHANGES LIST(OBJECT("\"key\",\"kind\",\"restart\"", "\"key\":" TEXT ",\"kind\":{\"enum\":[\"changed\",\"added\",\"removed\"]},\"restart\":" TRUTH))
#define ADMIN .rights = MD_API_MAY_PEOPLE | MD_API_MAY_OPERATE, .role = MD_API_ADMIN, .province = true

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/settings", ADMIN, .handler = show,
     .summary = "Every setting: the value in force, its default, where it came from, whether it waits for the next start. Secrets are not shown.",
     .response_schema = OBJECT("\"settings\",\"warnings\"", "\"file\":" TEXT ",\"warnings\":" LIST(TEXT) ",\"settings\":" LIST(OBJECT(
         "\"key\",\"range\",\"help\",\"set\",\"secret\",\"restart\",\"changed\",\"waits\"",
         "\"key\":" TEXT ",\"value\":" TEXT ",\"next\":" TEXT ",\"default\":" TEXT ",\"from\":" TEXT ",\"range\":" TEXT ",\"help\":" TEXT
         ",\"set\":" TRUTH ",\"secret\":" TRUTH ",\"restart\":" TRUTH ",\"changed\":" TRUTH ",\"waits\":" TRUTH)))},
    {.method = "POST", .path = "/settings/check", ADMIN, .handler = check,
     .summary = "Read the file anew and say what is wrong where, and what would change; nothing is taken over.",
     .response_schema = OBJECT("\"fine\",\"faults\",\"warnings\",\"changes\"", "\"fine\":" TRUTH ",\"faults\":" LIST(OBJECT("\"text\"",
         "\"file\":" TEXT ",\"line\":{\"type\":\"integer\"},\"key\":" TEXT ",\"text\":" TEXT)) ",\"warnings\":" LIST(TEXT) ",\"changes\":" CHANGES)},
    {.method = "POST", .path = "/settings/reload", ADMIN, .second_factor = true, .handler = reload,
     .summary = "Take the file over, as a reload of the service does; a faulty one (409) changes nothing.",
     .response_schema = OBJECT("\"changes\",\"warnings\"", "\"changes\":" CHANGES ",\"warnings\":" LIST(TEXT) ",\"problem\":" TEXT)},
};

void md_api_add_settings(MdApi *api, const MdApiSettings *settings)
{
    Settings *s = g_new0(Settings, 1);

    s->what = *settings;
    md_api_own(api, s, g_free);
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), s);
}
