/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A room with real pictures in virtual time: coded test pictures go in, what each site is sent is decoded and read. */
#include "tests/fixtures/meeting.h"
#include "tests/unit/video/video-kit.h"

enum { SITES = 5, FRAME_MS = 100 };

typedef struct Site {
    MdLeg *leg;
    Camera camera;
    MdDecoder *decoder;
    MdPicture *seen;
    unsigned keys_answered;
    MdDecoder *slide_decoder;
    MdPicture *slide;      /* seen as a second stream */
} Site;

typedef struct Hall {
    Meeting *meeting;
    MdRoom *room;
    Site sites[SITES];
    unsigned n;
} Hall;

static void on_picture(MdLeg *leg, const MdFrame *frame)
{
    Site *site = leg->viewer;
    MdPicture *picture = NULL;
    if (site->decoder == NULL || md_decoder_codec(site->decoder) != frame->codec) {
        md_decoder_free(site->decoder);
        site->decoder = md_decoder_new(frame->codec);
    }
    /* -EAGAIN: in the middle of a shared stream, until the key frame that was asked for comes */
    if (md_decoder_decode(site->decoder, frame, 0, &picture) == 0 && picture != NULL) {
        md_picture_unref(site->seen);
        site->seen = picture;
    }
}

static void on_slide(MdLeg *leg, const MdFrame *frame)
{
    Site *site = leg->viewer;
    MdPicture *picture = NULL;
    if (site->slide_decoder == NULL)
        site->slide_decoder = md_decoder_new(frame->codec);
    g_assert_cmpint(md_decoder_codec(site->slide_decoder), ==, frame->codec);
    if (md_decoder_decode(site->slide_decoder, frame, 0, &picture) == 0 && picture != NULL) {
        md_picture_unref(site->slide);
        site->slide = picture;
    }
}

static void join(Hall *hall, const char *sdp)
{
    Site *site = &hall->sites[hall->n++];
    site->camera = kit_camera(MD_VIDEO_H264, 640, 360, (uint16_t)(100 + hall->n));
    meeting_join(hall->meeting, "r", "site", MD_ROLE_SITE, sdp, &site->leg);
    site->leg->viewer = site;
    site->leg->on_picture = on_picture;
    site->leg->on_slide = on_slide;
}

static void run(Hall *hall, unsigned ms)
{
    for (unsigned t = 0; t < ms; t += FRAME_MS) {
        for (unsigned i = 0; i < hall->n; i++) {
            Site *site = &hall->sites[i];
            bool key = site->leg->key_requests > site->keys_answered;
            site->keys_answered = site->leg->key_requests;
            MdFrame *frame =
                kit_camera_shoot(&site->camera, key, md_clock_now_us(&hall->meeting->clock.base));
            if (site->leg->started && site->leg->sink.on_video != NULL)
                site->leg->sink.on_video(site->leg, frame, site->leg->user);
            md_frame_unref(frame);
        }
        meeting_run_ms(hall->meeting, FRAME_MS);
    }
}

static int reads(const Site *site, MdLayoutKind layout, unsigned want, unsigned cell)
{
    MdRect rects[MD_LAYOUT_CELLS_MAX];
    uint16_t id;
    g_assert_nonnull(site->seen);
    const MdPlanes *planes = &site->seen->planes;
    g_assert_cmpint(md_layout_cells(layout, want, planes->width, planes->height, rects), >, (int)cell);
    return md_pattern_read(planes, &rects[cell], 640, 360, &id, NULL) ? id : -1;
}

static Hall *hall_new(MdLayoutKind layout)
{
    Hall *hall = g_new0(Hall, 1);
    hall->meeting = meeting_new(&(MeetingSpec){.pictures = true, .views_max = 4});
    hall->room = meeting_room(hall->meeting, &(MdRoomSpec){.name = "r", .layout = layout});
    return hall;
}

static void hall_free(Hall *hall)
{
    meeting_free(hall->meeting);
    for (unsigned i = 0; i < hall->n; i++) {
        kit_camera_clear(&hall->sites[i].camera);
        md_decoder_free(hall->sites[i].decoder);
        md_picture_unref(hall->sites[i].seen);
        md_decoder_free(hall->sites[i].slide_decoder);
        md_picture_unref(hall->sites[i].slide);
    }
    g_free(hall);
}

