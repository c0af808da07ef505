/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/firmware.h"
#include <string.h>
#include "broadcast/link/protocol.h"

#if defined(__aarch64__)
#define PRODUCT "speakerd-arm64"
#elif defined(__x86_64__)
#define PRODUCT "speakerd-amd64"
#else
#define PRODUCT "speakerd"
#endif
#define IMAGE_MAX (G_GINT64_CONSTANT(256) * 1024 * 1024)

struct BcFirmware {
    BcFirmwareOptions options;
    char *program;
    BcShelf *shelf;
    BcFetch *fetch;
    char *command, *sha256;      /* on its way; NULL none */
    GPid child;
    guint watch, waiting;
};

static void over(BcFirmware *firmware, const char *refusal)
{
    g_autofree char *command = g_steal_pointer(&firmware->command);
    g_clear_pointer(&firmware->sha256, g_free);
    bc_shelf_want(firmware->shelf, NULL, NULL, 0, 0);
    if (command)
        firmware->options.done(command, refusal, firmware->options.user);
}

static void on_child(GPid pid, gint status, gpointer user)
{
    BcFirmware *firmware = user;
    g_spawn_close_pid(pid);
    firmware->watch = 0;
    g_autoptr(GError) error = NULL;
    over(firmware, g_spawn_check_wait_status(status, &error) ? NULL : "failed: the installer failed");
}

static gboolean install(gpointer user)
{
    BcFirmware *firmware = user;
    if (!firmware->options.silent(firmware->options.user))
        return G_SOURCE_CONTINUE; /* never while something sounds */
    firmware->waiting = 0;
    g_autofree char *path = bc_shelf_path(firmware->shelf, firmware->sha256);
    if (!path) {
        over(firmware, "failed: the image is gone");
        return G_SOURCE_REMOVE;
    }
    char *argv[] = {firmware->program, path, NULL};
    char *envp[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    if (!g_spawn_async(NULL, argv, envp, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &firmware->child, NULL))
        over(firmware, "failed: the installer cannot be started");
    else
        firmware->watch = g_child_watch_add(firmware->child, on_child, firmware);
    return G_SOURCE_REMOVE;
}

static void on_arrived(const char *sha256, void *user)
{
    BcFirmware *firmware = user;
    if (firmware->command && !g_strcmp0(sha256, firmware->sha256) && install(firmware) == G_SOURCE_CONTINUE && !firmware->waiting)
        firmware->waiting = g_timeout_add_seconds(2, install, firmware);
}

/* "0.10.2" after "0.9": numbers between dots. */
static bool newer(const char *version, const char *than)
{
    while (*version || *than) {
        char *a, *b;
        guint64 x = g_ascii_strtoull(version, &a, 10), y = g_ascii_strtoull(than, &b, 10);
        if (x != y)
            return x > y;
        version = *a ? a + 1 : a;
        than = *b ? b + 1 : b;
    }
    return false;
}

static int64_t on_clock(void *user)
{
    BcFirmware *firmware = user;
    return firmware->options.clock(firmware->options.user);
}

static void on_trouble(const char *sha256, const char *what, void *user)
{
    BcFirmware *firmware = user;
    g_autofree char *reason = g_strdup_printf("failed: %s", what);
    over(firmware, reason); /* the server asks again when it likes */
}

BcFirmware *bc_firmware_new(const BcFirmwareOptions *options, GError **error)
{
    g_autofree char *folder = g_build_filename(options->state_dir, "firmware", NULL);
    BcShelf *shelf = bc_shelf_open(folder, IMAGE_MAX, error);
    if (!shelf)
        return NULL;
    BcFirmware *firmware = g_new0(BcFirmware, 1);
    firmware->options = *options;
    firmware->program = g_strdup(options->program);
    firmware->shelf = shelf;
    BcFetchOptions fetch = {.shelf = shelf, .ca_file = options->ca_file, .token = options->token, .clock = on_clock, .arrived = on_arrived,
        .trouble = on_trouble, .user = firmware};
    firmware->fetch = bc_fetch_new(&fetch, error);
    if (firmware->fetch) {
        bc_fetch_set_base(firmware->fetch, "");
        return firmware;
    }
    bc_firmware_free(firmware);
    return NULL;
}

void bc_firmware_free(BcFirmware *firmware)
{
    if (!firmware)
        return;
    if (firmware->waiting)
        g_source_remove(firmware->waiting);
    if (firmware->watch)
        g_source_remove(firmware->watch);
    bc_fetch_free(firmware->fetch);
    bc_shelf_free(firmware->shelf);
    g_free(firmware->command);
    g_free(firmware->sha256);
    g_free(firmware->program);
    g_free(firmware);
}

const char *bc_firmware_order(BcFirmware *firmware, const BcTrust *trust, const BcLinkCommand *command)
{
    BcLinkFirmware notice = {0};
    if (!firmware->program)
        return "failed: no installer is configured";
    if (firmware->command)
        return "failed: another image is on its way";
    g_autoptr(GBytes) payload = trust ? bc_jws_verify(trust, "mediad-firmware", command->firmware_notice, strlen(command->firmware_notice), NULL) : NULL;
    if (!payload)
        return "signature";
    gsize len = 0;
    const char *text = g_bytes_get_data(payload, &len);
    if (!bc_link_firmware_parse(&notice, text, len, NULL))
        return "failed: the notice cannot be read";
    const char *refusal = strcmp(notice.product, PRODUCT) ? "failed: the image is for another product" :
        strcmp(notice.version, command->firmware_version) || strcmp(notice.sha256, command->firmware_sha256) ?
        "failed: notice and order name different images" : !newer(notice.version, MEDIAD_VERSION) ? "failed: the image is not newer" : notice.bytes > IMAGE_MAX ? "failed: the image is too large" : NULL;
    if (!refusal) {
        BcShelfWant want = {.media = {.sha256 = notice.sha256, .path = command->firmware_url, .media_type = NULL, .bytes = notice.bytes}};
        firmware->command = g_strdup(command->id);
        firmware->sha256 = g_strdup(notice.sha256);
        bc_shelf_want(firmware->shelf, NULL, &want, 1, 0);
        if (bc_shelf_has(firmware->shelf, notice.sha256))
            on_arrived(notice.sha256, firmware);
        else
            bc_fetch_go(firmware->fetch);
    }
    bc_link_firmware_clear(&notice);
    return refusal;
}
