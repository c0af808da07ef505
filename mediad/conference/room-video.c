/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Wires the room to its composer: who sits where in which view, and one shared encode for all who can take the same picture.
 * Control thread; the composer's own events only post to the worker. */
#include "mediad/conference/private.h"
#include <string.h>

enum { VIEW_ROOM = 1, VIEW_SPEAKER = 2, VIEW_DOOR = 3, VIEW_SLIDES = 4, VIEW_CONTENT = 5, VIEWS = 6, VIEW_OWN_FIRST = 8, SLOW_PART = 3, FPS_MIN = 5, TEST_SOURCE = 0x7fffffff /* no member's */ };
static const int64_t SPEAKER_HOLD_US = 2 * G_USEC_PER_SEC; /* a picture stays at least so long */

/* The classes of pictures: what a peer can take is rounded down to one of them. */
typedef struct Class {
    uint16_t width, height;
    uint32_t bitrate_bps;
} Class;
static const Class classes[] = {
    {1920, 1080, 3000000}, {1280, 720, 1500000}, {640, 360, 512000}, {320, 180, 192000}};
/* Per cent of the class's rate: few steps, so that lines that differ a little still share an encode. */
static const unsigned steps[] = {100, 60, 34};

typedef struct Output {
    uint32_t id;
    MdComposerOutput spec;
    bool used;
} Output;

typedef struct Scene { /* what a view shows now: to tell the composer only of changes */
    MdLayoutKind layout;
    unsigned n;
    uint32_t cells[MD_LAYOUT_CELLS_MAX];
    char *banner;
    const char *sign; /* static */
    bool clock, set;
} Scene;

typedef struct OwnView { /* for all who wish for the same */
    uint32_t view;
    MdWish wish;
    uint32_t last; /* the member that is shown last in it, and alone sees it; 0: nobody */
    Scene scene;
    bool used;
} OwnView;

struct MdRoomVideo {
    MdComposer *composer;
    GPtrArray *own; /* OwnView* */
    GArray *outputs; /* Output */
    uint32_t next_output;
    Scene scenes[VIEWS];
};

MdComposer *md_room_video_composer(const MdRoomVideo *video)
{
    return video->composer;
}

static void on_frame(uint32_t output, MdFrame *frame, void *user)
{
    md_room_audio_post_frame(user, output, frame);
}

static void on_need_key(uint32_t source, void *user)
{
    md_room_audio_post_need_key(user, source);
}

void md_room_video_init(MdRoom *room)
{
    const MdConferenceOptions *options = &room->conference->options;
    if (options->pictures == NULL || options->n_video_codecs == 0)
        return;
    MdComposerOptions wanted = {.pool = options->pictures,
                                .clock = options->clock,
                                .events = {on_frame, on_need_key},
                                .user = room->audio,
                                .english = room->language == MD_LANGUAGE_EN};
    MdComposer *composer = md_composer_new(&wanted);
    if (composer == NULL) {
        md_error(&room->logger, "no memory or thread for the composed picture: the room has sound only until it is opened anew");
        return;
    }
    room->video = g_new0(MdRoomVideo, 1);
    room->video->composer = composer;
    room->video->outputs = g_array_new(FALSE, TRUE, sizeof(Output));
    room->video->own = g_ptr_array_new();
    if (room->kind == MD_ROOM_TEST || room->kind == MD_ROOM_TRIAL)
        md_composer_add_test_source(composer, TEST_SOURCE,
                                    room->language == MD_LANGUAGE_VI ? "Phòng thử" : "Test room");
}

static void free_own_view(MdRoom *room, OwnView *own)
{
    md_wish_clear(room, &own->wish);
    g_free(own->scene.banner);
    g_free(own);
}

void md_room_video_free(MdRoom *room)
{
    MdRoomVideo *video = room->video;
    if (video == NULL)
        return;
    room->video = NULL;
    md_composer_free(video->composer);
    for (guint i = 0; i < video->own->len; i++)
        free_own_view(room, g_ptr_array_index(video->own, i));
    g_ptr_array_unref(video->own);
    g_array_unref(video->outputs);
    for (unsigned i = 0; i < VIEWS; i++)
        g_free(video->scenes[i].banner);
    g_free(video);
}

/* --- sources ---------------------------------------------------------------------------------------------------------- */

static void update_tile_text(MdComposer *composer, MdMember *member)
{
    g_autofree char *text = md_member_tile_text(member);
    if (strcmp(text, member->tile_text != NULL ? member->tile_text : member->name) == 0)
        return;
    md_composer_set_label(composer, member->source, text);
    g_free(member->tile_text);
    member->tile_text = g_steal_pointer(&text);
}

