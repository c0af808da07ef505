/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interpreters' channels: who speaks into which, who listens. A place in one belongs to whoever took it, also while it is away: it is found
 * again by who it is. Control thread. */
#include "mediad/conference/private.h"
#include <string.h>

enum { NAME_MAX_CHARS = 40, FLOOR_MIN_DB = -60, FLOOR_DEFAULT_DB = -18, AWAY_MAX = 100 /* listeners' places kept in a channel */ };

typedef struct Pair {
    uint32_t id;       /* as a member; of one that left, too */
    char *identity;
    bool interprets;   /* else it listens */
} Pair;

struct MdChannel {
    char *name;
    int floor_db;
    bool floor_off;
    bool told_listeners; /* while it is set: they were said, so nobody else stays */
    GPtrArray *pairs;  /* Pair* */
    MdChannelMix *mix;
};

static void free_pair(gpointer data)
{
    Pair *pair = data;
    g_free(pair->identity);
    g_free(pair);
}

static void free_channel(gpointer data)
{
    MdChannel *channel = data;
    g_free(channel->name);
    g_ptr_array_unref(channel->pairs);
    md_channel_mix_unref(channel->mix);
    g_free(channel);
}

void md_room_channels_init(MdRoom *room)
{
    room->channels = g_ptr_array_new_with_free_func(free_channel);
}

static MdChannel *channel_named(GPtrArray *channels, const char *name)
{
    for (guint i = 0; name != NULL && i < channels->len; i++) {
        MdChannel *channel = g_ptr_array_index(channels, i);
        if (strcmp(channel->name, name) == 0)
            return channel;
    }
    return NULL;
}

static Pair *pair_of(const MdChannel *channel, uint32_t id)
{
    for (guint i = 0; i < channel->pairs->len; i++) {
        Pair *pair = g_ptr_array_index(channel->pairs, i);
        if (pair->id == id)
            return pair;
    }
    return NULL;
}

/* Its place, in whichever channel. */
static Pair *find_pair(GPtrArray *channels, uint32_t id, unsigned *ret_channel)
{
    for (guint i = 0; i < channels->len; i++) {
        Pair *pair = pair_of(g_ptr_array_index(channels, i), id);
        if (pair != NULL) {
            *ret_channel = i;
            return pair;
        }
    }
    return NULL;
}

/* --- as it stands ----------------------------------------------------------------------------------------------------- */

static void add_id(JsonArray *array, uint32_t id)
{
    char text[16];
    g_snprintf(text, sizeof text, "m%u", id);
    json_array_add_string_element(array, text);
}

static JsonArray *ids_json(const MdRoom *room, const MdChannel *channel, int interprets /* -1: those that are away */)
{
    JsonArray *array = json_array_new();
    for (guint i = 0; i < channel->pairs->len; i++) {
        const Pair *pair = g_ptr_array_index(channel->pairs, i);
        bool away = md_room_member_by_id(room, pair->id) == NULL;
        if (interprets < 0 ? away : pair->interprets == (interprets == 1))
            add_id(array, pair->id);
    }
    return array;
}

JsonArray *md_room_channels(MdRoom *room)
{
    JsonArray *array = json_array_new();
    for (guint i = 0; i < room->channels->len; i++) {
        const MdChannel *channel = g_ptr_array_index(room->channels, i);
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "name", channel->name);
        json_object_set_array_member(o, "interpreters", ids_json(room, channel, 1));
        json_object_set_array_member(o, "listeners", ids_json(room, channel, 0));
        json_object_set_array_member(o, "away", ids_json(room, channel, -1));
        if (channel->floor_off)
            json_object_set_null_member(o, "floor_db");
        else
            json_object_set_int_member(o, "floor_db", channel->floor_db);
        json_array_add_object_element(array, o);
    }
    return array;
}

