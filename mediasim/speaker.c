/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediasim/speaker.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "mediad/rtp/payload.h"
#include "mediad/transport/udp.h"

#define AUDIBLE 0.003f /* about -50 dB */

static void deliver(void *target, int kind, uint8_t *data, size_t len, int64_t now_us, void *user)
{
    (void)kind, (void)user;
    SimSpeaker *speaker = target;
    if (speaker->playing)
        sim_speaker_packet(speaker, data, len, now_us);
}

int sim_booth_init(SimBooth *booth, const MdWorkerOptions *worker, const SimImpairOptions *in)
{
    memset(booth, 0, sizeof(*booth));
    int r = sim_thread_init(&booth->thread, worker, in, in);
    if (r < 0)
        return r;
    SimImpairOptions options = *in;
    options.deliver = deliver;
    sim_impair_free(booth->thread.in);
    booth->thread.in = sim_impair_new(&options);
    return booth->thread.in ? 0 : -ENOMEM;
}

void sim_booth_clear(SimBooth *booth)
{
    for (unsigned i = 0; i < booth->n_feeds; i++) {
        md_srtp_free(booth->feeds[i]->rx);
        md_audio_decoder_free(booth->feeds[i]->decoder);
        free(booth->feeds[i]);
    }
    sim_thread_clear(&booth->thread);
    memset(booth, 0, sizeof(*booth));
}

int sim_speaker_init(SimSpeaker *speaker, unsigned index, SimBooth *booth, const char *host, uint16_t port)
{
    memset(speaker, 0, sizeof(*speaker));
    speaker->index = index;
    speaker->booth = booth;
    MdAddr local;
    int r = md_addr_from_host(&local, host, port);
    speaker->fd = r < 0 ? r : md_udp_open(&local, &speaker->local);
    return speaker->fd < 0 ? speaker->fd : 0;
}

void sim_speaker_clear(SimSpeaker *speaker)
{
    if (speaker->fd >= 0 && speaker->booth)
        close(speaker->fd);
    speaker->fd = -1;
}

/* FNV-1a by words: the packets of one feed differ in their tags at least. */
static uint64_t hash_of(const uint8_t *data, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325ull, word = 0;
    for (; len >= 8; data += 8, len -= 8) {
        memcpy(&word, data, 8);
        hash = (hash ^ word) * 0x100000001b3ull;
        hash ^= hash >> 29;
    }
    for (; len > 0; data++, len--)
        hash = (hash ^ *data) * 0x100000001b3ull;
    return hash;
}

static SimFeed *feed_new(const MdAgreedMedia *agreed)
{
    SimFeed *feed = calloc(1, sizeof(*feed));
    if (!feed)
        return NULL;
    feed->secured = agreed->security == MD_AGREED_SDES;
    feed->codec = (MdAudioCodec)agreed->receive[0].codec;
    feed->decoder = md_audio_decoder_new(feed->codec);
    if (feed->secured) {
        feed->key = agreed->remote_key;
        feed->rx = md_srtp_new(MD_SRTP_RECEIVE, &feed->key);
    }
    if (!feed->decoder || (feed->secured && !feed->rx)) {
        md_audio_decoder_free(feed->decoder);
        md_srtp_free(feed->rx);
        free(feed);
        return NULL;
    }
    return feed;
}

static SimFeed *find_feed(SimBooth *booth, const MdAgreedMedia *agreed)
{
    for (unsigned i = 0; i < booth->n_feeds; i++) {
        SimFeed *feed = booth->feeds[i];
        if (feed->codec == (MdAudioCodec)agreed->receive[0].codec &&
            feed->secured == (agreed->security == MD_AGREED_SDES) &&
            (!feed->secured || md_srtp_key_equal(&feed->key, &agreed->remote_key)))
            return feed;
    }
    if (booth->n_feeds == SIM_FEEDS_MAX)
        return NULL;
    SimFeed *feed = feed_new(agreed);
    if (feed)
        booth->feeds[booth->n_feeds++] = feed;
    return feed;
}

