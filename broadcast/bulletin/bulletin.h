/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/broadcast.h"
#include "broadcast/bulletin/attachment.h"
#include "broadcast/bulletin/dictionary.h"

/* Bulletins (bản tin): what is said, by whom, for where, and who let it go on the air. A change of content makes a new version, and only
 * an approved version sounds. Whole in memory but for old versions; every change is durable, with its history row, before it
 * shows. Control thread. */
typedef struct BcBulletins BcBulletins;

typedef enum BcBulletinKind {
    BC_BULLETIN_TEXT, BC_BULLETIN_IMAGE, BC_BULLETIN_AUDIO, BC_BULLETIN_VIDEO, BC_BULLETIN_LIVE, BC_BULLETIN_RELAY, BC_BULLETIN_KIND_MAX,
    BC_BULLETIN_KIND_INVALID = -1 } BcBulletinKind;
const char *bc_bulletin_kind_to_string(BcBulletinKind kind); /* "text", "image" … */
BcBulletinKind bc_bulletin_kind_from_string(const char *name);

typedef enum BcBulletinState {
    BC_BULLETIN_DRAFT, BC_BULLETIN_SUBMITTED, BC_BULLETIN_RETURNED, BC_BULLETIN_APPROVED, BC_BULLETIN_SCHEDULED, BC_BULLETIN_PLAYED,
    BC_BULLETIN_ARCHIVED, BC_BULLETIN_WITHDRAWN, BC_BULLETIN_EXPIRED, BC_BULLETIN_STATE_MAX, BC_BULLETIN_STATE_INVALID = -1 } BcBulletinState;
const char *bc_bulletin_state_to_string(BcBulletinState state);
BcBulletinState bc_bulletin_state_from_string(const char *name);

typedef enum BcBulletinOrigin { BC_FROM_CENTRAL, BC_FROM_PROVINCE, BC_FROM_OWN, BC_FROM_FEEDBACK, BC_FROM_MAX, BC_FROM_INVALID = -1 } BcBulletinOrigin;
const char *bc_bulletin_origin_to_string(BcBulletinOrigin origin); /* "central", "province", "own", "feedback" */
BcBulletinOrigin bc_bulletin_origin_from_string(const char *name);

#define BC_BULLETINS_MAX 50000u
#define BC_BULLETIN_ATTACHMENTS_MAX 20u
#define BC_BULLETIN_VERSIONS_MAX 500u

typedef struct BcBulletinFields {   /* what a version holds; strings NULL: none */
    BcBulletinKind kind;
    const char *subject;            /* code of bc_bulletins_subjects; NULL: "1", general */
    const char *title;              /* 1..200 bytes */
    const char *author;             /* up to 200 bytes */
    const char *summary;            /* up to 1000 bytes */
    const char *text;               /* up to BC_SPEECH_TEXT_MAX bytes; a TEXT is spoken from it */
    const char *url;                /* LIVE, RELAY: "room NAME" or a stream's URL */
    const char *content;            /* id in BcContents: AUDIO; TEXT: NULL, then it is spoken at submission */
    BcPriority priority;            /* 0: normal */
    int64_t from_us, to_us;         /* wall: valid from, to; 0 open */
    int64_t asked_us;               /* wall: when it is asked to sound, 0 no wish */
    const char *const *areas;       /* asked for, NULL-terminated; NULL: the owner's */
    const char *const *attachments; /* ids, NULL none */
} BcBulletinFields;

typedef struct BcBulletin {         /* owned by the registry, valid until control returns to the main loop */
    const char *id;
    const char *area;               /* whose it is: code */
    BcBulletinOrigin origin;
    const char *external;           /* its id where it came from, NULL none */
    BcBulletinState state;
    int64_t revision;               /* grows with every change: what is said back to change it */
    int64_t version, approved_version; /* of the content; approved 0: never */
    const BcBulletinFields *now;    /* version */
    const BcBulletinFields *approved; /* approved_version, NULL never; may be older than now */
    const char *reason;             /* of the last return or withdrawal, NULL */
    const char *created_by, *changed_by, *submitted_by, *approved_by;
    int64_t created_us, changed_us, played_us; /* wall; played 0: never */
    int64_t runs;                   /* announcements of it so far */
} BcBulletin;

typedef struct BcWho {              /* who asks; rights were looked at before */
    const char *name;
    const char *area;               /* NULL, "": the whole province */
} BcWho;

typedef struct BcBulletinOptions {
    BcAttachments *attachments;     /* borrowed; NULL: bulletins cannot have any */
    BcDictionary *dictionary;       /* borrowed; NULL: none */
    bool own_approval;              /* may a person approve what he wrote or submitted? */
    bool chime;                     /* spoken bulletins begin with one */
    int64_t look_us;                /* how often validity and schedules are looked at, 0: 10 s */
} BcBulletinOptions;

/* Asks broadcast to be told, and becomes its content check. Free it before broadcast. */
BcBulletins *bc_bulletins_new(BcBroadcast *broadcast, MdStore *store, const BcBulletinOptions *options, GError **error);
void bc_bulletins_free(BcBulletins *bulletins);

const BcBulletin *bc_bulletins_find(const BcBulletins *bulletins, const char *id);
GPtrArray *bc_bulletins_list(const BcBulletins *bulletins);  /* newest change first; unref */
/* The bulletin one of whose versions has this recording, preferring the approved one; NULL none. */
const BcBulletin *bc_bulletins_of_content(const BcBulletins *bulletins, const char *content);

/* A new draft. done is called with the error or NULL; *ret_id (g_free) is set at once, NULL when refused at once. */
void bc_bulletins_create(BcBulletins *bulletins, const char *area, const BcBulletinFields *fields, const BcWho *who, char **ret_id,
                         BcDoneFn done, void *user);
