/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/conference/private.h"
#include <string.h>

void md_pin_free(gpointer data)
{
    MdPin *pin = data;
    g_free(pin->identity);
    g_free(pin->name);
    g_free(pin->target);
    g_free(pin);
}

static MdPin *find_pin(const MdRoom *room, uint32_t member)
{
    for (guint i = 0; i < room->pins->len; i++) {
        MdPin *pin = g_ptr_array_index(room->pins, i);
        if (pin->member == member && !pin->dropped)
            return pin;
    }
    return NULL;
}

static void pin_unref(MdRoom *room, MdPin *pin)
{
    if (pin == NULL || --pin->refs > 0)
        return;
    if (pin->in_composer && room->video != NULL)
        md_composer_remove_source(md_room_video_composer(room->video), pin->source);
    g_ptr_array_remove(room->pins, pin);
}

static uint32_t number_of(const char *id)
{
    char *end = NULL;
    guint64 number = *id == 'm' ? g_ascii_strtoull(id + 1, &end, 10) : 0;
    return end != NULL && *end == 0 && number <= UINT32_MAX ? (uint32_t)number : 0;
}

/* A new reference; NULL: error. */
static MdPin *pin_of(MdRoom *room, const char *id, GError **error)
{
    MdPin *pin = find_pin(room, number_of(id));
    if (pin == NULL) {
        const MdMember *member = md_room_member(room, id, error);
        if (member == NULL)
            return NULL;
        pin = g_new0(MdPin, 1);
        pin->member = member->id;
        pin->identity = md_member_identity(member);
        pin->name = g_strdup(member->name);
        pin->target = member->dial != NULL ? g_strdup(member->dial->target) : NULL;
        pin->source = ++room->conference->next_member;
        g_ptr_array_add(room->pins, pin);
    }
    pin->refs++;
    return pin;
}

static void release_seats(MdRoom *room, GPtrArray *seats)
{
    for (guint i = 0; seats != NULL && i < seats->len; i++)
        pin_unref(room, g_ptr_array_index(seats, i));
    if (seats != NULL)
        g_ptr_array_unref(seats);
}

static bool check_seat(const GPtrArray *taken, const MdPin *pin, const char *id, GError **error)
{
    if (taken->len < MD_LAYOUT_CELLS_MAX && (pin == NULL || !g_ptr_array_find((GPtrArray *)(uintptr_t)taken, pin, NULL)))
        return true;
    if (taken->len == MD_LAYOUT_CELLS_MAX)
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_LIMIT, "at most %d seats", MD_LAYOUT_CELLS_MAX);
    else
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID, "%s has two seats: give it one", id);
    return false;
}

/* NULL: none, or error is set. */
static GPtrArray *take_seats(MdRoom *room, const char *const *ids, GError **error)
{
    GPtrArray *seats = g_ptr_array_new();
    for (unsigned i = 0; ids != NULL && ids[i] != NULL; i++) {
        g_autoptr(GError) local = NULL;
        MdPin *pin = *ids[i] != 0 ? pin_of(room, ids[i], &local) : NULL;
        if (local == NULL && check_seat(seats, pin, ids[i], &local)) {
            g_ptr_array_add(seats, pin);
            continue;
        }
        pin_unref(room, pin);
        g_propagate_error(error, g_steal_pointer(&local));
        release_seats(room, seats);
        return NULL;
    }
    while (seats->len > 0 && g_ptr_array_index(seats, seats->len - 1) == NULL)
        g_ptr_array_set_size(seats, (int)seats->len - 1);
    if (seats->len > 0)
        return seats;
    g_ptr_array_unref(seats);
    return NULL;
}

bool md_wish_set(MdRoom *room, MdWish *wish, MdLayoutKind layout, const char *const *ids, GError **error)
{
    g_autoptr(GError) local = NULL;
    if ((unsigned)layout >= MD_LAYOUT_KIND_MAX) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID, "no such layout");
        return false;
    }
    GPtrArray *seats = take_seats(room, ids, &local);
    if (local != NULL) {
        g_propagate_error(error, g_steal_pointer(&local));
        return false;
    }
    md_wish_clear(room, wish); /* after: a place that stays keeps its tile */
    *wish = (MdWish){.set = true, .layout = layout, .seats = seats};
    return true;
}

void md_wish_clear(MdRoom *room, MdWish *wish)
{
    release_seats(room, wish->seats);
    *wish = (MdWish){0};
}

void md_wish_copy(MdWish *to, const MdWish *from)
{
    *to = (MdWish){.set = from->set, .layout = from->layout};
    if (from->seats == NULL)
        return;
    to->seats = g_ptr_array_new();
    for (guint i = 0; i < from->seats->len; i++) {
        MdPin *pin = g_ptr_array_index(from->seats, i);
        if (pin != NULL)
            pin->refs++;
        g_ptr_array_add(to->seats, pin);
    }
}

bool md_wish_equal(const MdWish *a, const MdWish *b)
{
    guint n = a->seats != NULL ? a->seats->len : 0;
    if (a->layout != b->layout || n != (b->seats != NULL ? b->seats->len : 0))
        return false;
    return n == 0 || memcmp(a->seats->pdata, b->seats->pdata, n * sizeof(gpointer)) == 0;
}

