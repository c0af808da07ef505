/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In which size each viewer gets somebody's own picture: of what a source sends at once (simulcast) the smallest that serves the place it
 * is shown in there, and smaller still where the viewer's network does not carry that; when it carries not even the smallest, the composed
 * picture, which adapts. Each for himself: a phone on a bad line takes nothing from the others. Control thread. */
#include "mediad/conference/private.h"

enum {
    SMALL_PARTS = 3,     /* of the window's height is what one who does not speak is shown in */
    HEIGHT = 720,
    PATIENCE = 4,        /* seconds until the composed picture comes instead: an estimate that is still climbing is low */
    LAYER_PATIENCE = 2,  /* until smaller ones do */
    CLIMB = 5, CLIMB_MAX = 60, /* seconds of room until larger ones are tried; twice as long each time that did not last */
    POOR_DOUBLINGS = 3,
};
static const int64_t SECOND_US = G_USEC_PER_SEC, LASTS_US = 10 * G_USEC_PER_SEC, POOR_US = 15 * G_USEC_PER_SEC, CALM_US = 120 * G_USEC_PER_SEC;

/* Of those that come; a source that has fallen silent altogether keeps its smallest. */
unsigned md_forward_layer(const MdMember *viewer, const MdMember *from, unsigned spared)
{
    const MdLegVideoFormat *source = &from->video_format;
    unsigned height = viewer->streams.height != 0 ? viewer->streams.height : HEIGHT;
    unsigned place = from->id == viewer->streams.main ? height : height / SMALL_PARTS, serves = 0, layer = 0;
    while (serves + 1 < source->layers && !md_leg_layer_serves(source->max.height, source->layers, serves, place))
        serves++;
    unsigned most = serves > spared ? serves - spared : 0;
    bool found = false;
    for (unsigned i = 0; i < source->layers && (i <= most || !found); i++)
        if (source->layers_heard >> i & 1) {
            layer = i;
            found = true;
        }
    return layer;
}

/* --- what the lines bear ---------------------------------------------------------------------------------------------------- */

static uint32_t rate_of(const MdMember *from, unsigned layer)
{
    return md_peak_rate_bps(from->video_format.layers > 0 ? &from->forwarded.layer_rates[layer] : &from->forwarded.rate);
}

static void measure(MdMember *member, int64_t now_us)
{
    if (member->leg == NULL || !member->leg_started)
        return;
    const MdLegStats *stats = md_leg_stats(member->leg);
    const MdStat *layers[MD_LEG_LAYERS_MAX] = {&stats->video_layer1_bytes_received, &stats->video_layer2_bytes_received,
                                               &stats->video_layer3_bytes_received, &stats->video_layer4_bytes_received};
    md_peak_rate_take(&member->forwarded.rate, md_stat_get(&stats->video_bytes_received), now_us);
    for (unsigned i = 0; i < member->video_format.layers; i++)
        md_peak_rate_take(&member->forwarded.layer_rates[i], md_stat_get(layers[i]), now_us);
}

typedef struct Flow {
    uint64_t bps;
    bool other;                /* sizes than those that are sent now */
} Flow;

/* What would flow if so many sizes were spared. */
static Flow flow_at(const MdMember *viewer, unsigned spared)
{
    Flow flow = {0};
    for (unsigned k = 0; k < viewer->streams.wanted; k++) {
        const MdMemberLine *line = &viewer->streams.lines[k];
        const MdMember *from = line->from != 0 ? md_room_member_by_id(viewer->room, line->from) : NULL;
        if (from == NULL)
            continue;
        unsigned layer = md_forward_layer(viewer, from, spared);
        flow.bps += rate_of(from, layer);
        flow.other |= layer != line->layer;
    }
    return flow;
}

/* Its network is found to carry so much, shared among the lines. */
static uint64_t carried(const MdMember *viewer)
{
    uint64_t bps = 0;
    for (unsigned k = 0; k < viewer->streams.wanted; k++)
        if (viewer->streams.lines[k].from != 0)
            bps += viewer->streams.lines[k].format.max.bitrate_bps;
    return bps;
}

