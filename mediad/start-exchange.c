/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings to the exchange with other systems, and what it needs of the rooms beside it. */
#include <string.h>
#include <sys/stat.h>
#include <glib/gstdio.h>
#include "mediad/api/nouns.h"
#include "mediad/daemon.h"

static char *read_credentials(char **ret_username, void *user)
{
    MdDaemon *daemon = user;
    const char *path = daemon->settings->exchange.central_credentials_file;
    g_autofree char *text = NULL;
    struct stat st;
    if (stat(path, &st) != 0 || (st.st_mode & 077) || !g_file_get_contents(path, &text, NULL, NULL)) {
        md_error(&daemon->logger, "%s (exchange.central_credentials_file) cannot be read, or others may read it, too: chmod 600", path);
        return NULL;
    }
    g_auto(GStrv) lines = g_strsplit(text, "\n", 3);
    memset(text, 0, strlen(text));
    if (!lines[0] || !lines[1])
        return NULL;
    *ret_username = g_strdup(g_strstrip(lines[0]));
    char *password = g_strdup(g_strchomp(lines[1]));
    memset(lines[1], 0, strlen(lines[1]));
    return password;
}

static bool is_online(const char *device, void *user)
{
    MdDaemon *daemon = user;
    const BcDevice *d = bc_devices_find(bc_broadcast_devices(daemon->broadcast), device);
    if (d && d->kind == BC_DEVICE_SIP)
        return bc_broadcast_is_registered(daemon->broadcast, device);
    if (d && d->kind == BC_DEVICE_GATEWAY)
        return daemon->vendors && bc_vendors_online(daemon->vendors, device);
    return daemon->device_link && bc_device_link_online(daemon->device_link, device);
}

/* What another maker's device says of itself is kept with its source and judged like everything else. */
static void take_reading(const char *device, const char *name, const char *value, bool number, int64_t at_us, void *user)
{
    const MdDaemon *daemon = user;
    BcLinkReading one = {(char *)name, (char *)value, number, (char *)"vendor", at_us};
    if (daemon->device_link)
        bc_health_take(bc_device_link_health(daemon->device_link), device, &(BcLinkTelemetry){&one, 1}, bc_broadcast_wall_us(daemon->broadcast));
}

static BcExTables *tables_of(void *user)
{
    return ((MdDaemon *)user)->exchange_tables;
}

static bool is_linked(const char *device, void *user)
{
    const MdDaemon *daemon = user;
    return daemon->device_link && bc_credentials_find(bc_device_link_credentials(daemon->device_link), device);
}

static bool publish_vendor(const char *gateway, const char *object, const char *text, gsize len, void *user)
{
    const MdDaemon *daemon = user;
    return bc_device_link_publish_vendor(daemon->device_link, gateway, object, text, len);
}

static void on_vendor(const char *gateway, const char *object, const char *data, gsize len, void *user)
{
    const MdDaemon *daemon = user;
    bc_vendor_link_take(daemon->vendor_link, gateway, object, data, len);
}

static void open_vendor_link(MdDaemon *daemon)
{
    BcVendorLinkOptions options = {.broadcast = daemon->broadcast,
                                   .vendors = daemon->vendors,
                                   .journal = daemon->exchange_journal,
                                   .tables = tables_of,
                                   .publish = publish_vendor,
                                   .message_max = BC_LINK_MESSAGE_MAX,
                                   .status_timeout_s = daemon->settings->exchange.vendor_status_s,
                                   .user = daemon};
    daemon->vendor_link = bc_vendor_link_new(&options);
    BcDeviceLinkListener listener = {.vendor = on_vendor, .user = daemon};
    bc_device_link_listen(daemon->device_link, &listener);
}

static void open_vendors(MdDaemon *daemon, const MdLogger *logger)
{
    const CfgExchange *from = &daemon->settings->exchange;
    BcVendorsOptions options = {.broadcast = daemon->broadcast,
                                .journal = daemon->exchange_journal,
                                .tables = daemon->exchange_tables,
                                .media_base = from->media_base,
                                .status_timeout_s = from->vendor_status_s,
                                .linked = is_linked,
                                .reading = take_reading,
                                .user = daemon,
                                .logger = logger};
    daemon->vendors = bc_vendors_new(&options);
    if (daemon->device_link)
        open_vendor_link(daemon);
    if (daemon->api)
        md_api_add_vendors(daemon->api, daemon->broadcast, daemon->vendors, tables_of, daemon);
}

