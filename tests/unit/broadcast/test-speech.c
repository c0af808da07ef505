/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speech.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/bc-speech-XXXXXX";

static bool make(const char *const *command, const char *text, int64_t time_max_us, int64_t bytes_max, GError **error)
{
    BcIngestProgress progress = {0};
    return bc_speech_make(&(BcSpeechOptions){command, time_max_us, bytes_max}, text, path, &progress, error);
}

/* The default speaks Vietnamese: a WAV of a plausible length. */
static void test_default(void)
{
    g_autoptr(GError) error = NULL;
    struct stat st;
    g_assert_true(make(NULL, "Xin chào bà con. Hôm nay trời nắng.", 0, 0, &error));
    g_assert_no_error(error);
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpint(st.st_size, >, 40000);
    g_autofree char *data = NULL;
    g_file_get_contents(path, &data, NULL, NULL);
    g_assert_cmpint(memcmp(data, "RIFF", 4), ==, 0);
}

/* The text goes to standard input as it is: nothing of it reaches a shell. */
static void test_no_shell(void)
{
    static const char *const cat[] = {"cat", NULL};
    static const char text[] = "$(touch /tmp/owned); `id` \"; rm -rf / #\n";
    g_autoptr(GError) error = NULL;
    g_assert_true(make(cat, text, 0, 0, &error));
    g_autofree char *data = NULL;
    gsize len;
    g_file_get_contents(path, &data, &len, NULL);
    g_assert_cmpmem(data, len, text, strlen(text));
}

static void test_none(void)
{
    static const char *const none[] = {NULL};
    g_autoptr(GError) error = NULL;
    g_assert_false(make(none, "Xin chào", 0, 0, &error));
    g_assert_error(error, BC_ERROR, BC_ERROR_STATE);
}

static void test_refused(void)
{
    static const char *const missing[] = {"/nonexistent/speaker", NULL}, *const failing[] = {"false", NULL}, *const mute[] = {"true", NULL};
    static const char *const slow[] = {"sleep", "30", NULL}, *const endless[] = {"cat", "/dev/zero", NULL};
    static const struct {
        const char *const *command;
        const char *says;
    } bad[] = {{missing, "cannot be started"}, {failing, "exit status 1"}, {mute, "said nothing"}, {slow, "took longer"}, {endless, "wrote more"}};
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        int64_t began = g_get_monotonic_time();
        g_assert_false(make(bad[i].command, "x", 1 * G_USEC_PER_SEC, 1 << 20, &error));
        g_assert_error(error, BC_ERROR, BC_ERROR_FAILED);
        g_test_message("%s", error->message);
        g_assert_nonnull(strstr(error->message, bad[i].says));
        g_assert_cmpint(g_get_monotonic_time() - began, <, 5 * G_USEC_PER_SEC);
        g_assert_cmpint(access(path, F_OK), !=, 0); /* nothing is left */
    }
    g_autofree char *long_text = g_strnfill(BC_SPEECH_TEXT_MAX + 1, 'a');
    const char *const texts[] = {"", "\xff\xfe", long_text};
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(make(NULL, texts[i], 0, 0, &error));
        g_assert_error(error, BC_ERROR, BC_ERROR_INVALID);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    close(g_mkstemp(path));
    g_test_add_func("/broadcast/speech/none", test_none);
    g_test_add_func("/broadcast/speech/default", test_default);
    g_test_add_func("/broadcast/speech/no-shell", test_no_shell);
    g_test_add_func("/broadcast/speech/refused", test_refused);
    int result = g_test_run();
    unlink(path);
    return result;
}
