/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>
#include "broadcast/link/json.h"
#include "broadcast/speaker/keep.h"
#include "broadcast/speaker/renewal.h"
#include "broadcast/speaker/speaker-private.h"
#include "broadcast/speaker/telemetry.h"

#define REPORT_AGAIN_US 60000000
#define STATE_EVERY_US 300000000   /* said even when nothing changed */
#define FORMATS "audio/mpeg,audio/ogg,audio/opus,audio/flac,audio/wav,audio/aac"

/* What is said to the server and what it says. */

static void say_ack(BcSpeaker *speaker, const char *command, const char *state, const char *reason)
{
    BcLinkAck ack = {(char *)command, (char *)state, (char *)reason, bc_speaker_now_us(speaker)};
    g_autofree char *text = bc_link_ack_format(&ack);
    bc_broker_say(speaker->broker, "ack", text, 1, false);
    md_info(&speaker->logger, "command %s: %s%s%s", command, state, reason ? ": " : "", reason ? reason : "");
}

/* ---------------------------------------------------------------- clock */

void bc_speaker_ask_clock(BcSpeaker *speaker)
{
    BcLinkClock question;
    int64_t mono_us = g_get_monotonic_time();
    if (!bc_broker_up(speaker->broker))
        return;
    g_mutex_lock(&speaker->time_lock);
    bool due = mono_us >= bc_timing_next_us(&speaker->timing);
    if (due)
        bc_timing_ask(&speaker->timing, g_get_monotonic_time(), &question);
    g_mutex_unlock(&speaker->time_lock);
    if (!due)
        return;
    g_autofree char *text = bc_link_clock_format(&question);
    bc_broker_say(speaker->broker, "clock", text, 0, false);
}

static void take_clock(BcSpeaker *speaker, const char *text, gsize len, int64_t mono_us)
{
    BcLinkClock answer;
    if (!bc_link_clock_parse(&answer, text, len, NULL))
        return;
    g_mutex_lock(&speaker->time_lock);
    bool before = bc_timing_synced(&speaker->timing);
    bool good = bc_timing_answer(&speaker->timing, &answer, mono_us);
    int64_t offset_us = bc_timing_offset_us(&speaker->timing, g_get_monotonic_time(), g_get_real_time());
    g_mutex_unlock(&speaker->time_lock);
    if (good && !before) {
        md_notice(&speaker->logger, "the clock is kept against the server now; the system's is %+.3f s off", (double)offset_us / 1e6);
        g_mutex_lock(&speaker->lock);
        bc_duty_set_clock(speaker->desk, BC_DUTY_CLOCK_SERVER);
        g_mutex_unlock(&speaker->lock);
    }
}

/* ---------------------------------------------------------------- state, telemetry, reports */

void bc_speaker_say_state(BcSpeaker *speaker)
{
    int64_t now_us = g_get_monotonic_time();
    BcLinkState state = {.online = true, .software = (char *)"speakerd " MEDIAD_VERSION, .formats = (char *)FORMATS, .boot_us = speaker->boot_us};
    const char *proof = bc_proof_source(speaker->proof);
    g_autofree char *abilities = g_strconcat("content,relay,live,siren", strcmp(proof, "none") ? ",proof-" : "", strcmp(proof, "none") ? proof : "", NULL);
    state.abilities = abilities;
    g_mutex_lock(&speaker->lock);
    const BcLinkManifest *manifest = bc_duty_manifest(speaker->desk);
    state.manifest_version = manifest ? manifest->version : 0;
    const BcDutyNow *now = bc_duty_now(speaker->desk);
    g_autofree char *playing = now->sound == BC_DUTY_LINE_TEST ? NULL : g_strdup(now->occurrence);
    g_mutex_unlock(&speaker->lock);
    state.playing = playing;
    state.media_wanted = bc_shelf_wanted(speaker->shelf, &state.media_stored);
    state.clock_offset_us = INT64_MIN;
    state.clock_drift_ppm = NAN;
    g_autofree char *key = bc_link_state_format(&state); /* without the clock: its last digit is no news */
    if (!strcmp(key, speaker->said_state ? speaker->said_state : "") && now_us - speaker->said_us < STATE_EVERY_US)
        return;
    g_mutex_lock(&speaker->time_lock);
    state.clock_offset_us = bc_timing_offset_us(&speaker->timing, now_us, g_get_real_time());
    state.clock_drift_ppm = bc_timing_drift_ppm(&speaker->timing);
    g_mutex_unlock(&speaker->time_lock);
    g_autofree char *text = bc_link_state_format(&state);
    if (bc_broker_say(speaker->broker, "state", text, 1, true)) {
        g_free(speaker->said_state);
        speaker->said_state = g_steal_pointer(&key);
        speaker->said_us = now_us;
    }
}