static void update_member_source(MdRoom *room, MdMember *member)
{
    MdComposer *composer = room->video->composer;
    bool wanted = md_member_sees(member) && (room->kind == MD_ROOM_MEETING || room->kind == MD_ROOM_TRIAL) &&
                  md_role_may(member->role, MD_ACTION_BE_SHOWN);
    if (wanted && !member->in_composer)
        member->in_composer = md_composer_add_source(composer, member->source, member->name) == 0;
    else if (!wanted && member->in_composer)
        md_room_video_forget(member);
    if (!member->in_composer)
        return;
    update_tile_text(composer, member);
    MdSourceState state = md_member_is_hidden(member)      ? MD_SOURCE_MUTED_VIDEO
                          : member->video_format.receiving ? MD_SOURCE_LIVE
                                                           : MD_SOURCE_AUDIO_ONLY;
    md_composer_set_source_state(composer, member->source, state, member->muted || member->self_muted,
                                member->talking);
}

void md_room_video_talking(MdMember *member)
{
    if (member->room->video != NULL && member->in_composer)
        update_member_source(member->room, member);
}

/* A tile "being called" stands for whoever is on the list and not here. */
static void update_dial_source(MdRoom *room, MdDial *dial)
{
    MdComposer *composer = room->video->composer;
    bool here = dial->member != NULL && dial->member->state == MD_MEMBER_IN;
    bool wanted = !dial->forgotten && !here && dial->state != MD_DIAL_GIVEN_UP;
    if (wanted == dial->in_composer)
        return;
    if (wanted) {
        const char *name = dial->member != NULL ? dial->member->name : dial->target;
        g_autofree char *label = NULL;
        if (room->conference->options.label_for != NULL)
            label = room->conference->options.label_for(dial->target, room->conference->options.user);
        dial->in_composer = md_composer_add_source(composer, dial->source, label != NULL ? label : name) == 0;
        md_composer_set_source_state(composer, dial->source, MD_SOURCE_AWAY, false, false);
    } else {
        md_composer_remove_source(composer, dial->source);
        dial->in_composer = false;
    }
}

void md_room_video_forget(MdMember *member)
{
    if (!member->in_composer || member->room->video == NULL)
        return;
    md_composer_remove_source(member->room->video->composer, member->source);
    g_clear_pointer(&member->tile_text, g_free);
    member->in_composer = false;
}

/* --- views ------------------------------------------------------------------------------------------------------------ */

static void show_in(MdRoom *room, Scene *scene, uint32_t view, MdLayoutKind layout, const GArray *cells, const char *banner, bool with_clock)
{
    unsigned n = cells != NULL ? MIN(cells->len, MD_LAYOUT_CELLS_MAX) : 0;
    const char *sign = md_room_sign(room);
    bool same = scene->set && scene->layout == layout && scene->n == n && scene->clock == with_clock && scene->sign == sign &&
                g_strcmp0(scene->banner, banner) == 0 &&
                (n == 0 || memcmp(scene->cells, cells->data, n * sizeof(uint32_t)) == 0);
    if (same)
        return;
    scene->set = true;
    scene->layout = layout;
    scene->n = n;
    scene->clock = with_clock;
    scene->sign = sign;
    g_free(scene->banner);
    scene->banner = g_strdup(banner);
    if (n > 0)
        memcpy(scene->cells, cells->data, n * sizeof(uint32_t));
    MdScene wanted = {
        .layout = layout, .n_cells = n, .cells = scene->cells, .banner = banner, .clock = with_clock, .sign = sign};
    int error = md_composer_set_view(room->video->composer, view, &wanted);
    if (error != 0)
        md_warning(&room->logger, "view %u refused by the composer: %s", view, g_strerror(-error));
}

static void show(MdRoom *room, unsigned view, MdLayoutKind layout, const GArray *cells, const char *banner, bool with_clock)
{
    show_in(room, &room->video->scenes[view], view, layout, cells, banner, with_clock);
}

/* What somebody presents: large among the others for those who get one picture only, and alone. */
static void update_content_views(MdRoom *room)
{
    uint32_t source = MD_CONTENT_SOURCE;
    if (!room->content_in_composer)
        return;
    g_autoptr(GArray) cells = md_room_seating(room, md_room_main(room), NULL);
    g_array_prepend_val(cells, source);
    show(room, VIEW_SLIDES, cells->len > 1 ? MD_LAYOUT_1P7 : MD_LAYOUT_SINGLE, cells, room->banner, room->clock);
    g_array_set_size(cells, 1);
    show(room, VIEW_CONTENT, MD_LAYOUT_SINGLE, cells, NULL, false);
}

