/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /bulletins and /subjects: drafts, review, versions. */
#include "mediad/api/bulletin-json.h"
#include "mediad/api/json.h"
#include <string.h>

BcWho md_api_who(const MdApiRequest *r)
{
    return (BcWho){md_api_request_user(r), md_api_request_area(r)};
}

bool md_api_concerns(const MdApiRequest *r, MdApiBulletins *b, const char *area)
{
    const char *own = md_api_request_area(r);
    const BcAreas *areas = bc_broadcast_areas(b->bc.b);

    return !own || !*own || bc_areas_contains(areas, own, area) || bc_areas_contains(areas, area, own);
}

void md_api_bc_done(const GError *error, void *request)
{
    if (error)
        md_api_bc_error(request, error);
    else
        md_api_reply(request, 204, NULL);
}

/* --- as JSON --- */

static JsonArray *strings_json(const char *const *list)
{
    JsonArray *array = json_array_new();

    for (unsigned i = 0; list && list[i]; i++)
        json_array_add_string_element(array, list[i]);
    return array;
}

static void set_fields(JsonObject *o, const BcBulletinFields *f, bool whole)
{
    json_object_set_string_member(o, "kind", bc_bulletin_kind_to_string(f->kind));
    json_object_set_string_member(o, "subject", f->subject);
    json_object_set_string_member(o, "title", f->title);
    md_api_bc_set_text(o, "author", f->author);
    md_api_bc_set_text(o, "summary", f->summary);
    if (whole)
        md_api_bc_set_text(o, "text", f->text);
    md_api_bc_set_text(o, "url", f->url);
    md_api_bc_set_text(o, "content", f->content);
    json_object_set_string_member(o, "priority", bc_priority_to_string(f->priority));
    json_object_set_int_member(o, "from_us", f->from_us);
    json_object_set_int_member(o, "to_us", f->to_us);
    json_object_set_int_member(o, "asked_us", f->asked_us);
    json_object_set_array_member(o, "areas", strings_json(f->areas));
    json_object_set_array_member(o, "attachments", strings_json(f->attachments));
}

JsonObject *md_api_bulletin_json(const BcBulletin *b, bool whole)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "id", b->id);
    json_object_set_string_member(o, "area", b->area);
    json_object_set_string_member(o, "origin", bc_bulletin_origin_to_string(b->origin));
    md_api_bc_set_text(o, "external", b->external);
    json_object_set_string_member(o, "state", bc_bulletin_state_to_string(b->state));
    json_object_set_int_member(o, "revision", b->revision);
    json_object_set_int_member(o, "version", b->version);
    json_object_set_int_member(o, "approved_version", b->approved_version);
    md_api_bc_set_text(o, "approved_content", b->approved ? b->approved->content : NULL);
    md_api_bc_set_text(o, "reason", b->reason);
    md_api_bc_set_text(o, "created_by", b->created_by);
    md_api_bc_set_text(o, "changed_by", b->changed_by);
    md_api_bc_set_text(o, "submitted_by", b->submitted_by);
    md_api_bc_set_text(o, "approved_by", b->approved_by);
    json_object_set_int_member(o, "created_us", b->created_us);
    json_object_set_int_member(o, "changed_us", b->changed_us);
    json_object_set_int_member(o, "played_us", b->played_us);
    json_object_set_int_member(o, "runs", b->runs);
    set_fields(o, b->now, whole);
    return o;
}

/* --- reading --- */

static bool wanted(MdApiRequest *r, MdApiBulletins *b, const BcBulletin *bulletin)
{
    const char *state = md_api_request_query(r, "state"), *area = md_api_request_query(r, "area");

    return md_api_concerns(r, b, bulletin->area) && (!state || g_str_equal(state, bc_bulletin_state_to_string(bulletin->state))) &&
           (!area || bc_areas_contains(bc_broadcast_areas(b->bc.b), area, bulletin->area));
}

