/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/video/pattern.h"

#include <string.h>

#include "mediad/video/scale.h"

enum {
    COLUMNS = 9,
    ROWS = 4,
    FIELDS = COLUMNS * ROWS, /* 10 bits of id, 14 of counter, 12 of check sum */
    WHITE = 220,
    BLACK = 30,
    CONTRAST_MIN = 48,
};

/* the area of the fields, in thousandths of the picture: clear of cropping (1/16 a side), borders and the
 * name below */
enum { LEFT = 70, RIGHT = 930, TOP = 110, BOTTOM = 720 };

/* Makes long runs of one colour (id 0, counter 0) impossible, so that there always is a contrast to measure.
 */
static const uint64_t SCRAMBLE = 0xa5c396b1dull;

MdPlanes md_planes_of(uint8_t *data, uint16_t width, uint16_t height)
{
    size_t luma = (size_t)width * height;
    return (MdPlanes){
        .y = data,
        .u = data + luma,
        .v = data + luma + luma / 4,
        .stride_y = width,
        .stride_u = width / 2,
        .stride_v = width / 2,
        .width = width,
        .height = height,
    };
}

static unsigned crc12(uint32_t bits24)
{
    unsigned crc = 0xace;
    for (int i = 23; i >= 0; i--) {
        unsigned top = (crc >> 11 ^ bits24 >> i) & 1;
        crc = (crc << 1 & 0xfff) ^ (top ? 0x80f : 0);
    }
    return crc;
}

static uint64_t code_of(uint16_t id, uint16_t counter)
{
    uint32_t bits = (uint32_t)(id & MD_PATTERN_ID_MAX) << 14 | (counter & MD_PATTERN_COUNTER_MASK);
    return ((uint64_t)bits << 12 | crc12(bits)) ^ SCRAMBLE;
}

/* Line i of n between two thousandths of a length, in pixels scaled by 1000. */
static unsigned line_at(unsigned from, unsigned to, unsigned i, unsigned n, unsigned length)
{
    return (from * n + (to - from) * i) * length / n;
}

void md_pattern_draw(const MdPlanes *picture, uint16_t id, uint16_t counter)
{
    uint64_t code = code_of(id, counter);
    unsigned width = picture->width, height = picture->height;
    for (unsigned i = 0; i < FIELDS; i++) {
        unsigned column = i % COLUMNS, row = i / COLUMNS;
        unsigned x0 = line_at(LEFT, RIGHT, column, COLUMNS, width) / 1000;
        unsigned x1 = line_at(LEFT, RIGHT, column + 1, COLUMNS, width) / 1000;
        unsigned y0 = line_at(TOP, BOTTOM, row, ROWS, height) / 1000;
        unsigned y1 = line_at(TOP, BOTTOM, row + 1, ROWS, height) / 1000;
        int value = code >> i & 1 ? WHITE : BLACK;
        for (unsigned y = y0; y < y1; y++)
            memset(picture->y + (size_t)y * picture->stride_y + x0, value, x1 - x0);
        for (unsigned y = y0 / 2; y < (y1 + 1) / 2; y++) {
            memset(picture->u + (size_t)y * picture->stride_u + x0 / 2, 128, (x1 + 1) / 2 - x0 / 2);
            memset(picture->v + (size_t)y * picture->stride_v + x0 / 2, 128, (x1 + 1) / 2 - x0 / 2);
        }
    }
}

/* Mean luma of the middle half of a field; the source's position is carried into the tile by fit. -1:
 * outside. */
static int field_mean(const MdPlanes *picture, const MdRect *tile, const MdFit *fit, unsigned source_width,
                      unsigned source_height, unsigned field)
{
    double sx = (double)fit->tile.width / fit->source.width,
           sy = (double)fit->tile.height / fit->source.height;
    unsigned column = field % COLUMNS, row = field / COLUMNS;
    double x0 = line_at(LEFT, RIGHT, column, COLUMNS, source_width) / 1000.0;
    double x1 = line_at(LEFT, RIGHT, column + 1, COLUMNS, source_width) / 1000.0;
    double y0 = line_at(TOP, BOTTOM, row, ROWS, source_height) / 1000.0;
    double y1 = line_at(TOP, BOTTOM, row + 1, ROWS, source_height) / 1000.0;
    double left = tile->x + fit->tile.x + (x0 * .75 + x1 * .25 - fit->source.x) * sx;
    double right = tile->x + fit->tile.x + (x0 * .25 + x1 * .75 - fit->source.x) * sx;
    double top = tile->y + fit->tile.y + (y0 * .75 + y1 * .25 - fit->source.y) * sy;
    double bottom = tile->y + fit->tile.y + (y0 * .25 + y1 * .75 - fit->source.y) * sy;
    int l = (int)(left + .5), r = (int)(right + .5), t = (int)(top + .5), b = (int)(bottom + .5);
    if (r <= l)
        r = l + 1;
    if (b <= t)
        b = t + 1;
    if (l < tile->x || t < tile->y || r > tile->x + tile->width || b > tile->y + tile->height)
        return -1;
    unsigned sum = 0;
    for (int y = t; y < b; y++)
        for (int x = l; x < r; x++)
            sum += picture->y[(size_t)y * picture->stride_y + x];
    return (int)(sum / (unsigned)((r - l) * (b - t)));
}

static bool read_shape(const MdPlanes *picture, const MdRect *tile, unsigned source_width,
                       unsigned source_height, uint16_t *ret_id, uint16_t *ret_counter)
{
    MdFit fit = md_fit(source_width, source_height, tile->width, tile->height);
    int means[FIELDS], low = 255, high = 0;
    for (unsigned i = 0; i < FIELDS; i++) {
        means[i] = field_mean(picture, tile, &fit, source_width, source_height, i);
        if (means[i] < 0)
            return false;
        low = means[i] < low ? means[i] : low;
        high = means[i] > high ? means[i] : high;
    }
    if (high - low < CONTRAST_MIN)
        return false;
    uint64_t code = 0;
    for (unsigned i = 0; i < FIELDS; i++) {
        int off = 2 * means[i] - low - high;
        if (off < 0 ? -off * 5 < high - low : off * 5 < high - low)
            return false; /* neither black nor white: not a pattern */
        if (off > 0)
            code |= 1ull << i;
    }
    code ^= SCRAMBLE;
    uint32_t bits = (uint32_t)(code >> 12);
    if (crc12(bits) != (code & 0xfff))
        return false;
    if (ret_id)
        *ret_id = (uint16_t)(bits >> 14);
    if (ret_counter)
        *ret_counter = bits & MD_PATTERN_COUNTER_MASK;
    return true;
}

bool md_pattern_read(const MdPlanes *picture, const MdRect *tile, unsigned source_width,
                     unsigned source_height, uint16_t *ret_id, uint16_t *ret_counter)
{
    static const struct {
        unsigned width, height;
    } shapes[] = {{640, 360}, {640, 480}, {352, 288}};
    if (tile->width < 16 || tile->height < 8 || tile->x + tile->width > picture->width ||
        tile->y + tile->height > picture->height)
        return false;
    if (source_width && source_height)
        return read_shape(picture, tile, source_width, source_height, ret_id, ret_counter);
    for (unsigned i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        if (read_shape(picture, tile, shapes[i].width, shapes[i].height, ret_id, ret_counter))
            return true;
    return false;
}