static void add_bulletin(const char *content, JsonObject *ours, void *user)
{
    const MdDaemon *daemon = user;
    const BcBulletin *b = bc_bulletins_of_content(daemon->bulletins, content);
    const BcBulletinFields *f = b ? b->approved ? b->approved : b->now : NULL;
    if (!f)
        return;
    const struct { const char *name, *value; } texts[] = {
        {"bulletin", b->external ? b->external : b->id}, {"kind", bc_bulletin_kind_to_string(f->kind)}, {"subject", f->subject},
        {"summary", f->summary}, {"author", f->author}, {"origin", bc_bulletin_origin_to_string(b->origin)}};
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        if (texts[i].value)
            json_object_set_string_member(ours, texts[i].name, texts[i].value);
    json_object_set_int_member(ours, "made", b->created_us);
}

/* What a loudspeaker of the link has measured and what can be believed of it. */
static void add_status(const char *device, JsonObject *ours, void *user)
{
    const MdDaemon *daemon = user;
    static const struct { const char *name, *reading; } values[] = {
        {"temperature", "temperature_c"}, {"connection", "network"}, {"power", "power"}, {"storage", "disk_used_percent"}};
    if (!daemon->device_link)
        return;
    const BcLinkState *state = bc_device_link_state(daemon->device_link, device);
    if (state && state->software)
        json_object_set_string_member(ours, "version", state->software);
    if (state && state->online)
        json_object_set_string_member(ours, "activity", state->playing ? "playing" : "stopped");
    if (state && state->playing)
        json_object_set_string_member(ours, "playing", state->playing);
    BcHealth *health = bc_device_link_health(daemon->device_link);
    for (unsigned i = 0; i < G_N_ELEMENTS(values); i++) {
        const char *value = bc_health_value(health, device, values[i].reading, bc_broadcast_wall_us(daemon->broadcast));
        if (value)
            json_object_set_string_member(ours, values[i].name, value);
    }
}

/* --- down --- */

typedef struct Taking {
    MdDaemon *daemon;
    JsonObject *ours;
    BcExDealtFn done;
    void *done_user;
    char *path;              /* of a file that was fetched */
    BcAttachmentKind wanted; /* what that must be, BC_ATTACHED_INVALID: a recording */
} Taking;

static void finish(const GError *error, void *user)
{
    Taking *t = user;
    if (t->path)
        g_remove(t->path);
    t->done(error, t->done_user);
    json_object_unref(t->ours);
    g_free(t->path);
    g_free(t);
}

G_GNUC_PRINTF(3, 4)
static void refuse(Taking *t, BcError code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);
    g_autoptr(GError) error = g_error_new_literal(BC_ERROR, code, what);
    finish(error, t);
}

/* Identifier or administrative code, whichever it is. */
static const BcArea *find_area(const BcAreas *areas, const char *code)
{
    const BcArea *found = bc_areas_find(areas, code);
    if (found)
        return found;
    g_autoptr(GPtrArray) all = bc_areas_subtree(areas, NULL);
    for (unsigned i = 0; i < all->len; i++)
        if (g_strcmp0(((BcArea *)all->pdata[i])->ident, code) == 0)
            return all->pdata[i];
    return NULL;
}

static const char *root_code(const BcAreas *areas)
{
    g_autoptr(GPtrArray) roots = bc_areas_children(areas, NULL);
    return roots->len ? ((BcArea *)roots->pdata[0])->code : NULL;
}

/* Codes of the areas it names, NULL-terminated; NULL with *ret_bad: one is unknown. Empty: none are named. */
static GPtrArray *areas_of(const BcAreas *areas, JsonObject *ours, const char **ret_bad)
{
    g_autoptr(GPtrArray) codes = g_ptr_array_new();
    JsonArray *list = json_object_has_member(ours, "areas") ? json_object_get_array_member(ours, "areas") : NULL;
    for (unsigned i = 0; list && i < json_array_get_length(list); i++) {
        const char *code = bc_ex_text(json_array_get_object_element(list, i), "dest");
        const BcArea *area = code ? find_area(areas, code) : NULL;
        *ret_bad = code ? code : "";
        if (!area)
            return NULL;
        g_ptr_array_add(codes, (gpointer)area->code);
    }
    if (codes->len)
        g_ptr_array_add(codes, NULL);
    return g_steal_pointer(&codes);
}

