/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The worker's half of a room: one tick every 20 ms by absolute deadline. pull → levels → mix → one encode for each distinct
 * mix and format → send. Inside the tick nothing allocates, locks or logs. */
#include "mediad/conference/private.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "mediad/audio/kernels.h"

enum { LATE_US = 5000, BEHIND_MAX_US = 200000, PHASES = 7, FORMAT_TICKS = 5, KEY_PATIENCE = 8 /* pictures */, PLAY_MAX = MD_PLAYER_QUEUE_MAX };
static const int64_t RISE_US = 10 * INT64_C(1000000);
static const double TEST_HZ = 440;
static const float QUIET_DBOV = -72; /* noise for those who hear nothing: the line is not dead */
static const float DUCK_GAIN = 0.3f; /* the room, while a prompt speaks over it */

/* --- telling control ------------------------------------------------------------------------------------------------ */

typedef struct FormatMail {
    MdConference *conference;
    uint32_t room, seat, generation;
    MdLegAudioFormat audio;
    MdLegVideoFormat video, content;
} FormatMail;
G_STATIC_ASSERT(sizeof(FormatMail) <= MD_MAIL_PAYLOAD_MAX);

static MdMember *find_member(MdConference *conference, uint32_t room_serial, uint32_t seat)
{
    MdRoom *room = g_hash_table_lookup(conference->by_serial, GUINT_TO_POINTER(room_serial));
    for (guint i = 0; room != NULL && i < room->members->len; i++) {
        MdMember *member = g_ptr_array_index(room->members, i);
        if (member->id == seat)
            return member;
    }
    return NULL;
}

MdMember *md_room_audio_member(MdConference *conference, uint32_t room, uint32_t seat, uint32_t generation)
{
    MdMember *member = find_member(conference, room, seat);
    return member != NULL && member->state != MD_MEMBER_LEAVING && member->generation == generation ? member : NULL;
}

static void formats_changed(void *payload, size_t len)
{
    const FormatMail *mail = payload;
    MdMember *member = md_room_audio_member(mail->conference, mail->room, mail->seat, mail->generation);
    if (member == NULL)
        return;
    member->audio_format = mail->audio;
    member->video_format = mail->video;
    member->content_format = mail->content;
    md_room_replan(member->room);
}

static bool video_equal(const MdLegVideoFormat *a, const MdLegVideoFormat *b)
{
    return a->sending == b->sending && a->receiving == b->receiving && a->codec == b->codec &&
           a->h264_packetization_mode == b->h264_packetization_mode && a->max.width == b->max.width &&
           a->max.height == b->max.height && a->max.fps == b->max.fps &&
           a->max.bitrate_bps == b->max.bitrate_bps;
}

/* Rates follow the peer's limits and losses down at once, but up only when it could take more for ten seconds: whoever goes
 * up and down would cause a new encode or a key frame for all each time. A new agreement counts at once. */
static void hold_rate(MdSeatPictures *pictures, bool told, MdLegVideoFormat *format, int64_t now_us)
{
    MdLegVideoFormat agreed = *format;
    agreed.max.bitrate_bps = pictures->wanted.max.bitrate_bps;
    bool fresh = !told || !video_equal(&agreed, &pictures->wanted);
    uint32_t wanted = format->max.bitrate_bps, rate = pictures->format.max.bitrate_bps;
    pictures->wanted = *format;
    if (fresh || wanted <= rate) {
        pictures->rise_bps = 0;
        pictures->rate_since_us = now_us;
        return;
    }
    if (pictures->rise_bps == 0 || wanted < pictures->rise_bps)
        pictures->rise_bps = wanted;
    if (now_us - pictures->rate_since_us < RISE_US) {
        format->max.bitrate_bps = rate;
        return;
    }
    format->max.bitrate_bps = pictures->rise_bps;
    pictures->rise_bps = 0;
    pictures->rate_since_us = now_us;
}

