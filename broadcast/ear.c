/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/ear.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "broadcast/stage.h"
#include "mediad/transport/udp.h"

struct BcEar {
    BcStage *stage;
    char *area;
    int fd;
    MdAddr here;
    BcAnnouncement *on; /* in stage->running */
    uint32_t handle;    /* in its fan-out */
    BcEarFn fn;
    void *user;
};

/* Does the announcement go to the whole area, and not only to a part of it? */
static bool covers(const BcAnnouncement *a, const char *area)
{
    g_auto(GStrv) codes = g_strsplit(a->areas, ",", -1);
    for (unsigned i = 0; codes[i]; i++)
        if (bc_areas_contains(a->stage->o.areas, codes[i], area))
            return true;
    return false;
}

/* Who is to be heard: who sounds before who will, then the usual order. */
static BcAnnouncement *choose(const BcEar *ear)
{
    BcAnnouncement *best = NULL;
    const char *why;
    int64_t now = bc_stage_now_us(ear->stage);
    for (unsigned i = 0; i < ear->stage->running->len; i++) {
        BcAnnouncement *a = ear->stage->running->pdata[i];
        if (a->over || !a->fanout || a->finish.armed_in /* its last sound is out */ || !covers(a, ear->area) ||
            bc_stage_ask_area(ear->stage, a, ear->area, &why) != BC_GUARD_YES)
            continue;
        bool sounds = a->start_us <= now, best_sounds = best && best->start_us <= now;
        if (!best || (sounds && !best_sounds) || (sounds == best_sounds && bc_order_compare(&a->order, &best->order) < 0))
            best = a;
    }
    return best;
}

static void leave(BcEar *ear)
{
    if (ear->handle && ear->on && ear->on->fanout) { /* a fan-out that is being stopped forgets us by itself */
        bc_fanout_remove(ear->on->fanout, ear->handle);
        if (bc_fanout_commit(ear->on->fanout) < 0)
            bc_announcement_commit_soon(ear->on);
    }
    ear->handle = 0;
    ear->on = NULL;
}

static void look(BcEar *ear)
{
    BcAnnouncement *best = choose(ear);
    if (best == ear->on)
        return;
    leave(ear);
    ear->on = best;
    if (best && ear->fd >= 0 && bc_source_codecs(best->source) & 1u << MD_AUDIO_OPUS) {
        BcDestination to = {.rtp = ear->here, .codec = MD_AUDIO_OPUS, .key = BC_FANOUT_PLAIN};
        ear->handle = bc_fanout_add(best->fanout, &to);
        if (bc_fanout_commit(best->fanout) < 0)
            bc_announcement_commit_soon(best);
    }
    if (ear->fn) {
        BcRun run;
        if (best)
            bc_announcement_run(best, &run);
        ear->fn(best ? &run : NULL, ear->user);
    }
}

void bc_ears_look(BcStage *stage)
{
    for (unsigned i = 0; i < stage->ears->len; i++)
        look(stage->ears->pdata[i]);
}

/* A socket beside the stage's own, open to that one only. */
static bool open_socket(BcEar *ear, GError **error)
{
    const BcStage *stage = ear->stage;
    const char *host = stage->local_host ? stage->local_host : stage->local_host6;
    MdAddr local, sender;
    if (md_addr_from_host(&local, host, 0) == 0 && md_addr_is_any(&local))
        host = md_addr_is_v6(&local) ? "::1" : "127.0.0.1";
    ear->fd = md_addr_from_host(&local, host, 0) == 0 ? md_udp_open(&local, &ear->here) : -1;
    if (ear->fd < 0 || md_addr_from_host(&sender, host, stage->local_host ? stage->port : stage->port6) < 0 ||
        connect(ear->fd, (const struct sockaddr *)&sender.ss, sender.len) < 0) {
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "no socket for an output: %s", g_strerror(errno));
        return false;
    }
    return true;
}

static BcEar *make(BcBroadcast *broadcast, const char *area, bool deaf, BcEarFn fn, void *user, GError **error)
{
    if (!bc_areas_find(bc_broadcast_areas(broadcast), area)) {
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no area %s", area ? area : "");
        return NULL;
    }
    BcEar *ear = g_new0(BcEar, 1);
    *ear = (BcEar){.stage = bc_broadcast_stage(broadcast), .area = g_strdup(area), .fd = -1, .fn = fn, .user = user};
    if (!deaf && !open_socket(ear, error)) {
        bc_ear_free(ear);
        return NULL;
    }
    g_ptr_array_add(ear->stage->ears, ear);
    look(ear);
    return ear;
}

BcEar *bc_ear_new(BcBroadcast *broadcast, const char *area, BcEarFn fn, void *user, GError **error)
{
    return make(broadcast, area, false, fn, user, error);
}

BcEar *bc_ear_new_deaf(BcBroadcast *broadcast, const char *area, BcEarFn fn, void *user, GError **error)
{
    return make(broadcast, area, true, fn, user, error);
}

void bc_ear_free(BcEar *ear)
{
    if (!ear)
        return;
    g_ptr_array_remove(ear->stage->ears, ear);
    leave(ear);
    if (ear->fd >= 0)
        close(ear->fd);
    g_free(ear->area);
    g_free(ear);
}

int bc_ear_fd(const BcEar *ear)
{
    return ear->fd;
}