static void list_bulletins(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) all = bc_bulletins_list(b->bulletins);
    int64_t limit = md_api_bc_number(r, "limit", 200), offset = md_api_bc_number(r, "offset", 0);

    for (unsigned i = 0; i < all->len && limit > 0; i++)
        if (wanted(r, b, all->pdata[i]) && offset-- <= 0) {
            json_array_add_object_element(array, md_api_bulletin_json(all->pdata[i], false));
            limit--;
        }
    md_api_reply(r, 200, md_api_bc_list("bulletins", array));
}

static const BcBulletin *bulletin_of(MdApiRequest *r, MdApiBulletins *b)
{
    const BcBulletin *bulletin = bc_bulletins_find(b->bulletins, md_api_request_param(r, "bulletin"));

    if (bulletin && md_api_concerns(r, b, bulletin->area))
        return bulletin;
    md_api_reply_error(r, 404, "not-found", "there is no such bulletin", "GET /api/v1/bulletins lists them");
    return NULL;
}

static void show_bulletin(MdApiRequest *r, void *user)
{
    const BcBulletin *bulletin = bulletin_of(r, user);

    if (!bulletin)
        return;
    JsonObject *o = md_api_bulletin_json(bulletin, true);
    json_object_set_array_member(o, "files", md_api_files_json(user, bulletin->now->attachments));
    md_api_reply(r, 200, md_api_bc_object(o));
}

static void add_version(const BcBulletinVersion *version, void *user)
{
    JsonObject *o = json_object_new();

    json_object_set_int_member(o, "version", version->version);
    json_object_set_int_member(o, "changed_us", version->changed_us);
    md_api_bc_set_text(o, "changed_by", version->changed_by);
    set_fields(o, &version->fields, true);
    json_array_add_object_element(user, o);
}

static void add_step(const BcBulletinStep *step, void *user)
{
    JsonObject *o = json_object_new();

    json_object_set_int_member(o, "revision", step->revision);
    json_object_set_int_member(o, "version", step->version);
    json_object_set_int_member(o, "at_us", step->at_us);
    md_api_bc_set_text(o, "who", step->who);
    json_object_set_string_member(o, "what", step->what);
    md_api_bc_set_text(o, "from", step->from);
    md_api_bc_set_text(o, "to", step->to);
    md_api_bc_set_text(o, "note", step->note);
    json_array_add_object_element(user, o);
}

static void list_rows(MdApiRequest *r, MdApiBulletins *b, const char *name)
{
    const BcBulletin *bulletin = bulletin_of(r, b);
    g_autoptr(GError) error = NULL;

    if (!bulletin)
        return;
    JsonArray *array = json_array_new();
    bool ok = g_str_equal(name, "versions") ? bc_bulletins_versions(b->bulletins, bulletin->id, add_version, array, &error)
                                            : bc_bulletins_history(b->bulletins, bulletin->id, 0, add_step, array, &error);
    if (ok) {
        md_api_reply(r, 200, md_api_bc_list(name, array));
        return;
    }
    json_array_unref(array);
    md_api_bc_error(r, error);
}

static void list_versions(MdApiRequest *r, void *user)
{
    list_rows(r, user, "versions");
}

static void list_history(MdApiRequest *r, void *user)
{
    list_rows(r, user, "history");
}

static void on_preview(const char *content, const GError *error, void *user)
{
    MdApiRequest *r = user;

    if (error) {
        md_api_bc_error(r, error);
        return;
    }
    JsonObject *o = json_object_new();
    g_autofree char *sound = g_strdup_printf("/api/v1/content/%s/sound", content);
    json_object_set_string_member(o, "content", content);
    json_object_set_string_member(o, "sound", sound);
    md_api_reply(r, 200, md_api_bc_object(o));
}

static void preview(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    const BcBulletin *bulletin = bulletin_of(r, b);

    if (bulletin)
        bc_bulletins_preview(b->bulletins, bulletin->id, on_preview, r);
}

/* --- writing --- */

typedef struct Reply {
    MdApiRequest *r;
    MdApiBulletins *b;
    char *id;
    int status;
} Reply;

static Reply *new_reply(MdApiRequest *r, MdApiBulletins *b, const char *id, int status)
{
    Reply *reply = g_new0(Reply, 1);

    *reply = (Reply){r, b, g_strdup(id), status};
    return reply;
}

