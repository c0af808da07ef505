/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speech-http.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const default_command[] = {"espeak-ng", "-v", "vi", "--stdout", NULL};

/* The text in an anonymous file: the program may read it as slowly or as little as it likes without blocking us. */
static int text_fd(const char *text)
{
    int fd = memfd_create("bulletin", MFD_CLOEXEC);
    size_t len = strlen(text);
    if (fd >= 0 && (write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) < 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Waits for the end, killing it when its time is over. Its exit status, or -1 with error. */
static int wait_for(pid_t pid, const char *name, int64_t time_max_us, BcIngestProgress *progress, GError **error)
{
    int64_t deadline = g_get_monotonic_time() + time_max_us;
    for (;;) {
        int status;
        pid_t r = waitpid(pid, &status, WNOHANG);
        if (r == pid)
            return status;
        bool cancelled = atomic_load(&progress->cancel);
        if (r < 0 || cancelled || g_get_monotonic_time() > deadline) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            if (cancelled)
                bc_refuse(error, BC_ERROR_STATE, "cancelled");
            else
                bc_refuse(error, BC_ERROR_FAILED, "the speech program %s took longer than %d s and was stopped", name, (int)(time_max_us / G_USEC_PER_SEC));
            return -1;
        }
        g_usleep(10000);
    }
}

static bool run(const BcSpeechOptions *o, const char *const *argv, int in, int out, BcIngestProgress *progress, GError **error)
{
    GPid pid;
    g_autoptr(GError) why = NULL;
    g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), "LC_ALL", "C.UTF-8", TRUE);
    int64_t time_max = o->time_max_us ? o->time_max_us : 60ll * G_USEC_PER_SEC, bytes_max = o->bytes_max ? o->bytes_max : 256ll << 20;
    if (!g_spawn_async_with_fds(NULL, (char **)argv, environment,
                                G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &pid, in,
                                out, -1, &why))
        return bc_refuse(error, BC_ERROR_FAILED, "the speech program %s cannot be started: %s", argv[0], why->message);
    struct rlimit size = {(rlim_t)bytes_max, (rlim_t)bytes_max};
    prlimit(pid, RLIMIT_FSIZE, &size, NULL);
    int status = wait_for(pid, argv[0], time_max, progress, error);
    g_spawn_close_pid(pid);
    if (status == -1)
        return false;
    struct stat st;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ)
        return bc_refuse(error, BC_ERROR_FAILED, "the speech program %s wrote more than %d MiB", argv[0], (int)(bytes_max >> 20));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return bc_refuse(error, BC_ERROR_FAILED, "the speech program %s failed (%s %d)", argv[0],
                    WIFEXITED(status) ? "exit status" : "signal", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    if (fstat(out, &st) < 0 || st.st_size == 0)
        return bc_refuse(error, BC_ERROR_FAILED, "the speech program %s said nothing", argv[0]);
    return true;
}

bool bc_speech_make(const BcSpeechOptions *o, const char *text, const char *path, BcIngestProgress *progress, GError **error)
{
    const char *const *argv = o->command ? o->command : default_command;
    if (!o->url && !argv[0])
        return bc_refuse(error, BC_ERROR_STATE, "no speech program is set here (broadcast.tts_command, broadcast.tts_url)");
    if (!text || !*text || strlen(text) > BC_SPEECH_TEXT_MAX || !g_utf8_validate(text, -1, NULL))
        return bc_refuse(error, BC_ERROR_INVALID, "the text must be 1 to %d bytes of UTF-8", BC_SPEECH_TEXT_MAX);
    if (o->url)
        return bc_speech_fetch(o->url, text, path, o->time_max_us ? o->time_max_us : 60ll * G_USEC_PER_SEC,
                               o->bytes_max ? o->bytes_max : 256ll << 20, progress, error);
    int in = text_fd(text), out = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = in >= 0 && out >= 0 ? run(o, argv, in, out, progress, error)
                                  : bc_refuse(error, BC_ERROR_FAILED, "cannot write %s: %s", path, g_strerror(errno));
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    if (!ok)
        unlink(path);
    return ok;
}
