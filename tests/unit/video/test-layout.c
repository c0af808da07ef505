/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib.h>
#include <string.h>
#include "mediad/video/layout.h"

static const struct {
    uint16_t width, height;
} canvases[] = {{1920, 1080}, {1280, 720}, {640, 360}, {320, 180},
                {352, 288},   {1024, 768}, {200, 150}, {64, 48}};

static gboolean overlap(const MdRect *a, const MdRect *b)
{
    return a->x < b->x + b->width && b->x < a->x + a->width && a->y < b->y + b->height &&
           b->y < a->y + a->height;
}

static void check_cells(MdLayoutKind kind, unsigned want, uint16_t width, uint16_t height)
{
    MdRect cells[MD_LAYOUT_CELLS_MAX];
    int n = md_layout_cells(kind, want, width, height, cells);
    g_assert_cmpint(n, >=, 1);
    g_assert_cmpuint((unsigned)n, ==, md_layout_seats(kind, want));
    unsigned area = 0;
    for (int i = 0; i < n; i++) {
        g_assert_cmpuint((cells[i].x | cells[i].y | cells[i].width | cells[i].height) & 1, ==, 0);
        g_assert_cmpuint(cells[i].width, >=, 2);
        g_assert_cmpuint(cells[i].height, >=, 2);
        g_assert_cmpuint(cells[i].x + cells[i].width, <=, width);
        g_assert_cmpuint(cells[i].y + cells[i].height, <=, height);
        area += (unsigned)cells[i].width * cells[i].height;
        for (int j = 0; kind != MD_LAYOUT_PIP && j < i; j++)
            g_assert_false(overlap(&cells[i], &cells[j]));
    }
    if (kind != MD_LAYOUT_PIP)
        g_assert_cmpuint(area, ==, (unsigned)width * height); /* no gap either */
}

static void test_every_kind(void)
{
    for (unsigned c = 0; c < G_N_ELEMENTS(canvases); c++)
        for (int kind = 0; kind < MD_LAYOUT_KIND_MAX; kind++)
            for (unsigned want = 0; want <= 80; want++)
                check_cells((MdLayoutKind)kind, want, canvases[c].width, canvases[c].height);
}

static void test_auto_seats_everybody(void)
{
    static const unsigned seats[][2] = {{0, 1},   {1, 1},   {2, 4},   {4, 4},   {5, 9},   {9, 9},
                                        {10, 16}, {17, 25}, {26, 36}, {36, 36}, {37, 49}, {50, 64},
                                        {64, 64}, {65, 72}, {70, 72}, {500, 72}};
    MdRect cells[MD_LAYOUT_CELLS_MAX];
    for (unsigned i = 0; i < G_N_ELEMENTS(seats); i++)
        g_assert_cmpint(md_layout_cells(MD_LAYOUT_AUTO, seats[i][0], 1280, 720, cells), ==, (int)seats[i][1]);
}

static void test_named_places(void)
{
    MdRect cells[MD_LAYOUT_CELLS_MAX];
    g_assert_cmpint(md_layout_cells(MD_LAYOUT_GRID_8X8, 0, 1280, 720, cells), ==, 64);
    g_assert_cmpuint(cells[9].x, ==, 160);
    g_assert_cmpuint(cells[9].y, ==, 90);
    g_assert_cmpuint(cells[9].width, ==, 160); /* exactly a quarter of 640x360 */
    g_assert_cmpuint(cells[9].height, ==, 90);
    g_assert_cmpint(md_layout_cells(MD_LAYOUT_GRID_9X8, 0, 1280, 720, cells), ==, 72);
    g_assert_cmpuint(cells[71].width, ==, 160);
    g_assert_cmpuint(cells[71].height, ==, 80);
    g_assert_cmpint(md_layout_cells(MD_LAYOUT_1P5, 0, 1920, 1080, cells), ==, 6);
    g_assert_cmpuint(cells[0].width, ==, 1280);
    g_assert_cmpuint(cells[1].x, ==, 1280);
    g_assert_cmpuint(cells[1].y, ==, 0);
    g_assert_cmpuint(cells[5].y, ==, 720);
    g_assert_cmpint(md_layout_cells(MD_LAYOUT_1P7, 0, 1920, 1080, cells), ==, 8);
    g_assert_cmpuint(cells[0].height, ==, 810);
    g_assert_cmpint(md_layout_cells(MD_LAYOUT_PIP, 0, 1280, 720, cells), ==, 2);
    g_assert_cmpuint(cells[1].x, >, 640);
    g_assert_cmpuint(cells[1].width, ==, 320);
}

static void test_refuses(void)
{
    MdRect cells[MD_LAYOUT_CELLS_MAX];
    g_assert_cmpint(md_layout_cells(MD_LAYOUT_KIND_INVALID, 1, 640, 360, cells), ==, -EINVAL);
    g_assert_cmpint(md_layout_cells(MD_LAYOUT_KIND_MAX, 1, 640, 360, cells), ==, -EINVAL);
    g_assert_cmpint(md_layout_cells(MD_LAYOUT_SINGLE, 1, 641, 360, cells), ==, -EINVAL);
    g_assert_cmpint(md_layout_cells(MD_LAYOUT_SINGLE, 1, 640, 361, cells), ==, -EINVAL);
    g_assert_cmpint(md_layout_cells(MD_LAYOUT_SINGLE, 1, 32, 32, cells), ==, -EINVAL);
    g_assert_cmpint(md_layout_cells(MD_LAYOUT_SINGLE, 1, 8000, 360, cells), ==, -EINVAL);
}

static void test_names(void)
{
    for (int kind = 0; kind < MD_LAYOUT_KIND_MAX; kind++)
        g_assert_cmpint(md_layout_from_string(md_layout_to_string((MdLayoutKind)kind)), ==, kind);
    g_assert_cmpint(md_layout_from_string("10x10"), ==, MD_LAYOUT_KIND_INVALID);
    g_assert_cmpint(md_layout_from_string(NULL), ==, MD_LAYOUT_KIND_INVALID);
    g_assert_null(md_layout_to_string(MD_LAYOUT_KIND_MAX));
    g_assert_cmpstr(md_layout_to_string(MD_LAYOUT_GRID_9X8), ==, "9x8");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/video/layout/every-kind", test_every_kind);
    g_test_add_func("/video/layout/auto", test_auto_seats_everybody);
    g_test_add_func("/video/layout/places", test_named_places);
    g_test_add_func("/video/layout/refuses", test_refuses);
    g_test_add_func("/video/layout/names", test_names);
    return g_test_run();
}
