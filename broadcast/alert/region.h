/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/alert/cap.h"
#include "broadcast/device.h"

/* Where: an alert's areas to ours. Control thread. */

/* Even-odd rule on latitude and longitude (WGS 84); edges count as inside or outside, nobody stands on them. Polygons that pass the
 * date line are not meant. */
bool bc_polygon_contains(const GArray *polygon /* BcCapPoint */, BcCapPoint point);
/* Great-circle kilometres on a sphere of 6371.0088 km. */
double bc_distance_km(BcCapPoint a, BcCapPoint b);

/* Centres of areas, by code. */
typedef struct BcCentres BcCentres;
/* CSV with a head line that names "code", "centre_lat" and "centre_lon". path NULL: an empty table. */
BcCentres *bc_centres_new(const char *path, GError **error);
BcCentres *bc_centres_parse(const char *csv, GError **error);
void bc_centres_free(BcCentres *centres);
void bc_centres_put(BcCentres *centres, const char *code, BcCapPoint centre);
bool bc_centres_find(const BcCentres *centres, const char *code, BcCapPoint *ret);

typedef struct BcRegionOptions {
    const BcAreas *areas;
    const BcDevices *devices;          /* NULL: their places do not count */
    const BcCentres *centres;
    const char *const *geocode_names;  /* valueNames whose values are codes of ours; "ident" codes are tried too */
    const char *const *within;         /* only these subtrees; NULL: everywhere */
} BcRegionOptions;

/* Codes of areas that the info names, without those that lie in another of them; unref. A geocode that is known decides for its
 * <area>, polygons and circles otherwise: the areas whose centre, or one of whose loudspeakers, lies inside. NULL with
 * BC_ERROR_NOT_FOUND: it names no place of ours. An info without areas means all of within (or every root). */
GPtrArray *bc_region_find(const BcRegionOptions *options, const BcCapInfo *info, GError **error);