/* An answer may come while everything ends: the bulletins outlive the API, not this. */
static void on_done(const GError *error, void *user)
{
    Reply *reply = user;
    const BcBulletin *bulletin = error || !md_api_request_api(reply->r) ? NULL : bc_bulletins_find(reply->b->bulletins, reply->id);

    if (bulletin)
        md_api_reply(reply->r, reply->status, md_api_bc_object(md_api_bulletin_json(bulletin, true)));
    else
        md_api_bc_error(reply->r, error);
    g_free(reply->id);
    g_free(reply);
}

static BcBulletinFields fields_of(JsonObject *body, const char *const *areas, const char *const *attachments)
{
    return (BcBulletinFields){.kind = bc_bulletin_kind_from_string(json_object_get_string_member_with_default(body, "kind", "text")),
                              .subject = md_api_bc_text(body, "subject", NULL),
                              .title = json_object_get_string_member(body, "title"),
                              .author = md_api_bc_text(body, "author", NULL),
                              .summary = md_api_bc_text(body, "summary", NULL),
                              .text = md_api_bc_text(body, "text", NULL),
                              .url = md_api_bc_text(body, "url", NULL),
                              .content = md_api_bc_text(body, "content", NULL),
                              .priority = md_api_bc_priority(body),
                              .from_us = json_object_get_int_member_with_default(body, "from_us", 0),
                              .to_us = json_object_get_int_member_with_default(body, "to_us", 0),
                              .asked_us = json_object_get_int_member_with_default(body, "asked_us", 0),
                              .areas = areas,
                              .attachments = attachments};
}

/* Whose it is when the body does not say: the account's area, or the province. */
static const char *own_area(MdApiRequest *r, MdApiBulletins *b)
{
    const char *own = md_api_request_area(r);
    g_autoptr(GPtrArray) roots = bc_areas_children(bc_broadcast_areas(b->bc.b), NULL);

    return own && *own ? own : roots->len ? ((BcArea *)roots->pdata[0])->code : NULL;
}

static void create(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    JsonObject *body = md_api_request_body(r);
    g_autofree const char **areas = md_json_texts(body, "areas"), **attachments = md_json_texts(body, "attachments");
    BcBulletinFields fields = fields_of(body, areas, attachments);
    BcWho who = md_api_who(r);
    const char *area = md_api_bc_text(body, "area", own_area(r, b));
    Reply *reply = new_reply(r, b, NULL, 201);

    bc_bulletins_create(b->bulletins, area, &fields, &who, &reply->id, on_done, reply);
}

/* "revision" of the body, or If-Match; 0: whatever it is. */
static int64_t revision_of(MdApiRequest *r)
{
    JsonObject *body = md_api_request_body(r);
    const char *match = md_api_request_header(r, "If-Match");
    int64_t revision = body ? json_object_get_int_member_with_default(body, "revision", 0) : 0;

    if (!revision && match && *match == '"')
        match++;
    return revision ? revision : match ? g_ascii_strtoll(match, NULL, 10) : 0;
}

/* What is approved or overwritten is what was read: whoever does not say which it was is asked to. */
static bool revision_said(MdApiRequest *r, const BcBulletin *bulletin)
{
    if (revision_of(r) > 0)
        return true;
    g_autofree char *text = g_strdup_printf("\"revision\" (or If-Match) must say which revision of bulletin %s was read", bulletin->id);
    g_autofree char *hint = g_strdup_printf("read it: GET /api/v1/bulletins/%s gives its revision", bulletin->id);
    md_api_reply_error(r, 428, "revision-needed", text, hint);
    return false;
}

static void edit(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    const BcBulletin *bulletin = bulletin_of(r, b);
    JsonObject *body = md_api_request_body(r);

    if (!bulletin || !revision_said(r, bulletin))
        return;
    g_autofree const char **areas = md_json_texts(body, "areas"), **attachments = md_json_texts(body, "attachments");
    BcBulletinFields fields = fields_of(body, areas, attachments);
    BcWho who = md_api_who(r);
    bc_bulletins_edit(b->bulletins, bulletin->id, revision_of(r), &fields, &who, on_done, new_reply(r, b, bulletin->id, 200));
}