/* --- views of members' own -------------------------------------------------------------------------------------------- */

/* In a picture that follows speech nobody looks at itself in the large tile. */
static const MdMember *last_in(const MdMember *member, const MdWish *wish)
{
    return md_layout_has_large(wish->layout) && wish->seats == NULL && md_room_main(member->room) == member ? member : NULL;
}

static uint32_t free_view(const MdRoomVideo *video)
{
    uint32_t view = VIEW_OWN_FIRST;
    for (guint i = 0; i < video->own->len; i++)
        if (((const OwnView *)g_ptr_array_index(video->own, i))->view == view) {
            view++;
            i = UINT_MAX; /* from the start */
        }
    return view;
}

static OwnView *own_view_for(MdRoom *room, const MdWish *wish, uint32_t last)
{
    MdRoomVideo *video = room->video;
    for (guint i = 0; i < video->own->len; i++) {
        OwnView *own = g_ptr_array_index(video->own, i);
        if (own->last == last && md_wish_equal(&own->wish, wish))
            return own;
    }
    OwnView *own = g_new0(OwnView, 1);
    own->view = free_view(video);
    own->last = last;
    md_wish_copy(&own->wish, wish);
    g_ptr_array_add(video->own, own);
    return own;
}

static void update_own_views(MdRoom *room)
{
    for (guint i = 0; i < room->video->own->len; i++)
        ((OwnView *)g_ptr_array_index(room->video->own, i))->used = false;
    md_room_grant_views(room);
    for (guint i = 0; i < room->members->len; i++) {
        MdMember *member = g_ptr_array_index(room->members, i);
        const MdWish *wish = md_member_sees(member) && member->view_state == MD_VIEW_SHOWN ? md_member_wish(member) : NULL;
        member->view = 0;
        if (wish == NULL || md_wish_equal(wish, &room->wish))
            continue;
        const MdMember *last = last_in(member, wish);
        OwnView *own = own_view_for(room, wish, last != NULL ? last->id : 0);
        member->view = own->view;
        if (own->used)
            continue;
        own->used = true;
        g_autoptr(GArray) cells = md_wish_seating(room, wish, last);
        show_in(room, &own->scene, own->view, wish->layout, cells, room->banner, room->clock);
    }
}

/* After the outputs: nothing is made of them any more. */
static void drop_own_views(MdRoom *room)
{
    for (guint i = room->video->own->len; i-- > 0;) {
        OwnView *own = g_ptr_array_index(room->video->own, i);
        if (own->used)
            continue;
        md_composer_remove_view(room->video->composer, own->view);
        free_own_view(room, own);
        g_ptr_array_remove_index(room->video->own, i);
    }
}

static void update_views(MdRoom *room)
{
    bool vi = room->language == MD_LANGUAGE_VI;
    if (room->kind == MD_ROOM_TEST || room->kind == MD_ROOM_TRIAL) {
        uint32_t source = TEST_SOURCE;
        g_autoptr(GArray) cells = g_array_new(FALSE, FALSE, sizeof(uint32_t));
        g_array_append_val(cells, source);
        for (guint i = 0; room->kind == MD_ROOM_TRIAL && i < room->members->len; i++) {
            const MdMember *member = g_ptr_array_index(room->members, i);
            if (member->in_composer)
                g_array_append_val(cells, member->source);
        }
        show(room, VIEW_ROOM, cells->len > 1 ? MD_LAYOUT_GRID_2X2 : MD_LAYOUT_SINGLE, cells, NULL, true);
        return;
    }
    const MdMember *main = md_room_main(room);
    MdLayoutKind layout = md_room_layout_now(room);
    g_autoptr(GArray) cells = md_room_seating(room, md_room_follows_speaker(room) ? main : NULL, NULL);
    show(room, VIEW_ROOM, layout, cells, room->banner, room->clock);
    if (md_room_follows_speaker(room) && main != NULL) {
        g_autoptr(GArray) others = md_room_seating(room, main != room->speaker ? room->speaker : room->speaker_before, main);
        show(room, VIEW_SPEAKER, layout, others, room->banner, room->clock);
    }
    update_own_views(room);
    update_content_views(room);
    show(room, VIEW_DOOR, MD_LAYOUT_SINGLE, NULL,
         vi ? "Vui lòng chờ chủ tọa cuộc họp" : "Please wait for the chair of the meeting", true);
}