/* Too much flows: the largest sizes that fit in, else the smallest there are. False: those it has already. */
static bool spare(MdMember *viewer, uint64_t room_bps, int64_t now_us)
{
    MdMemberStreams *streams = &viewer->streams;
    unsigned spared = streams->spared;
    bool found = false;
    for (unsigned s = streams->spared + 1; s < MD_LEG_LAYERS_MAX; s++) {
        Flow flow = flow_at(viewer, s);
        if (!flow.other)
            continue;
        spared = s;
        found = true;
        if (flow.bps <= room_bps)
            break;
    }
    if (!found)
        return false;
    bool lasted = streams->climbed_us == 0 || now_us - streams->climbed_us > LASTS_US;
    streams->climb = lasted ? CLIMB : MIN(MAX(streams->climb, (unsigned)CLIMB) * 2, (unsigned)CLIMB_MAX);
    streams->spared = spared;
    streams->roomy = 0;
    return true;
}

/* One size more where there has been room for it for a while. */
static bool climb(MdMember *viewer, uint64_t room_bps, int64_t now_us)
{
    MdMemberStreams *streams = &viewer->streams;
    Flow flow = {0};
    while (streams->spared > 0 && !(flow = flow_at(viewer, streams->spared - 1)).other)
        streams->spared--; /* nothing is spared by it any more */
    streams->roomy = streams->spared > 0 && flow.bps <= room_bps ? streams->roomy + 1 : 0;
    if (streams->roomy < MAX(streams->climb, (unsigned)CLIMB))
        return false;
    streams->spared--;
    streams->roomy = 0;
    streams->climbed_us = now_us;
    return true;
}

/* All of them rest, longer each time, and the composed picture is there instead. */
static void rest(MdMemberStreams *streams, int64_t now_us)
{
    streams->poor_since_us = now_us;
    streams->poor_until_us = now_us + (POOR_US << MIN(streams->poor_times, (unsigned)POOR_DOUBLINGS));
    streams->poor_times++;
    streams->spared = MD_LEG_LAYERS_MAX - 1; /* it begins with the smallest */
    streams->roomy = 0;
}

/* Not for a moment's sake: an estimate that is still climbing is low. */
static bool look_at_lines(MdMember *viewer, int64_t now_us)
{
    MdMemberStreams *streams = &viewer->streams;
    uint64_t room_bps = carried(viewer);
    bool overfull = flow_at(viewer, streams->spared).bps > room_bps / 4 * 5, changed = false;
    streams->overfull = overfull ? streams->overfull + 1 : 0;
    if (streams->poor_until_us != 0) {
        if (now_us < streams->poor_until_us)
            return false;
        streams->poor_until_us = 0; /* tried again */
        return true;
    }
    if (!overfull) {
        if (streams->poor_times > 0 && now_us - streams->poor_since_us > CALM_US)
            streams->poor_times = 0;
        return climb(viewer, room_bps, now_us);
    }
    streams->roomy = 0;
    if (streams->overfull >= LAYER_PATIENCE)
        changed = spare(viewer, room_bps, now_us);
    if (!changed && streams->overfull >= PATIENCE) {
        rest(streams, now_us);
        changed = true;
    }
    if (changed)
        streams->overfull = 0;
    return changed;
}

void md_forward_tick(MdRoom *room, int64_t now_us)
{
    bool any = false, changed = false;
    if (now_us - room->forward_us < SECOND_US)
        return;
    room->forward_us = now_us;
    for (guint i = 0; i < room->members->len && !any; i++)
        any = ((const MdMember *)g_ptr_array_index(room->members, i))->streams.wanted > 0;
    for (guint i = 0; i < room->members->len && any; i++)
        measure(g_ptr_array_index(room->members, i), now_us);
    for (guint i = 0; i < room->members->len && any; i++)
        changed |= look_at_lines(g_ptr_array_index(room->members, i), now_us);
    if (changed)
        md_room_replan(room);
}