static void act(MdApiRequest *r, MdApiBulletins *b, BcBulletinAct what)
{
    const BcBulletin *bulletin = bulletin_of(r, b);
    JsonObject *body = md_api_request_body(r);
    BcWho who = md_api_who(r);

    if (!bulletin || (what == BC_ACT_APPROVE && (!md_api_bc_may_priority(r, bulletin->now->priority) || !revision_said(r, bulletin))))
        return;
    bc_bulletins_act(b->bulletins, bulletin->id, revision_of(r), what, body ? md_api_bc_text(body, "reason", NULL) : NULL, &who, on_done,
                     new_reply(r, b, bulletin->id, 200));
}

static void submit(MdApiRequest *r, void *user)
{
    act(r, user, BC_ACT_SUBMIT);
}

static void approve(MdApiRequest *r, void *user)
{
    act(r, user, BC_ACT_APPROVE);
}

static void send_back(MdApiRequest *r, void *user)
{
    act(r, user, BC_ACT_RETURN);
}

static void withdraw(MdApiRequest *r, void *user)
{
    act(r, user, BC_ACT_WITHDRAW);
}

static void archive(MdApiRequest *r, void *user)
{
    act(r, user, BC_ACT_ARCHIVE);
}

static void on_scheduled(const GError *error, void *user)
{
    Reply *reply = user;

    if (error) {
        md_api_bc_error(reply->r, error);
    } else {
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "schedule", reply->id);
        md_api_reply(reply->r, 201, md_api_bc_object(o));
    }
    g_free(reply->id);
    g_free(reply);
}

static void schedule(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    const BcBulletin *bulletin = bulletin_of(r, b);
    JsonObject *body = md_api_request_body(r);
    BcWho who = md_api_who(r);

    if (!bulletin)
        return;
    g_autofree const char **areas = md_json_texts(body, "areas");
    BcBulletinWhen when = {.start_local = json_object_get_string_member(body, "start_local"),
                           .rule = md_api_bc_text(body, "rule", NULL),
                           .areas = areas[0] ? areas : NULL,
                           .repeats = (unsigned)json_object_get_int_member_with_default(body, "repeats", 1),
                           .gap_s = (unsigned)json_object_get_int_member_with_default(body, "gap_s", 2),
                           .grace_s = (unsigned)json_object_get_int_member_with_default(body, "grace_s", 60)};
    Reply *reply = new_reply(r, b, NULL, 201);
    bc_bulletins_schedule(b->bulletins, bulletin->id, revision_of(r), &when, &who, &reply->id, on_scheduled, reply);
}

/* --- subjects --- */

static void list_subjects(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) all = bc_bulletins_subjects(b->bulletins);

    for (unsigned i = 0; i < all->len; i++) {
        const BcSubject *subject = all->pdata[i];
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "code", subject->code);
        json_object_set_string_member(o, "name", subject->name);
        json_array_add_object_element(array, o);
    }
    md_api_reply(r, 200, md_api_bc_list("subjects", array));
}

static void put_subject(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;

    bc_bulletins_put_subject(b->bulletins, md_api_request_param(r, "subject"), json_object_get_string_member(md_api_request_body(r), "name"),
                             md_api_bc_done, r);
}

#define STRING "{\"type\":\"string\"}"
#define LONG_TEXT(n) "{\"type\":\"string\",\"maxLength\":" n "}"
#define FIELDS                                                                                                                          \
    "\"kind\":{\"type\":\"string\",\"enum\":[\"text\",\"image\",\"audio\",\"video\",\"live\",\"relay\"]},\"subject\":" LONG_TEXT("16")        \
    ",\"title\":" BC_NAME ",\"author\":" LONG_TEXT("200") ",\"summary\":" LONG_TEXT("1000") ",\"text\":" LONG_TEXT("20000")                  \
    ",\"url\":" LONG_TEXT("1024") ",\"content\":{\"type\":\"string\",\"pattern\":\"^([0-9a-f]{64})?$\",\"description\":\"id of a recording\"},"  \
    "\"priority\":" BC_PRIORITIES ",\"from_us\":" BC_TIME ",\"to_us\":" BC_TIME ",\"asked_us\":" BC_TIME                                   \
    ",\"areas\":{\"type\":\"array\",\"maxItems\":500,\"items\":" BC_CODE "},\"attachments\":{\"type\":\"array\",\"maxItems\":20,\"items\":"     \
    "{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{64}$\"}}"
