/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediasim/site.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mediad/audio/tone.h"
#include "mediad/rtp/payload.h"

#define REPORT_US                                                                                            \
    2500000 /* between RTCP reports, +- half: tighter than an endpoint's, so that short runs have some */
#define KEY_INTERVAL_US 500000
#define QUIET_DBOV (-62.0f)

int sim_quiet_make(SimQuiet *quiet)
{
    MdAudioEncoder *encoder = md_audio_encoder_new(&(MdAudioEncoderConfig){.codec = MD_AUDIO_OPUS});
    if (!encoder)
        return -errno;
    MdComfortNoise noise;
    md_comfort_noise_init(&noise, 1);
    memset(quiet, 0, sizeof(*quiet));
    int r = 0;
    while (quiet->n < 50 && r >= 0) {
        float pcm[MD_AUDIO_TICK_SAMPLES] = {0};
        uint8_t payload[MD_AUDIO_PAYLOAD_MAX];
        md_comfort_noise_add(&noise, pcm, MD_AUDIO_TICK_SAMPLES, QUIET_DBOV);
        r = md_audio_encoder_encode(encoder, pcm, payload, sizeof(payload));
        if (r < 0 || r > (int)sizeof(quiet->payload[0]))
            break;
        memcpy(quiet->payload[quiet->n], payload, (size_t)r);
        quiet->len[quiet->n++] = (uint16_t)r;
    }
    md_audio_encoder_free(encoder);
    return quiet->n == 50 ? 0 : r < 0 ? r : -EMSGSIZE;
}

static uint32_t next_random(SimSite *site)
{
    site->random = site->random * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(site->random >> 32);
}

/* --- RTCP, the same for sound and pictures --- */

static void send_reports(SimSite *site, SimLine *line, SimWay *way, bool bye, int64_t now_us)
{
    uint8_t buf[512];
    MdRtcpWriter writer;
    MdRtcpReport report;
    MdRtcpSenderInfo info;
    char cname[32];
    unsigned n = md_stream_report(&way->stream, now_us, &report);
    md_rtcp_writer_init(&writer, buf, sizeof(buf) - MD_SRTP_OVERHEAD_MAX);
    /* The same wall clock serves both ends of this process; its zero is of no matter to a round trip. */
    if (md_sender_info(&way->sender, now_us, now_us, &info))
        md_rtcp_write_sr(&writer, way->sender.ssrc, &info, &report, n);
    else
        md_rtcp_write_rr(&writer, way->sender.ssrc, &report, n);
    snprintf(cname, sizeof(cname), "site%u@mediasim", site->index);
    md_rtcp_write_cname(&writer, way->sender.ssrc, cname);
    if (bye)
        md_rtcp_write_bye(&writer, way->sender.ssrc);
    sim_line_send(line, true, buf, writer.len, now_us);
    way->report_us = now_us + REPORT_US / 2 + (int64_t)(next_random(site) % REPORT_US);
}

static void resend(SimSite *site, const MdRtcpItem *item, int64_t now_us)
{
    uint16_t seqs[MD_RTCP_NACK_SEQS];
    unsigned n = md_rtcp_nack_seqs(item, seqs);
    for (unsigned i = 0; i < n; i++) {
        MdRtxEntry entry;
        if (!md_rtx_cache_get(site->sent, seqs[i], now_us, 20000, &entry))
            continue;
        uint8_t buf[MD_RTP_PACKET_MAX + MD_SRTP_OVERHEAD_MAX];
        size_t len =
            md_rtp_write_header(buf, site->video_way.sender.payload_type, entry.list->slices[entry.i].marker,
                                entry.seq, entry.wire_ts, site->video_way.sender.ssrc);
        len += md_packet_list_copy(entry.list, entry.i, buf + len);
        sim_line_send(&site->video, false, buf, len, now_us);
    }
}

