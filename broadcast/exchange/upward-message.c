/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How messages upward are made: fields that many of them have, and batches of them for the journal. */
#include "broadcast/exchange/upward-private.h"

void bc_upward_set_text(JsonObject *ours, const char *name, const char *value)
{
    if (value && *value && !json_object_has_member(ours, name))
        json_object_set_string_member(ours, name, value);
}

static const BcArea *root_area(const BcUpward *u)
{
    BcAreas *areas = bc_broadcast_areas(u->broadcast);
    if (u->area)
        return bc_areas_find(areas, u->area);
    g_autoptr(GPtrArray) roots = bc_areas_children(areas, NULL);
    return roots->len ? roots->pdata[0] : NULL;
}

static const char *ident(const BcArea *area)
{
    return area->ident && *area->ident ? area->ident : area->code;
}

void bc_upward_set_source(const BcUpward *u, JsonObject *ours)
{
    const BcArea *root = root_area(u);
    if (root) {
        bc_upward_set_text(ours, "source", ident(root));
        bc_upward_set_text(ours, "source_name", root->name);
    }
}

void bc_upward_set_dest(const BcUpward *u, const char *code, JsonObject *ours)
{
    const BcArea *area = code ? bc_areas_find(bc_broadcast_areas(u->broadcast), code) : NULL;
    if (area) {
        bc_upward_set_text(ours, "dest", ident(area));
        bc_upward_set_text(ours, "dest_name", area->name);
    }
}

void bc_upward_device(const BcUpward *u, const BcDevice *device, JsonObject *ours)
{
    bc_upward_set_source(u, ours);
    bc_upward_set_dest(u, device->area, ours);
    bc_upward_set_text(ours, "device", device->id);
    bc_upward_set_text(ours, "name", device->name);
    bc_upward_set_text(ours, "device_kind", device->kind == BC_DEVICE_BOARD ? "Bảng tin điện tử công cộng" : "Cụm loa truyền thanh");
    bc_upward_set_text(ours, "vendor", device->vendor);
    bc_upward_set_text(ours, "vendor_name", device->vendor);
    if (device->latitude == device->latitude && device->longitude == device->longitude) {
        json_object_set_double_member(ours, "latitude", device->latitude);
        json_object_set_double_member(ours, "longitude", device->longitude);
    }
}

void bc_upward_set_content(const BcUpward *u, const char *content, JsonObject *ours)
{
    if (!content)
        return;
    g_autofree char *url = g_strconcat(u->media_base ? u->media_base : "", content, NULL);
    bc_upward_set_text(ours, "content", url);
    if (u->o.bulletin)
        u->o.bulletin(content, ours, u->o.user);
    bc_upward_set_text(ours, "bulletin", content);
}

/* --- batches --- */

void bc_batch_init(Batch *b, const BcUpward *u, const char *one, const char *many, const char *key, bool droppable)
{
    *b = (Batch){u, one, many, key, droppable, json_array_new(), g_array_new(FALSE, FALSE, sizeof(BcExPut)), g_ptr_array_new_with_free_func(g_free)};
}

static void batch_cut(Batch *b)
{
    g_autoptr(GError) error = NULL;
    bool single = b->u->o.batch == 1;
    if (!json_array_get_length(b->items))
        return;
    g_autoptr(JsonObject) ours = NULL;
    if (single) {
        ours = json_object_ref(json_array_get_object_element(b->items, 0));
        json_array_unref(b->items);
    } else {
        ours = json_object_new();
        json_object_set_array_member(ours, "items", b->items);
    }
    b->items = json_array_new();
    char *body = bc_ex_write_text(b->u->tables, single ? b->one : b->many, ours, &error);
    if (!body) {
        md_warning(&b->u->logger, "a message \"%s\" cannot be written: %s", single ? b->one : b->many, error->message);
        return;
    }
    char *key = g_strdup_printf("%s:%u", b->key, b->puts->len);
    BcExPut put = {BC_EX_CENTRAL, single ? b->one : b->many, key, body, true, b->droppable};
    g_array_append_val(b->puts, put);
    g_ptr_array_add(b->texts, body);
    g_ptr_array_add(b->texts, key);
}

void bc_batch_add(Batch *b, JsonObject *ours /* taken */)
{
    json_array_add_object_element(b->items, ours);
    if (json_array_get_length(b->items) >= b->u->o.batch)
        batch_cut(b);
}

void bc_batch_put(Batch *b, const char *mark, int64_t value, BcDoneFn done, void *user)
{
    batch_cut(b);
    bc_ex_journal_put_many(b->u->journal, (const BcExPut *)b->puts->data, b->puts->len, mark, value, done, user);
    json_array_unref(b->items);
    g_array_unref(b->puts);
    g_ptr_array_unref(b->texts);
}
