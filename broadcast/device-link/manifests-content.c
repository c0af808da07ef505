/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands in manifests: what an area hears in the days ahead, and what each of its devices is told besides. */
#include "broadcast/device-link/manifests-private.h"

#include <string.h>

static void clear_item(gpointer data)
{
    BcLinkItem *item = data;
    BcLinkMedia *files[] = {&item->media, &item->fallback};
    for (unsigned i = 0; i < G_N_ELEMENTS(files); i++) {
        g_free(files[i]->sha256);
        g_free(files[i]->path);
        g_free(files[i]->media_type);
    }
    g_free(item->occurrence);
    g_free(item->title);
    g_free(item->relay_url);
}

void bc_manifests_area_free(gpointer data)
{
    Area *area = data;
    g_array_unref(area->items);
    g_hash_table_unref(area->carried);
    g_checksum_free(area->sum);
    g_free(area);
}

static bool fill_media(BcManifests *m, BcLinkMedia *ret, const char *content)
{
    const BcMediaFile *file = content ? bc_media_find(m->o.media, content, false) : NULL;
    *ret = (BcLinkMedia){.sha256 = g_strdup(file ? file->sha256 : ""),
                         .path = file ? bc_media_path(content) : g_strdup(""),
                         .media_type = g_strdup(file ? BC_MEDIA_TYPE : ""),
                         .bytes = file ? file->bytes : 0};
    return file || !content;
}

/* The devices decide by themselves what cuts off what (broadcast/order.h): they get each item whole, at its place by the clock. */
static bool fill_item(BcManifests *m, BcLinkItem *ret, const BcPlanItem *from)
{
    *ret = (BcLinkItem){.kind = g_str_equal(from->kind, "relay") ? BC_LINK_RELAY : g_str_equal(from->kind, "silence") ? BC_LINK_SILENCE : BC_LINK_CONTENT,
                        .occurrence = g_strdup(from->occurrence),
                        .title = g_strdup(from->title),
                        .start_us = from->start_us - from->skip_us,
                        .duration_us = from->end_us - from->start_us + from->skip_us,
                        .expires_us = from->expires_us,
                        .grace_us = from->grace_us,
                        .priority = from->priority,
                        .authority = from->authority,
                        .made_us = from->made_us,
                        .repeats = MAX(from->repeats, 1),
                        .gap_us = from->gap_us,
                        .resume = from->resume,
                        .quiet_ok = from->quiet_ok,
                        .volume = from->volume,
                        .relay_url = g_strdup(from->url),
                        .silence_max_us = from->silence_max_us};
    bool main = fill_media(m, &ret->media, ret->kind == BC_LINK_CONTENT ? from->content : NULL);
    return fill_media(m, &ret->fallback, from->fallback) && main;
}

static void add_print(GChecksum *sum, const BcLinkItem *i)
{
    g_autofree char *text = g_strdup_printf("%d|%s|%s|%" G_GINT64_FORMAT "|%" G_GINT64_FORMAT "|%" G_GINT64_FORMAT "|%" G_GINT64_FORMAT "|%u|%u|%" G_GINT64_FORMAT
                                            "|%u|%" G_GINT64_FORMAT "|%d|%d|%d|%s|%s|%s|%s|%" G_GINT64_FORMAT "\n",
                                            i->kind, i->occurrence, i->title, i->start_us, i->duration_us, i->expires_us, i->grace_us, i->priority,
                                            i->authority, i->made_us, i->repeats, i->gap_us, i->resume, i->quiet_ok, i->volume, i->media.sha256,
                                            i->media.path, i->relay_url ? i->relay_url : "", i->fallback.sha256, i->silence_max_us);
    g_checksum_update(sum, (const guchar *)text, -1);
}

/* Pieces of one item that the plan has cut up belong together again. */
static bool join(GArray *items, GHashTable *by_occurrence, const BcPlanItem *from)
{
    unsigned at = GPOINTER_TO_UINT(g_hash_table_lookup(by_occurrence, from->occurrence));
    if (!at)
        return false;
    BcLinkItem *item = &g_array_index(items, BcLinkItem, at - 1);
    item->duration_us = MAX(item->duration_us, from->end_us - item->start_us);
    item->quiet_ok &= from->quiet_ok; /* what lies between the pieces may be quiet */
    return true;
}

