/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The worker's half of forwarding: a member's frames go, unchanged, to the lines that the plan gives them. A line changes over where the
 * next one's key frame begins and shows the one before until then; upstream key frames are asked for through the source's leg, which
 * makes one request of those of all viewers. */
#include "mediad/conference/private.h"

typedef struct ShownMail {
    MdConference *conference;
    uint32_t room, seat, generation, epoch;
    unsigned stream;
} ShownMail;

static void shown_mail(void *payload, size_t len)
{
    const ShownMail *mail = payload;
    MdMember *member = md_room_audio_member(mail->conference, mail->room, mail->seat, mail->generation);
    if (member != NULL)
        md_forward_shown(member, mail->stream, mail->epoch);
}

/* A full mailbox: told again with the next key frame. */
static bool tell_shown(MdSeat *to, unsigned stream, uint32_t epoch)
{
    MdRoomAudio *audio = to->audio;
    ShownMail mail = {audio->conference, audio->room, to->id, to->generation, epoch, stream};
    return md_mailbox_post(audio->control, shown_mail, &mail, sizeof mail) == 0;
}

static bool is_next(const MdPlanStream *at, const MdSeat *from, unsigned layer)
{
    return at->from == from && at->layer == layer;
}

static void send_on(const MdPlanStream *at, MdSeat *to, unsigned k, const MdSeat *from, unsigned layer, const MdFrame *frame, int64_t now_us)
{
    MdSeatStream *stream = &to->streams[k];
    bool next = is_next(at, from, layer);
    uint32_t epoch = next ? at->epoch : at->keep_epoch;
    bool begins = stream->epoch != epoch || stream->waits_key;
    if (begins && !next)
        return; /* it is on its way out: nothing is begun with it any more */
    if (begins && !frame->key) {
        md_leg_request_layer_key_frame(from->leg, layer, now_us);
        return;
    }
    /* What could not be sent is missing from what follows. */
    stream->waits_key = md_leg_send_stream(to->leg, k, frame, now_us) != 0;
    if (!stream->waits_key)
        stream->epoch = epoch;
    if (!stream->waits_key && frame->key && stream->told != epoch && tell_shown(to, k, epoch))
        stream->told = epoch;
}

void md_plan_forward(const MdRoomPlan *plan, const MdSeat *from, unsigned layer, const MdFrame *frame, int64_t now_us)
{
    for (unsigned i = 0; i < plan->n_seats; i++)
        for (unsigned k = 0; k < plan->seats[i].n_streams; k++) {
            const MdPlanStream *at = &plan->seats[i].streams[k];
            if (is_next(at, from, layer) || (at->keep == from && at->keep_layer == layer))
                send_on(at, plan->seats[i].seat, k, from, layer, frame, now_us);
        }
}

void md_seat_on_layer(MdLeg *leg, unsigned layer, MdFrame *frame, void *user)
{
    MdSeat *seat = user;
    const MdRoomPlan *plan = md_plan_get(&seat->audio->slot);
    const MdPlanSeat *at = md_plan_seat(plan, seat);
    if (at == NULL || plan->composer == NULL)
        return;
    md_leg_want_layers(leg, at->forward_layers);
    md_plan_forward(plan, seat, layer, frame, md_worker_now_us(seat->audio->worker));
}

void md_seat_on_stream_key_request(MdLeg *leg, unsigned stream, void *user)
{
    MdSeat *seat = user;
    const MdPlanSeat *at = md_plan_seat(md_plan_get(&seat->audio->slot), seat);
    if (at == NULL || stream >= at->n_streams)
        return;
    const MdPlanStream *line = &at->streams[stream];
    bool kept = line->keep != NULL && seat->streams[stream].epoch == line->keep_epoch;
    const MdSeat *from = kept ? line->keep : line->from;
    if (from != NULL)
        md_leg_request_layer_key_frame(from->leg, kept ? line->keep_layer : line->layer, md_worker_now_us(seat->audio->worker));
}

typedef struct LineMail {
    MdConference *conference;
    uint32_t room, seat, generation;
    unsigned stream;
    MdLegVideoFormat format;
} LineMail;

static void line_mail(void *payload, size_t len)
{
    const LineMail *mail = payload;
    MdMember *member = md_room_audio_member(mail->conference, mail->room, mail->seat, mail->generation);
    if (member != NULL)
        md_forward_format(member, mail->stream, &mail->format);
}

void md_seat_watch_streams(MdSeat *seat)
{
    MdRoomAudio *audio = seat->audio;
    for (unsigned k = 0; k < MD_LEG_STREAMS_MAX; k++) {
        MdSeatStream *stream = &seat->streams[k];
        LineMail mail = {audio->conference, audio->room, seat->id, seat->generation, k, {0}};
        md_leg_stream_format(seat->leg, k, &mail.format);
        bool same = mail.format.sending == stream->format.sending && mail.format.codec == stream->format.codec &&
                    mail.format.h264_rank == stream->format.h264_rank &&
                    mail.format.h264_packetization_mode == stream->format.h264_packetization_mode &&
                    mail.format.max.bitrate_bps == stream->format.max.bitrate_bps;
        if (!same && md_mailbox_post(audio->control, line_mail, &mail, sizeof mail) == 0)
            stream->format = mail.format;
    }
}