const char *md_member_channel(const MdMember *member, bool interprets)
{
    unsigned at;
    const Pair *pair = find_pair(member->room->channels, member->id, &at);
    bool it = pair != NULL && pair->interprets == interprets;
    return it ? ((const MdChannel *)g_ptr_array_index(member->room->channels, at))->name : NULL;
}

/* Interpreters go on while another has the floor, which is what they are there for. */
void md_room_channels_aside(MdRoom *room)
{
    for (guint i = 0; room->channels->len > 0 && i < room->members->len; i++) {
        const MdMember *member = g_ptr_array_index(room->members, i);
        if (member->state == MD_MEMBER_IN)
            md_floor_set_aside(room->floor, member->id, md_member_channel(member, true) != NULL);
    }
}

static void changed(MdRoom *room)
{
    md_room_floor_sync(room); /* and replans */
    md_room_emit(room, "channels.changed", NULL, "channels", "a", md_room_channels(room), NULL);
}

/* --- set -------------------------------------------------------------------------------------------------------------- */

static bool add_pair(MdRoom *room, GPtrArray *channels, MdChannel *channel, const char *text, bool interprets, GError **error)
{
    unsigned at;
    const Pair *kept = NULL;
    for (guint i = 0; i < room->channels->len && kept == NULL; i++) { /* also of one that is away */
        const MdChannel *before = g_ptr_array_index(room->channels, i);
        for (guint k = 0; k < before->pairs->len && kept == NULL; k++) {
            char id[16];
            const Pair *pair = g_ptr_array_index(before->pairs, k);
            g_snprintf(id, sizeof id, "m%u", pair->id);
            kept = strcmp(id, text) == 0 ? pair : NULL;
        }
    }
    const MdMember *member = kept == NULL ? md_room_member(room, text, error) : NULL;
    if (kept == NULL && member == NULL)
        return false;
    uint32_t id = kept != NULL ? kept->id : member->id;
    if (find_pair(channels, id, &at) != NULL)
        return md_conference_fail(error, MD_CONFERENCE_ERROR_INVALID, "%s has two places: it interprets for one channel, or listens to one", text);
    Pair *pair = g_new0(Pair, 1);
    *pair = (Pair){id, kept != NULL ? g_strdup(kept->identity) : md_member_identity(member), interprets};
    g_ptr_array_add(channel->pairs, pair);
    return true;
}

static bool add_pairs(MdRoom *room, GPtrArray *channels, MdChannel *channel, JsonObject *o, bool interprets, GError **error)
{
    const char *field = interprets ? "interpreters" : "listeners";
    JsonNode *node = json_object_get_member(o, field);
    guint most = interprets ? MD_CHANNEL_INTERPRETERS_MAX : MD_ROOM_MEMBERS_MAX;
    if (node == NULL || JSON_NODE_HOLDS_NULL(node))
        return true;
    if (!JSON_NODE_HOLDS_ARRAY(node) || json_array_get_length(json_node_get_array(node)) > most)
        return md_conference_fail(error, MD_CONFERENCE_ERROR_INVALID, "\"%s\" must be a list of at most %u member ids", field, most);
    JsonArray *array = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonNode *id = json_array_get_element(array, i);
        if (!JSON_NODE_HOLDS_VALUE(id) || json_node_get_value_type(id) != G_TYPE_STRING)
            return md_conference_fail(error, MD_CONFERENCE_ERROR_INVALID, "\"%s\" must hold member ids", field);
        if (!add_pair(room, channels, channel, json_node_get_string(id), interprets, error))
            return false;
    }
    return true;
}