/* The same for an answer to feedback that is worth telling everybody: origin FEEDBACK, external the feedback's id. */
void bc_bulletins_create_draft(BcBulletins *bulletins, const char *area, BcBulletinOrigin origin, const char *external, const char *title,
                               const char *text, const BcWho *who, char **ret_id, BcDoneFn done, void *user);
/* A new version, unless nothing differs. revision: that the caller has read; 0 whatever. CHANGED: somebody was faster. */
void bc_bulletins_edit(BcBulletins *bulletins, const char *id, int64_t revision, const BcBulletinFields *fields, const BcWho *who,
                       BcDoneFn done, void *user);

typedef enum BcBulletinAct { BC_ACT_SUBMIT, BC_ACT_APPROVE, BC_ACT_RETURN, BC_ACT_WITHDRAW, BC_ACT_ARCHIVE, BC_ACT_MAX } BcBulletinAct;
/* One step of the way. note: why (RETURN and WITHDRAW need it). SUBMIT of a text has it spoken first: done comes when the sound is
 * there. APPROVE of a version delivers it to the inboxes of the communes asked. */
void bc_bulletins_act(BcBulletins *bulletins, const char *id, int64_t revision, BcBulletinAct act, const char *note, const BcWho *who,
                      BcDoneFn done, void *user);

/* Plays the approved version once at that local time ("2026-11-23T05:00:00"), or by a rule, in areas (NULL: those asked for), never beyond its
 * validity. */
typedef struct BcBulletinWhen {
    const char *start_local, *rule; /* rule NULL: once */
    const char *const *areas;
    unsigned repeats, gap_s, grace_s;
} BcBulletinWhen;
void bc_bulletins_schedule(BcBulletins *bulletins, const char *id, int64_t revision, const BcBulletinWhen *when, const BcWho *who,
                           char **ret_schedule, BcDoneFn done, void *user);

/* From the central system or another one above: reviewed there, so approved here, and delivered at once. The same external id again is the
 * same bulletin: nothing happens when nothing differs, else it is a new version. area: the province's. sender: who is named as
 * author of the acts. */
void bc_bulletins_receive(BcBulletins *bulletins, BcBulletinOrigin origin, const char *external, const char *area,
                          const BcBulletinFields *fields, const char *sender, char **ret_id, BcDoneFn done, void *user);
/* The sender takes it back: what waits is withdrawn, what is scheduled does not play. */
void bc_bulletins_recall(BcBulletins *bulletins, const char *external, const char *reason, const char *sender, BcDoneFn done, void *user);

/* May this recording sound then? True for recordings that belong to no bulletin; else only an approved version within its
 * validity. */
bool bc_bulletins_content_ok(BcBulletins *bulletins, const char *content, int64_t at_wall_us, char **ret_why);

/* The sound of the current version as it would be heard (chime, dictionary), made when it is not there yet: its content id. */
typedef void (*BcPreviewFn)(const char *content, const GError *error, void *user);
void bc_bulletins_preview(BcBulletins *bulletins, const char *id, BcPreviewFn done, void *user);

typedef struct BcBulletinVersion {
    int64_t version, changed_us;
    const char *changed_by;
    BcBulletinFields fields;
} BcBulletinVersion;
/* Oldest first. fn's strings live during the call. */
bool bc_bulletins_versions(BcBulletins *bulletins, const char *id, void (*fn)(const BcBulletinVersion *version, void *user), void *user,
                           GError **error);
/* One of them, also of a bulletin that has newer ones. false: there is none (no error), or it cannot be read. */
bool bc_bulletins_version(BcBulletins *bulletins, const char *id, int64_t version, void (*fn)(const BcBulletinVersion *version, void *user),
                          void *user, GError **error);
/* Ids of the bulletins one of whose versions has this attachment; g_strfreev. */
char **bc_bulletins_of_attachment(BcBulletins *bulletins, const char *attachment, GError **error);
typedef struct BcBulletinStep {
    int64_t revision, version, at_us;
    const char *who, *what;         /* "created", "edited", "submitted", "approved", "returned" … */
    const char *from, *to;          /* states */
    const char *note;               /* why; of an edit which fields; NULL */
} BcBulletinStep;
bool bc_bulletins_history(BcBulletins *bulletins, const char *id, int64_t after_revision, void (*fn)(const BcBulletinStep *step, void *user),
                          void *user, GError **error);

/* Subject fields: a code table of the exchange with the central system. */
typedef struct BcSubject {
    const char *code, *name;        /* "4", "Chỉ đạo điều hành …" */
} BcSubject;
GPtrArray *bc_bulletins_subjects(const BcBulletins *bulletins); /* of BcSubject*, by code; unref */
void bc_bulletins_put_subject(BcBulletins *bulletins, const char *code, const char *name, BcDoneFn done, void *user);

/* Types: "bulletin.created", "bulletin.edited", "bulletin.submitted", … as the history's words. */
typedef void (*BcBulletinEventFn)(const char *type, const BcBulletin *bulletin, void *user);
void bc_bulletins_add_listener(BcBulletins *bulletins, BcBulletinEventFn fn, void *user);
void bc_bulletins_remove_listener(BcBulletins *bulletins, BcBulletinEventFn fn, void *user);

BcBroadcast *bc_bulletins_broadcast(BcBulletins *bulletins);
unsigned bc_bulletins_pending(const BcBulletins *bulletins); /* writes and speech under way: tests wait for 0 */

extern const MdMigration bc_bulletin_migrations[]; /* numbers 340..349 */
extern const unsigned bc_bulletin_n_migrations;