Area *bc_manifests_area(BcManifests *m, const BcPlan *plan, const char *code, int64_t now_us)
{
    Area *area = g_new0(Area, 1);
    g_autoptr(GHashTable) by_occurrence = g_hash_table_new(g_str_hash, g_str_equal);
    unsigned n = 0, over = 0;
    const BcPlanItem *items = bc_plan_items(plan, code, &n);
    area->items = g_array_new(FALSE, FALSE, sizeof(BcLinkItem));
    g_array_set_clear_func(area->items, clear_item);
    area->carried = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    area->sum = g_checksum_new(G_CHECKSUM_SHA256);
    for (unsigned i = 0; i < n; i++) {
        if (join(area->items, by_occurrence, &items[i]))
            continue;
        if (area->items->len >= BC_LINK_ITEMS_MAX) {
            over++;
            continue;
        }
        BcLinkItem item;
        if (!fill_item(m, &item, &items[i])) { /* comes with the file; bc_media's on_ready looks again */
            clear_item(&item);
            continue;
        }
        g_array_append_val(area->items, item);
        const char *at = strchr(item.occurrence, '@'), *dot = at ? strchr(at, '.') : NULL;
        g_hash_table_add(area->carried, dot ? g_strndup(item.occurrence, (gsize)(dot - item.occurrence)) : g_strdup(item.occurrence));
        g_hash_table_insert(by_occurrence, (char *)items[i].occurrence, GUINT_TO_POINTER(area->items->len));
    }
    if (over && m->o.logger)
        md_warning(m->o.logger, "area %s: %u items of the coming days do not fit into the manifest yet (at most %u); they follow day by day", code, over,
                   BC_LINK_ITEMS_MAX);
    for (unsigned i = 0; i < area->items->len; i++)
        add_print(area->sum, &g_array_index(area->items, BcLinkItem, i));
    return area;
}

/* --- one device's manifest --- */

static void fill_areas(BcManifests *m, BcLinkManifest *ret, const char *code)
{
    const BcArea *area = bc_areas_find(bc_broadcast_areas(m->o.broadcast), code);
    for (unsigned n = 0; area && n < BC_LINK_AREAS_MAX; n++) {
        ret->areas[n] = (char *)area->code;
        area = area->parent ? bc_areas_find(bc_broadcast_areas(m->o.broadcast), area->parent) : NULL;
    }
}

void bc_manifests_fill(BcManifests *m, BcLinkManifest *ret, const BcDevice *device, const Area *area)
{
    BcQuietHours quiet = bc_quiet_hours(bc_broadcast_quiet(m->o.broadcast), device->area, NULL);
    *ret = (BcLinkManifest){.device = (char *)device->id,
                            .zone = (char *)bc_broadcast_timezone(m->o.broadcast),
                            .media_base = (char *)bc_device_link_media_base(m->o.link),
                            .volume = device->volume,
                            .stop_before_us = bc_planner_stop_before_us(bc_broadcast_planner(m->o.broadcast), device->area),
                            .live_buffer_ms = m->o.live_buffer_ms,
                            .items = (BcLinkItem *)area->items->data,
                            .n_items = area->items->len};
    if (quiet.from_s != quiet.to_s) { /* in whole minutes, never less than meant */
        unsigned from = quiet.from_s / 60, to = (quiet.to_s + 59) / 60 % 1440;
        ret->quiet[ret->n_quiet++] = (BcLinkWindow){.from_min = from, .to_min = from == to ? (from + 720) % 1440 : to};
        if (from == to) /* all day: a window that ends where it begins is none */
            ret->quiet[ret->n_quiet++] = (BcLinkWindow){.from_min = (from + 720) % 1440, .to_min = to};
    }
    for (; ret->n_volumes < MIN(device->n_volumes, BC_LINK_WINDOWS_MAX); ret->n_volumes++)
        ret->volumes[ret->n_volumes] = (BcLinkWindow){device->volumes[ret->n_volumes].from_min, device->volumes[ret->n_volumes].to_min,
                                                      device->volumes[ret->n_volumes].volume};
    fill_areas(m, ret, device->area);
}

void bc_manifests_print(const BcManifests *m, const BcLinkManifest *manifest, const Area *area, char ret[65])
{
    g_autoptr(GChecksum) sum = g_checksum_copy(area->sum);
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text, "%" G_GINT64_FORMAT "|%s|%s|%s|%u|%" G_GINT64_FORMAT "|%u|", m->epoch, manifest->device, manifest->zone, manifest->media_base ? manifest->media_base : "",
                           manifest->volume, manifest->stop_before_us, manifest->live_buffer_ms);
    for (unsigned i = 0; manifest->areas[i]; i++)
        g_string_append_printf(text, "%s,", manifest->areas[i]);
    for (unsigned i = 0; i < manifest->n_quiet; i++)
        g_string_append_printf(text, "|q%u-%u", manifest->quiet[i].from_min, manifest->quiet[i].to_min);
    for (unsigned i = 0; i < manifest->n_volumes; i++)
        g_string_append_printf(text, "|v%u-%u=%u", manifest->volumes[i].from_min, manifest->volumes[i].to_min, manifest->volumes[i].volume);
    g_checksum_update(sum, (const guchar *)text->str, (gssize)text->len);
    g_strlcpy(ret, g_checksum_get_string(sum), 65);
}
