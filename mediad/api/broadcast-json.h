/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/broadcast.h"
#include "mediad/api/nouns.h"

/* What broadcast.c, content.c, schedules.c, airing.c and bulletins.c share. */
typedef struct MdApiBroadcast {
    MdApi *api;
    BcBroadcast *b;
} MdApiBroadcast;

JsonNode *md_api_bc_object(JsonObject *object /* taken */);
JsonNode *md_api_bc_list(const char *name, JsonArray *array /* taken */);
void md_api_bc_error(MdApiRequest *request, const GError *error);
/* NULL: absent or "". */
const char *md_api_bc_text(JsonObject *object, const char *name, const char *fallback);
void md_api_bc_set_text(JsonObject *object, const char *name, const char *value /* NULL: "" */);
BcPriority md_api_bc_priority(JsonObject *object); /* absent: normal */
/* "areas" of the body; each must lie in the account's own area. Replies and returns NULL when not. g_free the array only. */
const char **md_api_bc_areas(MdApiRequest *request, MdApiBroadcast *broadcast);
/* May this account work there? Replies 403 when not. */
bool md_api_bc_may(MdApiRequest *request, MdApiBroadcast *broadcast, const char *area);
/* May it see and act on this loudspeaker: in its area, and for a vendor's account of its own make? Replies when not (to a vendor as if
 * there were none). */
bool md_api_bc_may_device(MdApiRequest *request, MdApiBroadcast *broadcast, const BcDevice *device);
/* The same without a reply. */
bool md_api_bc_sees_device(const MdApiRequest *request, MdApiBroadcast *broadcast, const BcDevice *device);
/* Does an area lie in that of the account? */
bool md_api_bc_sees_area(const MdApiRequest *request, MdApiBroadcast *broadcast, const char *area);
/* Does one of them lie in the account's area, or the account's in it? */
bool md_api_bc_concerned(const MdApiRequest *request, const char *const *areas);
/* An emergency needs the right to alert and a one-time code. Replies 403 when not. */
bool md_api_bc_may_priority(MdApiRequest *request, BcPriority priority);
int64_t md_api_bc_number(MdApiRequest *request, const char *query, int64_t fallback);
JsonObject *md_api_bc_run(const BcRun *run);
/* What is wrong with a plan: where, when, what it meets, what to do (BC_PROBLEM). */
JsonObject *md_api_bc_problem(MdApiBroadcast *broadcast, const BcProblem *problem);

void md_api_add_content(MdApiBroadcast *broadcast);
void md_api_add_schedules(MdApiBroadcast *broadcast);
void md_api_add_feedback(MdApi *api, BcBroadcast *broadcast, const MdApiReports *with);
void md_api_add_area_table(MdApiBroadcast *broadcast);
void md_api_add_airing(MdApiBroadcast *broadcast);
void md_api_add_timetable(MdApiBroadcast *broadcast);
void md_api_add_quiet(MdApiBroadcast *broadcast);
void md_api_add_rehearsal(MdApiBroadcast *broadcast);

#define BC_CODE "{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9._-]{1,64}$\"}"
#define BC_TEXT "{\"type\":\"string\",\"maxLength\":256}"
#define BC_NAME "{\"type\":\"string\",\"minLength\":1,\"maxLength\":200}"
#define BC_FLAG "{\"type\":\"boolean\"}"
#define BC_INT "{\"type\":\"integer\"}"
#define BC_TIME "{\"type\":\"integer\",\"description\":\"microseconds since 1970-01-01 UTC, 0: never\"}"
#define BC_PRIORITIES "{\"type\":\"string\",\"enum\":[\"emergency\",\"priority\",\"normal\"]}"
#define BC_PROBLEM                                                                                                     \
    "{\"type\":\"object\",\"required\":[\"kind\",\"code\",\"blocks\",\"params\",\"mend\",\"text\"],\"properties\":{\"kind\":{\"type\":\"string\",\"enum\":" \
    "[\"clash\",\"dead-air\",\"missing\",\"too-long\",\"quiet\",\"time-zone\",\"no-device\",\"decision\"]},\"code\":{\"type\":\"string\",\"enum\":"    \
    "[\"cut-off\",\"held-back\",\"commune-decides\",\"silent-slot\",\"content-gone\",\"content-refused\",\"outside-slot\",\"beyond-slot\","         \
    "\"quiet-silent\",\"quiet-wakes\",\"other-zone\",\"clocks-change\",\"nobody-hears\"]},\"blocks\":" BC_FLAG ",\"area\":{\"type\":\"string\"}," \
    "\"area_name\":{\"type\":\"string\"},\"schedule\":{\"type\":\"string\",\"description\":\"\\\"new\\\": the one that was sent\"},"               \
    "\"other\":{\"type\":\"string\",\"description\":\"id of what it meets\"},\"other_kind\":{\"type\":\"string\",\"enum\":[\"schedule\",\"slot\"," \
    "\"content\"]},\"from_us\":" BC_TIME ",\"to_us\":" BC_TIME ",\"times\":{\"type\":\"integer\",\"description\":\"so often; the times are those of"  \
    " the first\"},\"params\":{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"other_name\":{\"type\":\"string\"},\"why\":"      \
    "{\"type\":\"string\"},\"zone\":{\"type\":\"string\"},\"length_us\":{\"type\":\"integer\"},\"until_us\":" BC_TIME ",\"lost\":" BC_FLAG             \
    "}},\"mend\":{\"type\":\"string\",\"description\":\"what to do about it\"},\"text\":{\"type\":\"string\"}}}"
#define BC_AREA_LIST "{\"type\":\"array\",\"minItems\":1,\"maxItems\":500,\"items\":" BC_CODE "}"
#define BC_PAGE                                                                                                        \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000}," \
    "\"offset\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000000},\"before_us\":{\"type\":\"integer\",\"minimum\":0}}}"
