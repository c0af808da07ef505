/* SPDX-License-Identifier: GPL-3.0-or-later */
/* areas import and export, audit verify, report, feedback, keys */
#include <string.h>
#include "mediactl/ctl.h"
#include "mediad/api/api.h"

int ctl_cmd_areas_import(Ctl *ctl, const Args *args)
{
    bool dry = args_option(args, "dry-run") != NULL;
    g_autoptr(JsonNode) reply = ctl_upload(ctl, dry ? "/areas/import?dry_run=true" : "/areas/import", args_word(args, 0), "text/csv");

    if (!reply)
        return CTL_FAILED;
    if (ctl->json) {
        ctl_print_json(ctl, reply);
        return CTL_OK;
    }
    JsonObject *o = json_node_get_object(reply);
    fprintf(ctl->out, "%s%d added, %d changed, %d as they were.\n", dry ? "Nothing was written. It would be: " : "",
            (int)json_object_get_int_member_with_default(o, "added", 0), (int)json_object_get_int_member_with_default(o, "changed", 0),
            (int)json_object_get_int_member_with_default(o, "unchanged", 0));
    return CTL_OK;
}

int ctl_cmd_areas_export(Ctl *ctl, const Args *args)
{
    const char *under = args_option(args, "under");
    g_autofree char *path = under ? ctl_path("/areas.csv?under=%s", under) : g_strdup("/areas.csv");

    return ctl_download(ctl, path, args_word(args, 0));
}

/* --- the audit trail --- */

static int tell_verified(Ctl *ctl, bool intact, int64_t rows, const char *head, const char *problem, const char *expected)
{
    bool other = intact && expected && g_ascii_strcasecmp(expected, head) != 0;

    if (ctl->json) {
        g_autoptr(JsonNode) node = json_node_alloc();
        JsonObject *o = json_object_new();
        json_object_set_boolean_member(o, "intact", intact && !other);
        json_object_set_int_member(o, "rows", rows);
        json_object_set_string_member(o, "head", head);
        if (problem)
            json_object_set_string_member(o, "problem", problem);
        json_node_take_object(node, o);
        ctl_print_json(ctl, node);
    } else if (intact && !other) {
        fprintf(ctl->out, "Intact   yes\nRows     %lld\nHead     %s\n", (long long)rows, head);
    }
    if (!intact)
        return ctl_fail(ctl, problem ? problem : "the trail is not intact", "keep this database and its copies as they are, and find out who wrote to it");
    if (other)
        return ctl_fail(ctl, "the last row is not the one that was noted: rows came after it, or were cut off", "mediactl audit --limit 20");
    return CTL_OK;
}

static int verify_file(Ctl *ctl, const char *file, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *head = NULL;
    int64_t rows = 0;
    MdDb *db = md_db_open_file(file, &error);

    if (!db)
        return ctl_fail(ctl, error->message, "--database names mediad's SQLite file or a copy of it");
    bool intact = md_audit_verify_to(db, &rows, &head, &error);
    md_db_close(db);
    return tell_verified(ctl, intact, rows, head ? head : "", error ? error->message : NULL, expected);
}

int ctl_cmd_audit_verify(Ctl *ctl, const Args *args)
{
    const char *file = args_option(args, "database"), *expected = args_option(args, "head");

    if (file)
        return verify_file(ctl, file, expected);
    g_autoptr(JsonNode) reply = ctl_call(ctl, "GET", "/audit/verify", NULL);
    if (!reply)
        return CTL_FAILED;
    JsonObject *o = json_node_get_object(reply);
    return tell_verified(ctl, json_object_get_boolean_member_with_default(o, "intact", FALSE), json_object_get_int_member_with_default(o, "rows", 0),
                         json_object_get_string_member_with_default(o, "head", ""), json_object_get_string_member_with_default(o, "problem", NULL), expected);
}

/* --- reports --- */

int ctl_cmd_report(Ctl *ctl, const Args *args)
{
    static const char *const fields[] = {"from", "to", "area", "by", "lang"};
    g_autoptr(GString) path = g_string_new("/reports/plays");
    bool csv = args_option(args, "csv"), html = args_option(args, "html");

    g_string_append(path, csv ? ".csv" : html ? ".html" : "");
    ctl_query(path, args, fields, G_N_ELEMENTS(fields));
    if (csv || html)
        return ctl_download(ctl, path->str, args_word(args, 0));
    return ctl_list(ctl, path->str, "rows",
                    "key:Code,name:Name,devices:Devices,requested:Asked,played:Played,partial:In part,missed:Missed,share:Share,urgent:Urgent,air_s:On air (s),"
                    "late_p50_ms:p50 (ms),late_p99_ms:p99 (ms)",
                    "No areas are known.");
}

/* --- what people report --- */

int ctl_cmd_feedback_list(Ctl *ctl, const Args *args)
{
    const char *state = args_option(args, "state");
    g_autofree char *path = state ? ctl_path("/feedback?state=%s", state) : g_strdup("/feedback");

    return ctl_list(ctl, path, "feedback", "id:Id,created_us:Came,area:Area,state:State,assigned:With,text:Text", "Nobody has reported anything.");
}

int ctl_cmd_feedback_show(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/feedback/%s", args_word(args, 0));

    return ctl_show(ctl, path, "id:Id,created_us:Came,area:Area,channel:By,name:Name,phone:Phone,text:Text,files:Files,state:State,assigned:With,answer:Answer,"
                               "answered_by:Answered by,bulletin:Bulletin");
}

static JsonObject *one_member(const char *name, const char *value)
{
    JsonObject *body = json_object_new();

    if (value)
        json_object_set_string_member(body, name, value);
    return body;
}

int ctl_cmd_feedback_assign(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/feedback/%s/assign", args_word(args, 0));

    return ctl_do(ctl, "POST", path, one_member("to", args_word(args, 1)), "It is with %s.", args_word(args, 1));
}

int ctl_cmd_feedback_answer(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/feedback/%s/answer", args_word(args, 0));

    return ctl_do(ctl, "POST", path, one_member("text", args_word(args, 1)), "Answered.");
}

int ctl_cmd_feedback_close(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/feedback/%s/close", args_word(args, 0));

    return ctl_do(ctl, "POST", path, json_object_new(), "Closed.");
}

int ctl_cmd_feedback_bulletin(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/feedback/%s/bulletin", args_word(args, 0));

    return ctl_do(ctl, "POST", path, one_member("title", args_word(args, 1)), "A draft is made of the answer.");
}

/* --- keys --- */

int ctl_cmd_keys_list(Ctl *ctl, const Args *args)
{
    return ctl_list(ctl, "/keys", "keys", "name:Name,purpose:For,area:Area,created_us:Made", "There are no keys.");
}

int ctl_cmd_keys_add(Ctl *ctl, const Args *args)
{
    JsonObject *body = one_member("name", args_word(args, 0));

    json_object_set_string_member(body, "purpose", args_word(args, 1));
    if (args_option(args, "area"))
        json_object_set_string_member(body, "area", args_option(args, "area"));
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", "/keys", body);
    if (!reply)
        return CTL_FAILED;
    if (ctl->json)
        ctl_print_json(ctl, reply);
    else
        fprintf(ctl->out, "Key %s, shown this once; it goes into the header X-Api-Key:\n%s\n", args_word(args, 0),
                json_object_get_string_member_with_default(json_node_get_object(reply), "key", ""));
    return CTL_OK;
}

int ctl_cmd_keys_del(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/keys/%s", args_word(args, 0));

    return ctl_do(ctl, "DELETE", path, NULL, "Key %s is removed.", args_word(args, 0));
}