/* Tells control when what the peer takes has changed; when the mailbox is full the next look tries again. */
static void watch_formats(MdRoomAudio *audio, MdSeat *seat)
{
    FormatMail mail = {.conference = audio->conference, .room = audio->room, .seat = seat->id, .generation = seat->generation};
    md_leg_audio_format(seat->leg, &mail.audio);
    md_leg_video_format(seat->leg, &mail.video);
    md_leg_content_format(seat->leg, &mail.content);
    hold_rate(&seat->video, seat->formats_told, &mail.video, audio->due_us);
    hold_rate(&seat->content, seat->formats_told, &mail.content, audio->due_us);
    if (seat->formats_told && md_leg_audio_format_equal(&mail.audio, &seat->audio_format) &&
        video_equal(&mail.video, &seat->video.format) && mail.video.layers == seat->video.format.layers &&
        mail.video.layers_heard == seat->video.format.layers_heard && video_equal(&mail.content, &seat->content.format))
        return;
    if (md_mailbox_post(audio->control, formats_changed, &mail, sizeof mail) != 0)
        return;
    seat->audio_format = mail.audio;
    seat->video.format = mail.video;
    seat->content.format = mail.content;
    seat->formats_told = true;
}

/* --- the tick --------------------------------------------------------------------------------------------------------- */

bool md_pictures_follow(MdSeatPictures *pictures, uint32_t output)
{
    if (pictures->output == output)
        return false;
    pictures->output = output;
    pictures->waits_key = true;
    pictures->waited = 0;
    return true;
}

static void pull(MdRoomAudio *audio, const MdRoomPlan *plan, int64_t now_us)
{
    for (unsigned i = 0; i < plan->n_seats; i++) {
        MdSeat *seat = plan->seats[i].seat;
        md_leg_pull_audio(seat->leg, now_us, seat->pcm, &seat->in);
        md_pictures_follow(&seat->video, plan->seats[i].output);
        md_seat_follow_content(plan, &plan->seats[i], now_us);
        bool talking = md_vad_tick(&seat->vad, seat->in.level_dbov) && (plan->seats[i].gain > 0 || plan->seats[i].voice > 0);
        if (talking != atomic_load_explicit(&seat->talking, memory_order_relaxed))
            atomic_store_explicit(&seat->talking, talking, memory_order_relaxed);
        audio->inputs[i] = (MdMixInput){.member = &seat->mix,
                                        .pcm = seat->pcm,
                                        .level_dbov = seat->in.level_dbov,
                                        .gain = plan->seats[i].gain};
        if ((audio->tick + seat->id) % FORMAT_TICKS == 0 || !seat->formats_told)
            watch_formats(audio, seat);
        if ((audio->tick + seat->id) % FORMAT_TICKS == 0)
            md_seat_watch_streams(seat);
    }
}

static void make_common(MdRoomAudio *audio, const MdRoomPlan *plan)
{
    memcpy(audio->before, audio->common, sizeof audio->before);
    md_mix_run(&audio->mix, audio->inputs, plan->n_seats);
    md_mix_common(&audio->mix, audio->common);
    memset(audio->announced, 0, sizeof audio->announced);
    bool spoken = md_player_tick(&audio->player, audio->prompts, audio->language, audio->announced);
    audio->announcing = spoken;
    if (spoken)
        md_kernels()->add(audio->common, audio->announced, MD_AUDIO_TICK_SAMPLES);
    /* The test room beeps for half a second in two, but not while the clock speaks. */
    if ((audio->kind == MD_ROOM_TEST || audio->kind == MD_ROOM_TRIAL) && !spoken) {
        if (audio->tick % 100 < 25)
            md_tone_fill(&audio->tone, audio->common, MD_AUDIO_TICK_SAMPLES);
        else
            memset(audio->common, 0, sizeof audio->common);
    }
    md_channels_tick(audio, plan);
    for (unsigned i = 0; i < plan->n_seats; i++)
        atomic_store_explicit(&plan->seats[i].seat->level_dbov, plan->seats[i].seat->mix.level_dbov,
                              memory_order_relaxed);
    memset(audio->quiet, 0, sizeof audio->quiet);
    md_comfort_noise_add(&audio->noise, audio->quiet, MD_AUDIO_TICK_SAMPLES, QUIET_DBOV);
    md_player_tick(&audio->quiet_player, audio->prompts, audio->language, audio->quiet);
    for (unsigned i = 0; i < plan->n_taps; i++)
        plan->taps[i].fn(audio->common, audio->due_us, plan->taps[i].user);
}

