/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/bulletin/attachment.h"
#include "broadcast/bulletin/bulletin.h"
#include "broadcast/bulletin/dictionary.h"

/* Inside this folder only. */
struct BcBulletins { /* g_rc_box: pending writes hold it */
    BcBroadcast *broadcast;
    BcContents *contents;
    MdStore *store;
    BcBulletinOptions o;
    GHashTable *by_id;       /* id -> BcBulletin*, owned */
    GHashTable *by_external; /* external id -> id, both owned by the bulletin */
    GHashTable *owners;      /* content -> GHashTable set of bulletin ids */
    GHashTable *subjects;    /* code -> BcSubject* */
    GHashTable *spoken;      /* hash of what is said -> content */
    GHashTable *counting;    /* "bulletin run" whose play is being noted */
    GArray *listeners;
    BcTimer timer;
    unsigned pending;
    int64_t reconciled_us;
    bool reconcile, stopping;
};

/* Fields */
BcBulletinFields *bc_fields_copy(const BcBulletinFields *from);
void bc_fields_free(BcBulletinFields *fields);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcBulletinFields, bc_fields_free)
char *bc_fields_diff(const BcBulletinFields *a, const BcBulletinFields *b); /* "title, text"; NULL: the same; g_free */
/* Are they sound in themselves? Texts, limits, times. */
bool bc_fields_check(BcBulletins *b, const BcBulletinFields *fields, GError **error);

/* Rows */
typedef struct BcChange {  /* one change of one bulletin, written in one transaction */
    BcBulletins *b;
    BcBulletin *after;     /* owned */
    int64_t expected;      /* revision it was made from; 0: it is new */
    bool new_version, new_content;
    char *who, *what, *from, *note;
    char *spoken_key;      /* remembered with after->now->content, NULL */
    BcDoneFn done;
    void *user;
} BcChange;
BcBulletin *bc_bulletin_copy(const BcBulletin *from);
void bc_bulletin_free(BcBulletin *bulletin);
bool bc_bulletins_load(BcBulletins *b, GError **error);
/* A copy of it with the next revision, to be altered and handed to bc_change_write. what: a word of the history. */
BcChange *bc_change_new(BcBulletins *b, const BcBulletin *from, const char *what, const char *who, const char *note, BcDoneFn done, void *user);
void bc_change_write(BcChange *change);
void bc_bulletins_unref(gpointer bulletins);
void bc_bulletins_own(BcBulletins *b, const char *content, const char *id);
void bc_bulletins_tell(BcBulletins *b, const char *what, const BcBulletin *bulletin);
int64_t bc_bulletins_wall_us(const BcBulletins *b);

void bc_bulletin_fail(BcDoneFn done, void *user, BcError code, const char *format, ...) G_GNUC_PRINTF(4, 5);
bool bc_who_may(const BcBulletins *b, const BcWho *who, const char *area);
bool bc_bulletins_revision_ok(BcBulletins *b, const BcBulletin *bulletin, int64_t revision, GError **error);

/* Gets the sound of fields (spoken or out of an attachment). content NULL without error: it needs none. key: hash of what is said. */
typedef void (*BcSoundFn)(const char *content, const char *key, const GError *error, void *user);
void bc_bulletins_sound(BcBulletins *b, const BcBulletin *bulletin, const char *who, BcSoundFn done, void *user);

char *bc_bulletins_local_time(BcBulletins *b, int64_t wall_us); /* civil, in broadcast's zone; g_free */

/* What follows by itself: schedules, plays, the end of validity. */
void bc_bulletins_follow_start(BcBulletins *b);
void bc_bulletins_follow_stop(BcBulletins *b);
