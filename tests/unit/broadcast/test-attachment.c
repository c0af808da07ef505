/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attachments: what a file is, and what is wrong with it, told by its bytes. Files come from FFmpeg. */
#include "tests/unit/broadcast/bulletin-rig.h"

typedef struct Got {
    bool done;
    int code;
    char *id, *message;
} Got;

static void on_attached(const BcAttachment *a, const GError *error, void *user)
{
    Got *got = user;
    *got = (Got){true, error ? error->code : -1, g_strdup(a ? a->id : NULL), g_strdup(error ? error->message : NULL)};
}

static Got add(BulletinRig *rig, const char *path, const char *name)
{
    Got got = {0};
    bc_attachments_add(rig->attachments, path, name, "bien-tap", "18100", on_attached, &got);
    while (!got.done)
        g_main_context_iteration(NULL, TRUE);
    if (got.message)
        g_test_message("%s: %s", name, got.message);
    return got;
}

static char *make(BulletinRig *rig, const char *name, const char *arguments)
{
    char *path = g_build_filename(rig->dir, name, NULL);
    g_autofree char *command = g_strdup_printf("ffmpeg -nostdin -v error -y %s %s", arguments, path);
    int status = 0;
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, &status, NULL));
    g_assert_cmpint(status, ==, 0);
    return path;
}

static void test_kinds(void)
{
    static const struct {
        const char *name, *arguments, *media_type;
        BcAttachmentKind kind;
        int64_t width, height, seconds;
    } cases[] = {{"a.png", "-f lavfi -i color=red:s=64x48 -frames:v 1", "image/png", BC_ATTACHED_IMAGE, 64, 48, 0},
                 {"a.jpg", "-f lavfi -i color=red:s=64x48 -frames:v 1", "image/jpeg", BC_ATTACHED_IMAGE, 64, 48, 0},
                 {"a.gif", "-f lavfi -i color=red:s=64x48 -frames:v 1", "image/gif", BC_ATTACHED_IMAGE, 64, 48, 0},
                 {"a.bmp", "-f lavfi -i color=red:s=32x24 -frames:v 1", "image/bmp", BC_ATTACHED_IMAGE, 32, 24, 0},
                 {"a.wav", "-f lavfi -i sine=440:d=3", "audio/wav", BC_ATTACHED_AUDIO, 0, 0, 3},
                 {"a.mp3", "-f lavfi -i sine=440:d=3", "audio/mpeg", BC_ATTACHED_AUDIO, 0, 0, 3},
                 {"a.ogg", "-f lavfi -i sine=440:d=3 -c:a libopus", "audio/ogg", BC_ATTACHED_AUDIO, 0, 0, 3},
                 {"a.flac", "-f lavfi -i sine=440:d=3", "audio/flac", BC_ATTACHED_AUDIO, 0, 0, 3},
                 {"a.mp4", "-f lavfi -i testsrc=s=64x48:d=2 -c:v libx264 -pix_fmt yuv420p", "video/mp4", BC_ATTACHED_VIDEO, 64, 48, 2},
                 {"a.webm", "-f lavfi -i testsrc=s=64x48:d=2 -c:v libvpx", "video/webm", BC_ATTACHED_VIDEO, 64, 48, 2}};
    BulletinRig rig;
    rig_init(&rig);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = make(&rig, cases[i].name, cases[i].arguments);
        Got got = add(&rig, path, "tên khác.exe"); /* a name says nothing */
        g_assert_cmpint(got.code, ==, -1);
        const BcAttachment *a = bc_attachments_find(rig.attachments, got.id);
        g_assert_cmpstr(a->media_type, ==, cases[i].media_type);
        g_assert_cmpint(a->kind, ==, cases[i].kind);
        g_assert_cmpint(a->width, ==, cases[i].width);
        g_assert_cmpint(a->height, ==, cases[i].height);
        g_assert_cmpint(ABS(a->duration_us - cases[i].seconds * S), <, S / 4);
        g_autofree char *kept = bc_attachments_path(rig.attachments, got.id), *was = NULL, *is = NULL;
        gsize n = 0, m = 0;
        g_assert_true(g_file_get_contents(path, &was, &n, NULL) && g_file_get_contents(kept, &is, &m, NULL));
        g_assert_cmpmem(is, m, was, n);
        g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (guchar *)was, n);
        g_assert_cmpstr(sum, ==, got.id);
        Got again = add(&rig, path, NULL);
        g_assert_cmpstr(again.id, ==, got.id);
        g_free(got.id);
        g_free(again.id);
    }
    g_autoptr(GPtrArray) all = bc_attachments_list(rig.attachments);
    g_assert_cmpuint(all->len, ==, G_N_ELEMENTS(cases));
    rig_close(&rig);
    rig_open(&rig);
    g_autoptr(GPtrArray) after = bc_attachments_list(rig.attachments);
    g_assert_cmpuint(after->len, ==, G_N_ELEMENTS(cases));
    rig_clear(&rig);
}