/* The first copy of a packet on this thread: opened and listened to. False: it is not of this feed. */
static bool learn(SimFeed *feed, SimFeedSlot *slot, const uint8_t *data, size_t len, uint64_t hash)
{
    uint8_t copy[MD_RTP_PACKET_MAX + 600];
    float pcm[MD_AUDIO_PACKET_SAMPLES_MAX];
    MdRtpPacket packet;
    size_t plain_len = len;
    if (len > sizeof(copy))
        return false;
    memcpy(copy, data, len);
    int r = feed->rx ? md_srtp_unprotect_rtp(feed->rx, copy, &plain_len) : 0;
    /* Replayed: its slot was needed for another packet; it was right once and the tag says it still is. */
    if ((r < 0 && r != -EALREADY) || md_rtp_parse(copy, plain_len, &packet) < 0)
        return false;
    *slot = (SimFeedSlot){.valid = true, .seq = packet.seq, .ssrc = packet.ssrc, .len = len, .hash = hash};
    if (r == -EALREADY)
        return true;
    int n = md_audio_decoder_decode(feed->decoder, packet.payload, packet.payload_len, pcm,
                                    MD_AUDIO_PACKET_SAMPLES_MAX);
    feed->undecodable += n < 0;
    for (int i = 0; i < n && !slot->loud; i++)
        slot->loud = fabsf(pcm[i]) > AUDIBLE;
    feed->packets++;
    feed->loud += slot->loud;
    return true;
}

void sim_speaker_packet(SimSpeaker *speaker, const uint8_t *data, size_t len, int64_t now_us)
{
    MdRtpPacket packet; /* header and SSRC are in the clear */
    if (md_rtp_parse(data, len, &packet) < 0 || packet.payload_type != speaker->payload_type ||
        !speaker->feed) {
        speaker->rejected++;
        return;
    }
    uint64_t hash = hash_of(data, len);
    SimFeedSlot *slot = &speaker->feed->slots[packet.seq % SIM_FEED_SLOTS];
    if (!slot->valid || slot->seq != packet.seq || slot->ssrc != packet.ssrc) {
        if (!learn(speaker->feed, slot, data, len, hash)) {
            speaker->rejected++;
            return;
        }
    } else if (slot->len != len || slot->hash != hash) {
        speaker->differing++;
        return;
    }
    if (md_stream_receive(&speaker->stream, &packet, now_us, NULL) == MD_STREAM_WAIT)
        return;
    if (speaker->received++ == 0)
        speaker->first_us = now_us;
    else if (now_us - speaker->last_us > speaker->gap_most_us)
        speaker->gap_most_us = now_us - speaker->last_us;
    speaker->last_us = now_us;
    if (!slot->loud)
        return;
    if (speaker->loud++ == 0)
        speaker->audible_us = now_us;
}

static void readable(MdWatch *watch, uint32_t events, void *user)
{
    (void)watch, (void)events;
    SimSpeaker *speaker = user;
    SimThread *thread = &speaker->booth->thread;
    MdAddr from;
    for (unsigned i = 0; i < 4; i++) {
        int n = md_udp_receive(speaker->fd, &from, thread->buffer, sizeof(thread->buffer));
        if (n == -EAGAIN)
            break;
        if (n <= 0 || md_rtp_is_rtcp(thread->buffer, (size_t)n))
            continue;
        if (!md_addr_host_equal(&from, &speaker->remote)) {
            speaker->rejected++;
            continue;
        }
        sim_impair_put(thread->in, speaker, 0, thread->buffer, (size_t)n, md_worker_clock_us(thread->worker));
    }
    sim_thread_rearm(thread);
}

void sim_speaker_play(SimSpeaker *speaker, const MdAgreedMedia *agreed)
{
    if (!agreed->active || agreed->n_receive == 0)
        return;
    speaker->remote = agreed->remote;
    speaker->payload_type = agreed->receive[0].pt;
    speaker->feed = find_feed(speaker->booth, agreed);
    md_stream_init(&speaker->stream, md_audio_codec_clock_rate((MdAudioCodec)agreed->receive[0].codec), 1);
    if (!speaker->playing)
        speaker->playing = md_worker_watch(speaker->booth->thread.worker, &speaker->watch, speaker->fd,
                                           EPOLLIN, readable, speaker) == 0;
}

void sim_speaker_stop(SimSpeaker *speaker)
{
    if (!speaker->playing)
        return;
    md_worker_unwatch(speaker->booth->thread.worker, &speaker->watch);
    speaker->playing = false;
}
