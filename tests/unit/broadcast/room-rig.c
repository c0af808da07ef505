/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/broadcast/room-rig.h"
#include "tests/fixtures/province.h"

static Rig *rig_of(MdDialer *dialer)
{
    return (Rig *)((char *)dialer - G_STRUCT_OFFSET(Rig, dialer));
}

int64_t rig_wall(Rig *rig)
{
    return md_clock_wall_us(&rig->clock.base);
}

static void free_speaker(gpointer data)
{
    Speaker *s = data;
    close(s->fd);
    md_srtp_free(s->srtp);
    md_audio_decoder_free(s->decoder);
    g_free(s->headers);
    g_free(s->id);
    g_free(s);
}

Speaker *rig_speaker(Rig *rig, const char *id)
{
    Speaker *s = g_hash_table_lookup(rig->speakers, id);
    if (s)
        return s;
    s = g_new0(Speaker, 1);
    s->id = g_strdup(id);
    MdAddr any;
    md_addr_from_host(&any, "127.0.0.1", 0);
    s->fd = md_udp_open(&any, &s->local);
    g_assert_cmpint(s->fd, >=, 0);
    g_hash_table_insert(rig->speakers, s->id, s);
    return s;
}

static void fake_hangup(void *impl, const char *reason)
{
    FakeCall *c = impl;
    if (c->gone)
        return;
    c->gone = true;
    c->speaker->hangups++;
}

static void fake_free(void *impl)
{
    FakeCall *c = impl;
    c->call = NULL;
    c->gone = true;
}

static void fake_answer(void *impl, const char *sdp)
{
    FakeCall *c = impl;
    g_free(c->answered);
    c->answered = g_strdup(sdp);
}

static const MdCallOps fake_ops = {.hangup = fake_hangup, .send_answer = fake_answer, .free_impl = fake_free};

static MdCall *fake_dial(MdDialer *dialer, const MdDialRequest *request, const MdCallHandler *handler, void *user, GError **error)
{
    Rig *rig = rig_of(dialer);
    FakeCall *c = g_new0(FakeCall, 1);
    MdCallInfo info = {.id = g_strdup("x")};
    c->rig = rig;
    c->speaker = rig_speaker(rig, request->target);
    c->call = md_call_new(&fake_ops, c, &info);
    c->offer = g_strdup(request->sdp);
    c->dialled_us = rig_wall(rig);
    c->answer_us = c->close_us = INT64_MAX;
    c->speaker->dials++;
    g_free(c->speaker->headers);
    c->speaker->headers = g_strjoinv("\n", (char **)request->headers);
    const char *id = request->target;
    if (g_str_has_prefix(id, "busy"))
        c->close_us = rig_wall(rig) + S / 2, c->close_code = 486;
    else if (g_str_has_prefix(id, "video"))
        c->close_us = rig_wall(rig) + S / 2, c->close_code = 488;
    else if (g_str_has_prefix(id, "mute"))
        c->close_us = rig_wall(rig) + request->ring_timeout_ms * 1000ll, c->close_code = 408;
    else
        c->answer_us = rig_wall(rig) + (g_str_has_prefix(id, "late") ? 12 * S : S / 2);
    if (g_str_has_prefix(id, "weak"))
        c->close_us = rig_wall(rig) + 36 * S, c->close_code = 200;
    md_call_set_handler(c->call, handler, user);
    g_ptr_array_add(rig->calls, c);
    return c->call;
}

static bool fake_is_registered(MdDialer *dialer, const char *account)
{
    return !g_str_has_prefix(account, "off");
}

static char *fake_local_host(MdDialer *dialer, const char *target)
{
    return g_strdup("127.0.0.1");
}