static int64_t first_time(JsonObject *ours)
{
    JsonArray *days = json_object_has_member(ours, "days") ? json_object_get_array_member(ours, "days") : NULL;
    int64_t first = 0;
    for (unsigned i = 0; days && i < json_array_get_length(days); i++) {
        JsonObject *day = json_array_get_object_element(days, i);
        JsonArray *times = json_object_has_member(day, "times") ? json_object_get_array_member(day, "times") : NULL;
        for (unsigned k = 0; times && k < json_array_get_length(times); k++) {
            int64_t at = bc_ex_int(json_array_get_object_element(times, k), "begin", 0);
            first = at && (!first || at < first) ? at : first;
        }
    }
    return first;
}

/* content: of its recording, NULL none; attachment: its picture or video, NULL none. */
static void receive(Taking *t, const char *content, const char *attachment)
{
    const char *attachments[] = {attachment, NULL};
    BcAreas *areas = bc_broadcast_areas(t->daemon->broadcast);
    const char *bad = NULL, *body = bc_ex_text(t->ours, "text") ? bc_ex_text(t->ours, "text") : bc_ex_text(t->ours, "content");
    g_autoptr(GPtrArray) codes = areas_of(areas, t->ours, &bad);
    if (!codes) {
        refuse(t, BC_ERROR_INVALID, "DanhSachDiaBanNhan: there is no area \"%s\"", bad);
        return;
    }
    BcBulletinFields fields = {.kind = bc_bulletin_kind_from_string(bc_ex_text(t->ours, "kind")),
                               .subject = bc_ex_text(t->ours, "subject"),
                               .title = bc_ex_text(t->ours, "title"),
                               .author = bc_ex_text(t->ours, "author"),
                               .summary = bc_ex_text(t->ours, "summary"),
                               .content = content,
                               .attachments = attachment ? attachments : NULL,
                               .priority = bc_priority_from_string(bc_ex_text(t->ours, "priority")),
                               .from_us = bc_ex_int(t->ours, "valid_from", 0),
                               .to_us = bc_ex_int(t->ours, "valid_to", 0),
                               .asked_us = first_time(t->ours),
                               .areas = codes->len ? (const char *const *)codes->pdata : NULL};
    fields.text = fields.kind == BC_BULLETIN_TEXT ? body ? body : fields.summary : NULL;
    fields.url = fields.kind == BC_BULLETIN_LIVE || fields.kind == BC_BULLETIN_RELAY ? body : NULL;
    bc_bulletins_receive(t->daemon->bulletins, BC_FROM_CENTRAL, bc_ex_text(t->ours, "id"), root_code(areas), &fields, "central", NULL, finish, t);
}

static void on_content(const BcContent *content, const GError *error, void *user)
{
    Taking *t = user;
    if (error)
        finish(error, t);
    else
        receive(t, content->id, NULL);
}

static void on_attached(const BcAttachment *attachment, const GError *error, void *user)
{
    Taking *t = user;
    if (error)
        finish(error, t);
    else if (attachment->kind != t->wanted)
        refuse(t, BC_ERROR_CONTENT, "NoiDung: the file is of the kind %s (%s), the bulletin of the kind %s", bc_attachment_kind_to_string(attachment->kind),
               attachment->media_type, bc_attachment_kind_to_string(t->wanted));
    else
        receive(t, NULL, attachment->id);
}

/* The last part of its address, for people: what the file is, its bytes say. */
static char *name_of(const char *url)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
    const char *path = uri ? g_uri_get_path(uri) : "", *slash = strrchr(path, '/');
    g_autofree char *name = g_utf8_make_valid(slash ? slash + 1 : path, -1);
    return *name && strlen(name) <= 200 ? g_steal_pointer(&name) : NULL;
}

