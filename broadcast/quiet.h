/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/area.h"
#include "broadcast/civil.h"

/* When loudspeakers keep silent: nightly hours per area (its own, else those of the area above, else the province's setting), and the
 * exceptions that two people have made together. Only an emergency is above them. Control thread. Counted (g_rc_box). */
typedef struct BcQuiet BcQuiet;

typedef struct BcQuietHours { /* seconds of the day in the province's zone; from == to: no quiet hours; to < from: over midnight */
    unsigned from_s, to_s;    /* 0..86399, 0..86400 */
} BcQuietHours;

/* "21:30-05:00", "none"; false: neither. */
bool bc_quiet_parse(const char *text, BcQuietHours *ret);
char *bc_quiet_format(const BcQuietHours *hours); /* g_free */
/* Is that second of a day quiet? *ret_left_s: for so many seconds more it stays as it is. */
bool bc_quiet_is(const BcQuietHours *hours, unsigned second, unsigned *ret_left_s);

typedef struct BcQuietRelease { /* strings owned by the registry */
    const char *id;
    const char *const *areas;
    int64_t from_us, to_us;     /* wall; at most 12 h */
    const char *reason;
    const char *asked_by;
    int64_t asked_us;
    const char *released_by;    /* NULL: waits for a second person; somebody else than asked_by */
    int64_t released_us;
} BcQuietRelease;
#define BC_QUIET_RELEASE_MAX_US (12ll * 3600 * G_USEC_PER_SEC)
#define BC_QUIET_RELEASES_MAX 1000u

BcQuiet *bc_quiet_new(MdStore *store, BcAreas *areas, const BcQuietHours *standard, const char *zone, int64_t now_wall_us, GError **error);
void bc_quiet_unref(BcQuiet *quiet);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcQuiet, bc_quiet_unref)

/* The hours that hold in area; *ret_from (may be NULL): the area that set them, NULL the setting. */
BcQuietHours bc_quiet_hours(const BcQuiet *quiet, const char *area, const char **ret_from);
bool bc_quiet_own(const BcQuiet *quiet, const char *area); /* has it hours of its own? */
/* hours NULL: those from above again. */
void bc_quiet_put(BcQuiet *quiet, const char *area, const BcQuietHours *hours, BcDoneFn done, void *user);
/* Do quiet hours hold there at that moment, and has nobody released it? */
bool bc_quiet_at(const BcQuiet *quiet, const char *area, int64_t wall_us);
/* Wall time of its end; 0: it is not quiet there. */
int64_t bc_quiet_until_us(const BcQuiet *quiet, const char *area, int64_t wall_us);

/* ret_id: g_free. INVALID: the span, the reason, the areas. */
void bc_quiet_ask(BcQuiet *quiet, const BcQuietRelease *wish, int64_t now_wall_us, char **ret_id, BcDoneFn done, void *user);
/* STATE: by the one who asked, or too late. */
void bc_quiet_release(BcQuiet *quiet, const char *id, const char *who, int64_t now_wall_us, BcDoneFn done, void *user);
/* Not over yet, by (from, id); unref. */
GPtrArray *bc_quiet_releases(const BcQuiet *quiet, int64_t now_wall_us);
