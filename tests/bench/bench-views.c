/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What pictures of members' own cost: sites send 640x360 at 15 pictures a second in H.264, the room's picture is one 1280x720 composite,
 * and beside it k pictures of members' own (1+5, each with another site large) are made. CPU milliseconds per second of media, median of
 * the rounds, and how much more that is than the room's picture alone. Those who wish for the same cost nothing more: they share one.
 * Usage: bench-views [--json] [--sites N] [--views K] [--seconds N] [--rounds N] */
#include <glib.h>
#include <stdlib.h>
#include <time.h>
#include "mediad/video/quiet.h"
#include "tests/unit/video/video-kit.h"

enum { FPS = 15, SITES_MAX = 72, VIEWS_MOST = 16, CLIP_FRAMES = 60 };

static int sites = 30, most = 8, seconds = 3, rounds = 3;
static gboolean as_json;
static const GOptionEntry entries[] = {
    {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "print one JSON object", NULL},
    {"sites", 0, 0, G_OPTION_ARG_INT, &sites, "sites, 1 to 72", "N"},
    {"views", 0, 0, G_OPTION_ARG_INT, &most, "pictures of members' own at most, 1 to 16", "K"},
    {"seconds", 0, 0, G_OPTION_ARG_INT, &seconds, "media seconds per round", "N"},
    {"rounds", 0, 0, G_OPTION_ARG_INT, &rounds, "rounds, 1 to 99", "N"},
    {0},
};
static MdFrame *clip[CLIP_FRAMES];

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void on_frame(uint32_t output, MdFrame *frame, void *user)
{
    ((unsigned *)user)[output]++;
}

static void on_need_key(uint32_t source, void *user)
{
}

static void add_view(MdComposer *composer, uint32_t view, const MdScene *scene)
{
    const MdComposerOutput output = {
        .view = view, .codec = MD_VIDEO_H264, .width = 1280, .height = 720, .fps = FPS, .bitrate_bps = 1500000};
    if (md_composer_set_view(composer, view, scene) != 0 || md_composer_add_output(composer, view, &output) != 0)
        g_error("view %u cannot be made", view);
}

static void fill(MdComposer *composer, int own)
{
    uint32_t cells[SITES_MAX];
    for (int i = 0; i < sites; i++) {
        g_autofree char *name = g_strdup_printf("Xã Cẩm Xuyên %d", i + 1);
        cells[i] = (uint32_t)i + 1;
        md_composer_add_source(composer, cells[i], name);
    }
    add_view(composer, 1, &(MdScene){.layout = MD_LAYOUT_AUTO, .n_cells = (unsigned)sites, .cells = cells});
    for (int k = 0; k < own; k++) {
        uint32_t wish[6];
        for (int i = 0; i < 6; i++)
            wish[i] = (uint32_t)((k + i) % sites) + 1;
        add_view(composer, (uint32_t)k + 2, &(MdScene){.layout = MD_LAYOUT_1P5, .n_cells = MIN(6u, (unsigned)sites), .cells = wish});
    }
}

static void tick(MdComposer *composer, MdVirtualClock *clock, unsigned n)
{
    for (int i = 0; i < sites; i++)
        md_composer_push(composer, (uint32_t)i + 1, clip[n % CLIP_FRAMES]);
    md_virtual_clock_advance(clock, 1000000 / FPS);
    md_composer_tick(composer, md_clock_now_us(&clock->base));
}

static double run(int own)
{
    MdVirtualClock clock;
    unsigned made[VIEWS_MOST + 2] = {0};
    md_virtual_clock_init(&clock, 1000000, 1700000000000000);
    MdComposerOptions options = {.clock = &clock.base, .events = {on_frame, on_need_key}, .user = made};
    MdComposer *composer = md_composer_new(&options);
    fill(composer, own);
    for (unsigned n = 0; n < FPS; n++) /* warm-up */
        tick(composer, &clock, n);
    unsigned before = made[own + 1];
    double begun = cpu_ms();
    for (unsigned n = FPS; n < FPS * (1 + (unsigned)seconds); n++)
        tick(composer, &clock, n);
    double took = cpu_ms() - begun;
    if (made[own + 1] - before != (unsigned)seconds * FPS)
        g_error("the last view has %u pictures of %d", made[own + 1] - before, seconds * FPS);
    md_composer_free(composer);
    return took / seconds;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(int own)
{
    double took[99];
    for (int i = 0; i < rounds; i++)
        took[i] = run(own);
    qsort(took, (size_t)rounds, sizeof took[0], by_value);
    return took[rounds / 2];
}

int main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || sites < 1 || sites > SITES_MAX || most < 1 || most > VIEWS_MOST ||
        seconds < 1 || rounds < 1 || rounds > 99) {
        g_printerr("bench-views: %s\n", error ? error->message : "out of range; see --help");
        return 2;
    }
    md_quiet_libavcodec();
    Camera camera = kit_camera(MD_VIDEO_H264, 640, 360, 1);
    for (unsigned i = 0; i < CLIP_FRAMES; i++)
        clip[i] = kit_camera_shoot(&camera, i == 0, i * 1000000 / FPS);
    double alone = median(0), last = alone;
    for (int own = 1;; own = MIN(own * 2, most)) {
        last = median(own);
        if (!as_json)
            g_print("%2d of members' own: %7.1f ms per second, %.2f times the room's alone (%.1f ms each)\n", own, last, last / alone,
                    (last - alone) / own);
        if (own == most)
            break;
    }
    if (as_json)
        g_print("{\"name\": \"views\", \"unit\": \"CPU ms per media second\", \"cost\": %.1f, \"floor\": %.1f, \"ratio\": %.3f, \"target\": "
                "%.1f, \"views\": %d, \"each_ms\": %.2f}\n",
                last, alone, last / alone, 1 + 0.75 * most, most, (last - alone) / most);
    for (unsigned i = 0; i < CLIP_FRAMES; i++)
        md_frame_unref(clip[i]);
    kit_camera_clear(&camera);
    return 0;
}