static const float *shared_mix(const MdRoomAudio *audio, const MdRoomPlan *plan, const MdPlanSeat *at)
{
    if (at->channel > 0)
        return plan->channels[at->channel - 1].mix->mixed;
    return at->hears == MD_HEARS_ROOM ? audio->common : audio->quiet;
}

/* What this seat alone hears, in audio->own; false: a shared mix will do. */
static bool make_own(MdRoomAudio *audio, const MdRoomPlan *plan, const MdPlanSeat *at, int active)
{
    MdSeat *seat = at->seat;
    bool speaks = seat->player.n > 0;
    bool minus = at->hears == MD_HEARS_ROOM && active >= 0;
    if (at->hears != MD_HEARS_SELF && !minus && !speaks)
        return false;
    if (at->hears == MD_HEARS_SELF)
        memcpy(audio->own, seat->pcm, sizeof audio->own);
    else if (minus) {
        md_mix_minus(&audio->mix, audio->inputs, (unsigned)active, audio->own);
        if (audio->announcing) /* what is said to all is said to those who speak, too */
            md_kernels()->add(audio->own, audio->announced, MD_AUDIO_TICK_SAMPLES);
        md_channel_own(audio, plan, at, audio->own);
    } else
        memcpy(audio->own, shared_mix(audio, plan, at), sizeof audio->own);
    if (speaks) {
        md_kernels()->scale(audio->own, audio->own, MD_AUDIO_TICK_SAMPLES, DUCK_GAIN, DUCK_GAIN);
        md_player_tick(&seat->player, audio->prompts, audio->language, audio->own);
    }
    return true;
}

static void send_seat(MdRoomAudio *audio, const MdRoomPlan *plan, const MdPlanSeat *at, int active)
{
    MdSeat *seat = at->seat;
    if (at->own == NULL || at->shared == NULL) {
        if (seat->player.n > 0) /* its time passes though nobody hears it */
            make_own(audio, plan, at, active);
        return;
    }
    bool own = make_own(audio, plan, at, active);
    bool between = audio->tick % at->own->ticks_per_packet == 0;
    if (between)
        seat->own_in_use = own;
    MdRoomEncoder *encoder = seat->own_in_use ? at->own : at->shared;
    bool ran = md_room_encoder_run(encoder, audio->tick, seat->own_in_use && own ? audio->own : shared_mix(audio, plan, at),
                                   at->channel > 0 ? plan->channels[at->channel - 1].mix->before : audio->before);
    md_stat_add(&audio->stats.encodes, ran);
    /* After a re-INVITE the leg may already speak another codec than the plan of this tick knows: rather nothing. */
    MdLegAudioFormat wanted;
    md_leg_audio_format(seat->leg, &wanted);
    /* The waveform codecs are encoded tick by tick: the leg joins ticks to packets of its ptime. */
    bool fits = wanted.codec == encoder->format.codec &&
                (wanted.codec != MD_AUDIO_OPUS || wanted.ptime_ms == encoder->format.ptime_ms);
    md_leg_send_audio(seat->leg, encoder->payload, fits ? (size_t)encoder->len : 0, audio->due_us);
}

static void tick(MdRoomAudio *audio)
{
    const MdRoomPlan *plan = md_plan_get(&audio->slot);
    audio->tick++;
    if (plan == NULL)
        return;
    pull(audio, plan, audio->due_us);
    make_common(audio, plan);
    unsigned next = 0; /* the mix lists its contributors in the order of the inputs */
    for (unsigned i = 0; i < plan->n_seats; i++) {
        int active = -1;
        if (next < audio->mix.n_active && audio->mix.active[next] == i)
            active = (int)next++;
        send_seat(audio, plan, &plan->seats[i], active);
    }
}