#define REVISION "\"revision\":{\"type\":\"integer\",\"minimum\":0,\"description\":\"what was read (also as If-Match); approving and editing need it; else 0: whatever it is now\"}"
#define BODY(more) "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"title\"],\"properties\":{" more "," FIELDS "}}"
#define ACT_BODY                                                                                                                        \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" REVISION ",\"reason\":" LONG_TEXT("1000") "}}"
#define BULLETIN                                                                                                                        \
    "{\"type\":\"object\",\"required\":[\"id\",\"area\",\"state\",\"revision\",\"version\",\"title\"],\"properties\":{\"id\":" BC_CODE             \
    ",\"area\":" BC_CODE ",\"origin\":" STRING ",\"external\":" STRING ",\"state\":" STRING ",\"revision\":" BC_INT ",\"version\":" BC_INT     \
    ",\"approved_version\":" BC_INT ",\"approved_content\":" STRING ",\"reason\":" STRING ",\"created_by\":" STRING ",\"changed_by\":" STRING  \
    ",\"submitted_by\":" STRING ",\"approved_by\":" STRING ",\"created_us\":" BC_TIME ",\"changed_us\":" BC_TIME ",\"played_us\":" BC_TIME    \
    ",\"runs\":" BC_INT ",\"files\":{\"type\":\"array\",\"description\":\"the attachments (of one bulletin that is asked for)\",\"items\":" BC_ATTACHMENT_JSON "}," FIELDS "}}"
#define LIST_OF(name, item) "{\"type\":\"object\",\"required\":[\"" name "\"],\"properties\":{\"" name "\":{\"type\":\"array\",\"items\":" item "}}}"
#define ONE "/bulletins/{bulletin}"
#define MAY(what) .role = MD_API_VIEWER, .rights = MD_API_MAY_##what

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/bulletins", MAY(VIEW), .handler = list_bulletins, .summary = "Bulletins of the account's area and above, newest change first.",
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"state\":" BC_TEXT ",\"area\":" BC_CODE
                     ",\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000},\"offset\":{\"type\":\"integer\",\"minimum\":0}}}",
     .response_schema = LIST_OF("bulletins", BULLETIN)},
    {.method = "POST", .path = "/bulletins", MAY(EDIT), .handler = create, .summary = "Write a draft.", .body_max = 256u << 10,
     .request_schema = BODY("\"area\":" BC_CODE), .response_schema = BULLETIN},
    {.method = "GET", .path = ONE, MAY(VIEW), .handler = show_bulletin, .summary = "One bulletin.", .response_schema = BULLETIN},
    {.method = "PUT", .path = ONE, MAY(EDIT), .handler = edit, .summary = "Write a new version; an approved one plays on until the new one is approved.",
     .body_max = 256u << 10, .request_schema = BODY(REVISION), .response_schema = BULLETIN},
    {.method = "GET", .path = ONE "/versions", MAY(VIEW), .handler = list_versions, .summary = "Every version, oldest first.",
     .response_schema = LIST_OF("versions", "{\"type\":\"object\"}")},
    {.method = "GET", .path = ONE "/history", MAY(VIEW), .handler = list_history, .summary = "Who did what and when, oldest first.",
     .response_schema = LIST_OF("history", "{\"type\":\"object\"}")},
    {.method = "GET", .path = ONE "/preview", MAY(VIEW), .handler = preview,
     .summary = "Have it spoken as it would be heard; answers with the recording when it is ready.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"content\",\"sound\"],\"properties\":{\"content\":" STRING ",\"sound\":" STRING "}}"},
    {.method = "POST", .path = ONE "/submit", MAY(EDIT), .handler = submit, .summary = "Hand it in for review; a text is spoken first.",
     .request_schema = ACT_BODY, .response_schema = BULLETIN},
    {.method = "POST", .path = ONE "/approve", MAY(APPROVE), .second_factor = true, .handler = approve,
     .summary = "Let it go on the air; a bulletin for others goes to their inboxes, an emergency sounds at once.", .request_schema = ACT_BODY,
     .response_schema = BULLETIN},
    {.method = "POST", .path = ONE "/return", MAY(APPROVE), .handler = send_back, .summary = "Give it back to its author, with a reason.",
     .request_schema = ACT_BODY, .response_schema = BULLETIN},
    {.method = "POST", .path = ONE "/withdraw", MAY(EDIT), .handler = withdraw, .summary = "Take it back, with a reason: nothing of it sounds any more.",
     .request_schema = ACT_BODY, .response_schema = BULLETIN},
    {.method = "POST", .path = ONE "/archive", MAY(EDIT), .handler = archive, .summary = "Put it away.", .request_schema = ACT_BODY,
     .response_schema = BULLETIN},
    {.method = "POST", .path = ONE "/schedule", MAY(EDIT), .handler = schedule, .summary = "Play the approved version, once or by a rule.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"start_local\"],\"properties\":{" REVISION
                       ",\"start_local\":" LONG_TEXT("32") ",\"rule\":" LONG_TEXT("512") ",\"areas\":" BC_AREA_LIST
                       ",\"repeats\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10},\"gap_s\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":300},"
                       "\"grace_s\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":86400}}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"schedule\"],\"properties\":{\"schedule\":" BC_CODE "}}"},
    {.method = "GET", .path = "/subjects", MAY(VIEW), .handler = list_subjects, .summary = "Subject fields and their codes.",
     .response_schema = LIST_OF("subjects", "{\"type\":\"object\",\"required\":[\"code\",\"name\"],\"properties\":{\"code\":" STRING ",\"name\":" STRING "}}")},
    {.method = "PUT", .path = "/subjects/{subject}", MAY(PEOPLE), .province = true, .handler = put_subject, .summary = "Add or rename a subject field.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\"],\"properties\":{\"name\":" BC_NAME "}}"},
};

