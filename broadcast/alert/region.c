/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/alert/region.h"

#include <math.h>
#include <string.h>

#define EARTH_KM 6371.0088
#define CSV_MAX (4u << 20)
#define CENTRES_MAX 100000u

bool bc_polygon_contains(const GArray *polygon, BcCapPoint point)
{
    bool inside = false;
    const BcCapPoint *p = (const BcCapPoint *)polygon->data;
    for (unsigned i = 0, j = polygon->len - 1; i < polygon->len; j = i++) {
        if ((p[i].lat > point.lat) == (p[j].lat > point.lat))
            continue;
        double lon = p[i].lon + (point.lat - p[i].lat) / (p[j].lat - p[i].lat) * (p[j].lon - p[i].lon);
        if (point.lon < lon)
            inside = !inside;
    }
    return inside;
}

double bc_distance_km(BcCapPoint a, BcCapPoint b)
{
    const double degree = G_PI / 180;
    double north = (b.lat - a.lat) * degree / 2, east = (b.lon - a.lon) * degree / 2;
    double h = sin(north) * sin(north) + cos(a.lat * degree) * cos(b.lat * degree) * sin(east) * sin(east);
    return 2 * EARTH_KM * asin(sqrt(MIN(h, 1)));
}

/* --- centres --- */

struct BcCentres {
    GHashTable *by_code; /* char* -> BcCapPoint* */
};

static int column_of(char **head, const char *name)
{
    for (int i = 0; head[i]; i++)
        if (g_str_equal(g_strstrip(head[i]), name))
            return i;
    return -1;
}

static bool read_row(BcCentres *centres, char **cells, int code, int lat, int lon)
{
    int n = (int)g_strv_length(cells);
    char *end_lat, *end_lon;
    if (n <= MAX(code, MAX(lat, lon)))
        return false;
    BcCapPoint point = {g_ascii_strtod(cells[lat], &end_lat), g_ascii_strtod(cells[lon], &end_lon)};
    if (end_lat == cells[lat] || end_lon == cells[lon] || fabs(point.lat) > 90 || fabs(point.lon) > 180 || !bc_code_ok(cells[code], 32))
        return false;
    g_hash_table_replace(centres->by_code, g_strdup(cells[code]), g_memdup2(&point, sizeof point));
    return true;
}

BcCentres *bc_centres_parse(const char *csv, GError **error)
{
    g_auto(GStrv) lines = g_strsplit(csv, "\n", CENTRES_MAX + 2);
    g_auto(GStrv) head = lines[0] ? g_strsplit(g_strchomp(lines[0]), ",", -1) : g_new0(char *, 1);
    int code = column_of(head, "code"), lat = column_of(head, "centre_lat"), lon = column_of(head, "centre_lon");
    if (code < 0 || lat < 0 || lon < 0) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "line 1: the columns code, centre_lat and centre_lon are wanted");
        return NULL;
    }
    BcCentres *centres = g_new0(BcCentres, 1);
    centres->by_code = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (unsigned i = 1; lines[i]; i++) {
        g_auto(GStrv) cells = g_strsplit(g_strchomp(lines[i]), ",", -1);
        if (!cells[0] || read_row(centres, cells, code, lat, lon))
            continue;
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "line %u: no code with latitude and longitude", i + 1);
        bc_centres_free(centres);
        return NULL;
    }
    return centres;
}

BcCentres *bc_centres_new(const char *path, GError **error)
{
    g_autofree char *csv = NULL;
    gsize len = 0;
    if (!path)
        return bc_centres_parse("code,centre_lat,centre_lon\n", error);
    if (!g_file_get_contents(path, &csv, &len, error))
        return NULL;
    if (len > CSV_MAX || !g_utf8_validate(csv, (gssize)len, NULL)) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "%s: UTF-8 of at most 4 MiB is wanted", path);
        return NULL;
    }
    BcCentres *centres = bc_centres_parse(csv, error);
    if (!centres)
        g_prefix_error(error, "%s: ", path);
    return centres;
}

void bc_centres_free(BcCentres *centres)
{
    if (!centres)
        return;
    g_hash_table_unref(centres->by_code);
    g_free(centres);
}

void bc_centres_put(BcCentres *centres, const char *code, BcCapPoint centre)
{
    g_hash_table_replace(centres->by_code, g_strdup(code), g_memdup2(&centre, sizeof centre));
}

bool bc_centres_find(const BcCentres *centres, const char *code, BcCapPoint *ret)
{
    const BcCapPoint *found = centres ? g_hash_table_lookup(centres->by_code, code) : NULL;
    if (found)
        *ret = *found;
    return found != NULL;
}

/* --- an info's places --- */

static const BcArea *find_code(const BcAreas *areas, GPtrArray *all, const char *value)
{
    const BcArea *area = bc_areas_find(areas, value);
    for (unsigned i = 0; !area && i < all->len; i++)
        if (g_strcmp0(((const BcArea *)all->pdata[i])->ident, value) == 0)
            area = all->pdata[i];
    return area;
}

static bool is_ours(const char *const *names, const char *name)
{
    for (unsigned i = 0; names && names[i]; i++)
        if (g_ascii_strcasecmp(names[i], name) == 0)
            return true;
    return false;
}

static bool covers(const BcCapArea *area, BcCapPoint point)
{
    for (unsigned i = 0; i < area->polygons->len; i++)
        if (bc_polygon_contains(area->polygons->pdata[i], point))
            return true;
    for (unsigned i = 0; i < area->circles->len; i++) {
        const BcCapCircle *circle = &g_array_index(area->circles, BcCapCircle, i);
        if (bc_distance_km(circle->centre, point) <= circle->km)
            return true;
    }
    return false;
}

