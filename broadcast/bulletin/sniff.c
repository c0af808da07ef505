/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a file is, told by its bytes. Images are walked through as far as it takes to know their size and that they are whole. */
#include "broadcast/bulletin/attachment.h"

#include <string.h>

static bool refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool refuse(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, BC_ERROR, BC_ERROR_CONTENT, text);
    return false;
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static unsigned le16(const uint8_t *p)
{
    return p[0] | (unsigned)p[1] << 8;
}

static unsigned be16(const uint8_t *p)
{
    return p[1] | (unsigned)p[0] << 8;
}

static bool broken(GError **error, const char *what, gsize at, gsize len)
{
    return refuse(error, "the %s breaks off at byte %zu of %zu: send it again", what, at, len);
}

static bool sized(BcSniff *s, const char *what, uint32_t width, uint32_t height, GError **error)
{
    s->width = width;
    s->height = height;
    if (!width || !height)
        return refuse(error, "the %s has no width or height", what);
    if (width > BC_IMAGE_SIDE_MAX || height > BC_IMAGE_SIDE_MAX)
        return refuse(error, "the %s has %u x %u points, at most %u on a side", what, width, height, BC_IMAGE_SIDE_MAX);
    return true;
}

/* ISO/IEC 15948: chunks of length, type, data, checksum, from IHDR to IEND. */
static bool png(const uint8_t *d, gsize len, BcSniff *s, GError **error)
{
    gsize at = 8;
    if (len < 33 || memcmp(d + 12, "IHDR", 4) != 0)
        return broken(error, "PNG image", MIN(len, (gsize)33), len);
    if (!sized(s, "PNG image", be32(d + 16), be32(d + 20), error))
        return false;
    while (at + 12 <= len) {
        gsize chunk = be32(d + at);
        if (chunk > len - at - 12)
            return broken(error, "PNG image", len, at + 12 + chunk);
        if (!memcmp(d + at + 4, "IEND", 4))
            return true;
        at += 12 + chunk;
    }
    return broken(error, "PNG image", len, len + 12);
}

/* ITU-T T.81: segments up to the start of a scan; the frame header holds the size. */
static bool jpeg(const uint8_t *d, gsize len, BcSniff *s, GError **error)
{
    gsize at = 2;
    while (at + 4 <= len) {
        if (d[at] != 0xff)
            return refuse(error, "the JPEG image is damaged at byte %zu of %zu", at, len);
        uint8_t marker = d[at + 1];
        if (marker == 0xff) {
            at++;
            continue;
        }
        if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
            at += 2;
            continue;
        }
        gsize segment = be16(d + at + 2);
        if (segment < 2 || at + 2 + segment > len)
            return broken(error, "JPEG image", len, at + 2 + MAX(segment, (gsize)2));
        bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
        if (frame && segment >= 8 && !sized(s, "JPEG image", be16(d + at + 7), be16(d + at + 5), error))
            return false;
        if (marker == 0xda)
            break;
        at += 2 + segment;
    }
    if (!s->width)
        return refuse(error, "the JPEG image has no picture in its %zu bytes", len);
    for (gsize i = len; i-- > MAX(at, len > 4096 ? len - 4096 : 0) + 1;) /* cameras leave bytes behind the end */
        if (d[i] == 0xd9 && d[i - 1] == 0xff)
            return true;
    return broken(error, "JPEG image", len, len + 2);
}

static bool gif(const uint8_t *d, gsize len, BcSniff *s, GError **error)
{
    if (len < 14)
        return broken(error, "GIF image", len, 14);
    if (!sized(s, "GIF image", le16(d + 6), le16(d + 8), error))
        return false;
    for (gsize i = len; i-- > 13;)
        if (d[i] == 0x3b)
            return true;
        else if (d[i])
            break;
    return broken(error, "GIF image", len, len + 1);
}

static bool bmp(const uint8_t *d, gsize len, BcSniff *s, GError **error)
{
    if (len < 54)
        return broken(error, "BMP image", len, 54);
    if (le32(d + 2) > len)
        return broken(error, "BMP image", len, le32(d + 2));
    uint32_t height = le32(d + 22);
    return sized(s, "BMP image", le32(d + 18), height & 0x80000000u ? -height : height, error);
}

