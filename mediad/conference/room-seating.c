/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who sits where in a picture: fixed seats, who speaks, the tour. Control thread. */
#include "mediad/conference/private.h"

bool md_layout_has_large(MdLayoutKind layout)
{
    return layout == MD_LAYOUT_SINGLE || layout == MD_LAYOUT_1P5 || layout == MD_LAYOUT_1P7 || layout == MD_LAYOUT_PIP;
}

/* The tour stands still while somebody has the floor or the spotlight. */
static bool tours(const MdRoom *room)
{
    return room->tour_us != 0 && md_room_big(room) == NULL;
}

/* A tour shows everybody in turn, whoever speaks. */
bool md_room_follows_speaker(const MdRoom *room)
{
    return md_room_big(room) != NULL || (md_layout_has_large(room->wish.layout) && !tours(room));
}

MdMember *md_room_main(const MdRoom *room)
{
    MdMember *big = md_room_big(room);
    return big != NULL ? big : room->speaker;
}

static bool contains(const GArray *list, uint32_t source)
{
    for (guint i = 0; i < list->len; i++)
        if (g_array_index(list, uint32_t, i) == source)
            return true;
    return false;
}

static void add(GArray *list, const MdMember *member)
{
    if (member != NULL && member->in_composer && !contains(list, member->source))
        g_array_append_val(list, member->source);
}