static void on_rtcp(SimSite *site, SimWay *way, const uint8_t *data, size_t len, int64_t now_us)
{
    MdRtcpReader reader;
    MdRtcpItem item;
    if (md_rtcp_reader_init(&reader, data, len) < 0)
        return;
    while (md_rtcp_reader_next(&reader, &item) == 1) {
        if (item.kind == MD_RTCP_KIND_SENDER) {
            md_stream_sender_report(&way->stream, item.ssrc, item.sender.ntp, now_us);
        } else if (item.kind == MD_RTCP_KIND_REPORT && item.report.ssrc == way->sender.ssrc) {
            way->reported_lost = item.report.lost > 0 ? (uint64_t)item.report.lost : 0;
            int64_t round_trip_us = md_rtcp_round_trip_us(&item.report, md_ntp_from_wall_us(now_us));
            if (round_trip_us >= 0)
                way->round_trip_us = round_trip_us;
        } else if (item.kind == MD_RTCP_KIND_BYE) {
            md_stream_bye(&way->stream, item.ssrc);
        } else if (way == &site->video_way && item.kind == MD_RTCP_KIND_NACK) {
            resend(site, &item, now_us);
        } else if (way == &site->video_way &&
                   (item.kind == MD_RTCP_KIND_PLI || item.kind == MD_RTCP_KIND_FIR)) {
            if (md_key_requests_ask(&site->asked, now_us))
                site->loop_at = 0;
        }
    }
}

/* --- sound --- */

static void send_sound(SimSite *site, int64_t due_us)
{
    float pcm[MD_AUDIO_TICK_SAMPLES];
    uint8_t buf[MD_RTP_PACKET_MAX + MD_SRTP_OVERHEAD_MAX];
    uint8_t *payload = buf + MD_RTP_HEADER_LEN;
    int len;
    /* What a microphone has caught in the last 20 ms. */
    bool talks = sim_voice_fill(&site->voice, site->spec->talk, due_us - MD_AUDIO_TICK_US, pcm);
    if (talks) {
        if (!site->talking)
            md_audio_encoder_reset(site->encoder);
        len = md_audio_encoder_encode(site->encoder, pcm, payload, MD_AUDIO_PAYLOAD_MAX);
    } else {
        const SimQuiet *quiet = site->spec->quiet;
        site->quiet_at = (site->quiet_at + 1) % quiet->n;
        len = quiet->len[site->quiet_at];
        memcpy(payload, quiet->payload[site->quiet_at], (size_t)len);
    }
    if (len > 0) {
        md_sender_write_header(&site->audio_way.sender, buf, talks && !site->talking, site->media_ts,
                               (size_t)len, due_us);
        sim_line_send(&site->audio, false, buf, MD_RTP_HEADER_LEN + (size_t)len, due_us);
    }
    site->talking = talks;
    site->media_ts += MD_AUDIO_TICK_SAMPLES;
}

static void pull_packet(SimSite *site, int64_t due_us)
{
    MdJitterOut out;
    float *to = site->fifo + site->fifo_len;
    md_jitter_pull(site->jitter, due_us, site->quiet, &out);
    unsigned scale = MD_AUDIO_RATE / md_audio_codec_clock_rate(site->receive_codec);
    unsigned want = out.duration * scale, keep = (out.duration - out.trim) * scale;
    int n = 0;
    if (want > MD_AUDIO_PACKET_SAMPLES_MAX)
        want = keep = MD_AUDIO_PACKET_SAMPLES_MAX;
    if (out.action == MD_JITTER_PACKET)
        n = md_audio_decoder_decode(site->decoder, out.payload, out.len, to, MD_AUDIO_PACKET_SAMPLES_MAX);
    else if (out.action == MD_JITTER_FEC)
        n = md_audio_decoder_decode_fec(site->decoder, out.payload, out.len, to, want / 120 * 120);
    else if (out.action == MD_JITTER_CONCEAL)
        n = md_audio_decoder_conceal(site->decoder, to, want / 120 * 120);
    if (n < 0)
        n = 0;
    if ((unsigned)n < want)
        memset(to + n, 0, (want - (unsigned)n) * sizeof(to[0]));
    site->fifo_len += keep;
}

static void hear(SimSite *site, int64_t due_us)
{
    while (site->fifo_len < MD_AUDIO_TICK_SAMPLES)
        pull_packet(site, due_us);
    float peak = 0;
    for (unsigned i = 0; i < MD_AUDIO_TICK_SAMPLES; i += 4)
        peak = site->fifo[i] > peak ? site->fifo[i] : peak;
    site->quiet = peak < 0.003f;
    sim_ear_tick(site->ear, site->fifo, due_us, site->spec->hear_min);
    site->fifo_len -= MD_AUDIO_TICK_SAMPLES;
    memmove(site->fifo, site->fifo + MD_AUDIO_TICK_SAMPLES, site->fifo_len * sizeof(site->fifo[0]));
}