/* RIFF container; VP8, VP8L and VP8X each tell the size their own way. */
static bool webp(const uint8_t *d, gsize len, BcSniff *s, GError **error)
{
    if (len < 30)
        return broken(error, "WebP image", len, 30);
    if ((gsize)le32(d + 4) + 8 > len)
        return broken(error, "WebP image", len, (gsize)le32(d + 4) + 8);
    if (!memcmp(d + 12, "VP8 ", 4))
        return sized(s, "WebP image", le16(d + 26) & 0x3fff, le16(d + 28) & 0x3fff, error);
    if (!memcmp(d + 12, "VP8L", 4)) {
        uint32_t bits = le32(d + 21);
        return sized(s, "WebP image", (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1, error);
    }
    if (!memcmp(d + 12, "VP8X", 4))
        return sized(s, "WebP image", (le32(d + 24) & 0xffffff) + 1, (le32(d + 26) >> 8) + 1, error);
    return refuse(error, "the WebP image holds no picture that is known");
}

static bool has(const uint8_t *d, gsize len, gsize at, const char *what, gsize n)
{
    return len >= at + n && !memcmp(d + at, what, n);
}

static bool find(const uint8_t *d, gsize len, const char *what)
{
    return memmem(d, MIN(len, (gsize)65536), what, strlen(what)) != NULL;
}

/* ZIP: an office document says which in its first members; anything else is not shown to people. */
static bool zip(const uint8_t *d, gsize len, BcSniff *s, GError **error)
{
    static const struct {
        const char *mark, *type;
    } kinds[] = {{"application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"},
                 {"application/vnd.oasis.opendocument.spreadsheet", "application/vnd.oasis.opendocument.spreadsheet"},
                 {"application/vnd.oasis.opendocument.presentation", "application/vnd.oasis.opendocument.presentation"},
                 {"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
                 {"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
                 {"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"}};
    bool whole = memmem(d + (len > 66000 ? len - 66000 : 0), MIN(len, (gsize)66000), "PK\5\6", 4) != NULL;
    if (!whole)
        return broken(error, "document (ZIP)", len, len + 22);
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (find(d, len, kinds[i].mark) || memmem(d + (len > 66000 ? len - 66000 : 0), MIN(len, (gsize)66000), kinds[i].mark, strlen(kinds[i].mark))) {
            s->media_type = kinds[i].type;
            return true;
        }
    return refuse(error, "a ZIP archive is not taken: attach the files in it one by one");
}

static bool media(const uint8_t *d, gsize len, BcSniff *s)
{
    static const struct {
        gsize at, n;
        const char *mark;
        BcAttachmentKind kind;
        const char *type;
    } kinds[] = {{0, 3, "ID3", BC_ATTACHED_AUDIO, "audio/mpeg"},       {0, 4, "fLaC", BC_ATTACHED_AUDIO, "audio/flac"},
                 {0, 4, "OggS", BC_ATTACHED_AUDIO, "audio/ogg"},       {8, 4, "WAVE", BC_ATTACHED_AUDIO, "audio/wav"},
                 {8, 4, "AVI ", BC_ATTACHED_VIDEO, "video/x-msvideo"}, {4, 8, "ftypM4A ", BC_ATTACHED_AUDIO, "audio/mp4"},
                 {4, 6, "ftypqt", BC_ATTACHED_VIDEO, "video/quicktime"}, {4, 4, "ftyp", BC_ATTACHED_VIDEO, "video/mp4"},
                 {0, 4, "\x1a\x45\xdf\xa3", BC_ATTACHED_VIDEO, "video/webm"}, {0, 4, "FLV\1", BC_ATTACHED_VIDEO, "video/x-flv"},
                 {0, 6, "#!AMR\n", BC_ATTACHED_AUDIO, "audio/amr"},    {0, 4, "\x30\x26\xb2\x75", BC_ATTACHED_AUDIO, "audio/x-ms-wma"},
                 {0, 4, "\0\0\1\xba", BC_ATTACHED_VIDEO, "video/mpeg"}, {8, 4, "AIFF", BC_ATTACHED_AUDIO, "audio/aiff"}};
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (has(d, len, kinds[i].at, kinds[i].mark, kinds[i].n)) {
            *s = (BcSniff){.kind = kinds[i].kind, .media_type = kinds[i].type, .media = true};
            return true;
        }
    bool mpeg = len > 4 && d[0] == 0xff && (d[1] & 0xe0) == 0xe0 && (d[1] & 0x18) != 0x08 && (d[2] & 0xf0) != 0xf0;
    bool adts = len > 4 && d[0] == 0xff && (d[1] & 0xf6) == 0xf0;
    bool ts = len > 377 && d[0] == 0x47 && d[188] == 0x47 && d[376] == 0x47;
    if (mpeg || adts || ts)
        *s = (BcSniff){.kind = ts ? BC_ATTACHED_VIDEO : BC_ATTACHED_AUDIO, .media_type = ts ? "video/mp2t" : adts ? "audio/aac" : "audio/mpeg", .media = true};
    return mpeg || adts || ts;
}

static bool plain_text(const uint8_t *d, gsize len)
{
    if (!g_utf8_validate((const char *)d, (gssize)len, NULL))
        return false;
    for (gsize i = 0; i < len; i++)
        if (d[i] < 32 && d[i] != '\n' && d[i] != '\r' && d[i] != '\t')
            return false;
    return true;
}

static bool document(const uint8_t *d, gsize len, BcSniff *s, GError **error)
{
    s->kind = BC_ATTACHED_DOCUMENT;
    if (has(d, len, 0, "%PDF-", 5)) {
        s->media_type = "application/pdf";
        return memmem(d + (len > 4096 ? len - 4096 : 0), MIN(len, (gsize)4096), "%%EOF", 5) || broken(error, "PDF document", len, len + 5);
    }
    if (has(d, len, 0, "PK\3\4", 4))
        return zip(d, len, s, error);
    if (has(d, len, 0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8)) {
        s->media_type = "application/msword";
        return true;
    }
    if (has(d, len, 0, "{\\rtf", 5)) {
        s->media_type = "application/rtf";
        return true;
    }
    if (plain_text(d, len) && !find(d, len, "<html") && !find(d, len, "<svg") && !find(d, len, "<script") && !find(d, len, "#EXTM3U")) {
        s->media_type = "text/plain";
        return true;
    }
    return refuse(error, "the file is none of the kinds taken: images (PNG, JPEG, GIF, WebP, BMP), sound, video, PDF, office documents, plain text");
}

bool bc_sniff(const uint8_t *d, gsize len, BcSniff *ret, GError **error)
{
    static const struct {
        const char *mark;
        gsize at, n;
        const char *type;
        bool (*walk)(const uint8_t *d, gsize len, BcSniff *s, GError **error);
    } images[] = {{"\x89PNG\r\n\x1a\n", 0, 8, "image/png", png}, {"\xff\xd8\xff", 0, 3, "image/jpeg", jpeg}, {"GIF87a", 0, 6, "image/gif", gif},
                  {"GIF89a", 0, 6, "image/gif", gif},            {"WEBP", 8, 4, "image/webp", webp},          {"BM", 0, 2, "image/bmp", bmp}};
    BcSniff s = {0};
    if (len == 0)
        return refuse(error, "the file is empty");
    for (unsigned i = 0; i < G_N_ELEMENTS(images); i++)
        if (has(d, len, images[i].at, images[i].mark, images[i].n) && (images[i].at == 0 || has(d, len, 0, "RIFF", 4)) &&
            (images[i].n > 2 || (len > 18 && le32(d + 14) >= 12 && le32(d + 14) <= 124))) {
            s = (BcSniff){.kind = BC_ATTACHED_IMAGE, .media_type = images[i].type};
            if (!images[i].walk(d, len, &s, error))
                return false;
            *ret = s;
            return true;
        }
    if (!media(d, len, &s) && !document(d, len, &s, error))
        return false;
    *ret = s;
    return true;
}