static int by_spoken(gconstpointer a, gconstpointer b)
{
    const MdMember *x = *(MdMember *const *)a, *y = *(MdMember *const *)b;
    if (x->spoke_us != y->spoke_us)
        return x->spoke_us > y->spoke_us ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* --- the tour --------------------------------------------------------------------------------------------------------- */

static bool has_seat(const MdWish *wish, const MdMember *member)
{
    for (guint i = 0; wish->seats != NULL && i < wish->seats->len; i++) {
        const MdPin *pin = g_ptr_array_index(wish->seats, i);
        if (pin != NULL && pin->member == member->id)
            return true;
    }
    return false;
}

static bool has_picture(const MdMember *member)
{
    return member->in_composer && member->video_format.receiving && !md_member_is_hidden(member);
}

/* Those it goes through, in order of joining. */
static GPtrArray *tourists(const MdRoom *room)
{
    GPtrArray *list = g_ptr_array_new();
    for (guint i = 0; i < room->members->len; i++) {
        MdMember *member = g_ptr_array_index(room->members, i);
        if (has_picture(member) && !has_seat(&room->wish, member))
            g_ptr_array_add(list, member);
    }
    return list;
}

/* Where it stands: at the one it showed last, or whoever came in after that one. */
static guint tour_at(const MdRoom *room, const GPtrArray *list)
{
    for (guint i = 0; i < list->len; i++)
        if (((const MdMember *)g_ptr_array_index(list, i))->id >= room->tour_member)
            return i;
    return 0;
}

/* How many seats are the tour's. */
static unsigned tour_seats(const MdRoom *room, unsigned wanted)
{
    unsigned seats = md_layout_seats(room->wish.layout, wanted), fixed = 0;
    for (guint i = 0; room->wish.seats != NULL && i < room->wish.seats->len && i < seats; i++)
        fixed += g_ptr_array_index(room->wish.seats, i) != NULL;
    return seats - MIN(fixed, seats);
}

/* One after the other through a large tile, page by page through a grid. */
bool md_room_tour_tick(MdRoom *room, int64_t now_us)
{
    if (room->tour_us == 0)
        return false;
    if (!tours(room)) {
        room->tour_next_us = now_us + room->tour_us; /* a whole period, when it goes on */
        return false;
    }
    if (now_us < room->tour_next_us)
        return false;
    room->tour_next_us = now_us + room->tour_us;
    g_autoptr(GPtrArray) list = tourists(room);
    unsigned seats = tour_seats(room, list->len);
    if (list->len == 0 || seats == 0 || (seats >= list->len && !md_layout_has_large(room->wish.layout)))
        return false;
    guint step = md_layout_has_large(room->wish.layout) ? 1 : seats;
    room->tour_member = ((const MdMember *)g_ptr_array_index(list, (tour_at(room, list) + step) % list->len))->id;
    return true;
}

/* --- seats ------------------------------------------------------------------------------------------------------------ */

/* Everybody, in the order in which they fill seats that are nobody's. */
static void add_in_order(const MdRoom *room, GArray *list, bool follows, const MdMember *last)
{
    g_autoptr(GPtrArray) members = g_ptr_array_new();
    for (guint i = 0; i < room->members->len; i++)
        if (g_ptr_array_index(room->members, i) != last)
            g_ptr_array_add(members, g_ptr_array_index(room->members, i));
    if (follows)
        g_ptr_array_sort(members, by_spoken);
    for (guint i = 0; i < members->len; i++)
        add(list, g_ptr_array_index(members, i));
    add(list, last);
    for (guint i = 0; i < room->dials->len && !follows; i++) {
        const MdDial *dial = g_ptr_array_index(room->dials, i);
        if (dial->in_composer && !contains(list, dial->source))
            g_array_append_val(list, dial->source);
    }
}

/* seats are kept for whom they are; the others fill what is left, and go on behind. */
static GArray *place(const MdRoom *room, const GPtrArray *seats, const GArray *others)
{
    GArray *cells = g_array_new(FALSE, FALSE, sizeof(uint32_t)), *fixed = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    guint next = 0, n = seats != NULL ? seats->len : 0;
    for (guint i = 0; i < n; i++) {
        const MdPin *pin = g_ptr_array_index(seats, i);
        uint32_t source = pin != NULL ? md_pin_source(room, pin) : 0;
        if (source != 0)
            g_array_append_val(fixed, source);
    }
    for (guint i = 0; i < n || next < others->len;) {
        const MdPin *pin = i < n ? g_ptr_array_index(seats, i) : NULL;
        uint32_t source = pin != NULL && !pin->dropped ? md_pin_source(room, pin) : 0;
        if (pin == NULL || pin->dropped) {
            while (next < others->len && contains(fixed, g_array_index(others, uint32_t, next)))
                next++;
            if (next < others->len)
                source = g_array_index(others, uint32_t, next++);
            else if (i >= n)
                break;
        }
        g_array_append_val(cells, source);
        i++;
    }
    g_array_unref(fixed);
    return cells;
}

GArray *md_room_seating(MdRoom *room, const MdMember *first, const MdMember *last)
{
    const MdMember *big = md_room_big(room);
    bool follows = md_room_follows_speaker(room);
    g_autoptr(GArray) others = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    if (big != NULL && big != last)
        add(others, big);
    if (first != last)
        add(others, first);
    if (tours(room)) {
        g_autoptr(GPtrArray) list = tourists(room);
        for (guint i = 0; i < list->len; i++)
            add(others, g_ptr_array_index(list, (tour_at(room, list) + i) % list->len));
    }
    add_in_order(room, others, follows, last);
    if (big == NULL || room->wish.seats == NULL)
        return place(room, room->wish.seats, others);
    /* Whoever has the floor takes the large tile; all with a seat move on by one. */
    g_autoptr(GPtrArray) seats = g_ptr_array_new();
    g_ptr_array_add(seats, NULL);
    for (guint i = 0; i < room->wish.seats->len; i++) {
        const MdPin *pin = g_ptr_array_index(room->wish.seats, i);
        const MdMember *large = big != last ? big : first;
        if (pin == NULL || large == NULL || pin->member != large->id)
            g_ptr_array_add(seats, (gpointer)(uintptr_t)pin);
    }
    return place(room, seats, others);
}

GArray *md_wish_seating(MdRoom *room, const MdWish *wish, const MdMember *last)
{
    bool follows = md_layout_has_large(wish->layout);
    const MdMember *main = md_room_main(room);
    g_autoptr(GArray) others = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    if (follows && main != last)
        add(others, main);
    add_in_order(room, others, follows, last);
    return place(room, wish->seats, others);
}

/* --- what a chair chooses --------------------------------------------------------------------------------------------- */

static void tell(MdRoom *room)
{
    md_room_emit(room, "room.layout", NULL, "layout", "s", md_layout_to_string(room->wish.layout), "seats", "a", md_wish_seats(&room->wish),
                 "tour_s", "i", (int)(room->tour_us / G_USEC_PER_SEC), NULL);
}

bool md_room_set_layout(MdRoom *room, MdLayoutKind layout, const char *const *seats, GError **error)
{
    if (!md_wish_set(room, &room->wish, layout, seats, error))
        return false;
    tell(room);
    md_room_replan(room);
    return true;
}

bool md_room_set_tour(MdRoom *room, unsigned period_s, GError **error)
{
    if (period_s != 0 && (period_s < MD_ROOM_TOUR_MIN_S || period_s > MD_ROOM_TOUR_MAX_S)) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID, "a tour's period is %d to %d seconds, 0 ends it",
                    MD_ROOM_TOUR_MIN_S, MD_ROOM_TOUR_MAX_S);
        return false;
    }
    room->tour_us = period_s * (int64_t)G_USEC_PER_SEC;
    room->tour_member = 0;
    room->tour_next_us = md_conference_now_us(room->conference) + room->tour_us;
    md_room_emit(room, "room.tour", NULL, "seconds", "i", (int)period_s, NULL);
    md_room_replan(room);
    return true;
}

JsonArray *md_room_seats(MdRoom *room)
{
    return md_wish_seats(&room->wish);
}
