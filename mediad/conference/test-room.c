/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sip:test@…: a beep, a spoken clock and a moving picture for whoever wants to know that their line works. The beep and the
 * prompts are the worker's (room-audio.c); here control tells it what time to say, and draws: ten small pictures a second,
 * about a millisecond each, and only while somebody looks. */
#include "mediad/conference/private.h"
#include "mediad/video/encoder.h"
#include "mediad/video/testpattern.h"

enum { CLOCK_PERIOD_S = 20, WIDTH = 640, HEIGHT = 360, FPS = 10, BITRATE = 600000, KEY_FRAMES = 5 * FPS };

struct MdTestPicture {
    MdEncoder *encoder;
    uint32_t frame;
    uint8_t canvas[WIDTH * HEIGHT * 3 / 2];
};

static void open_picture(MdRoom *room)
{
    MdEncoderOptions options = {.codec = MD_VIDEO_H264, .width = WIDTH, .height = HEIGHT, .fps = FPS, .bitrate_bps = BITRATE};
    room->picture = g_new0(MdTestPicture, 1);
    int error = md_encoder_new(&options, &room->picture->encoder);
    if (error == 0)
        error = md_composer_add_source(md_room_video_composer(room->video), room->serial,
                                       room->language == MD_LANGUAGE_VI ? "Phòng thử" : "Test room");
    if (error != 0)
        md_error(&room->logger, "no test picture: %s", g_strerror(-error));
}

void md_test_picture_free(MdRoom *room)
{
    if (room->picture == NULL)
        return;
    md_encoder_free(room->picture->encoder);
    g_clear_pointer(&room->picture, g_free);
}

static void draw(MdRoom *room, int64_t now_us)
{
    if (room->picture == NULL)
        open_picture(room);
    MdTestPicture *picture = room->picture;
    if (picture->encoder == NULL)
        return;
    MdPlanes planes = md_planes_of(picture->canvas, WIDTH, HEIGHT);
    md_testpattern_draw(&planes, 1, picture->frame);
    MdFrame *frame = NULL;
    int error = md_encoder_encode(picture->encoder, &planes, picture->frame % KEY_FRAMES == 0, &frame);
    if (error == 0 && frame != NULL) {
        frame->time_us = now_us;
        frame->rtp_ts = picture->frame * (90000 / FPS);
        md_composer_push(md_room_video_composer(room->video), room->serial, frame);
        md_frame_unref(frame);
    }
    picture->frame++;
}

static bool anybody_looks(const MdRoom *room)
{
    for (guint i = 0; i < room->members->len; i++)
        if (((const MdMember *)g_ptr_array_index(room->members, i))->output != 0)
            return true;
    return false;
}

static void say_time(MdRoom *room, bool first)
{
    int64_t wall_s = md_clock_wall_us(room->conference->clock) / G_USEC_PER_SEC;
    g_autoptr(GDateTime) now = g_date_time_new_from_unix_local(wall_s);
    uint8_t prompts[6];
    unsigned n = 0;
    if (first)
        prompts[n++] = MD_PROMPT_TEST;
    prompts[n++] = MD_PROMPT_NOW;
    prompts[n++] = (uint8_t)(MD_PROMPT_NUMBER_0 + g_date_time_get_hour(now));
    prompts[n++] = MD_PROMPT_HOURS;
    prompts[n++] = (uint8_t)(MD_PROMPT_NUMBER_0 + g_date_time_get_minute(now));
    prompts[n++] = MD_PROMPT_MINUTES;
    md_room_play(room, NULL, prompts, n, true);
}

void md_test_room_tick(MdRoom *room, int64_t now_us)
{
    if (room->kind != MD_ROOM_TEST)
        return;
    if (md_room_count(room) == 0) {
        room->clock_us = 0;
        return;
    }
    if (room->video != NULL && anybody_looks(room))
        draw(room, now_us);
    if (now_us >= room->clock_us) {
        say_time(room, room->clock_us == 0);
        room->clock_us = now_us + CLOCK_PERIOD_S * (int64_t)G_USEC_PER_SEC;
    }
}