void bc_speaker_say_reports(BcSpeaker *speaker, bool again)
{
    int64_t now_us = g_get_monotonic_time(), last = 0;
    if (again || (bc_report_queue_waiting(speaker->reports) && now_us - speaker->reports_sent_us > REPORT_AGAIN_US))
        speaker->reports_sent = 0;
    for (;;) {
        g_autofree char *text = bc_report_queue_message(speaker->reports, speaker->reports_sent, &last);
        if (!text || !bc_broker_say(speaker->broker, "report", text, 1, false))
            return;
        speaker->reports_sent = last;
        speaker->reports_sent_us = now_us;
    }
}

void bc_speaker_say_telemetry(BcSpeaker *speaker)
{
    BcLinkTelemetry telemetry;
    BcPlayerStats player;
    int64_t at_us = bc_speaker_now_us(speaker), mono_us = g_get_monotonic_time();
    bc_telemetry_new(&telemetry);
    bc_telemetry_machine(&telemetry, "/sys", "/proc", speaker->state_dir, at_us);
    g_mutex_lock(&speaker->lock);
    const BcDutyNow *now = bc_duty_now(speaker->desk);
    if (now->sound != BC_DUTY_NOTHING)
        bc_telemetry_add(&telemetry, "volume", true, "derived", at_us, "%u", now->volume);
    g_mutex_unlock(&speaker->lock);
    g_mutex_lock(&speaker->time_lock);
    bool synced = bc_timing_synced(&speaker->timing);
    double drift = bc_timing_drift_ppm(&speaker->timing), error_ms = (double)bc_timing_error_us(&speaker->timing) / 1000;
    int64_t offset_us = bc_timing_offset_us(&speaker->timing, mono_us, g_get_real_time());
    g_mutex_unlock(&speaker->time_lock);
    bc_telemetry_add(&telemetry, "clock", false, "derived", at_us, "%s", synced ? "server" : "system");
    if (synced) {
        bc_telemetry_add(&telemetry, "clock_offset_ms", true, "measured", at_us, "%.3f", (double)offset_us / 1000);
        bc_telemetry_add(&telemetry, "clock_error_ms", true, "measured", at_us, "%.3f", error_ms);
    }
    if (!isnan(drift))
        bc_telemetry_add(&telemetry, "clock_drift_ppm", true, "measured", at_us, "%.2f", drift);
    bc_player_stats(speaker->player, &player);
    bc_telemetry_add(&telemetry, "underruns", true, "measured", at_us, "%" G_GUINT64_FORMAT, player.underruns);
    bc_telemetry_add(&telemetry, "late_blocks", true, "measured", at_us, "%" G_GUINT64_FORMAT, bc_output_late(speaker->output));
    bc_telemetry_add(&telemetry, "reports_waiting", true, "measured", at_us, "%u", bc_report_queue_waiting(speaker->reports));
    if (player.relay_trouble)
        bc_telemetry_add(&telemetry, "relay", false, "measured", at_us, "%s", player.relay_trouble);
    BcCertificateLife life;
    if (speaker->identity->certificate && bc_certificate_life(speaker->identity->certificate, &life))
        bc_telemetry_add(&telemetry, "certificate_days", true, "measured", at_us, "%.1f", (double)(life.until_us - at_us) / 86400e6);
    if (speaker->output_error)
        bc_telemetry_add(&telemetry, "output", false, "measured", at_us, "%.150s", speaker->output_error);
    g_autofree char *text = bc_link_telemetry_format(&telemetry);
    bc_broker_say(speaker->broker, "telemetry", text, 1, false);
    bc_link_telemetry_clear(&telemetry);
}