static void on_audio(SimLine *line, bool rtcp, uint8_t *data, size_t len, int64_t now_us)
{
    SimSite *site = line->owner;
    MdRtpPacket packet;
    if (rtcp) {
        on_rtcp(site, &site->audio_way, data, len, now_us);
        return;
    }
    if (md_rtp_parse(data, len, &packet) < 0 || packet.payload_type != site->receive_pt)
        return;
    MdStreamVerdict verdict = md_stream_receive(&site->audio_way.stream, &packet, now_us, NULL);
    site->bytes_received += packet.payload_len;
    if (verdict == MD_STREAM_WAIT || !site->jitter)
        return;
    if (verdict == MD_STREAM_RESTART)
        md_jitter_reset(site->jitter);
    int duration = md_audio_payload_duration(site->receive_codec, packet.payload, packet.payload_len);
    if (duration > 0)
        md_jitter_put(site->jitter, &packet, (uint32_t)duration, now_us);
    else
        md_jitter_put_silent(site->jitter, &packet);
}

static void repair(SimSite *site, int64_t now_us);

void sim_site_tick(SimSite *site, int64_t due_us)
{
    if (site->audio_on) {
        send_sound(site, due_us);
        if (site->ear)
            hear(site, due_us);
        if (due_us >= site->audio_way.report_us)
            send_reports(site, &site->audio, &site->audio_way, false, due_us);
    }
    if (!site->video_on)
        return;
    if (due_us >= site->video_way.report_us)
        send_reports(site, &site->video, &site->video_way, false, due_us);
    if (md_key_requests_due(&site->asked, due_us))
        site->loop_at = 0;
    if (site->reorder)
        repair(site, due_us);
}

/* --- pictures --- */

static void take_picture(MdTimer *timer, int64_t due_us, void *user)
{
    (void)timer;
    SimSite *site = user;
    if (!site->video_on)
        return;
    MdPacketList *list = site->spec->clips[site->index].pictures[site->loop_at];
    /* RTP time is the camera's, not the timer's. */
    uint32_t ts = (uint32_t)((site->camera_due_us - site->camera_start_us) * 9 / 100);
    if (list && site->loop_at == 0)
        md_key_requests_satisfied(&site->asked, due_us);
    if (list)
        atomic_store_explicit(&site->spec->cameras[site->index].sent_us[site->loop_at], due_us,
                              memory_order_relaxed);
    for (unsigned i = 0; list && i < list->n; i++) {
        uint8_t buf[MD_RTP_PACKET_MAX + MD_SRTP_OVERHEAD_MAX];
        uint16_t seq = site->video_way.sender.seq;
        size_t len = md_sender_write_header(&site->video_way.sender, buf, list->slices[i].marker, ts,
                                            md_slice_len(&list->slices[i]), due_us);
        md_rtx_cache_add(site->sent, seq, site->video_way.sender.last_ts, list, i, due_us);
        len += md_packet_list_copy(list, i, buf + len);
        sim_line_send(&site->video, false, buf, len, due_us);
    }
    site->pictures_sent += list != NULL;
    site->loop_at = (site->loop_at + 1) % SIM_LOOP_FRAMES;
    site->camera_due_us += 1000000 / site->spec->fps;
    md_worker_timer_at(site->video.thread->worker, &site->camera_timer, site->camera_due_us, take_picture,
                       site);
}

static void ask_key_frame(SimSite *site, int64_t now_us)
{
    uint8_t buf[64 + MD_SRTP_OVERHEAD_MAX];
    MdRtcpWriter writer;
    md_rtcp_writer_init(&writer, buf, 64);
    md_rtcp_write_rr(&writer, site->video_way.sender.ssrc, NULL, 0);
    md_rtcp_write_pli(&writer, site->video_way.sender.ssrc, site->video_way.stream.ssrc);
    sim_line_send(&site->video, true, buf, writer.len, now_us);
}