static void on_timer(MdTimer *timer, int64_t due_us, void *user)
{
    MdRoomAudio *audio = user;
    int64_t began_us = md_worker_clock_us(audio->worker);
    audio->due_us = due_us;
    if (began_us - due_us > LATE_US)
        md_stat_add(&audio->stats.ticks_late, 1);
    tick(audio);
    int64_t took_us = md_worker_clock_us(audio->worker) - began_us;
    md_stat_add(&audio->stats.ticks, 1);
    md_stat_add(&audio->stats.tick_us, (uint64_t)took_us);
    if ((uint64_t)took_us > md_stat_get(&audio->stats.tick_us_max))
        md_stat_set(&audio->stats.tick_us_max, (uint64_t)took_us);
    /* The grid never moves. After a long stop (the machine slept) the ticks nobody can use any more are left out and counted. */
    int64_t next_us = due_us + MD_AUDIO_TICK_US;
    for (; began_us - next_us > BEHIND_MAX_US; next_us += MD_AUDIO_TICK_US)
        md_stat_add(&audio->stats.ticks_late, 1);
    md_worker_timer_at(audio->worker, timer, next_us, on_timer, audio);
}

/* --- mail -------------------------------------------------------------------------------------------------------------- */

static void start_mail(void *payload, size_t len)
{
    MdRoomAudio *audio = *(MdRoomAudio **)payload;
    /* Rooms of one worker take turns within the 20 ms instead of all starting at once. */
    int64_t phase = (int64_t)(audio->room % PHASES) * (MD_AUDIO_TICK_US / PHASES);
    int64_t now_us = md_worker_clock_us(audio->worker);
    int64_t due_us = now_us - now_us % MD_AUDIO_TICK_US + MD_AUDIO_TICK_US + phase;
    md_worker_timer_at(audio->worker, &audio->timer, due_us, on_timer, audio);
}

typedef struct StopMail {
    MdRoomAudio *audio;
    _Atomic bool *ret_passed;
} StopMail;

static void stop_mail(void *payload, size_t len)
{
    const StopMail *mail = payload;
    mail->audio->stopped = true;
    md_worker_timer_cancel(mail->audio->worker, &mail->audio->timer);
    atomic_store_explicit(mail->ret_passed, true, memory_order_release);
}

typedef struct PlayMail {
    MdRoomAudio *audio;
    MdSeat *seat;
    MdHears hears;
    uint8_t n;
    bool replace;
    uint8_t prompts[PLAY_MAX];
} PlayMail;

static void play_mail(void *payload, size_t len)
{
    const PlayMail *mail = payload;
    MdRoomAudio *audio = mail->audio;
    MdPlayer *player = mail->seat != NULL                ? &mail->seat->player
                       : mail->hears == MD_HEARS_NOTHING ? &audio->quiet_player
                                                         : &audio->player;
    if (mail->replace)
        *player = (MdPlayer){0};
    md_player_add(player, mail->prompts, mail->n);
}

int md_room_audio_play(MdRoomAudio *audio, MdSeat *seat, MdHears hears, const uint8_t *prompts, unsigned n,
                       bool replace)
{
    PlayMail mail = {
        .audio = audio, .seat = seat, .hears = hears, .n = (uint8_t)MIN(n, PLAY_MAX), .replace = replace};
    if (mail.n > 0)
        memcpy(mail.prompts, prompts, mail.n);
    return md_worker_post(audio->worker, play_mail, &mail, sizeof mail);
}

typedef struct FrameMail {
    MdRoomAudio *audio;
    MdFrame *frame;
    uint32_t output;
} FrameMail;

static void send_picture(const MdRoomPlan *plan, MdSeat *seat, const MdFrame *frame, int64_t now_us)
{
    MdSeatPictures *pictures = &seat->video;
    if (pictures->waits_key && !frame->key) {
        if (++pictures->waited % KEY_PATIENCE == 0 && plan->composer != NULL)
            md_composer_request_key(plan->composer, pictures->output);
        return;
    }
    /* What could not be sent is missing from what follows. */
    pictures->waits_key = md_leg_send_video(seat->leg, frame, now_us) != 0;
    pictures->waited = 0;
}