static void say_log(BcSpeaker *speaker, const char *command)
{
    g_autofree char *text = bc_diary_text(speaker->diary);
    BcLinkLog log = {.command = (char *)command, .part = 0, .parts = 1, .text = *text ? text : (char *)"(nothing)\n"};
    g_autofree char *message = bc_link_log_format(&log);
    bc_broker_say(speaker->broker, "log", message, 1, false);
}

static void take_receipt(BcSpeaker *speaker, const char *text, gsize len)
{
    BcLinkReceipt receipt = {0};
    if (!bc_link_receipt_parse(&receipt, text, len, NULL))
        return;
    bc_report_queue_receipt(speaker->reports, receipt.sequence);
    bc_report_queue_save(speaker->reports, NULL); /* not kept: they are sent once more, and known by their numbers */
    bc_link_receipt_clear(&receipt);
}

/* ---------------------------------------------------------------- manifest */

static bool use_manifest(BcSpeaker *speaker, const char *text, gsize len, bool stored, GError **error)
{
    BcLinkManifest manifest = {0};
    gsize n = 0;
    if (!speaker->identity->trust) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_KEY, "no key is believed yet: enrol first");
        return false;
    }
    g_autoptr(GBytes) payload = bc_jws_verify(speaker->identity->trust, "mediad-manifest", text, len, error);
    const char *json = payload ? g_bytes_get_data(payload, &n) : NULL;
    if (!json || !bc_link_manifest_parse(&manifest, json, n, error))
        return false;
    g_mutex_lock(&speaker->lock);
    const BcLinkManifest *before = bc_duty_manifest(speaker->desk);
    bool fresh = !before || manifest.version > before->version;
    bool ok = bc_duty_set_manifest(speaker->desk, &manifest, stored, bc_speaker_now_us(speaker), error);
    g_autofree char *base = ok && *bc_duty_manifest(speaker->desk)->media_base ? g_strdup(bc_duty_manifest(speaker->desk)->media_base) : NULL;
    g_mutex_unlock(&speaker->lock);
    bc_link_manifest_clear(&manifest);
    if (!ok)
        return false;
    if (base)
        bc_fetch_set_base(speaker->fetch, base);
    if (fresh && !stored && !bc_keep_write(speaker->state_dir, "manifest", text, len, 0600, error))
        return false;
    bc_speaker_wanted(speaker);
    return true;
}

static void take_manifest(BcSpeaker *speaker, const char *text, gsize len)
{
    g_autoptr(GError) error = NULL;
    if (use_manifest(speaker, text, len, false, &error))
        md_info(&speaker->logger, "a timetable came");
    else
        md_warning(&speaker->logger, "a timetable is refused: %s", error->message);
    bc_speaker_say_state(speaker);
}

bool bc_speaker_load_manifest(BcSpeaker *speaker)
{
    g_autoptr(GError) error = NULL;
    gsize len = 0;
    g_autofree char *text = bc_keep_read(speaker->state_dir, "manifest", &len, &error);
    if (text && use_manifest(speaker, text, len, true, &error))
        return true;
    if (text || !g_error_matches(error, BC_KEEP_ERROR, BC_KEEP_ERROR_MISSING))
        md_warning(&speaker->logger, "the stored timetable is not used: %s", error->message);
    return false;
}

/* ---------------------------------------------------------------- commands */