static void test_grid(void)
{
    Hall *hall = hall_new(MD_LAYOUT_AUTO);
    for (unsigned i = 0; i < 4; i++)
        join(hall, i == 3 ? "hz=0 video=vp8" : i == 2 ? "hz=0 video=h264 height=360" : "hz=0 video=h264");
    run(hall, 3000);
    for (unsigned i = 0; i < 4; i++)
        for (unsigned cell = 0; cell < 4; cell++)
            g_assert_cmpint(reads(&hall->sites[i], MD_LAYOUT_AUTO, 4, cell), ==, 101 + (int)cell);
    g_assert_cmpuint(hall->sites[0].seen->planes.width, ==, 1280);
    g_assert_cmpuint(hall->sites[2].seen->planes.width, ==, 640);
    MdRoomInfo info;
    md_room_info(hall->room, &info);
    g_assert_cmpuint(info.video.decode_errors, ==, 0);
    /* A fifth comes: the grid grows, and the newcomer sees it at once, by a key frame. */
    join(hall, "hz=0 video=h264");
    run(hall, 2000);
    for (unsigned cell = 0; cell < 5; cell++)
        g_assert_cmpint(reads(&hall->sites[4], MD_LAYOUT_AUTO, 5, cell), ==, 101 + (int)cell);
    g_autoptr(GPtrArray) members = md_room_members(hall->room);
    g_assert_cmpuint(((const MdMemberInfo *)g_ptr_array_index(members, 1))->video_decoded, >, 20);
    hall_free(hall);
}

static void test_speaker(void)
{
    Hall *hall = hall_new(MD_LAYOUT_SINGLE);
    for (unsigned i = 0; i < 3; i++)
        join(hall, "hz=400 video=h264");
    for (unsigned speaker = 0; speaker < 3; speaker++) {
        for (unsigned i = 0; i < 3; i++)
            hall->sites[i].leg->silent = i != speaker;
        run(hall, 4000);
        for (unsigned i = 0; i < 3; i++) {
            int seen = reads(&hall->sites[i], MD_LAYOUT_SINGLE, 1, 0);
            if (i != speaker)
                g_assert_cmpint(seen, ==, 101 + (int)speaker);
            else if (speaker > 0) /* who spoke before */
                g_assert_cmpint(seen, ==, 100 + (int)speaker);
            else
                g_assert_cmpint(seen, !=, 101);
        }
    }
    hall_free(hall);
}

static void test_waiting(void)
{
    Hall *hall = g_new0(Hall, 1);
    hall->meeting = meeting_new(&(MeetingSpec){.pictures = true});
    hall->room = meeting_room(hall->meeting, &(MdRoomSpec){.name = "r", .wait_for_chair = true});
    join(hall, "hz=0 video=h264");
    join(hall, "hz=0 video=h264");
    run(hall, 2000);
    for (unsigned i = 0; i < 2; i++) /* a picture, but nobody in it */
        g_assert_cmpint(reads(&hall->sites[i], MD_LAYOUT_SINGLE, 1, 0), ==, -1);
    g_assert_true(md_room_set_role(hall->room, meeting_member(hall->room, 0), MD_ROLE_CHAIR, NULL));
    run(hall, 3000);
    g_assert_cmpint(reads(&hall->sites[0], MD_LAYOUT_AUTO, 2, 1), ==, 102);
    g_assert_cmpint(reads(&hall->sites[1], MD_LAYOUT_AUTO, 2, 0), ==, 101);
    hall_free(hall);
}

static int reads_slide(const Site *site)
{
    uint16_t id;
    if (site->slide == NULL)
        return -1;
    const MdPlanes *planes = &site->slide->planes;
    return md_pattern_read(planes, &(MdRect){0, 0, planes->width, planes->height}, 960, 720, &id, NULL) ? id : -1;
}