/* The first picture out of another encoder, and one in every interval, is decodable alone. */
static void tap_picture(const MdRoomPlan *plan, const MdPlanPicture *at, MdFrame *frame, int64_t now_us)
{
    MdTap *tap = at->tap;
    int64_t interval_us = tap->picture.key_interval_ms * INT64_C(1000);
    if (tap->followed != at->output) {
        tap->followed = at->output;
        tap->waits_key = true;
        tap->waited = 0;
    }
    if (frame->key)
        tap->key_us = now_us;
    bool due = interval_us > 0 && now_us - tap->key_us >= interval_us;
    bool missing = tap->waits_key && !frame->key && tap->waited++ % KEY_PATIENCE == 0;
    if ((due || missing) && plan->composer != NULL)
        md_composer_request_key(plan->composer, at->output);
    tap->waits_key = tap->waits_key && !frame->key;
    if (!tap->waits_key)
        tap->picture.fn(frame, now_us, tap->user);
}

static void frame_mail(void *payload, size_t len)
{
    const FrameMail *mail = payload;
    const MdRoomPlan *plan = md_plan_get(&mail->audio->slot);
    int64_t now_us = md_worker_now_us(mail->audio->worker);
    for (unsigned i = 0; plan != NULL && i < plan->n_seats; i++)
        if (plan->seats[i].output == mail->output) {
            md_pictures_follow(&plan->seats[i].seat->video, mail->output);
            send_picture(plan, plan->seats[i].seat, mail->frame, now_us);
        }
    if (plan != NULL)
        md_plan_send_content(plan, mail->output, mail->frame, now_us);
    for (unsigned i = 0; plan != NULL && i < plan->n_pictures; i++)
        if (plan->pictures[i].output == mail->output)
            tap_picture(plan, &plan->pictures[i], mail->frame, now_us);
    md_frame_unref(mail->frame);
}

void md_room_audio_post_frame(MdRoomAudio *audio, uint32_t output, MdFrame *frame)
{
    FrameMail mail = {audio, md_frame_ref(frame), output};
    if (md_worker_post(audio->worker, frame_mail, &mail, sizeof mail) != 0)
        md_frame_unref(frame);
}

static void need_key_mail(void *payload, size_t len)
{
    const FrameMail *mail = payload;
    const MdRoomPlan *plan = md_plan_get(&mail->audio->slot);
    if (plan != NULL && plan->presenter != NULL && mail->output == MD_CONTENT_SOURCE)
        md_leg_request_content_key_frame(plan->presenter->leg, md_worker_now_us(mail->audio->worker));
    for (unsigned i = 0; plan != NULL && i < plan->n_seats; i++)
        if (plan->seats[i].seat->id == mail->output)
            md_leg_request_key_frame(plan->seats[i].seat->leg, md_worker_now_us(mail->audio->worker));
}

void md_room_audio_post_need_key(MdRoomAudio *audio, uint32_t source)
{
    FrameMail mail = {audio, NULL, source};
    md_worker_post(audio->worker, need_key_mail, &mail, sizeof mail);
}

/* --- what the leg tells -------------------------------------------------------------------------------------------------- */

const MdPlanSeat *md_plan_seat(const MdRoomPlan *plan, const MdSeat *seat)
{
    for (unsigned i = 0; plan != NULL && i < plan->n_seats; i++)
        if (plan->seats[i].seat == seat)
            return &plan->seats[i];
    return NULL;
}

