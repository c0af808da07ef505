/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>
#include "broadcast/speaker/speaker-private.h"

/* Output, player and desk: the part that runs on the output thread, and how its news come to control. */

static void free_report(BcLinkReport *report)
{
    g_free(report->occurrence);
    g_free(report->sha256);
    g_free(report->state);
    g_free(report->reason);
    g_free(report);
}

/* Queues them and says so to the server. Durable before they are sent. */
void bc_speaker_take_news(BcSpeaker *speaker)
{
    GQueue news = G_QUEUE_INIT;
    g_autoptr(GError) error = NULL;
    g_mutex_lock(&speaker->lock);
    news = speaker->news;
    g_queue_init(&speaker->news);
    speaker->news_told = false;
    g_mutex_unlock(&speaker->lock);
    if (!news.length)
        return;
    for (BcLinkReport *report; (report = g_queue_pop_head(&news));) {
        bc_report_queue_put(speaker->reports, report);
        md_info(&speaker->logger, "%s: %s%s%s", report->occurrence, report->state, report->reason ? ", " : "", report->reason ? report->reason : "");
        free_report(report);
    }
    bc_speaker_save(speaker);
    if (!bc_report_queue_save(speaker->reports, &error))
        md_warning(&speaker->logger, "reports are not kept over a power cut: %s", error->message);
    bc_speaker_say_reports(speaker, false);
    bc_speaker_say_state(speaker);
}

static gboolean on_news(gpointer user)
{
    bc_speaker_take_news(user);
    return G_SOURCE_REMOVE;
}

/* Under lock. */
static void desk_news(const BcDutyNews *news, void *user)
{
    BcSpeaker *speaker = user;
    BcLinkReport *report = g_new0(BcLinkReport, 1);
    report->occurrence = g_strdup(news->occurrence);
    report->sha256 = g_strdup(news->sha256);
    report->state = g_strdup(news->state);
    report->reason = g_strdup(news->reason);
    report->from_us = news->from_us;
    report->to_us = news->to_us;
    report->level_dbfs = report->match = NAN;
    report->level_source = (char *)bc_proof_source(speaker->proof);
    if (news->serial && (!strcmp(news->state, "ended") || !strcmp(news->state, "cut")))
        bc_proof_verdict(speaker->proof, news->serial, &report->level_dbfs, &report->match);
    g_queue_push_tail(&speaker->news, report);
    if (!speaker->news_told) {
        speaker->news_told = true;
        /* made ahead: it is told once it has come out */
        g_timeout_add((guint)(speaker->settings->output_latency_ms + speaker->settings->output_offset_ms) + 10, on_news, speaker);
    }
}

static bool desk_has_media(const char *sha256, void *user)
{
    return bc_shelf_has(((BcSpeaker *)user)->shelf, sha256);
}

static void player_tap(const float *pcm, unsigned n, int64_t server_us, const BcDutyNow *now, void *user)
{
    BcSpeaker *speaker = user;
    if (now->serial && now->sound != BC_DUTY_NOTHING)
        bc_proof_meant(speaker->proof, now->serial, pcm, n, speaker->block_mono_us + (server_us - speaker->block_server_us));
}

static char *player_path(const char *sha256, void *user)
{
    return bc_shelf_path(((BcSpeaker *)user)->shelf, sha256);
}

static int64_t player_clock(void *user)
{
    return bc_speaker_now_us(user);
}

static void output_render(float *pcm, unsigned n, int64_t mono_us, void *user)
{
    BcSpeaker *speaker = user;
    int64_t from_us = bc_speaker_time_us(speaker, mono_us), to_us = bc_speaker_time_us(speaker, mono_us + (int64_t)n * 1000000 / BC_PLAYER_RATE);
    speaker->block_mono_us = mono_us;
    speaker->block_server_us = from_us;
    g_mutex_lock(&speaker->lock);
    bc_player_render(speaker->player, speaker->desk, from_us, to_us, pcm, n);
    g_mutex_unlock(&speaker->lock);
    if (speaker->settings->proof_kind == BC_PROOF_OUTPUT)
        bc_proof_heard(speaker->proof, pcm, n, mono_us);
}

bool bc_speaker_open_sound(BcSpeaker *speaker, GError **error)
{
    const BcSettings *s = speaker->settings;
    g_autoptr(GError) why = NULL;
    BcDutyOps desk = {desk_has_media, desk_news, speaker};
    BcPlayerOps player = {player_path, player_clock, player_tap, speaker};
    speaker->proof = bc_proof_new((BcProofKind)s->proof_kind, s->proof_device, s->proof_microphone, &why);
    if (!speaker->proof) { /* no microphone is no reason to be silent */
        md_warning(&speaker->logger, "nothing will be proved: %s", why->message);
        speaker->proof = bc_proof_new(BC_PROOF_NONE, NULL, false, NULL);
    }
    speaker->desk = bc_duty_new(speaker->device, &desk);
    speaker->player = bc_player_new(speaker->device, &player);
    bc_duty_set_lead(speaker->desk, (int64_t)(s->output_latency_ms + s->output_offset_ms) * 1000 + 50000);
    return true;
}

/* When the desk has its memory back. */
bool bc_speaker_start_sound(BcSpeaker *speaker, GError **error)
{
    const BcSettings *s = speaker->settings;
    BcOutputOptions output = {.kind = (BcOutputKind)s->output_kind, .device = s->output_device, .latency_ms = (unsigned)s->output_latency_ms,
        .offset_ms = (unsigned)s->output_offset_ms, .render = output_render, .user = speaker};
    speaker->output = bc_output_new(&output, error);
    return speaker->output != NULL;
}