/* The presenter's slides: forwarded to the second site, encoded anew for the third, large in the fourth's only picture. */
static void test_content(void)
{
    enum { SLIDE = 777 };
    Hall *hall = g_new0(Hall, 1);
    hall->meeting = meeting_new(&(MeetingSpec){.pictures = true, .content = true});
    hall->room = meeting_room(hall->meeting, &(MdRoomSpec){.name = "r"});
    join(hall, "hz=0 video=h264 content=h264 content_height=1080");
    join(hall, "hz=0 video=h264 content=h264 content_height=1080");
    join(hall, "hz=0 video=h264 content=vp8 content_height=720");
    join(hall, "hz=0 video=h264");
    run(hall, 1000);
    Camera screen = kit_camera(MD_VIDEO_H264, 960, 720, SLIDE); /* 4:3, as slides often are */
    MdLeg *presenter = hall->sites[0].leg;
    unsigned answered = 0, forwarded = 0;
    g_assert_true(md_room_content_start(hall->room, meeting_member(hall->room, 0), NULL));
    for (unsigned i = 0; i < 30; i++) {
        bool key = presenter->content_key_requests > answered;
        answered = presenter->content_key_requests;
        MdFrame *frame = kit_camera_shoot(&screen, key, md_clock_now_us(&hall->meeting->clock.base));
        unsigned before = hall->sites[1].leg->content_sent;
        presenter->sink.on_content(presenter, frame, presenter->user);
        forwarded += hall->sites[1].leg->content_sent - before;
        md_frame_unref(frame);
        run(hall, FRAME_MS);
    }
    g_assert_cmpuint(forwarded, >=, 25);
    g_assert_cmpint(reads_slide(&hall->sites[1]), ==, SLIDE);
    g_assert_cmpuint(hall->sites[1].slide->planes.width, ==, 960); /* as it was sent */
    g_assert_cmpint(reads_slide(&hall->sites[2]), ==, SLIDE);
    g_assert_cmpint(md_decoder_codec(hall->sites[2].slide_decoder), ==, MD_VIDEO_VP8);
    g_assert_cmpuint(hall->sites[2].slide->planes.width, ==, 1280);
    g_assert_null(hall->sites[0].slide);
    g_assert_null(hall->sites[3].slide);
    /* Whole, beside black bars; the others small along the edge. */
    MdRect cells[MD_LAYOUT_CELLS_MAX];
    uint16_t id = 0;
    const MdPlanes *planes = &hall->sites[3].seen->planes;
    md_layout_cells(MD_LAYOUT_1P7, 5, planes->width, planes->height, cells);
    g_assert_true(md_pattern_read(planes, &cells[0], 960, 720, &id, NULL));
    g_assert_cmpuint(id, ==, SLIDE);
    g_assert_cmpuint(planes->y[(size_t)(cells[0].height / 2) * (size_t)planes->stride_y + 8], <=, 20);
    g_assert_cmpint(reads(&hall->sites[3], MD_LAYOUT_1P7, 5, 1), >, 100);
    /* Those with a second stream see the sites as before. */
    for (unsigned cell = 0; cell < 4; cell++)
        g_assert_cmpint(reads(&hall->sites[1], MD_LAYOUT_AUTO, 4, cell), ==, 101 + (int)cell);
    /* It stands still, and stays: no word of a weak line, no other picture. */
    run(hall, 6000);
    g_assert_true(md_pattern_read(&hall->sites[3].seen->planes, &cells[0], 960, 720, &id, NULL));
    g_assert_true(md_room_content_stop(hall->room, NULL, NULL));
    run(hall, 2000);
    for (unsigned cell = 0; cell < 4; cell++)
        g_assert_cmpint(reads(&hall->sites[3], MD_LAYOUT_AUTO, 4, cell), ==, 101 + (int)cell);
    kit_camera_clear(&screen);
    hall_free(hall);
}

/* What each viewer is sent when they wish for different things; those who wish for the same see the very same pictures. */
static void test_own_views(void)
{
    Hall *hall = hall_new(MD_LAYOUT_AUTO);
    char ids[SITES][16];
    for (unsigned i = 0; i < SITES; i++) {
        join(hall, i == 4 ? "hz=0 video=vp8" : i == 3 ? "hz=0 video=h264 height=360" : "hz=0 video=h264");
        g_strlcpy(ids[i], meeting_member(hall->room, i), sizeof ids[i]);
    }
    run(hall, 1000);
    const char *const third[] = {ids[2], NULL}, *const two[] = {ids[4], ids[0], NULL};
    g_assert_true(md_room_set_view(hall->room, ids[1], false, MD_LAYOUT_SINGLE, third, NULL));
    g_assert_true(md_room_set_view(hall->room, ids[3], true, MD_LAYOUT_PIP, two, NULL));
    g_assert_true(md_room_set_view(hall->room, ids[4], false, MD_LAYOUT_SINGLE, third, NULL));
    run(hall, 3000);
    for (unsigned cell = 0; cell < SITES; cell++) /* all others: the room's */
        for (unsigned i = 0; i < 3; i += 2)
            g_assert_cmpint(reads(&hall->sites[i], MD_LAYOUT_AUTO, SITES, cell), ==, 101 + (int)cell);
    g_assert_cmpint(reads(&hall->sites[1], MD_LAYOUT_SINGLE, 1, 0), ==, 103);
    g_assert_cmpint(reads(&hall->sites[4], MD_LAYOUT_SINGLE, 1, 0), ==, 103);
    g_assert_cmpint(md_decoder_codec(hall->sites[4].decoder), ==, MD_VIDEO_VP8);
    g_assert_cmpint(reads(&hall->sites[3], MD_LAYOUT_PIP, 2, 1), ==, 101);
    g_assert_cmpuint(hall->sites[3].seen->planes.width, ==, 640);
    /* Large, in its own picture, as sharp as it was sent; one after the other changes its mind, and the next frame follows. */
    g_assert_true(md_room_set_view(hall->room, ids[2], false, MD_LAYOUT_SINGLE, third, NULL));
    run(hall, 2000);
    g_assert_cmpfloat(kit_psnr(&hall->sites[1].seen->planes, &hall->sites[2].seen->planes), >=, 99); /* one encode */
    g_assert_true(md_room_clear_view(hall->room, ids[1], false, NULL));
    run(hall, 1000);
    for (unsigned cell = 0; cell < SITES; cell++)
        g_assert_cmpint(reads(&hall->sites[1], MD_LAYOUT_AUTO, SITES, cell), ==, 101 + (int)cell);
    g_assert_cmpint(reads(&hall->sites[2], MD_LAYOUT_SINGLE, 1, 0), ==, 103);
    hall_free(hall);
}