static void see(SimSite *site, MdFrame *frame, int64_t now_us)
{
    site->pictures_received++;
    if (frame->key && !frame->damaged)
        md_key_requests_satisfied(&site->asking, now_us);
    if (!md_key_gate_pass(&site->gate, frame)) {
        if (md_key_requests_ask(&site->asking, now_us))
            ask_key_frame(site, now_us);
        return;
    }
    MdPicture *picture = NULL;
    md_decoder_decode(site->picture_decoder, frame, now_us, &picture);
    if (!picture)
        return;
    site->pictures_decoded++;
    if (site->look_at++ % site->look_every == 0)
        sim_eye_look(site->eye, &picture->planes, now_us);
    md_picture_unref(picture);
}

static void repair(SimSite *site, int64_t now_us)
{
    MdRtpPacket packet;
    unsigned lost;
    while (md_reorder_next(site->reorder, now_us, &packet, &lost)) {
        md_depacketiser_push(site->depacketiser, &packet, lost, now_us);
        MdFrame *frame;
        while ((frame = md_depacketiser_take(site->depacketiser))) {
            see(site, frame, now_us);
            md_frame_unref(frame);
        }
    }
    uint16_t seqs[32];
    unsigned n = md_reorder_nacks(site->reorder, now_us, site->video_way.round_trip_us, seqs, 32);
    if (n) {
        uint8_t buf[256 + MD_SRTP_OVERHEAD_MAX];
        MdRtcpWriter writer;
        md_rtcp_writer_init(&writer, buf, 256);
        md_rtcp_write_rr(&writer, site->video_way.sender.ssrc, NULL, 0);
        md_rtcp_write_nack(&writer, site->video_way.sender.ssrc, site->video_way.stream.ssrc, seqs, n);
        sim_line_send(&site->video, true, buf, writer.len, now_us);
    }
    if (md_key_requests_due(&site->asking, now_us))
        ask_key_frame(site, now_us);
}

static void on_video(SimLine *line, bool rtcp, uint8_t *data, size_t len, int64_t now_us)
{
    SimSite *site = line->owner;
    MdRtpPacket packet;
    if (rtcp) {
        on_rtcp(site, &site->video_way, data, len, now_us);
        return;
    }
    if (md_rtp_parse(data, len, &packet) < 0 || packet.payload_type != site->video_pt)
        return;
    MdStreamVerdict verdict = md_stream_receive(&site->video_way.stream, &packet, now_us, NULL);
    site->bytes_received += packet.payload_len;
    if (verdict == MD_STREAM_WAIT || !site->reorder)
        return;
    if (verdict == MD_STREAM_RESTART) {
        md_reorder_reset(site->reorder);
        md_depacketiser_reset(site->depacketiser);
        md_key_gate_close(&site->gate);
    }
    md_reorder_put(site->reorder, &packet, now_us);
    repair(site, now_us);
}

/* --- life --- */

int sim_site_init(SimSite *site, unsigned index, const SimSiteSpec *spec, SimThread *thread,
                  MdPortPool *ports, const MdAddr *local, bool video, bool judge_audio, bool judge_video,
                  uint64_t seed)
{
    memset(site, 0, sizeof(*site));
    site->index = index;
    site->spec = spec;
    site->random = seed ^ ((uint64_t)index << 32);
    site->voice.site = index;
    next_random(site);
    site->quiet_at = index % 50;
    md_sender_init(&site->audio_way.sender, next_random(site), (uint16_t)(next_random(site) & 0x7fff),
                   next_random(site), 0, 48000);
    md_sender_init(&site->video_way.sender, next_random(site), (uint16_t)(next_random(site) & 0x7fff),
                   next_random(site), 0, 90000);
    md_stream_init(&site->audio_way.stream, 48000, 1);
    md_stream_init(&site->video_way.stream, 90000, 1);
    md_key_requests_init(&site->asked, KEY_INTERVAL_US, 0);
    md_key_requests_init(&site->asking, KEY_INTERVAL_US, 1000000);
    site->look_every = 5;
    site->encoder =
        md_audio_encoder_new(&(MdAudioEncoderConfig){.codec = MD_AUDIO_OPUS, .fec = true, .loss_percent = 5});
    int r = sim_line_init(&site->audio, thread, ports, local, on_audio, site);
    if (r == 0 && video)
        r = sim_line_init(&site->video, thread, ports, local, on_video, site);
    if (r == 0 && !site->encoder)
        r = -ENOMEM;
    if (r == 0 && video && !(site->sent = md_rtx_cache_new(256)))
        r = -ENOMEM;
    if (r == 0 && judge_audio && (site->ear = malloc(sizeof(*site->ear))))
        sim_ear_init(site->ear, index, spec->talk);
    if (r == 0 && video && judge_video) {
        site->eye = malloc(sizeof(*site->eye));
        site->reorder = md_reorder_new(&(MdReorderOptions){.nack = true});
        site->depacketiser = md_depacketiser_new(MD_VIDEO_H264);
        site->picture_decoder = md_decoder_new(MD_VIDEO_H264);
        if (!site->eye || !site->reorder || !site->depacketiser || !site->picture_decoder)
            r = -ENOMEM;
        else
            sim_eye_init(site->eye, spec->sites, spec->cameras, &spec->eye_limits);
    }
    return r;
}

