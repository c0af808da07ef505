/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <unistd.h>
#include "video-kit.h"
#include "mediad/video/picpool.h"

/* The only tests of this room with threads and real time: they end by what happened, not by waiting. Meant
 * for ThreadSanitizer. */

typedef struct Strand {
    MdPictureJob job;
    _Atomic unsigned inside, asked, seen, runs;
    _Atomic bool overlap;
} Strand;

static void run_strand(MdPictureJob *job, void *user)
{
    Strand *strand = user;
    if (atomic_fetch_add(&strand->inside, 1))
        atomic_store(&strand->overlap, true);
    atomic_store(&strand->seen, atomic_load(&strand->asked));
    atomic_fetch_add(&strand->runs, 1);
    atomic_fetch_sub(&strand->inside, 1);
}

static void *submit_many(void *user)
{
    Strand *strands = user;
    for (unsigned i = 0; i < 20000; i++) {
        Strand *strand = &strands[i % 7];
        atomic_fetch_add(&strand->asked, 1);
        md_picture_job_submit(&strand->job);
    }
    return NULL;
}

static void test_strands(void)
{
    MdPicturePool *pool = md_picture_pool_new(3, 5);
    MdPictureQueue queue;
    Strand strands[7] = {0};
    pthread_t threads[3];
    md_picture_queue_init(&queue, pool);
    for (unsigned i = 0; i < 7; i++)
        md_picture_job_init(&strands[i].job, &queue, i % 2, run_strand, &strands[i]);
    for (unsigned i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, submit_many, strands);
    for (unsigned i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    md_picture_queue_wait(&queue);
    for (unsigned i = 0; i < 7; i++) {
        g_assert_false(atomic_load(&strands[i].overlap));
        g_assert_cmpuint(atomic_load(&strands[i].seen), ==,
                         atomic_load(&strands[i].asked)); /* no submit was lost */
        g_assert_cmpuint(atomic_load(&strands[i].runs), >=, 1);
    }
    md_picture_pool_free(pool);
}

/* Lazy submits run without any timer once somebody waits or submits aloud; and by themselves while a timer
 * runs. */
static void test_lazy(void)
{
    MdPicturePool *pool = md_picture_pool_new(2, 5);
    MdPictureQueue queue, other;
    Strand strand = {0}, ticker = {0};
    md_picture_queue_init(&queue, pool);
    md_picture_queue_init(&other, pool);
    md_picture_job_init(&strand.job, &queue, false, run_strand, &strand);
    md_picture_job_init(&ticker.job, &other, true, run_strand, &ticker);
    md_picture_job_submit_lazily(&strand.job);
    md_picture_queue_wait(&queue);
    g_assert_cmpuint(atomic_load(&strand.runs), ==, 1);
    md_picture_job_submit_lazily(&strand.job);
    md_picture_job_submit(&strand.job);
    while (atomic_load(&strand.runs) < 2)
        usleep(200);
    md_picture_job_start_timer(&ticker.job, md_clock_now_us(md_clock_system()) + 3600000000ll, 1000000);
    md_picture_queue_wait(&queue);
    md_picture_job_submit_lazily(&strand.job);
    while (atomic_load(&strand.runs) < 3)
        usleep(200);
    md_picture_job_stop_timer(&ticker.job);
    md_picture_queue_wait(&queue);
    md_picture_queue_wait(&other);
    md_picture_pool_free(pool);
}

static void test_timer(void)
{
    MdPicturePool *pool = md_picture_pool_new(1, 5);
    MdPictureQueue queue;
    Strand strand = {0};
    md_picture_queue_init(&queue, pool);
    md_picture_job_init(&strand.job, &queue, true, run_strand, &strand);
    int64_t begun = md_clock_now_us(md_clock_system());
    md_picture_job_start_timer(&strand.job, begun, 5000);
    while (atomic_load(&strand.runs) < 10)
        usleep(1000);
    g_assert_cmpint(md_clock_now_us(md_clock_system()) - begun, >=, 9 * 5000);
    md_picture_job_stop_timer(&strand.job);
    md_picture_queue_wait(&queue);
    unsigned runs = atomic_load(&strand.runs);
    usleep(20000);
    g_assert_cmpuint(atomic_load(&strand.runs), ==, runs);
    md_picture_pool_free(pool);
}

enum { SOURCES = 12, OUTPUTS = 4 };

typedef struct Stress {
    MdComposer *composer;
    MdFrame *reel[2][30]; /* by codec; begins with a key frame, another in the middle */
    _Atomic unsigned frames[OUTPUTS + 2], need_keys;
    _Atomic bool stop, freed;
} Stress;

static void on_frame(uint32_t output, MdFrame *frame, void *user)
{
    Stress *stress = user;
    g_assert_false(atomic_load(&stress->freed));
    g_assert_cmpuint(frame->len, >, 0);
    atomic_fetch_add(&stress->frames[output], 1);
}

static void on_need_key(uint32_t source, void *user)
{
    Stress *stress = user;
    g_assert_false(atomic_load(&stress->freed));
    atomic_fetch_add(&stress->need_keys, 1);
}

typedef struct Pusher {
    Stress *stress;
    unsigned first;
} Pusher;

/* A media worker: pushes for its sources (that control removes and adds meanwhile) and asks for key frames.
 */
static void *push_all(void *user)
{
    Pusher *pusher = user;
    Stress *stress = pusher->stress;
    for (unsigned n = 0; !atomic_load(&stress->stop); n++) {
        for (unsigned id = pusher->first; id <= SOURCES; id += 2)
            md_composer_push(stress->composer, id, stress->reel[id % 3 == 0][(n + id) % 30]);
        if (n % 7 == 0)
            md_composer_request_key(stress->composer, n % (OUTPUTS + 1));
        usleep(3000);
    }
    return NULL;
}

static void set_scene(Stress *stress, unsigned round)
{
    uint32_t cells[40];
    for (unsigned i = 0; i < 40; i++)
        cells[i] = (i + round) % (SOURCES + 1);
    MdScene scene = {.layout = (MdLayoutKind)(round % 3 ? 0 : round % MD_LAYOUT_KIND_MAX),
                     .n_cells = 1 + round * 7 % 40,
                     .cells = cells,
                     .banner = round % 3 ? "Họp giao ban" : NULL,
                     .clock = round % 2};
    g_assert_cmpint(md_composer_set_view(stress->composer, 1 + round % 2, &scene), ==, 0);
}

static void churn(Stress *stress, unsigned round)
{
    uint32_t id = 1 + round * 5 % SOURCES, output = 1 + round % OUTPUTS;
    MdComposerOutput spec = {.view = 1 + output % 2,
                             .codec = output == 3 ? MD_VIDEO_VP8 : MD_VIDEO_H264,
                             .width = output > 2 ? 640 : 320,
                             .height = output > 2 ? 360 : 180,
                             .fps = (uint8_t)(10 + output * 10),
                             .bitrate_bps = 200000};
    uint64_t decoded, stalls, frozen;
    set_scene(stress, round);
    md_composer_set_source_state(stress->composer, id, (MdSourceState)(round % MD_SOURCE_STATE_MAX),
                                 round % 2, round % 3 == 0);
    md_composer_set_label(stress->composer, id, round % 2 ? "Kỳ Anh" : "Hồng Lĩnh");
    md_composer_source_stats(stress->composer, id, &decoded, &stalls, &frozen);
    if (round % 4 == 1)
        md_composer_remove_source(stress->composer, id);
    if (round % 4 == 3)
        for (uint32_t i = 1; i <= SOURCES; i++)
            md_composer_add_source(stress->composer, i, "Cẩm Xuyên");
    md_composer_remove_output(stress->composer, output);
    md_composer_add_output(stress->composer, output, &spec);
    md_composer_set_output_bitrate(stress->composer, output, 150000 + round * 1000);
    usleep(round % 5 == 0 ? 60000 : 10000);
}

static void test_stress(void)
{
    Stress stress = {0};
    MdPicturePool *pool = md_picture_pool_new(3, 5);
    MdComposerOptions options = {.pool = pool, .events = {on_frame, on_need_key}, .user = &stress};
    stress.composer = md_composer_new(&options);
    for (unsigned c = 0; c < 2; c++) {
        Camera camera = kit_camera(c ? MD_VIDEO_VP8 : MD_VIDEO_H264, 160, 120, (uint16_t)c);
        for (unsigned i = 0; i < 30; i++)
            stress.reel[c][i] = kit_camera_shoot(&camera, i == 15, i * 66666);
        kit_camera_clear(&camera);
    }
    for (uint32_t i = 1; i <= SOURCES; i++)
        g_assert_cmpint(md_composer_add_source(stress.composer, i, "Hà Tĩnh"), ==, 0);
    pthread_t workers[2];
    Pusher pushers[2] = {{&stress, 1}, {&stress, 2}};
    for (unsigned i = 0; i < 2; i++)
        pthread_create(&workers[i], NULL, push_all, &pushers[i]);
    for (unsigned round = 0; round < 60; round++)
        churn(&stress, round);
    atomic_store(&stress.stop, true);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(workers[i], NULL);
    MdComposerStats stats;
    md_composer_stats(stress.composer, &stats);
    md_composer_free(stress.composer); /* in the middle of its work */
    atomic_store(&stress.freed, true);
    g_test_message("%u decoded, %u tiles, %u encoded, %u late", (unsigned)stats.frames_decoded,
                   (unsigned)stats.tiles_drawn, (unsigned)stats.frames_encoded, (unsigned)stats.ticks_late);
    md_picture_pool_free(pool);
    for (unsigned i = 1; i <= OUTPUTS; i++)
        g_assert_cmpuint(atomic_load(&stress.frames[i]), >, 0);
    g_assert_cmpuint(stats.frames_decoded, >, 10);
    g_assert_cmpuint(stats.tiles_drawn, >, 100);
    g_assert_cmpuint(atomic_load(&stress.need_keys), >, 0);
    for (unsigned c = 0; c < 2; c++)
        for (unsigned i = 0; i < 30; i++) {
            g_assert_cmpint(atomic_load(&stress.reel[c][i]->refs), ==, 1); /* every reference came back */
            md_frame_unref(stress.reel[c][i]);
        }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/video/pool/strands", test_strands);
    g_test_add_func("/video/pool/lazy", test_lazy);
    g_test_add_func("/video/pool/timer", test_timer);
    g_test_add_func("/video/pool/stress", test_stress);
    return g_test_run();
}
