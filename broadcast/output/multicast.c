/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/output/multicast.h"

#include <string.h>
#include <netinet/in.h>
#include "broadcast/stage.h"

struct BcMulticasts { /* g_rc_box */
    BcBroadcast *broadcast;
    MdStore *store;
    GHashTable *by_device; /* id -> Entry* */
    unsigned ttl;
};

typedef struct Entry {
    BcMulticast shown;
    MdAddr to;
} Entry;

static void free_entry(gpointer data)
{
    Entry *entry = data;
    g_free((char *)entry->shown.device);
    g_free((char *)entry->shown.group);
    g_free(entry);
}

static Entry *new_entry(const char *device, const char *group, MdAudioCodec codec)
{
    Entry *entry = g_new0(Entry, 1);
    entry->shown = (BcMulticast){g_strdup(device), g_strdup(group), codec};
    if (group && md_addr_from_string(&entry->to, group) < 0)
        entry->to.len = 0;
    return entry;
}

static void clear_multicasts(gpointer data)
{
    g_hash_table_unref(((BcMulticasts *)data)->by_device);
}

static void unref_multicasts(gpointer data)
{
    g_rc_box_release_full(data, clear_multicasts);
}

static bool find(const char *device, BcFixed *ret, const char **ret_reason, void *user)
{
    const BcMulticasts *m = user;
    const Entry *entry = g_hash_table_lookup(m->by_device, device);
    if (!entry) {
        *ret_reason = "it has no multicast group";
        return false;
    }
    *ret = (BcFixed){.rtp = entry->to, .codec = entry->shown.codec, .plain = true};
    return true;
}

/* Out by the interface that has the announcements' address, so far and no further. */
static void set_up_sockets(const BcStage *stage, unsigned ttl)
{
    const int hops = (int)ttl, on = 1;
    MdAddr local;
    if (stage->rtp_fd >= 0) {
        setsockopt(stage->rtp_fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof hops);
        setsockopt(stage->rtp_fd, IPPROTO_IP, IP_MULTICAST_LOOP, &on, sizeof on);
        if (md_addr_from_host(&local, stage->local_host, 0) == 0 && !md_addr_is_any(&local))
            setsockopt(stage->rtp_fd, IPPROTO_IP, IP_MULTICAST_IF, &((const struct sockaddr_in *)&local.ss)->sin_addr,
                       sizeof(struct in_addr));
    }
    if (stage->rtp_fd6 >= 0)
        setsockopt(stage->rtp_fd6, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops);
}

BcMulticasts *bc_multicasts_new(BcBroadcast *broadcast, MdStore *store, unsigned ttl, GError **error)
{
    BcMulticasts *m = g_rc_box_new0(BcMulticasts);
    *m = (BcMulticasts){broadcast, store, g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_entry), ttl};
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(store), error, "SELECT device, address, codec FROM bc_multicast", "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        Entry *entry = new_entry(md_rows_text(rows, 0), md_rows_text(rows, 1), md_audio_codec_from_string(md_rows_text(rows, 2)));
        g_hash_table_replace(m->by_device, (char *)entry->shown.device, entry);
    }
    if (failure)
        g_propagate_error(error, failure);
    if (!rows || failure) {
        unref_multicasts(m);
        return NULL;
    }
    set_up_sockets(bc_broadcast_stage(broadcast), ttl);
    bc_broadcast_set_fixed(broadcast, BC_DEVICE_MULTICAST, &(BcFixedOps){find, m});
    return m;
}

void bc_multicasts_free(BcMulticasts *m)
{
    if (!m)
        return;
    bc_broadcast_set_fixed(m->broadcast, BC_DEVICE_MULTICAST, NULL);
    unref_multicasts(m);
}

const BcMulticast *bc_multicasts_find(const BcMulticasts *m, const char *device)
{
    const Entry *entry = device ? g_hash_table_lookup(m->by_device, device) : NULL;
    return entry ? &entry->shown : NULL;
}

static bool write_entry(MdDb *db, gpointer data, GError **error)
{
    const BcMulticast *e = &((const Entry *)data)->shown;
    return md_db_run(db, error, "DELETE FROM bc_multicast WHERE device = $1", "s", e->device) &&
           (!e->group || md_db_run(db, error, "INSERT INTO bc_multicast (device, address, codec) VALUES ($1, $2, $3)", "sss", e->device,
                                   e->group, md_audio_codec_to_string(e->codec)));
}