/* Listeners that are not said stay: members choose for themselves, too. */
static void keep_listeners(MdRoom *room, GPtrArray *channels)
{
    unsigned at;
    for (guint i = 0; i < channels->len; i++) {
        MdChannel *channel = g_ptr_array_index(channels, i), *before = channel_named(room->channels, channel->name);
        for (guint k = 0; before != NULL && k < before->pairs->len; k++) {
            const Pair *pair = g_ptr_array_index(before->pairs, k);
            if (pair->interprets || channel->told_listeners || find_pair(channels, pair->id, &at) != NULL)
                continue;
            Pair *copy = g_new0(Pair, 1);
            *copy = (Pair){pair->id, g_strdup(pair->identity), false};
            g_ptr_array_add(channel->pairs, copy);
        }
    }
}

static bool read_floor(MdChannel *channel, JsonObject *o, GError **error)
{
    JsonNode *node = json_object_get_member(o, "floor_db");
    channel->floor_db = FLOOR_DEFAULT_DB;
    channel->floor_off = node != NULL && JSON_NODE_HOLDS_NULL(node);
    if (node == NULL || channel->floor_off)
        return true;
    gint64 value = JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64 ? json_node_get_int(node) : 1;
    if (value < FLOOR_MIN_DB || value > 0)
        return md_conference_fail(error, MD_CONFERENCE_ERROR_INVALID, "\"floor_db\" must be a whole number from %d to 0, or null: the floor is not heard under "
                                  "the interpreter",
                                  FLOOR_MIN_DB);
    channel->floor_db = (int)value;
    return true;
}

static bool read_channel(MdRoom *room, GPtrArray *channels, JsonNode *node, GError **error)
{
    JsonObject *o = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    JsonNode *said = o != NULL ? json_object_get_member(o, "name") : NULL;
    const char *name = said != NULL && JSON_NODE_HOLDS_VALUE(said) && json_node_get_value_type(said) == G_TYPE_STRING ? json_node_get_string(said) : "";
    if (*name == 0 || g_utf8_strlen(name, -1) > NAME_MAX_CHARS)
        return md_conference_fail(error, MD_CONFERENCE_ERROR_INVALID, "a channel needs a \"name\" of 1 to %d characters", NAME_MAX_CHARS);
    if (channel_named(channels, name) != NULL)
        return md_conference_fail(error, MD_CONFERENCE_ERROR_INVALID, "there are two channels \"%s\"", name);
    const MdChannel *before = channel_named(room->channels, name);
    MdChannelMix *mix = before != NULL ? md_channel_mix_ref(before->mix) : md_channel_mix_new(++room->next_channel);
    if (mix == NULL)
        return md_conference_fail(error, MD_CONFERENCE_ERROR_INVALID, "out of memory");
    MdChannel *channel = g_new0(MdChannel, 1);
    *channel = (MdChannel){.name = g_strdup(name), .pairs = g_ptr_array_new_with_free_func(free_pair), .mix = mix};
    channel->told_listeners = json_object_has_member(o, "listeners");
    g_ptr_array_add(channels, channel);
    return read_floor(channel, o, error) && add_pairs(room, channels, channel, o, true, error) && add_pairs(room, channels, channel, o, false, error);
}

bool md_room_set_channels(MdRoom *room, JsonArray *said, GError **error)
{
    g_autoptr(GPtrArray) channels = g_ptr_array_new_with_free_func(free_channel);
    guint n = json_array_get_length(said);
    if (room->kind != MD_ROOM_MEETING || room->ending) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE, "the room has no meeting");
        return false;
    }
    if (n > MD_CHANNELS_MAX)
        return md_conference_fail(error, MD_CONFERENCE_ERROR_INVALID, "a meeting has at most %d channels", MD_CHANNELS_MAX);
    for (guint i = 0; i < n; i++)
        if (!read_channel(room, channels, json_array_get_element(said, i), error))
            return false;
    keep_listeners(room, channels);
    if (n == 0) {
        md_room_channels_reset(room);
        return true;
    }
    g_ptr_array_unref(room->channels);
    room->channels = g_steal_pointer(&channels);
    changed(room);
    return true;
}