/* Every proper beginning of an image is refused, saying where it breaks off. */
static void test_cut_images(void)
{
    static const char *const names[] = {"a.png", "a.jpg", "a.gif", "a.bmp"};
    BulletinRig rig;
    rig_init(&rig);
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = make(&rig, names[i], "-f lavfi -i testsrc=s=16x16 -frames:v 1"), *data = NULL;
        gsize len = 0;
        BcSniff s;
        g_assert_true(g_file_get_contents(path, &data, &len, NULL));
        g_assert_true(bc_sniff((uint8_t *)data, len, &s, NULL));
        for (gsize n = 20; n < len; n++) { /* shorter ones might be plain text */
            g_autoptr(GError) error = NULL;
            g_autofree uint8_t *part = g_memdup2(data, n);
            bool whole = bc_sniff(part, n, &s, &error);
            if (whole && g_str_equal(names[i], "a.gif"))
                continue; /* a GIF's terminator may stand anywhere */
            g_assert_false(whole);
            g_assert_error(error, BC_ERROR, BC_ERROR_CONTENT);
            if (n > 64)
                g_assert_true(strstr(error->message, "byte") || strstr(error->message, "no picture"));
        }
    }
    rig_clear(&rig);
}

static void test_refusals(void)
{
    static const struct {
        const char *name, *data;
        gssize len;
        const char *word;
    } cases[] = {{"empty", "", 0, "empty"},
                 {"exe", "MZ\x90\0\3\0\0\0", 8, "none of the kinds"},
                 {"list", "#EXTM3U\nhttp://192.0.2.1/a\n", -1, "none of the kinds"},
                 {"page", "<html><script>alert(1)</script></html>", -1, "none of the kinds"},
                 {"drawing", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>", -1, "none of the kinds"},
                 {"pdf", "%PDF-1.7\n1 0 obj", -1, "breaks off at byte 16"},
                 {"sound", "ID3\4\0\0\0\0\0\0nothing of the kind follows here", 42, "no sound or picture"}};
    BulletinRig rig;
    rig_init(&rig);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_build_filename(rig.dir, cases[i].name, NULL);
        g_assert_true(g_file_set_contents(path, cases[i].data, cases[i].len, NULL));
        Got got = add(&rig, path, cases[i].name);
        g_assert_cmpint(got.code, ==, BC_ERROR_CONTENT);
        g_assert_nonnull(strstr(got.message, cases[i].word));
        g_free(got.message);
    }
    g_autofree char *long_sound = make(&rig, "long.wav", "-f lavfi -i sine=440:d=30:r=8000");
    Got got = add(&rig, long_sound, "long");
    g_assert_cmpint(got.code, ==, BC_ERROR_CONTENT);
    g_assert_nonnull(strstr(got.message, "30.0 s, at most 20 s"));
    g_free(got.message);
    g_autofree char *big = make(&rig, "big.png", "-f lavfi -i testsrc2=s=320x240,noise=alls=100 -frames:v 1");
    got = add(&rig, big, "big");
    g_assert_cmpint(got.code, ==, BC_ERROR_LIMIT);
    g_assert_nonnull(strstr(got.message, "MiB"));
    g_free(got.message);
    g_autoptr(GPtrArray) all = bc_attachments_list(rig.attachments);
    g_assert_cmpuint(all->len, ==, 0);
    rig_clear(&rig);
}

/* A bulletin of an attached recording: its sound is taken in at submission, and refused saying where. */
static void test_sound_of_attachment(void)
{
    BulletinRig rig;
    rig_init(&rig);
    g_autofree char *good = make(&rig, "good.mp3", "-f lavfi -i sine=440:d=3");
    g_autofree char *loud = make(&rig, "loud.wav", "-f lavfi -i sine=440:d=4 -af \"volume=volume=40dB:enable='gte(t,2)'\"");
    Got a = add(&rig, good, "good"), b = add(&rig, loud, "loud");
    const char *const first[] = {a.id, NULL}, *const second[] = {b.id, NULL};
    g_autofree char *id = create(&rig, "18100", &(BcBulletinFields){.kind = BC_BULLETIN_AUDIO, .title = "t", .attachments = first}, &editor);
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_SUBMIT, NULL, &editor, NULL), ==, -1);
    const BcContent *content = bc_contents_find(bc_broadcast_contents(rig.b), get(&rig, id)->now->content);
    g_assert_nonnull(content);
    g_assert_cmpint(ABS(content->duration_us - 3 * S), <, S / 5);
    g_assert_cmpfloat_with_epsilon(content->loudness, -16, 1);
    g_autofree char *bad = create(&rig, "18100", &(BcBulletinFields){.kind = BC_BULLETIN_AUDIO, .title = "t", .attachments = second}, &editor);
    g_autofree char *message = NULL;
    g_assert_cmpint(act(&rig, bad, 0, BC_ACT_SUBMIT, NULL, &editor, &message), ==, BC_ERROR_CONTENT);
    g_assert_nonnull(strstr(message, "first at 2.0 s"));
    g_assert_cmpstr(state_of(&rig, bad), ==, "draft");
    Outcome o = {0};
    bc_attachments_remove(rig.attachments, a.id, on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, BC_ERROR_IN_USE);
    g_free(o.message);
    g_free(a.id);
    g_free(b.id);
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/attachment/kinds", test_kinds);
    g_test_add_func("/attachment/cut-images", test_cut_images);
    g_test_add_func("/attachment/refusals", test_refusals);
    g_test_add_func("/attachment/sound", test_sound_of_attachment);
    return g_test_run();
}