static void answer(FakeCall *c)
{
    Speaker *s = c->speaker;
    bool none = g_str_has_prefix(s->id, "none");
    const char *crypto = strstr(c->offer, "a=crypto:");
    g_assert_nonnull(crypto);
    const char *inline_key = strstr(crypto, "inline:") + 7;
    MdSrtpKey key;
    g_assert_cmpint(md_srtp_key_from_base64(MD_SRTP_AEAD_AES_128_GCM, inline_key, strcspn(inline_key, "|\r\n "), &key), ==, 0);
    md_srtp_free(s->srtp);
    s->srtp = md_srtp_new(MD_SRTP_RECEIVE, &key);
    md_audio_decoder_free(s->decoder);
    s->decoder = md_audio_decoder_new(MD_AUDIO_OPUS);
    MdSrtpKey own;
    char text[MD_SRTP_KEY_BASE64_MAX];
    md_srtp_key_generate(MD_SRTP_AEAD_AES_128_GCM, &own);
    md_srtp_key_to_base64(&own, text, sizeof text);
    g_autofree char *sdp = g_strdup_printf(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %u RTP/SAVP %s\r\na=rtpmap:111 opus/48000/2\r\n"
        "a=crypto:1 AEAD_AES_128_GCM inline:%s\r\na=recvonly\r\n",
        g_str_has_prefix(s->id, "far") ? "192.0.2.1" : "127.0.0.1", none ? 0 : md_addr_port(&s->local), none ? "0" : "111", text);
    md_call_emit_ringing(c->call, 180);
    MdCall *call = md_call_ref(c->call);
    md_call_emit_sdp(call, MD_SDP_ANSWER, sdp);
    md_call_emit_established(call);
    md_call_unref(call);
}

static void step_call(FakeCall *c)
{
    int64_t now = rig_wall(c->rig);
    if (!c->gone && now >= c->answer_us) {
        c->answer_us = INT64_MAX;
        answer(c);
    }
    if (!c->gone && g_str_has_prefix(c->speaker->id, "drop") && c->speaker->first_us && c->close_us == INT64_MAX) {
        c->close_us = MAX(c->speaker->first_us, c->dialled_us) + 3 * S;
        c->close_code = 200;
    }
    if (!c->gone && now >= c->close_us) {
        c->gone = true;
        md_call_emit_closed(c->call, c->close_code, c->close_code == 486 ? "Busy Here" : c->close_code == 408 ? "Request Timeout" : "Bye");
    }
}

static void receive(Rig *rig, Speaker *s)
{
    uint8_t data[2048];
    MdAddr from;
    for (int n; (n = md_udp_receive(s->fd, &from, data, sizeof data)) >= 0;) {
        size_t len = (size_t)n;
        MdRtpPacket packet;
        if (!s->srtp || md_srtp_unprotect_rtp(s->srtp, data, &len) < 0)
            continue; /* of an announcement before: its key is another */
        g_assert_cmpint(md_rtp_parse(data, len, &packet), ==, 0);
        if (!s->packets++)
            s->first_us = rig_wall(rig);
        s->last_us = rig_wall(rig);
        if (s->samples + MD_AUDIO_PACKET_SAMPLES_MAX > G_N_ELEMENTS(s->pcm))
            s->samples = 0;
        int got = md_audio_decoder_decode(s->decoder, packet.payload, packet.payload_len, s->pcm + s->samples, MD_AUDIO_PACKET_SAMPLES_MAX);
        g_assert_cmpint(got, >, 0);
        int64_t bin = (rig_wall(rig) - T0) / (S / 10);
        for (int i = 0; rig_wall(rig) >= T0 && bin < (int64_t)G_N_ELEMENTS(s->level) && i < got; i++)
            s->level[bin] = MAX(s->level[bin], fabsf(s->pcm[s->samples + (unsigned)i]));
        s->samples += (unsigned)got;
    }
}

double rig_purity(const float *pcm, unsigned n, double hz)
{
    double w = 2 * G_PI * hz / 48000, c = 2 * cos(w), s1 = 0, s2 = 0, energy = 0;
    for (unsigned i = 0; i < n; i++) {
        double s = pcm[i] + c * s1 - s2;
        s2 = s1;
        s1 = s;
        energy += pcm[i] * pcm[i];
    }
    return energy > 0 ? (s1 * s1 + s2 * s2 - c * s1 * s2) * 2 / (n * energy) : 0;
}

static bool tap_add(const char *room, BcTapFn fn, void *tap_user, void *user, GError **error)
{
    Rig *rig = user;
    if (!g_str_equal(room, "giao-ban")) {
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no room %s", room);
        return false;
    }
    rig->tap_fn = fn;
    rig->tap_user = tap_user;
    return true;
}

static void tap_remove(const char *room, BcTapFn fn, void *tap_user, void (*done)(void *tap_user), void *user)
{
    Rig *rig = user;
    g_assert_true(rig->tap_fn == fn && rig->tap_user == tap_user);
    rig->tap_fn = NULL;
    done(tap_user);
}

static void on_event(const char *type, const BcRun *run, void *user)
{
    Rig *rig = user;
    g_string_append_printf(rig->events, "%s %s;", type + strlen("announcement."), run->title);
}