bool md_room_hear_channel(MdRoom *room, const char *id, const char *name, GError **error)
{
    const MdMember *member = md_room_member(room, id, error);
    MdChannel *wanted = channel_named(room->channels, name);
    unsigned at = 0;
    if (member == NULL)
        return false;
    if (name != NULL && wanted == NULL) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_NOT_FOUND, "the meeting has no channel \"%s\"", name);
        return false;
    }
    Pair *pair = find_pair(room->channels, member->id, &at);
    if (pair != NULL && pair->interprets) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE, "%s interprets: it hears the floor", id);
        return false;
    }
    if (pair == NULL ? wanted == NULL : g_ptr_array_index(room->channels, at) == wanted)
        return true;
    if (pair != NULL)
        g_ptr_array_remove(((MdChannel *)g_ptr_array_index(room->channels, at))->pairs, pair);
    if (wanted != NULL) {
        pair = g_new0(Pair, 1);
        *pair = (Pair){member->id, md_member_identity(member), false};
        g_ptr_array_add(wanted->pairs, pair);
    }
    changed(room);
    return true;
}

/* --- members come and go ---------------------------------------------------------------------------------------------- */

void md_room_channels_enter(MdMember *member)
{
    MdRoom *room = member->room;
    g_autofree char *identity = room->channels->len > 0 ? md_member_identity(member) : NULL;
    for (guint i = 0; i < room->channels->len; i++) {
        const MdChannel *channel = g_ptr_array_index(room->channels, i);
        for (guint k = 0; k < channel->pairs->len; k++) {
            Pair *pair = g_ptr_array_index(channel->pairs, k);
            if (strcmp(pair->identity, identity) != 0 || md_room_member_by_id(room, pair->id) != NULL)
                continue;
            pair->id = member->id;
            changed(room);
            return;
        }
    }
}

/* Whoever comes again and again by another name takes up no more than that: the one who left first is forgotten. */
static void forget_oldest(const MdRoom *room, const MdChannel *channel)
{
    guint n = 0, oldest = 0;
    for (guint i = channel->pairs->len; i-- > 0;) {
        const Pair *pair = g_ptr_array_index(channel->pairs, i);
        if (pair->interprets || md_room_member_by_id(room, pair->id) != NULL)
            continue;
        n++;
        oldest = i;
    }
    if (n > AWAY_MAX)
        g_ptr_array_remove_index(channel->pairs, oldest);
}

void md_room_channels_left(MdMember *member, bool keep)
{
    MdRoom *room = member->room;
    unsigned at;
    Pair *pair = find_pair(room->channels, member->id, &at);
    if (pair == NULL)
        return;
    MdChannel *channel = g_ptr_array_index(room->channels, at);
    if (!keep)
        g_ptr_array_remove(channel->pairs, pair);
    else
        forget_oldest(room, channel);
    changed(room);
}

void md_room_channels_reset(MdRoom *room)
{
    if (room->channels->len == 0)
        return;
    for (guint i = 0; i < room->members->len; i++)
        md_floor_set_aside(room->floor, ((const MdMember *)g_ptr_array_index(room->members, i))->id, false);
    g_ptr_array_set_size(room->channels, 0);
    changed(room);
}

void md_room_channels_clear(MdRoom *room)
{
    g_ptr_array_unref(room->channels);
}

/* --- for the plan ----------------------------------------------------------------------------------------------------- */

void md_channels_fill(const MdRoom *room, MdRoomPlan *plan)
{
    for (guint i = 0; i < room->channels->len && i < MD_CHANNELS_MAX; i++) {
        const MdChannel *channel = g_ptr_array_index(room->channels, i);
        plan->channels[plan->n_channels++] = (MdPlanChannel){
            .mix = md_channel_mix_ref(channel->mix),
            .floor = channel->floor_off ? 0 : md_db_to_gain((float)channel->floor_db),
        };
    }
}

