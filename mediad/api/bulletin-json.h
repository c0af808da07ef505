/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/api/broadcast-json.h"

/* What bulletins.c, attachments.c, dictionary.c and inbox.c share. */
typedef struct MdApiBulletins {
    MdApiBroadcast bc;
    BcBulletins *bulletins;
    BcAttachments *attachments;
    BcDictionary *dictionary;
    BcInboxes *inboxes;
} MdApiBulletins;

BcWho md_api_who(const MdApiRequest *request); /* strings borrowed */
/* Does it concern the account's area: lies in it, or above it. */
bool md_api_concerns(const MdApiRequest *request, MdApiBulletins *b, const char *area);
void md_api_bc_done(const GError *error, void *request); /* BcDoneFn: 204 or the error */

void md_api_add_attachments(MdApiBulletins *b);
void md_api_add_dictionary(MdApiBulletins *b);
void md_api_add_inbox(MdApiBulletins *b);
JsonObject *md_api_inbox_json(const MdApiBulletins *b, const BcInboxItem *item);
JsonObject *md_api_bulletin_json(const BcBulletin *bulletin, bool whole);

/* Descriptions of attachments by their ids. */
JsonArray *md_api_files_json(const MdApiBulletins *b, const char *const *ids);

#define BC_STRING "{\"type\":\"string\"}"
#define BC_ATTACHMENT_JSON                                                                                                                      \
    "{\"type\":\"object\",\"required\":[\"id\",\"media_type\",\"kind\",\"bytes\"],\"properties\":{\"id\":{\"type\":\"string\",\"description\":" \
    "\"SHA-256 of the file\"},\"name\":" BC_STRING ",\"media_type\":" BC_STRING ",\"kind\":{\"type\":\"string\",\"enum\":[\"image\",\"audio\","      \
    "\"video\",\"document\"]},\"bytes\":" BC_INT ",\"duration_us\":" BC_INT ",\"width\":" BC_INT ",\"height\":" BC_INT ",\"created_us\":"      \
    BC_TIME ",\"created_by\":" BC_STRING "}}"
