/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/device-link/connection.h"
#include "broadcast/device-link/eject.h"
#include "broadcast/device-link/log.h"
#include "broadcast/device-link/service.h"
#include "mediad/core/bucket.h"

/* Inside this room. */
typedef struct BcLinkDevice {   /* what is known of one device here */
    char *id;
    BcLinkState state;
    bool known;                 /* it has sent a state once */
    bool online, dirty;
    int64_t seen_us, changed_us;
    int64_t manifest_version, manifest_us; /* what it is to have, since when */
    MdBucket budget;            /* of messages: one that has gone mad must not hold up the others */
    int64_t missing_report;     /* the least number of a report that was not taken, until it comes again; INT64_MAX none */
    int64_t scolded_us;         /* monotonic: the log named it last */
} BcLinkDevice;

struct BcDeviceLink {
    BcDeviceLinkOptions options;
    char *state_dir, *broker_host, *advertised_host, *media_base, *zone, *folder;
    MdLogger logger;
    BcKey *key, *former;        /* former: what devices believed before, NULL none */
    bool keys_told;
    char *jwks;                 /* what devices are to believe, with a version */
    int64_t keys_version;       /* 1: never changed */
    BcCa *ca;
    BcCredentials *credentials;
    BcCommands *commands;
    BcHealth *health;
    BcOutages *outages;
    BcConnection *connection;
    BcEjector *ejector;         /* NULL: no broker, or one without certificates */
    GHashTable *by_id;          /* id -> BcLinkDevice, owned */
    GArray *listeners;          /* BcDeviceLinkListener */
    guint timer;
    unsigned ticks, online;
    int64_t ending_told_us;     /* wall */
    int64_t down_us;            /* wall: the broker went away; 0 it is there */
    int64_t heard_from_us;      /* wall: since then devices can be heard; 0 not known */
    bool told_down;
    uint64_t refused;
};

BcLinkDevice *bc_link_device(BcDeviceLink *link, const char *id, bool make);

/* The number up to which the device may forget its reports, when all that came up to sequence is durable: one was not taken, perhaps. */
int64_t bc_link_receipt_upto(BcDeviceLink *link, const char *id, int64_t sequence);

/* states.c: kept over restarts */
#define BC_LINK_ENDING_US (30ll * 86400 * G_USEC_PER_SEC) /* a certificate that is not renewed by then is told of */

bool bc_link_states_load(BcDeviceLink *link, GError **error);
void bc_link_states_save(BcDeviceLink *link);
void bc_link_set_online(BcDeviceLink *link, BcLinkDevice *device, bool online);

/* service-out.c: called back by commands and outages */
bool bc_link_publish_command(const char *device, const char *token, gsize len, void *link);
void bc_link_command_changed(const char *command, const char *device, const char *state, const char *reason, void *link);
void bc_link_outage_changed(const char *change, const BcOutage *outage, const char *device, void *link);

/* service-certificates.c: called back by credentials and the ejector */
void bc_link_on_renewed(const char *device, const BcEnrolled *renewed, const GError *error, void *link);
void bc_link_on_credential(const char *id, bool former, bool now, void *link);
void bc_link_on_ejected(const char *id, const GError *error, void *link);
void bc_link_look_for_ending(BcDeviceLink *link, int64_t now_us);