static void on_video(MdLeg *leg, MdFrame *frame, void *user)
{
    MdSeat *seat = user;
    const MdRoomPlan *plan = md_plan_get(&seat->audio->slot);
    const MdPlanSeat *at = md_plan_seat(plan, seat);
    if (at == NULL)
        return;
    if (seat->audio->kind == MD_ROOM_ECHO)
        md_leg_send_video(leg, frame, md_worker_now_us(seat->audio->worker));
    else if (plan->composer != NULL) {
        uint16_t width, height = 0;
        md_composer_source_need(plan->composer, seat->id, &width, &height);
        md_leg_want_video(leg, at->shown ? height : 0);
        if (at->shown)
            md_composer_push(plan->composer, seat->id, frame);
    }
}

static void on_key_frame_request(MdLeg *leg, void *user)
{
    MdSeat *seat = user;
    const MdRoomPlan *plan = md_plan_get(&seat->audio->slot);
    const MdPlanSeat *at = md_plan_seat(plan, seat);
    if (at == NULL)
        return;
    if (seat->audio->kind == MD_ROOM_ECHO) /* the picture is its own: so is the key frame */
        md_leg_request_key_frame(leg, md_worker_now_us(seat->audio->worker));
    else if (plan->composer != NULL && at->output != 0)
        md_composer_request_key(plan->composer, at->output);
}

typedef struct DtmfMail {
    MdConference *conference;
    uint32_t room, seat;
    char digit;
} DtmfMail;

static void dtmf_mail(void *payload, size_t len)
{
    const DtmfMail *mail = payload;
    MdMember *member = find_member(mail->conference, mail->room, mail->seat);
    if (member != NULL)
        md_member_dtmf(member, mail->digit);
}

static void on_dtmf(MdLeg *leg, char digit, unsigned duration_ms, void *user)
{
    MdSeat *seat = user;
    DtmfMail mail = {seat->audio->conference, seat->audio->room, seat->id, digit};
    md_mailbox_post(seat->audio->control, dtmf_mail, &mail, sizeof mail);
}

const MdLegSink md_seat_sink = {on_video, on_key_frame_request, on_dtmf, md_seat_on_content,
                                md_seat_on_content_key_request, md_seat_on_stream_key_request, md_seat_on_layer};

/* --- control ---------------------------------------------------------------------------------------------------------------- */

MdRoomAudio *md_room_audio_new(MdWorker *worker, MdConference *conference, MdMailbox *control,
                               const MdPrompts *prompts, uint32_t room, MdRoomKind kind, unsigned language,
                               unsigned cap, unsigned loudest)
{
    MdRoomAudio *audio = calloc(1, sizeof *audio + cap * sizeof audio->inputs[0]);
    if (audio == NULL)
        return NULL;
    audio->worker = worker;
    audio->conference = conference;
    audio->control = control;
    audio->prompts = prompts;
    audio->room = room;
    audio->kind = kind;
    audio->language = language;
    audio->cap = cap;
    md_packetiser_init(&audio->packetiser);
    md_mix_init(&audio->mix, loudest);
    md_tone_init(&audio->tone, TEST_HZ, MD_AUDIO_RATE, 0.1f);
    md_comfort_noise_init(&audio->noise, room);
    md_plan_slot_init(&audio->slot, md_room_plan_free);
    return audio;
}

int md_room_audio_start(MdRoomAudio *audio)
{
    return md_worker_post(audio->worker, start_mail, &audio, sizeof audio);
}

int md_room_audio_stop(MdRoomAudio *audio, _Atomic bool *ret_passed)
{
    StopMail mail = {audio, ret_passed};
    return md_worker_post(audio->worker, stop_mail, &mail, sizeof mail);
}

void md_room_audio_free(MdRoomAudio *audio)
{
    if (audio == NULL)
        return;
    md_plan_slot_clear(&audio->slot);
    md_packetiser_clear(&audio->packetiser);
    free(audio);
}

void md_room_plan_free(void *user)
{
    MdRoomPlan *plan = user;
    for (unsigned i = 0; plan != NULL && i < plan->n_seats; i++) {
        md_room_encoder_unref(plan->seats[i].own);
        md_room_encoder_unref(plan->seats[i].shared);
    }
    for (unsigned i = 0; plan != NULL && i < plan->n_channels; i++)
        md_channel_mix_unref(plan->channels[i].mix);
    free(plan);
}