/* A seat is kept while its site is away: nobody's code is read there, everybody else's where it was. */
static void test_kept_seat(void)
{
    Hall *hall = hall_new(MD_LAYOUT_GRID_2X2);
    char ids[3][16];
    for (unsigned i = 0; i < 3; i++) {
        join(hall, "hz=0 video=h264");
        g_strlcpy(ids[i], meeting_member(hall->room, i), sizeof ids[i]);
    }
    run(hall, 1000);
    const char *const seats[] = {ids[2], ids[1], NULL};
    g_assert_true(md_room_set_layout(hall->room, MD_LAYOUT_GRID_2X2, seats, NULL));
    run(hall, 1000);
    static const int before[] = {103, 102, 101}, away[] = {103, -1, 101};
    for (unsigned cell = 0; cell < 3; cell++)
        g_assert_cmpint(reads(&hall->sites[0], MD_LAYOUT_GRID_2X2, 4, cell), ==, before[cell]);
    FakeCall *call = g_ptr_array_index(hall->meeting->calls, 1);
    md_call_emit_closed(call->call, 408, "lost");
    hall->sites[1].leg->sink.on_video = NULL;
    run(hall, 1000);
    for (unsigned cell = 0; cell < 3; cell++)
        g_assert_cmpint(reads(&hall->sites[0], MD_LAYOUT_GRID_2X2, 4, cell), ==, away[cell]);
    hall_free(hall);
}

/* Seen on the way: who has a picture, each for its time. */
static void test_tour(void)
{
    Hall *hall = hall_new(MD_LAYOUT_SINGLE);
    for (unsigned i = 0; i < 3; i++)
        join(hall, "hz=0 video=h264");
    run(hall, 1000);
    g_assert_true(md_room_mute_video(hall->room, meeting_member(hall->room, 1), true, NULL));
    g_assert_true(md_room_set_tour(hall->room, 5, NULL));
    for (unsigned i = 0; i < 4; i++) {
        run(hall, 2000);
        g_assert_cmpint(reads(&hall->sites[1], MD_LAYOUT_SINGLE, 1, 0), ==, i % 2 == 0 ? 101 : 103);
        run(hall, 3000);
    }
    hall_free(hall);
}

static void test_test_room(void)
{
    Hall *hall = g_new0(Hall, 1);
    hall->meeting = meeting_new(&(MeetingSpec){.pictures = true});
    Site *site = &hall->sites[0];
    meeting_join(hall->meeting, "test", NULL, MD_ROLE_GUEST, "hz=0 video=h264", &site->leg);
    site->leg->viewer = site;
    site->leg->on_picture = on_picture;
    meeting_run_ms(hall->meeting, 2000);
    g_assert_nonnull(site->seen);
    MdPicture *before = md_picture_ref(site->seen);
    meeting_run_ms(hall->meeting, 1000);
    g_assert_cmpfloat(kit_psnr(&before->planes, &site->seen->planes), <, 35); /* it moves */
    md_picture_unref(before);
    meeting_free(hall->meeting);
    md_decoder_free(site->decoder);
    md_picture_unref(site->seen);
    g_free(hall);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/media/picture-room/grid", test_grid);
    g_test_add_func("/media/picture-room/speaker", test_speaker);
    g_test_add_func("/media/picture-room/waiting", test_waiting);
    g_test_add_func("/media/picture-room/content", test_content);
    g_test_add_func("/media/picture-room/own-views", test_own_views);
    g_test_add_func("/media/picture-room/kept-seat", test_kept_seat);
    g_test_add_func("/media/picture-room/tour", test_tour);
    g_test_add_func("/media/picture-room/test-room", test_test_room);
    return g_test_run();
}