void rig_open_room(Rig *rig, const char *database)
{
    g_autofree char *path = g_build_filename(rig->dir, database, NULL), *content = g_build_filename(rig->dir, "content", NULL);
    g_autoptr(GError) error = NULL;
    rig->store = md_store_open(path, bc_migrations, bc_n_migrations, NULL, &error);
    g_assert_no_error(error);
    BcTapOps tap = {tap_add, tap_remove, rig};
    rig->b = bc_broadcast_new(&(BcBroadcastOptions){.store = rig->store, .dialer = &rig->dialer, .workers = rig->workers, .n_workers = 2,
                                                    .control = rig->control, .clock = &rig->clock.base, .local_host = "127.0.0.1",
                                                    .content_dir = content, .frame_ms = 40, .security = MD_SECURITY_REQUIRED,
                                                    .ring_timeout_s = 4, .calls_per_s = 100, .lead_s = 10, .content_max_bytes = 300000, .tap = &tap,
                                                    .on_event = on_event, .user = rig, .manual = true},
                              &error);
    g_assert_no_error(error);
}

void rig_close_room(Rig *rig)
{
    bc_broadcast_free(rig->b);
    md_store_close(rig->store);
    rig->b = NULL;
    rig->store = NULL;
}

void rig_on_done(const GError *error, void *user)
{
    if (error)
        g_test_message("%s", error->message);
    *(int *)user = error ? -1 : 1;
}

void rig_wait_flag(const int *flag)
{
    while (!*flag)
        g_main_context_iteration(NULL, TRUE);
}

void rig_put_device(Rig *rig, const char *id, const char *area)
{
    province_put_device(rig->b, &(BcDevice){.id = id, .area = area});
}

char *rig_add_content(Rig *rig)
{
    return province_add_content(rig->b, rig->dir, "Bản tin sáng");
}

void rig_init(Rig *rig)
{
    *rig = (Rig){.dialer = {fake_dial, fake_is_registered, fake_local_host}};
    md_virtual_clock_init(&rig->clock, 100 * S, T0 - 3600 * S);
    for (unsigned i = 0; i < 2; i++)
        rig->workers[i] = md_worker_new(&(MdWorkerOptions){.name = "test", .cpu = -1, .clock = &rig->clock.base});
    rig->control = md_mailbox_new(4096);
    rig->dir = g_dir_make_tmp("bc-room-XXXXXX", NULL);
    rig->speakers = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_speaker);
    rig->calls = g_ptr_array_new();
    rig->events = g_string_new(NULL);
    rig_open_room(rig, "a.sqlite");
    province_put_area(rig->b, "42", NULL);
    province_put_area(rig->b, "18073", "42");
    province_put_area(rig->b, "18100", "42");
}

void rig_clear(Rig *rig)
{
    if (rig->b)
        rig_close_room(rig);
    for (unsigned i = 0; i < rig->calls->len; i++) {
        FakeCall *c = rig->calls->pdata[i];
        g_free(c->offer);
        g_free(c->answered);
        g_free(c);
    }
    g_ptr_array_unref(rig->calls);
    g_hash_table_unref(rig->speakers);
    for (unsigned i = 0; i < 2; i++)
        md_worker_free(rig->workers[i]);
    md_mailbox_free(rig->control);
    g_autofree char *command = g_strdup_printf("rm -rf %s", rig->dir);
    g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);
    g_free(rig->dir);
    g_string_free(rig->events, TRUE);
}

static void push_tap(Rig *rig)
{
    float pcm[MD_AUDIO_TICK_SAMPLES];
    for (unsigned i = 0; i < G_N_ELEMENTS(pcm); i++)
        pcm[i] = 0.3f * sinf((float)(2 * G_PI * fmod(700 * (rig->tick * 960.0 + i) / 48000, 1.0)));
    rig->tick++;
    rig->tap_fn(pcm, 0, rig->tap_user);
}

void rig_run_to(Rig *rig, int64_t until_wall)
{
    GHashTableIter it;
    gpointer value;
    while (rig_wall(rig) < until_wall) {
        for (unsigned i = 0; i < rig->calls->len; i++)
            step_call(rig->calls->pdata[i]);
        bc_broadcast_step(rig->b);
        while (bc_broadcast_pending(rig->b) > (rig->tap_fn != NULL))
            g_main_context_iteration(NULL, TRUE);
        while (g_main_context_iteration(NULL, FALSE))
            ;
        if (rig->tap_fn)
            push_tap(rig);
        for (unsigned i = 0; i < 4; i++)
            md_worker_step(rig->workers[i % 2]);
        md_mailbox_drain(rig->control, 0);
        g_hash_table_iter_init(&it, rig->speakers);
        while (g_hash_table_iter_next(&it, NULL, &value))
            receive(rig, value);
        md_virtual_clock_advance(&rig->clock, SETTLE_MS * 1000);
    }
}