/* The id of something that is not to be believed, only to be named in the refusal. */
static char *claimed_id(const char *token, gsize len)
{
    const char *dot = memchr(token, '.', len), *end = dot ? memchr(dot + 1, '.', len - (gsize)(dot + 1 - token)) : NULL;
    if (!end || end - dot > 8192)
        return g_strdup("unknown");
    g_autofree char *text = g_strndup(dot + 1, (gsize)(end - dot - 1));
    g_strdelimit(text, "-", '+');
    g_strdelimit(text, "_", '/');
    g_autofree char *padded = g_strconcat(text, "===" + (3 - (4 - strlen(text) % 4) % 4), NULL);
    gsize n = 0;
    g_autofree guchar *bytes = g_base64_decode(padded, &n);
    g_autofree char *json = g_strndup((const char *)bytes, n);
    g_autoptr(JsonObject) object = bc_json_parse_object(json, strlen(json), NULL);
    JsonNode *node = object ? json_object_get_member(object, "id") : NULL;
    const char *id = node && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
    bool fine = id && *id && strlen(id) <= 128 && strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@:-") == strlen(id);
    return g_strdup(fine ? id : "unknown");
}

/* The life before this one was ended by an order: now it is done. */
static void say_restarted(BcSpeaker *speaker)
{
    g_autofree char *command = bc_keep_read(speaker->state_dir, "restart", NULL, NULL);
    if (!command || speaker->restart_ordered)
        return;
    say_ack(speaker, command, "done", NULL);
    bc_keep_remove(speaker->state_dir, "restart", NULL);
}

static void order_restart(BcSpeaker *speaker, const char *command)
{
    g_autoptr(GError) error = NULL;
    if (!bc_keep_write(speaker->state_dir, "restart", command, strlen(command), 0600, &error))
        md_warning(&speaker->logger, "the end of a restart will not be told: %s", error->message);
    say_ack(speaker, command, "received", NULL);
    speaker->restart_ordered = true;
}

void bc_speaker_firmware_done(const char *command, const char *refusal, void *user)
{
    say_ack(user, command, refusal ? "refused" : "done", refusal);
}

static void order_firmware(BcSpeaker *speaker, const BcLinkCommand *command)
{
    const BcTrust *trust = speaker->identity->trust;
    BcTrust *makers = NULL;
    if (speaker->settings->firmware_keys) {
        g_autofree char *jwks = NULL;
        gsize len = 0;
        trust = makers = g_file_get_contents(speaker->settings->firmware_keys, &jwks, &len, NULL) ? bc_trust_new(jwks, len, NULL) : NULL;
    }
    say_ack(speaker, command->id, "received", NULL);
    const char *refusal = bc_firmware_order(speaker->firmware, trust, command);
    if (refusal)
        say_ack(speaker, command->id, "refused", refusal);
    bc_trust_free(makers);
}

static void do_mine(BcSpeaker *speaker, const BcLinkCommand *command)
{
    switch (command->verb) {
    case BC_LINK_RESTART:
        order_restart(speaker, command->id);
        return;
    case BC_LINK_FETCH:
        bc_broker_again(speaker->broker);
        bc_speaker_wanted(speaker);
        say_ack(speaker, command->id, "done", NULL);
        return;
    case BC_LINK_SEND_LOG:
        say_log(speaker, command->id);
        say_ack(speaker, command->id, "done", NULL);
        return;
    case BC_LINK_FIRMWARE:
        order_firmware(speaker, command);
        return;
    default:
        say_ack(speaker, command->id, "refused", "failed: it has no display");
    }
}

/* Obeys what is signed; what it obeyed is durable before it is acknowledged. */
static void obey(BcSpeaker *speaker, const BcLinkCommand *command)
{
    const char *reason = NULL;
    g_mutex_lock(&speaker->lock);
    BcDutyVerdict verdict = bc_duty_command(speaker->desk, command, bc_speaker_now_us(speaker), &reason);
    g_mutex_unlock(&speaker->lock);
    if (verdict == BC_DUTY_REFUSED) {
        say_ack(speaker, command->id, "refused", reason);
        return;
    }
    if (verdict == BC_DUTY_AGAIN) {
        say_ack(speaker, command->id, "done", NULL);
        return;
    }
    if (command->verb == BC_LINK_PLAY || command->verb == BC_LINK_ALERT)
        bc_speaker_wanted(speaker);
    bc_speaker_save(speaker);
    if (verdict == BC_DUTY_YOURS)
        do_mine(speaker, command);
    else
        say_ack(speaker, command->id, "done", NULL);
}

