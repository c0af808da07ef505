/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mediactl's broadcast commands against a real broadcast room whose loudspeakers are not registered. */
#include "mediactl/ctl.h"
#include "mediad/api/nouns.h"
#include "tests/unit/api/client.h"
#include "tests/unit/api/ctl-run.h"
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct House {
    TestApi t;
    MdWorker *worker;
    MdMailbox *control;
    MdDialer dialer;
    BcBroadcast *broadcast;
    char *admin, *content, *config, *wav;
    char *out, *err;
} House;

static MdCall *refuse(MdDialer *dialer, const MdDialRequest *request, const MdCallHandler *handler, void *user, GError **error)
{
    g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "nobody is rung in this test");
    return NULL;
}

static bool nobody(MdDialer *dialer, const char *account)
{
    return false;
}

static int run(House *h, const char *input, const char *format, ...) G_GNUC_PRINTF(3, 4);
static int run(House *h, const char *input, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *words = g_strdup_vprintf(format, args);
    va_end(args);
    return test_ctl_run(h->config, input, words, &h->out, &h->err);
}

/* A second of a 480 Hz square wave. */
static void write_wav(const char *path)
{
    static const uint8_t header[44] = {'R', 'I', 'F', 'F', 0x24, 0x77, 1, 0,    'W', 'A',  'V', 'E', 'f', 'm', 't', ' ', 16, 0, 0, 0, 1, 0,
                                       1,   0,   0x80, 0xbb, 0, 0, 0, 0x77, 1, 0, 2,   0,    16,  0,   'd', 'a', 't', 'a', 0,  0x77, 1, 0};
    g_autoptr(GByteArray) wav = g_byte_array_new();

    g_byte_array_append(wav, header, sizeof header);
    for (unsigned i = 0; i < 48000; i++) {
        int16_t sample = GINT16_TO_LE((int16_t)((i / 50) % 2 ? 6000 : -6000));
        g_byte_array_append(wav, (const uint8_t *)&sample, sizeof sample);
    }
    g_assert_true(g_file_set_contents(path, (const char *)wav->data, wav->len, NULL));
}

static void set_up(House *h, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    test_api_start(&h->t, 0, bc_migrations, bc_n_migrations);
    h->content = g_dir_make_tmp("ctl-content-XXXXXX", NULL);
    h->config = g_build_filename(h->content, "config", NULL);
    h->wav = g_build_filename(h->content, "tin.wav", NULL);
    h->dialer = (MdDialer){refuse, nobody, NULL};
    h->worker = md_worker_new(&(MdWorkerOptions){.name = "test", .cpu = -1, .clock = &h->t.clock.base});
    h->control = md_mailbox_new(64);
    h->broadcast = bc_broadcast_new(&(BcBroadcastOptions){.store = h->t.store, .dialer = &h->dialer, .workers = &h->worker, .n_workers = 1,
                                                          .control = h->control, .clock = &h->t.clock.base, .local_host = "127.0.0.1",
                                                          .content_dir = h->content, .security = MD_SECURITY_REQUIRED, .manual = true},
                                    &error);
    g_assert_no_error(error);
    md_api_add_broadcast(h->t.api, h->broadcast);
    h->admin = test_api_admin(&h->t);
    write_wav(h->wav);
    g_autofree char *code = test_next_code(&h->t, "root");
    g_assert_cmpint(run(h, "correct horse battery\n", "login --user root --otp %s --url http://127.0.0.1:%u", code, h->t.port), ==, CTL_OK);
    test_expect(&h->t, "PUT", "/areas/42", h->admin, "{'name':'Hà Tĩnh','kind':'province'}", 204, NULL);
    test_expect(&h->t, "PUT", "/areas/18073", h->admin, "{'name':'Phường Thành Sen','kind':'commune','parent':'42'}", 204, NULL);
}

static void tear_down(House *h, gconstpointer data)
{
    test_api_stop(&h->t); /* the API lets go of the room before it is freed */
    bc_broadcast_free(h->broadcast);
    md_worker_free(h->worker);
    md_mailbox_free(h->control);
    g_autofree char *command = g_strdup_printf("rm -rf %s", h->content);
    g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);
    g_free(h->admin);
    g_free(h->content);
    g_free(h->config);
    g_free(h->wav);
    free(h->out);
    free(h->err);
}

