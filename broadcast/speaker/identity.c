/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/identity.h"
#include <errno.h>
#include <string.h>
#include <glib/gstdio.h>
#include "broadcast/link/json.h"
#include "broadcast/speaker/keep.h"

static char *text_member(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);
    const char *text = node && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
    return text && *text ? g_strdup(text) : NULL;
}

static bool read_link(BcIdentity *identity, const char *folder, GError **error)
{
    gsize len = 0;
    g_autofree char *text = bc_keep_read(folder, "link.json", &len, NULL);
    if (!text)
        return true;
    g_autoptr(JsonObject) object = bc_json_parse_object(text, len, error);
    if (!object)
        return false;
    identity->device = text_member(object, "device");
    identity->broker_host = text_member(object, "broker_host");
    identity->media_base = text_member(object, "media_base");
    JsonNode *port = json_object_get_member(object, "broker_port");
    if (port && json_node_get_value_type(port) == G_TYPE_INT64)
        identity->broker_port = (int)CLAMP(json_node_get_int(port), 1, 65535);
    return true;
}

static char *path_if_there(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    return g_file_test(path, G_FILE_TEST_IS_REGULAR) ? g_steal_pointer(&path) : NULL;
}

/* The power went while a new certificate was being put in its place: its key is there already, it follows; before that the former ones count. */
static void finish_renewal(const char *folder)
{
    g_autofree char *key = path_if_there(folder, BC_NEXT_KEY), *certificate = path_if_there(folder, BC_NEXT_CERTIFICATE);
    if (!key && certificate)
        bc_keep_rename(folder, BC_NEXT_CERTIFICATE, "certificate.pem", NULL);
    else if (key)
        bc_identity_drop_next(folder);
}

void bc_identity_drop_next(const char *folder)
{
    bc_keep_remove(folder, BC_NEXT_CERTIFICATE, NULL); /* first: alone it would be taken for half of a renewal */
    bc_keep_remove(folder, BC_NEXT_KEY, NULL);
}

bool bc_identity_take_next(const char *folder, GError **error)
{
    return bc_keep_rename(folder, BC_NEXT_KEY, "key.pem", error) && bc_keep_rename(folder, BC_NEXT_CERTIFICATE, "certificate.pem", error);
}

BcIdentity *bc_identity_open(const char *state_dir, GError **error)
{
    g_autofree char *folder = g_build_filename(state_dir, "identity", NULL);
    if (g_mkdir_with_parents(folder, 0700) < 0) {
        g_set_error(error, BC_KEEP_ERROR, BC_KEEP_ERROR_FAILED, "cannot make %s: %s", folder, g_strerror(errno));
        return NULL;
    }
    BcIdentity *identity = g_new0(BcIdentity, 1);
    gsize len = 0;
    finish_renewal(folder);
    identity->ca = path_if_there(folder, "ca.pem");
    identity->certificate = path_if_there(folder, "certificate.pem");
    identity->key = path_if_there(folder, "key.pem");
    identity->server_ca = path_if_there(folder, "server-ca.pem");
    identity->token = bc_keep_read(folder, "token", NULL, NULL);
    if (identity->token)
        g_strstrip(identity->token);
    identity->jwks = bc_keep_read(folder, "keys.jwks", &len, NULL);
    if (read_link(identity, folder, error) && (!identity->jwks || (identity->trust = bc_trust_new(identity->jwks, len, error))))
        return identity;
    bc_identity_free(identity);
    return NULL;
}

void bc_identity_free(BcIdentity *identity)
{
    if (!identity)
        return;
    g_free(identity->device);
    g_free(identity->broker_host);
    g_free(identity->media_base);
    g_free(identity->token);
    g_free(identity->ca);
    g_free(identity->certificate);
    g_free(identity->key);
    g_free(identity->server_ca);
    g_free(identity->jwks);
    bc_trust_free(identity->trust);
    g_free(identity);
}

static int64_t set_version(const char *jwks, gsize len)
{
    g_autoptr(JsonObject) object = bc_json_parse_object(jwks, len, NULL);
    JsonNode *node = object ? json_object_get_member(object, "version") : NULL;
    return node && json_node_get_value_type(node) == G_TYPE_INT64 ? json_node_get_int(node) : 0;
}

bool bc_identity_keys(BcIdentity *identity, const char *state_dir, const char *text, gsize len, bool *ret_changed, GError **error)
{
    *ret_changed = false;
    if (identity->jwks && !strcmp(identity->jwks, text))
        return true;
    if (!identity->trust) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_KEY, "keys are believed at enrolment only");
        return false;
    }
    g_autoptr(GBytes) payload = bc_jws_verify(identity->trust, "mediad-keys", text, len, error);
    if (!payload)
        return false;
    gsize n = 0;
    const char *jwks = g_bytes_get_data(payload, &n);
    if (!strcmp(identity->jwks, jwks))
        return true;
    if (set_version(jwks, n) < set_version(identity->jwks, strlen(identity->jwks))) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_KEY, "the key set is older than the one believed");
        return false;
    }
    BcTrust *trust = bc_trust_new(jwks, n, error);
    g_autofree char *folder = g_build_filename(state_dir, "identity", NULL);
    if (trust && !bc_trust_count(trust)) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_KEY, "the new key set has no key of use");
        g_clear_pointer(&trust, bc_trust_free);
    }
    if (!trust || !bc_keep_write(folder, "keys.jwks", jwks, n, 0600, error)) {
        bc_trust_free(trust);
        return false;
    }
    bc_trust_free(identity->trust);
    identity->trust = trust;
    g_free(identity->jwks);
    identity->jwks = g_strndup(jwks, n);
    *ret_changed = true;
    return true;
}