void sim_site_clear(SimSite *site)
{
    sim_line_clear(&site->audio);
    sim_line_clear(&site->video);
    md_audio_encoder_free(site->encoder);
    md_audio_decoder_free(site->decoder);
    md_jitter_free(site->jitter);
    md_rtx_cache_free(site->sent);
    md_reorder_free(site->reorder);
    md_depacketiser_free(site->depacketiser);
    md_decoder_free(site->picture_decoder);
    free(site->ear);
    free(site->eye);
}

static void agree_audio(SimSite *site, const MdAgreedMedia *agreed, int64_t now_us)
{
    site->audio_on = agreed->active && agreed->codec == MD_AUDIO_OPUS && agreed->n_receive > 0 &&
                     sim_line_open(&site->audio, agreed) == 0;
    if (!site->audio_on) {
        sim_line_close(&site->audio);
        return;
    }
    site->audio_way.sender.payload_type = agreed->send_pt;
    site->receive_pt = agreed->receive[0].pt;
    site->receive_codec = (MdAudioCodec)agreed->receive[0].codec;
    site->audio_way.report_us = now_us + 500000 + next_random(site) % 1000000;
    if (site->jitter)
        return;
    uint32_t rate = md_audio_codec_clock_rate(site->receive_codec);
    md_stream_init(&site->audio_way.stream, rate, 1);
    if (!site->ear)
        return;
    site->jitter = md_jitter_new(&(MdJitterOptions){.clock_rate = rate});
    site->decoder = md_audio_decoder_new(site->receive_codec);
    if (!site->jitter || !site->decoder)
        site->audio_on = false;
}

void sim_site_agree(SimSite *site, const MdAgreed *agreed, int64_t now_us)
{
    agree_audio(site, &agreed->media[MD_LEG_MEDIA_AUDIO], now_us);
    const MdAgreedMedia *video = &agreed->media[MD_LEG_MEDIA_VIDEO];
    bool was_on = site->video_on;
    site->video_on = site->video.thread && video->active && video->codec == MD_VIDEO_H264 &&
                     video->n_receive > 0 && sim_line_open(&site->video, video) == 0;
    if (!site->video_on) {
        if (site->video.thread)
            sim_line_close(&site->video);
        return;
    }
    site->video_way.sender.payload_type = video->send_pt;
    site->video_pt = video->receive[0].pt;
    if (was_on)
        return;
    site->video_way.report_us = now_us + 500000 + next_random(site) % 1000000;
    /* Cameras are not in step with one another. */
    site->camera_start_us = now_us - 1000000;
    site->camera_due_us = now_us + next_random(site) % (1000000 / site->spec->fps);
    md_worker_timer_at(site->video.thread->worker, &site->camera_timer, site->camera_due_us, take_picture,
                       site);
}

void sim_site_judge(SimSite *site)
{
    site->pictures_received = site->pictures_decoded = 0;
    if (site->eye)
        sim_eye_init(site->eye, site->spec->sites, site->spec->cameras, &site->spec->eye_limits);
}

void sim_site_close(SimSite *site)
{
    int64_t now_us = md_worker_now_us(site->audio.thread->worker);
    if (site->audio_on)
        send_reports(site, &site->audio, &site->audio_way, true, now_us);
    if (site->video_on)
        send_reports(site, &site->video, &site->video_way, true, now_us);
    sim_line_close(&site->audio);
    if (site->video.thread) {
        sim_line_close(&site->video);
        md_worker_timer_cancel(site->video.thread->worker, &site->camera_timer);
    }
    site->audio_on = site->video_on = false;
}