/* The word after "Content ", "Schedule " … in what was printed. */
static char *id_after(const House *h, const char *word)
{
    const char *at = strstr(h->out, word);

    g_assert_nonnull(at);
    at += strlen(word);
    return g_strndup(at, strcspn(at, " .\n"));
}

static void test_devices(House *h, gconstpointer data)
{
    g_assert_cmpint(run(h, NULL, "areas"), ==, CTL_OK);
    g_assert_cmpstr(h->out, ==,
                    "Code   Name              Kind      Above\n"
                    "18073  Phường Thành Sen  commune   42\n"
                    "42     Hà Tĩnh           province  -\n");
    g_assert_cmpint(run(h, NULL, "devices list"), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, "next: mediactl devices add ID"));
    g_assert_cmpint(run(h, NULL, "devices add loa-1 --name Loa_nhà_văn_hóa --area 18073 --volume 70"), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "devices list --area 42"), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, "loa-1        Loa nhà văn hóa  18073  -           yes      70"));
    g_assert_cmpint(run(h, NULL, "devices add loa-2 --area 99"), ==, CTL_FAILED);
    g_assert_cmpint(run(h, NULL, "devices del loa-1"), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "devices del loa-1"), ==, CTL_FAILED);
}

static bool nothing(MdDb *db, gpointer data, GError **error)
{
    return true;
}

static void test_bulletin(House *h, gconstpointer data)
{
    g_assert_cmpint(run(h, NULL, "devices add loa-1 --area 18073"), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "content add /no/such/file.mp3"), ==, CTL_FAILED);
    g_assert_nonnull(strstr(h->err, "/no/such/file.mp3"));
    g_assert_cmpint(run(h, NULL, "content add"), ==, CTL_USAGE);
    g_assert_cmpint(run(h, NULL, "content add %s --title Bản_tin_sáng", h->wav), ==, CTL_OK);
    g_autofree char *content = id_after(h, "Content ");
    g_assert_cmpuint(strlen(content), ==, 64);
    g_assert_cmpint(run(h, NULL, "content list"), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, "Bản tin sáng  1.0 s"));
    g_assert_cmpint(run(h, NULL, "schedule add %s 18073 --at 2020-01-01T05:00:00", content), ==, CTL_FAILED); /* never again */
    g_assert_cmpint(run(h, NULL, "schedule add %s 18073 --at 2026-11-23T05:00:00 --rule FREQ=DAILY --name Sáng", content), ==, CTL_OK);
    g_autofree char *schedule = id_after(h, "Schedule ");
    g_assert_cmpint(run(h, NULL, "schedule list"), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, "2026-11-23T05:00:00  FREQ=DAILY"));
    g_assert_cmpint(run(h, NULL, "content del %s", content), ==, CTL_FAILED); /* a schedule names it */
    g_assert_cmpint(run(h, NULL, "schedule cancel %s", schedule), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "schedule cancel %s", schedule), ==, CTL_FAILED);
    g_assert_cmpint(run(h, NULL, "announce %s 18073 --title Ngay", content), ==, CTL_OK);
    g_autofree char *announcement = id_after(h, "Announcement ");
    bc_broadcast_step(h->broadcast);
    g_assert_cmpint(run(h, NULL, "live list --json"), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, announcement));
    test_check_metrics(&h->t);
    g_assert_cmpint(run(h, NULL, "live stop %s", announcement), ==, CTL_OK);
    bc_broadcast_step(h->broadcast);
    g_assert_cmpint(run(h, NULL, "live start 18073 --stream ftp://x"), ==, CTL_FAILED);
    g_assert_null(strstr(h->err, "cannot reach"));
    bc_play_log_flush(bc_broadcast_play_log(h->broadcast));
    g_assert_true(md_store_write_sync(h->t.store, nothing, NULL, NULL)); /* behind what was flushed */
    g_assert_cmpint(run(h, NULL, "play-log"), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, "Ngay"));
    g_assert_cmpint(run(h, NULL, "play-log %s", announcement), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, "loa-1        18073  missed"));
    g_assert_cmpint(run(h, NULL, "content del %s", content), ==, CTL_OK);
}

int main(int argc, char **argv)
{
    g_unsetenv("MEDIACTL_URL");
    g_unsetenv("MEDIACTL_TOKEN");
    g_test_init(&argc, &argv, NULL);
    g_test_add("/mediactl/devices", House, NULL, set_up, test_devices, tear_down);
    g_test_add("/mediactl/bulletin", House, NULL, set_up, test_bulletin, tear_down);
    return g_test_run();
}