/* --- events --- */

static void on_bulletin(const char *type, const BcBulletin *bulletin, void *user)
{
    MdApiBulletins *b = user;

    md_api_publish_to(b->bc.api, type, md_api_bc_object(md_api_bulletin_json(bulletin, false)), MD_API_TELL_CONCERNED, bulletin->area);
}

/* What nobody asked for by a request is in the audit trail too. */
static void on_inbox(const char *type, const BcInboxItem *item, void *user)
{
    MdApiBulletins *b = user;
    JsonNode *node = md_api_bc_object(md_api_inbox_json(b, item));

    if (g_str_equal(type, "inbox.decided") && item->by_default) {
        g_autofree char *detail = g_strdup_printf("%s: nobody decided in time, %s goes first", item->id, item->choice);
        md_audit_append(b->bc.api, "mediad", "", "inbox.decided", detail, 200, NULL, NULL);
    }
    md_api_publish_to(b->bc.api, type, node, MD_API_TELL_WITHIN, item->area);
}

static void let_go(gpointer data)
{
    MdApiBulletins *b = data;

    bc_bulletins_remove_listener(b->bulletins, on_bulletin, b);
    bc_inboxes_set_event(b->inboxes, NULL, NULL);
    g_free(b);
}

void md_api_add_bulletins(MdApi *api, BcBulletins *bulletins, BcAttachments *attachments, BcDictionary *dictionary, BcInboxes *inboxes)
{
    MdApiBulletins *b = g_new0(MdApiBulletins, 1);

    *b = (MdApiBulletins){{api, bc_bulletins_broadcast(bulletins)}, bulletins, attachments, dictionary, inboxes};
    md_api_own(api, b, let_go);
    bc_bulletins_add_listener(bulletins, on_bulletin, b);
    bc_inboxes_set_event(inboxes, on_inbox, b);
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), b);
    md_api_add_attachments(b);
    md_api_add_dictionary(b);
    md_api_add_inbox(b);
}
