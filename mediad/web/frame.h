/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <json-glib/json-glib.h>

/* What a browser says over the join protocol ("mediad.join.1"): one JSON object a frame, checked field by field. Pure; any thread. */
#define MD_WEB_FRAME_MAX (64 * 1024)
#define MD_WEB_SDP_MAX (48 * 1024)
#define MD_WEB_NAME_MAX 120   /* characters a guest may call itself by */
#define MD_WEB_TOKEN_LEN 43   /* 256 bits in base64url */
#define MD_WEB_CHAT_MAX 2000  /* characters */
#define MD_WEB_SEATS_MAX 72   /* of a layout */

typedef enum MdWebType {
    MD_WEB_HELLO, MD_WEB_OFFER, MD_WEB_ANSWER, MD_WEB_CANDIDATE, MD_WEB_MUTE, MD_WEB_VIDEO, MD_WEB_HAND, MD_WEB_FLOOR_DONE, MD_WEB_DTMF,
    MD_WEB_CHAT, MD_WEB_VOTE, MD_WEB_SHARE, MD_WEB_VIEW, MD_WEB_STATE, MD_WEB_ACT, MD_WEB_CHANNEL, MD_WEB_PING, MD_WEB_BYE, MD_WEB_ICE_ERROR,
    MD_WEB_ICE_SERVERS,
    MD_WEB_TYPE_MAX,
    MD_WEB_UNKNOWN = MD_WEB_TYPE_MAX, /* of a later version: to be passed over */
} MdWebType;
const char *md_web_type_to_string(MdWebType type); /* NULL: UNKNOWN */

typedef struct MdWebFrame {          /* strings belong to root; absent ones are NULL */
    MdWebType type;
    JsonNode *root;
    JsonObject *object;              /* the whole message, for what is not listed here */
    const char *room, *name, *code, *pin, *resume; /* hello */
    bool keep_media;                 /* hello: "media":"keep" */
    const char *sdp;                 /* offer, answer */
    const char *mid, *candidate;     /* candidate */
    bool on;                         /* mute, video: muted; hand: raised; share: on */
    char digit;                      /* dtmf */
    const char *to, *text;           /* chat */
    const char *vote;                /* vote */
    unsigned choice;
    const char *layout;              /* view; NULL: as all */
    bool has_layout;                 /* view: it says something of the layout, "as all" too */
    bool has_seats;
    const char *seats[MD_WEB_SEATS_MAX + 1]; /* view: member ids, "": anybody's; ended by NULL */
    unsigned width, height;          /* view; 0: not said */
    const char *channel;             /* channel: an interpreter's, NULL: the floor */
    const char *act;                 /* act: what is to be done; its fields are in object */
    unsigned streams;                /* view: how many speakers' own pictures; means nothing unless object has it */
    const char *url;                 /* ice-error: the server of "ice_servers" that did not serve */
    unsigned number;                 /* ice-error: of STUN, 701: not reached */
} MdWebFrame;

#define MD_WEB_ERROR (md_web_error_quark())
GQuark md_web_error_quark(void);
typedef enum MdWebError {
    MD_WEB_ERROR_SYNTAX, /* no JSON object, too large, nested too deep, no "type" */
    MD_WEB_ERROR_FIELD,  /* a field is missing, of another type or out of bounds; the message names it */
} MdWebError;

/* text need not end with NUL. False + error: nothing to clear. */
bool md_web_frame_parse(MdWebFrame *frame, const char *text, size_t len, GError **error);
void md_web_frame_clear(MdWebFrame *frame);
/* Could this be a token we gave? */
bool md_web_token_valid(const char *token);