JsonArray *md_wish_seats(const MdWish *wish)
{
    JsonArray *array = json_array_new();
    for (guint i = 0; wish->seats != NULL && i < wish->seats->len; i++) {
        const MdPin *pin = g_ptr_array_index(wish->seats, i);
        char id[16];
        if (pin == NULL || pin->dropped) {
            json_array_add_null_element(array);
            continue;
        }
        g_snprintf(id, sizeof id, "m%u", pin->member);
        json_array_add_string_element(array, id);
    }
    return array;
}

/* --- who has a place -------------------------------------------------------------------------------------------------- */

static bool is_its(const MdPin *pin, const MdMember *member, const char *identity)
{
    if (pin->dropped || md_room_member_by_id(member->room, pin->member) != NULL)
        return false;
    return strcmp(pin->identity, identity) == 0 ||
           (pin->target != NULL && member->dial != NULL && strcmp(pin->target, member->dial->target) == 0);
}

void md_pins_enter(MdMember *member)
{
    g_autofree char *identity = md_member_identity(member);
    for (guint i = 0; i < member->room->pins->len; i++) {
        MdPin *pin = g_ptr_array_index(member->room->pins, i);
        if (is_its(pin, member, identity)) {
            pin->member = member->id;
            return;
        }
    }
}

void md_pins_drop(MdMember *member)
{
    MdPin *pin = find_pin(member->room, member->id);
    if (pin != NULL)
        pin->dropped = true;
}

static const MdDial *dial_of(const MdRoom *room, const MdPin *pin)
{
    for (guint i = 0; pin->target != NULL && i < room->dials->len; i++) {
        const MdDial *dial = g_ptr_array_index(room->dials, i);
        if (dial->in_composer && strcmp(dial->target, pin->target) == 0)
            return dial;
    }
    return NULL;
}

static const MdMember *shown_member(const MdRoom *room, const MdPin *pin)
{
    const MdMember *member = md_room_member_by_id(room, pin->member);
    return member != NULL && member->in_composer ? member : NULL;
}

void md_pins_update_sources(MdRoom *room)
{
    MdComposer *composer = md_room_video_composer(room->video);
    unsigned waiting = 0;
    for (guint i = 0; i < room->pins->len; i++) {
        MdPin *pin = g_ptr_array_index(room->pins, i);
        bool wanted = !pin->dropped && shown_member(room, pin) == NULL && dial_of(room, pin) == NULL;
        wanted = wanted && ++waiting <= MD_LAYOUT_CELLS_MAX; /* the composer's places are for those who are here first */
        if (wanted == pin->in_composer)
            continue;
        if (wanted) {
            pin->in_composer = md_composer_add_source(composer, pin->source, pin->name) == 0;
            md_composer_set_source_state(composer, pin->source, MD_SOURCE_AWAITED, false, false);
        } else {
            md_composer_remove_source(composer, pin->source);
            pin->in_composer = false;
        }
    }
}

uint32_t md_pin_source(const MdRoom *room, const MdPin *pin)
{
    const MdMember *member = shown_member(room, pin);
    const MdDial *dial = member == NULL ? dial_of(room, pin) : NULL;
    if (pin->dropped)
        return 0;
    return member != NULL ? member->source : dial != NULL ? dial->source : pin->in_composer ? pin->source : 0;
}

/* --- over a restart ---------------------------------------------------------------------------------------------------- */

JsonObject *md_wish_keep(MdKeepWriter *writer, const MdWish *wish)
{
    JsonObject *o = json_object_new();
    JsonArray *seats = json_array_new();
    for (guint i = 0; wish->seats != NULL && i < wish->seats->len; i++) {
        const MdPin *pin = g_ptr_array_index(wish->seats, i);
        if (pin == NULL || pin->dropped)
            json_array_add_null_element(seats);
        else
            json_array_add_int_element(seats, md_keep_party(writer, pin->member, pin->identity, pin->name, pin->target));
    }
    json_object_set_string_member(o, "layout", md_layout_to_string(wish->layout));
    json_object_set_array_member(o, "seats", seats);
    return o;
}

static MdPin *pin_of_kept(MdRoom *room, const MdKept *kept)
{
    MdPin *pin = find_pin(room, kept->id);
    if (pin == NULL) {
        pin = g_new0(MdPin, 1);
        *pin = (MdPin){.member = kept->id, .identity = g_strdup(kept->identity), .name = g_strdup(kept->name), .target = g_strdup(kept->target),
                       .source = ++room->conference->next_member};
        g_ptr_array_add(room->pins, pin);
    }
    pin->refs++;
    return pin;
}

bool md_wish_load(MdRoom *room, MdWish *wish, JsonObject *o)
{
    const char *name = md_keep_text(o, "layout");
    MdLayoutKind layout = name != NULL ? md_layout_from_string(name) : MD_LAYOUT_KIND_MAX;
    JsonArray *places = md_keep_list(o, "seats");
    guint n = places != NULL ? MIN(json_array_get_length(places), MD_LAYOUT_CELLS_MAX) : 0;
    if ((unsigned)layout >= MD_LAYOUT_KIND_MAX)
        return false;
    GPtrArray *seats = n > 0 ? g_ptr_array_new() : NULL;
    for (guint i = 0; i < n; i++) {
        const MdKept *kept = md_keep_at(room->keep.kept, json_array_get_element(places, i));
        g_ptr_array_add(seats, kept != NULL ? pin_of_kept(room, kept) : NULL);
    }
    md_wish_clear(room, wish);
    *wish = (MdWish){.set = true, .layout = layout, .seats = seats};
    return true;
}