static void on_fetched(const char *path, const GError *error, void *user)
{
    Taking *t = user;
    if (error) {
        finish(error, t);
        return;
    }
    t->path = g_strdup(path);
    if (t->wanted != BC_ATTACHED_INVALID) {
        g_autofree char *name = name_of(bc_ex_text(t->ours, "content"));
        bc_attachments_add(t->daemon->attachments, path, name, "central", "", on_attached, t);
        return;
    }
    BcContentMake make = {.path = path, .title = bc_ex_text(t->ours, "title"), .source_name = bc_ex_text(t->ours, "id"), .created_by = "central",
                          .urgent = g_strcmp0(bc_ex_text(t->ours, "priority"), "emergency") == 0};
    bc_contents_make(bc_broadcast_contents(t->daemon->broadcast), &make, on_content, t);
}

static void take_bulletin(Taking *t)
{
    const char *kind = bc_ex_text(t->ours, "kind"), *content = bc_ex_text(t->ours, "content");
    if (bc_ex_int(t->ours, "recalled", 0))
        bc_bulletins_recall(t->daemon->bulletins, bc_ex_text(t->ours, "id"), "recalled by the sender", "central", finish, t);
    else if (g_strcmp0(kind, "audio") == 0 && content && bc_contents_find(bc_broadcast_contents(t->daemon->broadcast), content))
        receive(t, content, NULL);
    else if (g_strcmp0(kind, "audio") == 0 && content)
        bc_ex_http_fetch(t->daemon->exchange_http, content, t->daemon->settings->general.state_dir, on_fetched, t);
    else if ((g_strcmp0(kind, "image") == 0 || g_strcmp0(kind, "video") == 0) && content) {
        t->wanted = *kind == 'i' ? BC_ATTACHED_IMAGE : BC_ATTACHED_VIDEO;
        bc_ex_http_fetch(t->daemon->exchange_http, content, t->daemon->settings->general.state_dir, on_fetched, t);
    } else if (g_strcmp0(kind, "image") == 0 || g_strcmp0(kind, "video") == 0)
        refuse(t, BC_ERROR_INVALID, "NoiDung: a bulletin of the kind %s needs the address of its file", kind);
    else if (g_strcmp0(kind, "audio") == 0)
        refuse(t, BC_ERROR_INVALID, "NoiDung: an audio bulletin needs the address of its recording");
    else
        receive(t, NULL, NULL);
}

typedef struct Stopping { Taking *taking; unsigned left; GError *error; } Stopping;

static void on_stopped(unsigned stopped, const GError *error, void *user)
{
    Stopping *s = user;
    if (error && !s->error)
        s->error = g_error_copy(error);
    if (--s->left)
        return;
    finish(s->error, s->taking);
    g_clear_error(&s->error);
    g_free(s);
}

static void take_stop(Taking *t)
{
    BcAreas *areas = bc_broadcast_areas(t->daemon->broadcast);
    const char *bad = NULL, *bulletin = bc_ex_text(t->ours, "bulletin"), *root = root_code(areas);
    g_autoptr(GPtrArray) codes = areas_of(areas, t->ours, &bad);
    if (!codes || !root) {
        refuse(t, BC_ERROR_INVALID, "there is no area \"%s\"", bad ? bad : "");
    } else if (bulletin) {
        bc_bulletins_recall(t->daemon->bulletins, bulletin, "stopped by the sender", "central", finish, t);
    } else if (g_strcmp0(bc_ex_text(t->ours, "action"), "stop-all") != 0) {
        refuse(t, BC_ERROR_INVALID, "only stopping everything (or one bulletin by its BanTinID) is done for the central system");
    } else {
        Stopping *s = g_new0(Stopping, 1);
        if (!codes->len) {
            g_ptr_array_add(codes, (gpointer)root);
            g_ptr_array_add(codes, NULL);
        }
        *s = (Stopping){t, codes->len - 1, NULL};
        for (unsigned i = 0, n = s->left; i < n; i++)
            bc_broadcast_stop_area(t->daemon->broadcast, codes->pdata[i], "central", on_stopped, s);
    }
}

static void take(const char *object, JsonObject *ours, BcExDealtFn done, void *done_user, void *user)
{
    Taking *t = g_new0(Taking, 1);
    *t = (Taking){user, json_object_ref(ours), done, done_user, NULL, BC_ATTACHED_INVALID};
    if (g_str_equal(object, "bulletin"))
        take_bulletin(t);
    else if (g_str_equal(object, "stop"))
        take_stop(t);
    else
        refuse(t, BC_ERROR_INVALID, "\"%s\": nothing of the kind is done for the central system", object);
}

