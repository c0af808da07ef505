/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the server is and who we are: environment over ~/.config/mediactl/config over the default. */
#include "mediactl/ctl.h"
#include <errno.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <glib/gstdio.h>

#define DEFAULT_URL "https://localhost:8443"

static void take(char **slot, GKeyFile *file, const char *key)
{
    if (!*slot)
        *slot = g_key_file_get_string(file, "server", key, NULL);
}

void ctl_load(Ctl *ctl)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    const char *url = g_getenv("MEDIACTL_URL"), *token = g_getenv("MEDIACTL_TOKEN"), *otp = g_getenv("MEDIACTL_OTP");

    if (!ctl->config_path)
        ctl->config_path = g_build_filename(g_get_user_config_dir(), "mediactl", "config", NULL);
    if (!ctl->url && url && *url)
        ctl->url = g_strdup(url);
    if (!ctl->token && token && *token)
        ctl->token = g_strdup(token);
    if (!ctl->otp && otp && *otp)
        ctl->otp = g_strdup(otp);
    ctl->token_from_outside = ctl->token != NULL;
    if (g_key_file_load_from_file(file, ctl->config_path, G_KEY_FILE_NONE, NULL)) {
        g_autofree char *known = g_key_file_get_string(file, "server", "url", NULL);
        bool same = !ctl->url || g_strcmp0(known, ctl->url) == 0; /* a token is for the server that gave it */
        take(&ctl->url, file, "url");
        if (same) {
            take(&ctl->token, file, "token");
            take(&ctl->fingerprint, file, "fingerprint");
        }
    }
    if (!ctl->url)
        ctl->url = g_strdup(DEFAULT_URL);
    while (g_str_has_suffix(ctl->url, "/"))
        ctl->url[strlen(ctl->url) - 1] = '\0';
}

bool ctl_save(Ctl *ctl)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *dir = g_path_get_dirname(ctl->config_path);
    GError *error = NULL;

    g_key_file_set_string(file, "server", "url", ctl->url);
    if (ctl->token)
        g_key_file_set_string(file, "server", "token", ctl->token);
    if (ctl->fingerprint)
        g_key_file_set_string(file, "server", "fingerprint", ctl->fingerprint);
    g_autofree char *text = g_key_file_to_data(file, NULL, NULL);
    if (g_mkdir_with_parents(dir, 0700) == 0 &&
        g_file_set_contents_full(ctl->config_path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error))
        return true;
    fprintf(ctl->err, "mediactl: cannot write %s: %s\n", ctl->config_path, error ? error->message : g_strerror(errno));
    g_clear_error(&error);
    return false;
}

void ctl_clear(Ctl *ctl)
{
    g_clear_object(&ctl->session);
    g_free(ctl->config_path);
    g_free(ctl->url);
    g_free(ctl->token);
    g_free(ctl->otp);
    g_free(ctl->refusal);
    g_free(ctl->fingerprint);
    g_free(ctl->seen_fingerprint);
}

bool ctl_interactive(Ctl *ctl)
{
    int fd = fileno(ctl->in);

    return fd >= 0 && isatty(fd);
}

char *ctl_ask(Ctl *ctl, const char *question, bool secret)
{
    int fd = fileno(ctl->in);
    bool terminal = ctl_interactive(ctl);
    struct termios before, quiet;
    char *line = NULL;
    size_t size = 0;

    if (terminal) {
        fprintf(ctl->err, "%s", question);
        fflush(ctl->err);
        if (secret && tcgetattr(fd, &before) == 0) {
            quiet = before;
            quiet.c_lflag &= ~(tcflag_t)ECHO;
            tcsetattr(fd, TCSAFLUSH, &quiet);
        }
    }
    ssize_t n = getline(&line, &size, ctl->in);
    if (terminal && secret) {
        tcsetattr(fd, TCSAFLUSH, &before);
        fputc('\n', ctl->err);
    }
    char *answer = n > 0 ? g_strdup(g_strchomp(line)) : NULL;
    if (line)
        explicit_bzero(line, size);
    free(line);
    if (answer && !*answer)
        g_clear_pointer(&answer, g_free);
    return answer;
}
