/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdint.h>
#include <json-glib/json-glib.h>

/* What a browser is told of STUN and TURN servers. TURN's credentials last for a while only (draft-uberti-behave-turn-rest-00, coturn's
 * use-auth-secret): the user name is "EXPIRY:WHO", EXPIRY in seconds since 1970, the password base64(HMAC-SHA1(secret, user name)).
 * Pure; any thread. */
typedef struct MdWebTurn {
    const char *const *stun, *const *turn; /* URIs of RFC 7064 and 7065, NULL-terminated; NULL none */
    const char *secret;                    /* shared with the TURN servers; NULL: no TURN is told of */
    unsigned lifetime_s;
} MdWebTurn;

/* Elements of RTCIceServer, as in "ice_servers" of welcome. who: letters, digits, - and _ of it are kept. New array. */
JsonArray *md_web_ice_servers(const MdWebTurn *turn, const char *who, int64_t wall_us);
/* g_free. */
char *md_web_turn_username(const char *who, unsigned lifetime_s, int64_t wall_us);
char *md_web_turn_password(const char *secret, const char *username);