/* --- life --- */

static bool open_central(MdDaemon *daemon, const MdLogger *logger, GError **error)
{
    const CfgExchange *from = &daemon->settings->exchange;
    BcExHttpOptions http = {.base = from->central_url, .ca_file = from->central_ca, .media_hosts = (const char *const *)from->media_hosts,
                            .media_max = (gsize)daemon->settings->broadcast.upload_max_mib << 20, .logger = logger};
    daemon->exchange_http = bc_ex_http_new(&http, error);
    if (!daemon->exchange_http)
        return false;
    BcCentralOptions central = {.journal = daemon->exchange_journal,
                                .timers = bc_broadcast_timers(daemon->broadcast),
                                .tables = daemon->exchange_tables,
                                .ops = bc_ex_http_ops(daemon->exchange_http),
                                .actions = {take, daemon},
                                .credentials = from->central_credentials_file ? read_credentials : NULL,
                                .credentials_user = daemon,
                                .parallel = from->parallel,
                                .poll_s = from->poll_s,
                                .logger = logger};
    daemon->central = bc_central_new(&central, error);
    if (!daemon->central)
        return false;
    BcUpwardOptions upward = {.broadcast = daemon->broadcast,
                              .journal = daemon->exchange_journal,
                              .store = daemon->store,
                              .tables = daemon->exchange_tables,
                              .media_base = from->media_base,
                              .status_s = from->status_s,
                              .batch = from->batch,
                              .online = is_online,
                              .bulletin = add_bulletin,
                              .status = add_status,
                              .user = daemon,
                              .logger = logger};
    daemon->upward = bc_upward_new(&upward, error);
    return daemon->upward != NULL;
}

bool md_start_exchange(MdDaemon *daemon, GError **error)
{
    const CfgExchange *from = &daemon->settings->exchange;
    if (!from->tables_file)
        return true;
    MdLogger logger = md_logger(daemon->log, "broadcast");
    BcExJournalOptions journal = {.droppable_max = from->waiting_statuses_max, .days = from->journal_days, .retry_max_s = from->retry_max_s, .logger = &logger};
    daemon->exchange_tables = bc_ex_tables_load(from->tables_file, error);
    daemon->exchange_journal = daemon->exchange_tables
                                   ? bc_ex_journal_new(daemon->store, bc_broadcast_timers(daemon->broadcast), &journal, error)
                                   : NULL;
    if (!daemon->exchange_journal || (from->central_url && !open_central(daemon, &logger, error)))
        return false;
    if (daemon->api)
        md_api_add_exchange(daemon->api, daemon->exchange_journal, daemon->central);
    if (from->vendors)
        open_vendors(daemon, &logger);
    return true;
}

void md_reload_exchange(MdDaemon *daemon)
{
    g_autoptr(GError) error = NULL;
    const char *path = daemon->settings->exchange.tables_file;
    BcExTables *tables = daemon->exchange_tables && path ? bc_ex_tables_load(path, &error) : NULL;
    if (error)
        md_error(&daemon->logger, "the exchange tables are not reloaded, the former ones stay in force: %s", error->message);
    if (!tables)
        return;
    bc_ex_tables_unref(daemon->exchange_tables);
    daemon->exchange_tables = tables;
    if (daemon->central)
        bc_central_set_tables(daemon->central, tables);
    if (daemon->upward)
        bc_upward_set_tables(daemon->upward, tables);
    if (daemon->vendors)
        bc_vendors_set_tables(daemon->vendors, tables);
}

void md_stop_exchange(MdDaemon *daemon)
{
    if (daemon->vendor_link)
        bc_device_link_unlisten(daemon->device_link, daemon);
    g_clear_pointer(&daemon->vendor_link, bc_vendor_link_free);
    g_clear_pointer(&daemon->vendors, bc_vendors_free);
    g_clear_pointer(&daemon->upward, bc_upward_free);
    g_clear_pointer(&daemon->central, bc_central_free);
    g_clear_pointer(&daemon->exchange_http, bc_ex_http_free);
    g_clear_pointer(&daemon->exchange_journal, bc_ex_journal_free);
    g_clear_pointer(&daemon->exchange_tables, bc_ex_tables_unref);
}