typedef struct Finder {
    const BcRegionOptions *o;
    GPtrArray *all;      /* BcArea */
    GHashTable *codes;   /* set of char*, borrowed from the tree */
} Finder;

/* An area whose parts have centres of their own: they tell better what a shape covers, a village's circle is not the whole province. */
static GHashTable *divided(Finder *f)
{
    GHashTable *set = g_hash_table_new(g_str_hash, g_str_equal);
    BcCapPoint point;
    for (unsigned i = 0; i < f->all->len; i++) {
        const BcArea *area = f->all->pdata[i];
        if (!bc_centres_find(f->o->centres, area->code, &point))
            continue;
        for (const BcArea *up = bc_areas_find(f->o->areas, area->parent); up && g_hash_table_add(set, (gpointer)up->code);)
            up = bc_areas_find(f->o->areas, up->parent);
    }
    return set;
}

static void find_shape(Finder *f, const BcCapArea *area)
{
    BcCapPoint point;
    if (!area->polygons->len && !area->circles->len)
        return;
    g_autoptr(GHashTable) parts = divided(f);
    for (unsigned i = 0; i < f->all->len; i++) {
        const BcArea *ours = f->all->pdata[i];
        if (!g_hash_table_contains(parts, ours->code) && bc_centres_find(f->o->centres, ours->code, &point) && covers(area, point))
            g_hash_table_add(f->codes, (gpointer)ours->code);
    }
    g_autoptr(GPtrArray) devices = f->o->devices ? bc_devices_in(f->o->devices, NULL, true) : g_ptr_array_new();
    for (unsigned i = 0; i < devices->len; i++) {
        const BcDevice *device = devices->pdata[i];
        if (isnan(device->latitude) || isnan(device->longitude) || !covers(area, (BcCapPoint){device->latitude, device->longitude}))
            continue;
        const BcArea *ours = bc_areas_find(f->o->areas, device->area);
        if (ours && !g_hash_table_contains(parts, ours->code))
            g_hash_table_add(f->codes, (gpointer)ours->code);
    }
}

static void find_area(Finder *f, const BcCapArea *area)
{
    bool known = false;
    for (unsigned i = 0; i < area->geocodes->len; i++) {
        const BcCapPair *pair = &g_array_index(area->geocodes, BcCapPair, i);
        const BcArea *ours = is_ours(f->o->geocode_names, pair->name) ? find_code(f->o->areas, f->all, pair->value) : NULL;
        if (!ours)
            continue;
        known = true;
        g_hash_table_add(f->codes, (gpointer)ours->code);
    }
    if (!known)
        find_shape(f, area);
}

/* Into what the source may reach: an area above it becomes it, one outside goes. */
static void clip(Finder *f, const char *code, GHashTable *ret)
{
    const char *const *within = f->o->within;
    if (!within || !within[0])
        g_hash_table_add(ret, g_strdup(code));
    for (unsigned i = 0; within && within[i]; i++) {
        if (bc_areas_contains(f->o->areas, within[i], code))
            g_hash_table_add(ret, g_strdup(code));
        else if (bc_areas_contains(f->o->areas, code, within[i]))
            g_hash_table_add(ret, g_strdup(within[i]));
    }
}

static int by_text(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Without what lies in another one. */
static GPtrArray *tidy(Finder *f, GHashTable *codes)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter it;
    gpointer code;
    g_hash_table_iter_init(&it, codes);
    while (g_hash_table_iter_next(&it, &code, NULL)) {
        bool inside = false;
        const BcArea *area = bc_areas_find(f->o->areas, code);
        for (const char *up = area ? area->parent : NULL; up && !inside;) {
            inside = g_hash_table_contains(codes, up);
            const BcArea *above = bc_areas_find(f->o->areas, up);
            up = above ? above->parent : NULL;
        }
        if (!inside)
            g_ptr_array_add(list, g_strdup(code));
    }
    g_ptr_array_sort(list, by_text);
    return list;
}

GPtrArray *bc_region_find(const BcRegionOptions *options, const BcCapInfo *info, GError **error)
{
    g_autoptr(GPtrArray) all = bc_areas_subtree(options->areas, NULL);
    g_autoptr(GHashTable) codes = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) clipped = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Finder f = {options, all, codes};
    for (unsigned i = 0; i < info->areas->len; i++)
        find_area(&f, info->areas->pdata[i]);
    for (unsigned i = 0; !info->areas->len && i < all->len; i++)
        if (!((const BcArea *)all->pdata[i])->parent)
            g_hash_table_add(codes, (gpointer)((const BcArea *)all->pdata[i])->code);
    GHashTableIter it;
    gpointer code;
    g_hash_table_iter_init(&it, codes);
    while (g_hash_table_iter_next(&it, &code, NULL))
        clip(&f, code, clipped);
    if (g_hash_table_size(clipped) > 0)
        return tidy(&f, clipped);
    g_autoptr(GString) names = g_string_new(NULL);
    for (unsigned i = 0; i < info->areas->len && names->len < 300; i++)
        g_string_append_printf(names, "%s\"%s\"", i ? ", " : "", ((const BcCapArea *)info->areas->pdata[i])->description);
    g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND,
                "<area>: %s: none of our areas: neither a known geocode nor a polygon or circle around a centre or a loudspeaker", names->str);
    return NULL;
}