static void take_command(BcSpeaker *speaker, const char *text, gsize len)
{
    BcLinkCommand command = {0};
    g_autoptr(GError) error = NULL;
    gsize n = 0;
    g_autoptr(GBytes) payload = speaker->identity->trust ? bc_jws_verify(speaker->identity->trust, "mediad-command", text, len, &error) : NULL;
    const char *json = payload ? g_bytes_get_data(payload, &n) : NULL;
    if (json && bc_link_command_parse(&command, json, n, &error)) {
        obey(speaker, &command);
        bc_link_command_clear(&command);
        return;
    }
    g_autofree char *id = claimed_id(text, len), *reason = json ? g_strdup_printf("failed: %s", error->message) : g_strdup("signature");
    if (strlen(reason) > 200)
        reason[200] = '\0';
    md_warning(&speaker->logger, "a command is refused: %s", error ? error->message : "no key is believed yet");
    say_ack(speaker, id, "refused", reason);
}

/* ---------------------------------------------------------------- connection */

static void take_keys(BcSpeaker *speaker, const char *text, gsize len)
{
    g_autoptr(GError) error = NULL;
    bool changed = false;
    if (!bc_identity_keys(speaker->identity, speaker->state_dir, text, len, &changed, &error))
        md_warning(&speaker->logger, "new keys are refused: %s", error->message);
    else if (changed)
        md_notice(&speaker->logger, "%u keys are believed from now on", bc_trust_count(speaker->identity->trust));
}

static void on_message(const char *what, const char *text, gsize len, int64_t mono_us, void *user)
{
    BcSpeaker *speaker = user;
    if (!strcmp(what, "clock"))
        take_clock(speaker, text, len, mono_us);
    else if (!strcmp(what, "command"))
        take_command(speaker, text, len);
    else if (!strcmp(what, "manifest"))
        take_manifest(speaker, text, len);
    else if (!strcmp(what, "receipt"))
        take_receipt(speaker, text, len);
    else if (!strcmp(what, "keys"))
        take_keys(speaker, text, len);
    else if (!strcmp(what, "certificate"))
        bc_speaker_take_certificate(speaker, text, len);
}

static void on_changed(bool up, const char *why, void *user)
{
    BcSpeaker *speaker = user;
    md_notice(&speaker->logger, "broker: %s", up ? "connected" : why);
    if (!up)
        return;
    g_mutex_lock(&speaker->time_lock);
    bc_timing_hurry(&speaker->timing, g_get_monotonic_time());
    g_mutex_unlock(&speaker->time_lock);
    g_clear_pointer(&speaker->said_state, g_free);
    speaker->telemetry_us = 0;
    say_restarted(speaker);
    bc_speaker_ask_clock(speaker);
    bc_speaker_say_state(speaker);
    bc_speaker_say_reports(speaker, true);
    bc_fetch_go(speaker->fetch);
}

bool bc_speaker_open_link(BcSpeaker *speaker, GError **error)
{
    const BcSettings *s = speaker->settings;
    const BcIdentity *i = speaker->identity;
    return bc_speaker_connect(speaker, s->broker_certificate ? s->broker_certificate : i->certificate, s->broker_key ? s->broker_key : i->key, error);
}

bool bc_speaker_connect(BcSpeaker *speaker, const char *certificate, const char *key, GError **error)
{
    const BcSettings *s = speaker->settings;
    const BcIdentity *i = speaker->identity;
    BcBrokerOptions options = {
        .device = speaker->device, .host = s->broker_host ? s->broker_host : i->broker_host,
        .port = !s->broker_host && i->broker_port ? i->broker_port : s->broker_port, .tls = s->broker_tls,
        .ca = s->broker_ca ? s->broker_ca : i->ca, .certificate = certificate, .key = key, .message = on_message, .changed = on_changed, .user = speaker,
    };
    if (!options.host) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_FAILED, "no broker is known: enrol this device (--enrol) or set broker.host");
        return false;
    }
    speaker->broker = bc_broker_new(&options, error);
    return speaker->broker != NULL;
}
