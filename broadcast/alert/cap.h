/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/types.h"

/* Common Alerting Protocol 1.2 (OASIS, 1 July 2010). Pure functions of text; any thread. */
#define BC_CAP_NS "urn:oasis:names:tc:emergency:cap:1.2"
#define BC_CAP_INFOS_MAX 16u
#define BC_CAP_AREAS_MAX 200u      /* of one info */
#define BC_CAP_POINTS_MAX 20000u   /* of one message, all polygons together */
#define BC_CAP_TEXT_MAX 16000u     /* bytes of a description or an instruction; other fields 2000 */
#define BC_CAP_REFERENCES_MAX 100u

typedef enum BcCapStatus { BC_CAP_ACTUAL, BC_CAP_EXERCISE, BC_CAP_SYSTEM, BC_CAP_TEST, BC_CAP_DRAFT, BC_CAP_STATUS_MAX } BcCapStatus;
typedef enum BcCapType { BC_CAP_ALERT, BC_CAP_UPDATE, BC_CAP_CANCEL, BC_CAP_ACK, BC_CAP_ERROR, BC_CAP_TYPE_MAX } BcCapType;
typedef enum BcCapScope { BC_CAP_PUBLIC, BC_CAP_RESTRICTED, BC_CAP_PRIVATE, BC_CAP_SCOPE_MAX } BcCapScope;
typedef enum BcCapUrgency { BC_CAP_IMMEDIATE, BC_CAP_EXPECTED, BC_CAP_FUTURE, BC_CAP_PAST, BC_CAP_URGENCY_UNKNOWN, BC_CAP_URGENCY_MAX } BcCapUrgency;
typedef enum BcCapSeverity { BC_CAP_EXTREME, BC_CAP_SEVERE, BC_CAP_MODERATE, BC_CAP_MINOR, BC_CAP_SEVERITY_UNKNOWN, BC_CAP_SEVERITY_MAX } BcCapSeverity;
typedef enum BcCapCertainty { BC_CAP_OBSERVED, BC_CAP_LIKELY, BC_CAP_POSSIBLE, BC_CAP_UNLIKELY, BC_CAP_CERTAINTY_UNKNOWN, BC_CAP_CERTAINTY_MAX } BcCapCertainty;
const char *bc_cap_status_to_string(BcCapStatus status);   /* "Actual" … as in the standard */
const char *bc_cap_type_to_string(BcCapType type);
const char *bc_cap_urgency_to_string(BcCapUrgency urgency);
const char *bc_cap_severity_to_string(BcCapSeverity severity);
const char *bc_cap_certainty_to_string(BcCapCertainty certainty);
int bc_cap_status_from_string(const char *word);            /* -1: none of them */

typedef struct BcCapPoint { double lat, lon; } BcCapPoint;  /* WGS 84 degrees */
typedef struct BcCapCircle { BcCapPoint centre; double km; } BcCapCircle;
typedef struct BcCapPair { char *name, *value; } BcCapPair;

typedef struct BcCapArea {
    char *description;
    GPtrArray *polygons;      /* of GArray of BcCapPoint, first = last */
    GArray *circles;          /* BcCapCircle */
    GArray *geocodes;         /* BcCapPair */
} BcCapArea;

typedef struct BcCapInfo {
    char *language;           /* "en-US" when the message says nothing */
    char *event, *sender_name, *headline, *description, *instruction; /* all but event may be NULL */
    char *categories;         /* comma-separated */
    bool all_clear;           /* responseType AllClear */
    BcCapUrgency urgency;
    BcCapSeverity severity;
    BcCapCertainty certainty;
    GArray *event_codes;      /* BcCapPair */
    int64_t effective_us, onset_us, expires_us; /* wall, 0: not said */
    GPtrArray *areas;         /* BcCapArea */
} BcCapInfo;

typedef struct BcCapReference { char *sender, *identifier; int64_t sent_us; } BcCapReference;

typedef struct BcCap {
    char *identifier, *sender, *source, *note, *incidents; /* the last three may be NULL */
    int64_t sent_us;
    BcCapStatus status;
    BcCapType type;
    BcCapScope scope;
    GArray *references;       /* BcCapReference */
    GPtrArray *infos;         /* BcCapInfo */
    bool has_signature;       /* there is one; bc_cap_signature_check says what it is worth */
} BcCap;

/* BC_ERROR_INVALID naming element and line, BC_ERROR_LIMIT. */
BcCap *bc_cap_parse(const char *text, gsize len, GError **error);
void bc_cap_free(BcCap *cap);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcCap, bc_cap_free)
/* The info in the first of the languages that is there ("vi" takes "vi-VN"), else the first. NULL: there is none. */
const BcCapInfo *bc_cap_choose(const BcCap *cap, const char *const *languages);
/* "2026-11-23T05:00:00+07:00": with the zone as an offset, never "Z" (3.3.2). -1: no such time. */
int64_t bc_cap_time_us(const char *text);