/* --- outputs ----------------------------------------------------------------------------------------------------------- */

static MdComposerOutput output_spec(const MdRoom *room, const MdLegVideoFormat *format, uint32_t view)
{
    const MdVideoClass *max = &format->max;
    const MdVideoClass *ours = &room->conference->options.video_max;
    unsigned pick = G_N_ELEMENTS(classes) - 1;
    for (unsigned i = 0; i < G_N_ELEMENTS(classes); i++) {
        bool fits = classes[i].width <= max->width && classes[i].height <= max->height &&
                    (ours->width == 0 || classes[i].width <= ours->width);
        /* A picture needs about a third of its class's rate: below that a smaller one looks better. */
        if (fits && (max->bitrate_bps == 0 || classes[i].bitrate_bps / 3 <= max->bitrate_bps)) {
            pick = i;
            break;
        }
    }
    uint32_t rate = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(steps); i++) {
        rate = classes[pick].bitrate_bps / 100 * steps[i];
        if (max->bitrate_bps == 0 || rate <= max->bitrate_bps)
            break;
    }
    if (ours->bitrate_bps != 0 && rate > ours->bitrate_bps)
        rate = ours->bitrate_bps;
    unsigned fps = ours->fps != 0 ? ours->fps : 15;
    if (max->fps != 0 && max->fps < fps)
        fps = max->fps >= 15 ? 15 : MAX(max->fps, FPS_MIN);
    if (rate < classes[pick].bitrate_bps / 2 && fps > 15) /* on a thin line fewer pictures, but sharp ones */
        fps = 15;
    if (view >= VIEW_OWN_FIRST && room->ladder.step >= MD_LADDER_SLOW)
        fps = MAX(fps / SLOW_PART, FPS_MIN);
    bool single_nal = format->codec == MD_VIDEO_H264 && format->h264_packetization_mode == 0;
    return (MdComposerOutput){.view = view,
                              .codec = format->codec,
                              .width = classes[pick].width,
                              .height = classes[pick].height,
                              .fps = (uint8_t)fps,
                              .bitrate_bps = rate,
                              .max_payload = single_nal ? 1200 : 0};
}

static bool spec_equal(const MdComposerOutput *a, const MdComposerOutput *b)
{
    return a->view == b->view && a->codec == b->codec && a->width == b->width && a->height == b->height &&
           a->fps == b->fps && a->bitrate_bps == b->bitrate_bps && a->max_payload == b->max_payload;
}

static uint32_t output_for(MdRoom *room, const MdComposerOutput *spec)
{
    MdRoomVideo *video = room->video;
    for (guint i = 0; i < video->outputs->len; i++) {
        Output *output = &g_array_index(video->outputs, Output, i);
        if (spec_equal(&output->spec, spec)) {
            output->used = true;
            return output->id;
        }
    }
    Output output = {.id = ++video->next_output, .spec = *spec, .used = true};
    int error = md_composer_add_output(video->composer, output.id, spec);
    if (error != 0) {
        md_warning(&room->logger, "no video encoder for %ux%u at %u bit/s, those who get that size see nothing: %s", spec->width, spec->height, spec->bitrate_bps,
                   g_strerror(-error));
        return 0;
    }
    g_array_append_val(video->outputs, output);
    return output.id;
}

static uint32_t view_of(const MdRoom *room, const MdMember *member)
{
    if (room->kind == MD_ROOM_TEST || room->kind == MD_ROOM_TRIAL)
        return VIEW_ROOM;
    if (!md_member_sees(member) || room->waiting)
        return VIEW_DOOR;
    if (md_content_is_composed_for(member))
        return VIEW_SLIDES;
    if (member->view != 0)
        return member->view;
    return member == md_room_main(room) && md_room_follows_speaker(room) ? VIEW_SPEAKER : VIEW_ROOM;
}

/* Whoever taps the pictures sees what a silent member sees. */
static void update_tap_outputs(MdRoom *room)
{
    for (guint i = 0; i < room->taps->len; i++) {
        MdTap *tap = g_ptr_array_index(room->taps, i);
        if (tap->fn != NULL || tap->removed)
            continue;
        const MdVideoClass *wanted = &tap->picture.wanted;
        MdLegVideoFormat format = {.sending = true, .codec = tap->picture.codec, .h264_packetization_mode = 1, .max = *wanted};
        if (wanted->width == 0 || wanted->height == 0)
            format.max.width = format.max.height = UINT16_MAX;
        MdComposerOutput spec = output_spec(room, &format,
                                            room->waiting               ? VIEW_DOOR
                                            : room->content_in_composer ? VIEW_SLIDES
                                                                        : VIEW_ROOM);
        uint32_t output = output_for(room, &spec);
        if (output != tap->output && output != 0)
            md_composer_request_key(room->video->composer, output);
        tap->output = output;
    }
}