char *rig_schedule(Rig *rig, const char *content, const char *area, const char *start, const char *rule, BcPriority priority, unsigned grace_s)
{
    const char *const areas[] = {area, NULL};
    char *id = NULL;
    int flag = 0;
    bc_broadcast_put_schedule(rig->b, &(BcSchedule){.name = "Bản tin", .content = content, .areas = areas, .start_local = start, .rule = rule,
                                                    .priority = priority, .grace_s = grace_s, .enabled = true},
                              &id, rig_on_done, &flag);
    rig_wait_flag(&flag);
    g_assert_cmpint(flag, ==, 1);
    return id;
}

static void take_run(const BcRun *run, void *user)
{
    Found *found = user;
    found->n++;
    found->last = *run;
    g_string_append_printf(found->text, "%s %s %s;", run->kind, run->state, run->reason ? run->reason : "-");
}

static void take_play(const BcPlay *play, void *user)
{
    Found *found = user;
    found->n++;
    found->from_us = play->from_us;
    found->to_us = play->to_us;
    found->rings = play->rings;
    g_string_append_printf(found->text, "%s: %s", play->outcome, play->reason ? play->reason : "-");
}

bool rig_barrier(MdDb *db, gpointer data, GError **error)
{
    return true;
}

void rig_runs(Rig *rig, Found *found)
{
    *found = (Found){.text = g_string_new(NULL)};
    bc_play_log_flush(bc_broadcast_play_log(rig->b));
    md_store_write_sync(rig->store, rig_barrier, NULL, NULL);
    g_assert_true(bc_play_log_runs(bc_broadcast_play_log(rig->b), NULL, INT64_MAX, 100, take_run, found, NULL));
}

void rig_check_play(Rig *rig, const char *device, const char *expected, Found *ret)
{
    Found found = {.text = g_string_new(NULL)};
    bc_play_log_flush(bc_broadcast_play_log(rig->b));
    md_store_write_sync(rig->store, rig_barrier, NULL, NULL);
    g_assert_true(bc_play_log_plays(bc_broadcast_play_log(rig->b), NULL, device, 1, 0, take_play, &found, NULL));
    if (!g_str_has_prefix(found.text->str, expected))
        g_test_message("%s: %s", device, found.text->str);
    g_assert_true(g_str_has_prefix(found.text->str, expected));
    g_string_free(found.text, TRUE);
    if (ret)
        *ret = found;
}

void rig_copy_database(Rig *rig)
{
    g_autofree char *command = g_strdup_printf("/bin/sh -c 'cd %s; cp a.sqlite b.sqlite; cp a.sqlite-wal b.sqlite-wal'", rig->dir);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
}

void rig_on_started(const char *id, const GError *error, void *user)
{
    if (error)
        g_test_message("%s", error->message);
    *(char **)user = g_strdup(id ? id : "");
}

char *rig_play(Rig *rig, const char *content, BcPriority priority, const char *title)
{
    static const char *const areas[] = {"42", NULL};
    char *id = NULL;
    BcPlayOptions options = {.content = content, .areas = areas, .priority = priority, .authority = BC_AUTHORITY_COMMUNE, .title = title,
                             .created_by = "tester"};
    bc_broadcast_play_options(rig->b, &options, rig_on_started, &id);
    while (!id)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpstr(id, !=, "");
    return id;
}

float rig_loudest(const Speaker *s, double from_s, double to_s)
{
    float most = 0;
    for (int i = (int)ceil(from_s * 10); i < (int)(to_s * 10) && i < (int)G_N_ELEMENTS(s->level); i++)
        most = MAX(most, s->level[i]);
    return most;
}

void rig_set_quiet(Rig *rig, const char *area, unsigned from_s, unsigned to_s)
{
    int flag = 0;
    bc_quiet_put(bc_broadcast_quiet(rig->b), area, &(BcQuietHours){from_s, to_s}, rig_on_done, &flag);
    rig_wait_flag(&flag);
    g_assert_cmpint(flag, ==, 1);
}
