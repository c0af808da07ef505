/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/recording/finish.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include <libavformat/avformat.h>

enum { STREAMS_MAX = 2, HASH_BLOCK = 1 << 18 };

G_DEFINE_QUARK(md - finish - error - quark, md_finish_error)

typedef struct Copy {
    AVFormatContext *in, *out;
    int map[8];                      /* stream of in → of out, -1 none */
    int64_t last[STREAMS_MAX];       /* newest time of decoding, in units of out */
    int64_t end_us;
} Copy;

static bool fail(GError **error, MdFinishError code, const char *what, int av)
{
    char why[AV_ERROR_MAX_STRING_SIZE] = "";
    if (av)
        av_strerror(av, why, sizeof why);
    g_set_error(error, MD_FINISH_ERROR, (int)code, "%s%s%s", what, av ? ": " : "", why);
    return false;
}

static bool open_in(Copy *copy, const char *part, GError **error)
{
    int av = avformat_open_input(&copy->in, part, NULL, NULL);
    if (av < 0)
        return fail(error, MD_FINISH_ERROR_EMPTY, "it cannot be read", av);
    av = avformat_find_stream_info(copy->in, NULL);
    return av >= 0 || fail(error, MD_FINISH_ERROR_EMPTY, "it cannot be read", av);
}

static bool open_out(Copy *copy, const char *to, const MdChapter *chapters, unsigned n, GError **error)
{
    int av = avformat_alloc_output_context2(&copy->out, NULL, "mp4", to);
    if (av < 0)
        return fail(error, MD_FINISH_ERROR_WRITE, "no MP4 writer", av);
    for (unsigned i = 0; i < copy->in->nb_streams && i < G_N_ELEMENTS(copy->map); i++) {
        const AVCodecParameters *from = copy->in->streams[i]->codecpar;
        copy->map[i] = -1;
        bool wanted = (from->codec_id == AV_CODEC_ID_H264 && from->width > 0) || (from->codec_id == AV_CODEC_ID_AAC && from->sample_rate > 0);
        AVStream *stream = wanted && copy->out->nb_streams < STREAMS_MAX ? avformat_new_stream(copy->out, NULL) : NULL;
        if (!stream)
            continue;
        avcodec_parameters_copy(stream->codecpar, from);
        stream->codecpar->codec_tag = 0;
        stream->time_base = copy->in->streams[i]->time_base;
        copy->map[i] = stream->index;
    }
    if (copy->out->nb_streams == 0)
        return fail(error, MD_FINISH_ERROR_EMPTY, "nothing was recorded", 0);
    copy->out->chapters = av_calloc(MAX(n, 1), sizeof *copy->out->chapters);
    for (unsigned i = 0; i < n && copy->out->chapters; i++) {
        AVChapter *chapter = av_mallocz(sizeof *chapter);
        *chapter = (AVChapter){.id = i + 1, .time_base = {1, 1000000}, .start = chapters[i].start_us,
                               .end = i + 1 < n ? chapters[i + 1].start_us : INT64_MAX};
        av_dict_set(&chapter->metadata, "title", chapters[i].title, 0);
        copy->out->chapters[copy->out->nb_chapters++] = chapter;
    }
    av = avio_open(&copy->out->pb, to, AVIO_FLAG_WRITE);
    return av >= 0 || fail(error, MD_FINISH_ERROR_WRITE, "it cannot be written", av);
}

