/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/alert/alert.h"
#include <string.h>
#include "broadcast/alert/drill.h"
#include "broadcast/order.h"
#include "mediad/core/clock.h"

/* The life of an alert on a clock turned by hand: a real store, and an air that notes what is played and ends it when its time is
 * over (siren 10 s, words 5 s; words take 2 s to be made). */
#define S ((int64_t)1000000)
#define T0 (1795377600 * S) /* 2026-11-23 03:00 in Hà Tĩnh */

typedef struct Sound {
    char *id, *content, *lead, *areas, *room;
    int siren;
    unsigned volume, authority;
    bool drill;
    int64_t start_us, end_us, made_us;
    bool over;
    char *stopped;
} Sound;

typedef struct Due {
    int64_t at_us;
    BcAlertMadeFn done;
    void *user;
} Due;

typedef struct Rig {
    char *dir;
    MdVirtualClock clock;
    MdStore *store;
    BcTimers *timers;
    BcAreas *areas;
    BcDevices *devices;
    BcAlerts *alerts;
    GPtrArray *sounds;  /* Sound, in order */
    GArray *speeches;   /* Due */
    GPtrArray *spoken;  /* texts */
    GString *events;
    bool mute;          /* speech fails */
    unsigned broken;    /* so many plays and live sounds fail */
    int64_t quiet_until_us;
    unsigned n;
} Rig;

typedef struct Answer {
    bool done, duplicate;
    char *id;
    GError *error;
} Answer;

typedef struct Cap {
    const char *id, *status, *type, *event, *area, *references, *response, *severity;
    int64_t effective_s, expires_s; /* after now */
    const char *sender;
} Cap;

int64_t rig_now(Rig *rig);
void rig_open(Rig *rig);
void rig_close(Rig *rig);
Rig *rig_new(void);
void rig_free(Rig *rig);
void rig_go(Rig *rig, int64_t us);
void rig_on_done(const BcAlert *alert, bool duplicate, const GError *error, void *user);
const BcAlert *rig_get(Rig *rig, Answer *answer);
extern const BcAlertSource rig_weather;
Answer rig_send_from(Rig *rig, const BcAlertSource *source, const Cap *cap);
const BcAlert *rig_take(Rig *rig, const Cap *cap);
Sound *rig_sound(Rig *rig, unsigned i);
bool rig_nothing(MdDb *db, gpointer data, GError **error);