static void update_outputs(MdRoom *room)
{
    MdRoomVideo *video = room->video;
    for (guint i = 0; i < video->outputs->len; i++)
        g_array_index(video->outputs, Output, i).used = false;
    for (guint i = 0; i < room->members->len; i++) {
        MdMember *member = g_ptr_array_index(room->members, i);
        uint32_t output = 0;
        if (member->state != MD_MEMBER_LEAVING && member->leg_started && member->video_format.sending) {
            MdLegVideoFormat format = member->video_format;
            if (md_forward_main_format(member, &format)) {
                MdComposerOutput spec = output_spec(room, &format, view_of(room, member));
                output = output_for(room, &spec);
            }
        }
        if (output != member->output && output != 0)
            md_composer_request_key(video->composer, output);
        member->output = output;
    }
    md_content_update_receivers(room);
    update_tap_outputs(room);
    for (guint i = video->outputs->len; i-- > 0;) {
        const Output *output = &g_array_index(video->outputs, Output, i);
        if (output->used)
            continue;
        md_composer_remove_output(video->composer, output->id);
        g_array_remove_index(video->outputs, i);
    }
}

void md_room_video_update(MdRoom *room)
{
    if (room->video == NULL)
        return;
    for (guint i = 0; i < room->members->len; i++)
        update_member_source(room, g_ptr_array_index(room->members, i));
    for (guint i = 0; i < room->dials->len; i++)
        update_dial_source(room, g_ptr_array_index(room->dials, i));
    md_content_update_source(room);
    md_pins_update_sources(room);
    md_forward_update(room);
    update_views(room);
    update_outputs(room);
    drop_own_views(room);
}

uint32_t md_room_video_content_output(MdRoom *room, const MdLegVideoFormat *format)
{
    MdComposerOutput spec = output_spec(room, format, VIEW_CONTENT);
    return output_for(room, &spec);
}

void md_room_video_request_output_key(MdRoom *room, uint32_t output)
{
    md_composer_request_key(room->video->composer, output);
}

void md_room_video_request_key(MdMember *member)
{
    if (member->room->video != NULL && member->output != 0)
        md_composer_request_key(member->room->video->composer, member->output);
    else if (member->room->kind == MD_ROOM_ECHO && member->call != NULL)
        md_call_request_key_frame(member->call);
}

/* --- who speaks ---------------------------------------------------------------------------------------------------------- */

static MdMember *loudest(const MdRoom *room)
{
    MdMember *best = NULL;
    float level = 0;
    for (guint i = 0; i < room->members->len; i++) {
        MdMember *member = g_ptr_array_index(room->members, i);
        if (!md_member_sees(member) || !member->leg_started || !md_role_may(member->role, MD_ACTION_BE_SHOWN) ||
            !atomic_load_explicit(&member->seat->talking, memory_order_relaxed) || md_member_channel(member, true) != NULL)
            continue; /* interpreters speak all the time, and not to the meeting */
        float its = atomic_load_explicit(&member->seat->level_dbov, memory_order_relaxed);
        if (best == NULL || its > level) {
            best = member;
            level = its;
        }
    }
    return best;
}

void md_room_video_tick(MdRoom *room, int64_t now_us)
{
    const MdClock *clock = room->conference->options.clock;
    if (room->video != NULL && clock != NULL && clock != md_clock_system())
        md_composer_tick(room->video->composer, now_us); /* no threads of its own then */
    if (room->kind != MD_ROOM_MEETING)
        return;
    md_content_tick(room, now_us);
    md_room_views_tick(room, now_us);
    md_forward_tick(room, now_us);
    bool changed = false;
    MdMember *now = loudest(room);
    if (now != NULL && now != room->speaker &&
        (room->speaker == NULL || now_us - room->speaker_us >= SPEAKER_HOLD_US)) {
        room->speaker_before = room->speaker;
        room->speaker = now;
        room->speaker_us = now_us;
        md_room_emit(room, "room.speaker", now, NULL);
        changed = true;
    }
    if (md_room_tour_tick(room, now_us))
        changed = true;
    if (changed && room->video != NULL)
        md_room_replan(room);
}

void md_room_video_signs(MdRoom *room)
{
    for (guint i = 0; room->video != NULL && i < room->members->len; i++)
        md_room_video_talking(g_ptr_array_index(room->members, i));
}