static void apply_entry(gpointer owner, gpointer data)
{
    BcMulticasts *m = owner;
    const BcMulticast *e = &((const Entry *)data)->shown;
    Entry *entry = e->group ? new_entry(e->device, e->group, e->codec) : NULL;
    if (entry)
        g_hash_table_replace(m->by_device, (char *)entry->shown.device, entry);
    else
        g_hash_table_remove(m->by_device, e->device);
}

/* Does a device of another area hear this group? */
static const char *heard_elsewhere(const BcMulticasts *m, const BcDevice *device, const MdAddr *to)
{
    BcDevices *devices = bc_broadcast_devices(m->broadcast);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, m->by_device);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Entry *entry = value;
        const BcDevice *other = bc_devices_find(devices, entry->shown.device);
        if (other && other != device && md_addr_equal(&entry->to, to) && !g_str_equal(other->area, device->area))
            return other->id;
    }
    return NULL;
}

static bool check(const BcMulticasts *m, const char *id, const char *group, MdAudioCodec codec, GError **error)
{
    const BcDevice *device = bc_devices_find(bc_broadcast_devices(m->broadcast), id);
    MdAddr to;
    if (!device)
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no device %s", id);
    else if (device->kind != BC_DEVICE_MULTICAST)
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "%s is reached otherwise: its kind is %s", id, bc_device_kind_to_string(device->kind));
    else if (group && (md_addr_from_string(&to, group) < 0 || !md_addr_is_multicast(&to) || md_addr_port(&to) < 1024 || md_addr_port(&to) & 1))
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "a group is a multicast address with an even port from 1024: \"239.255.1.2:5004\"");
    else if (codec < 0 || codec >= MD_AUDIO_CODEC_MAX)
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "\"codec\" is opus, g722, pcma or pcmu");
    else if (group && heard_elsewhere(m, device, &to))
        g_set_error(error, BC_ERROR, BC_ERROR_EXISTS, "%s, in another area, hears this group: take a group of its own for each area",
                    heard_elsewhere(m, device, &to));
    else
        return true;
    return false;
}

void bc_multicasts_put(BcMulticasts *m, const char *device, const char *group, MdAudioCodec codec, BcDoneFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    if (!check(m, device, group, codec, &error)) {
        done(error, user);
        return;
    }
    bc_write(m->store, write_entry, new_entry(device, group, codec), free_entry, m, unref_multicasts, apply_entry, done, user);
}

char *bc_multicasts_sdp(const BcMulticasts *m, const char *device)
{
    static const struct { unsigned type; const char *name; } codecs[MD_AUDIO_CODEC_MAX] = {
        [MD_AUDIO_OPUS] = {111, "opus/48000/2"}, [MD_AUDIO_G722] = {9, "G722/8000"}, [MD_AUDIO_PCMA] = {8, "PCMA/8000"},
        [MD_AUDIO_PCMU] = {0, "PCMU/8000"}};
    const Entry *entry = g_hash_table_lookup(m->by_device, device);
    const BcStage *stage = bc_broadcast_stage(m->broadcast);
    char host[MD_ADDR_TEXT_MAX];
    if (!entry || !md_addr_host(&entry->to, host, sizeof host))
        return NULL;
    bool v6 = md_addr_is_v6(&entry->to);
    g_autofree char *hops = v6 ? g_strdup("") : g_strdup_printf("/%u", m->ttl); /* RFC 8866, 5.7: IPv6 has none */
    const char *from = v6 ? stage->local_host6 : stage->local_host;
    return g_strdup_printf("v=0\r\no=- 1 1 IN %s %s\r\ns=%s\r\nc=IN %s %s%s\r\nt=0 0\r\na=recvonly\r\nm=audio %u RTP/AVP %u\r\n"
                           "a=rtpmap:%u %s\r\na=ptime:%u\r\n",
                           v6 ? "IP6" : "IP4", from ? from : v6 ? "::1" : "127.0.0.1", device, v6 ? "IP6" : "IP4", host, hops,
                           md_addr_port(&entry->to), codecs[entry->shown.codec].type, codecs[entry->shown.codec].type,
                           codecs[entry->shown.codec].name, stage->o.frame_ms);
}