/* How long what can be read of it is: chapters need to know, and the header of an MP4 is written with them. */
static int64_t measure(Copy *copy, const int *cancel)
{
    AVPacket *packet = av_packet_alloc();
    int64_t end_us = 0;
    while (av_read_frame(copy->in, packet) >= 0 && !(cancel && g_atomic_int_get(cancel))) {
        AVRational base = copy->in->streams[packet->stream_index]->time_base;
        if (packet->pts != AV_NOPTS_VALUE && !(packet->flags & AV_PKT_FLAG_CORRUPT))
            end_us = MAX(end_us, av_rescale_q(packet->pts + packet->duration, base, (AVRational){1, 1000000}));
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    return end_us;
}

static void trim_chapters(AVFormatContext *out, int64_t end_us)
{
    while (out->nb_chapters > 0 && out->chapters[out->nb_chapters - 1]->start >= end_us) {
        AVChapter *last = out->chapters[--out->nb_chapters];
        av_dict_free(&last->metadata);
        av_freep(&out->chapters[out->nb_chapters]);
    }
    if (out->nb_chapters > 0)
        out->chapters[out->nb_chapters - 1]->end = end_us;
}

static bool copy_packets(Copy *copy, const int *cancel, GError **error)
{
    AVPacket *packet = av_packet_alloc();
    int av = 0;
    while (av >= 0 && av_read_frame(copy->in, packet) >= 0) {
        int to = packet->stream_index < (int)G_N_ELEMENTS(copy->map) ? copy->map[packet->stream_index] : -1;
        bool bad = to < 0 || (packet->flags & AV_PKT_FLAG_CORRUPT) || packet->dts == AV_NOPTS_VALUE;
        if (!bad) {
            AVStream *stream = copy->out->streams[to];
            av_packet_rescale_ts(packet, copy->in->streams[packet->stream_index]->time_base, stream->time_base);
            packet->stream_index = to;
            packet->pos = -1;
            bad = packet->dts <= copy->last[to];
            copy->last[to] = MAX(copy->last[to], packet->dts);
        }
        if (!bad)
            av = av_interleaved_write_frame(copy->out, packet);
        av_packet_unref(packet);
        if (cancel && g_atomic_int_get(cancel)) {
            av_packet_free(&packet);
            return fail(error, MD_FINISH_ERROR_CANCELLED, "left for the next start", 0);
        }
    }
    av_packet_free(&packet);
    return av >= 0 || fail(error, MD_FINISH_ERROR_WRITE, "it cannot be written", av);
}

static bool convert(Copy *copy, const char *part, const char *to, const MdChapter *chapters, unsigned n, const int *cancel, MdFinished *ret,
                    GError **error)
{
    if (!open_in(copy, part, error))
        return false;
    copy->end_us = measure(copy, cancel);
    avformat_close_input(&copy->in);
    if (cancel && g_atomic_int_get(cancel))
        return fail(error, MD_FINISH_ERROR_CANCELLED, "left for the next start", 0);
    if (copy->end_us <= 0)
        return fail(error, MD_FINISH_ERROR_EMPTY, "nothing was recorded", 0);
    if (!open_in(copy, part, error) || !open_out(copy, to, chapters, n, error))
        return false;
    trim_chapters(copy->out, copy->end_us);
    AVDictionary *options = NULL;
    av_dict_set(&options, "movflags", "+faststart", 0);
    int av = avformat_write_header(copy->out, &options);
    av_dict_free(&options);
    if (av < 0)
        return fail(error, MD_FINISH_ERROR_WRITE, "it cannot be written", av);
    for (unsigned i = 0; i < STREAMS_MAX; i++)
        copy->last[i] = INT64_MIN;
    if (!copy_packets(copy, cancel, error))
        return false;
    av = av_write_trailer(copy->out);
    if (av >= 0)
        av = avio_closep(&copy->out->pb);
    ret->duration_us = copy->end_us;
    return av >= 0 || fail(error, MD_FINISH_ERROR_WRITE, "it cannot be written", av);
}

/* Its hash, and everything on the disk. */
static bool seal(const char *path, MdFinished *ret, GError **error)
{
    g_autofree uint8_t *block = g_malloc(HASH_BLOCK);
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    int fd = g_open(path, O_RDONLY | O_CLOEXEC, 0);
    ssize_t n = -1;
    ret->bytes = 0;
    while (fd >= 0 && (n = read(fd, block, HASH_BLOCK)) > 0) {
        g_checksum_update(sum, block, n);
        ret->bytes += n;
    }
    bool ok = fd >= 0 && n == 0 && fsync(fd) == 0;
    int code = errno;
    if (fd >= 0)
        close(fd);
    g_strlcpy(ret->sha256, g_checksum_get_string(sum), sizeof ret->sha256);
    return ok || fail(error, MD_FINISH_ERROR_WRITE, g_strerror(code), 0);
}

bool md_finish(const char *part, const char *to, const MdChapter *chapters, unsigned n, const int *cancel, MdFinished *ret, GError **error)
{
    Copy copy = {0};
    *ret = (MdFinished){0};
    bool ok = convert(&copy, part, to, chapters, n, cancel, ret, error);
    if (copy.out && copy.out->pb)
        avio_closep(&copy.out->pb);
    avformat_free_context(copy.out);
    avformat_close_input(&copy.in);
    ok = ok && seal(to, ret, error);
    if (!ok)
        g_unlink(to);
    return ok;
}