/* An interpreter is not in the floor's sound. */
void md_channels_fill_seat(const MdMember *member, bool together, MdPlanSeat *at)
{
    const MdRoom *room = member->room;
    unsigned channel = 0;
    const Pair *pair = find_pair(room->channels, member->id, &channel);
    if (pair == NULL)
        return;
    if (!pair->interprets) {
        at->channel = at->hears == MD_HEARS_ROOM ? (uint8_t)(channel + 1) : 0;
        return;
    }
    bool heard = together && !member->muted && !member->self_muted && md_role_may(member->role, MD_ACTION_BE_HEARD);
    at->interprets = (uint8_t)(channel + 1);
    at->voice = heard ? md_db_to_gain((float)member->gain_db) : 0;
    at->gain = 0;
}

uint32_t md_channel_serial(const MdRoom *room, const MdPlanSeat *at)
{
    return at->channel > 0 ? ((const MdChannel *)g_ptr_array_index(room->channels, at->channel - 1))->mix->serial : 0;
}

/* --- over a restart ---------------------------------------------------------------------------------------------------- */

static JsonArray *places(MdKeepWriter *writer, const MdChannel *channel, bool interprets)
{
    JsonArray *array = json_array_new();
    for (guint i = 0; i < channel->pairs->len; i++) {
        const Pair *pair = g_ptr_array_index(channel->pairs, i);
        if (pair->interprets == interprets)
            json_array_add_int_element(array, md_keep_party(writer, pair->id, pair->identity, NULL, NULL));
    }
    return array;
}

JsonArray *md_channels_keep(MdKeepWriter *writer)
{
    const MdRoom *room = writer->room;
    JsonArray *array = json_array_new();
    for (guint i = 0; i < room->channels->len; i++) {
        const MdChannel *channel = g_ptr_array_index(room->channels, i);
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "name", channel->name);
        json_object_set_array_member(o, "interpreters", places(writer, channel, true));
        json_object_set_array_member(o, "listeners", places(writer, channel, false));
        if (!channel->floor_off)
            json_object_set_int_member(o, "floor_db", channel->floor_db);
        json_array_add_object_element(array, o);
    }
    return array;
}

static void load_pairs(MdRoom *room, MdChannel *channel, JsonObject *o, bool interprets)
{
    JsonArray *array = md_keep_list(o, interprets ? "interpreters" : "listeners");
    unsigned at;
    for (guint i = 0; array != NULL && i < json_array_get_length(array); i++) {
        const MdKept *kept = md_keep_at(room->keep.kept, json_array_get_element(array, i));
        if (kept == NULL || find_pair(room->channels, kept->id, &at) != NULL)
            continue;
        Pair *pair = g_new0(Pair, 1);
        *pair = (Pair){kept->id, g_strdup(kept->identity), interprets};
        g_ptr_array_add(channel->pairs, pair);
    }
}

void md_channels_load(MdRoom *room, JsonArray *array)
{
    for (guint i = 0; i < json_array_get_length(array) && room->channels->len < MD_CHANNELS_MAX; i++) {
        JsonObject *o = md_keep_object(array, i);
        const char *name = o != NULL ? md_keep_text(o, "name") : NULL;
        MdChannelMix *mix = name != NULL && channel_named(room->channels, name) == NULL ? md_channel_mix_new(++room->next_channel) : NULL;
        if (mix == NULL)
            continue;
        int64_t floor_db = md_keep_number(o, "floor_db", 1);
        MdChannel *channel = g_new0(MdChannel, 1);
        *channel = (MdChannel){.name = g_strdup(name), .pairs = g_ptr_array_new_with_free_func(free_pair), .mix = mix,
                               .floor_off = floor_db > 0, .floor_db = (int)CLAMP(floor_db, FLOOR_MIN_DB, 0)};
        g_ptr_array_add(room->channels, channel);
        load_pairs(room, channel, o, true);
        load_pairs(room, channel, o, false);
    }
    if (room->channels->len > 0)
        changed(room);
}
