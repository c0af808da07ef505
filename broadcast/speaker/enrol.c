/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/enrol.h"
#include <errno.h>
#include <string.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <libsoup/soup.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include "broadcast/link/json.h"
#include "broadcast/speaker/keep.h"

static bool failed(GError **error, const char *what)
{
    g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_FAILED, "enrolment: %s", what);
    return false;
}

static char *pem_of(BIO *bio)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    char *text = g_strndup(data, (gsize)len);
    BIO_free(bio);
    return text;
}

bool bc_enrol_request(const char *device, char **ret_key, char **ret_request)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509_REQ *request = X509_REQ_new();
    X509_NAME *name = request ? X509_REQ_get_subject_name(request) : NULL;
    BIO *key_bio = BIO_new(BIO_s_mem()), *request_bio = BIO_new(BIO_s_mem());
    bool ok = key && name && key_bio && request_bio && X509_REQ_set_version(request, 0) &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)device, -1, -1, 0) && X509_REQ_set_pubkey(request, key) &&
        X509_REQ_sign(request, key, EVP_sha256()) > 0 && PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) &&
        PEM_write_bio_X509_REQ(request_bio, request);
    if (ok) {
        *ret_key = pem_of(key_bio);
        *ret_request = pem_of(request_bio);
    } else {
        BIO_free(key_bio);
        BIO_free(request_bio);
    }
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    return ok;
}

static char *question(const char *device, const char *code, const char *request)
{
    g_autoptr(JsonBuilder) b = json_builder_new();
    json_builder_begin_object(b);
    json_builder_set_member_name(b, "device");
    json_builder_add_string_value(b, device);
    json_builder_set_member_name(b, "code");
    json_builder_add_string_value(b, code);
    json_builder_set_member_name(b, "csr");
    json_builder_add_string_value(b, request);
    json_builder_end_object(b);
    g_autoptr(JsonNode) root = json_builder_get_root(b);
    return json_to_string(root, FALSE);
}

static GBytes *ask(const char *url, const char *body, const char *ca_file, GError **error)
{
    g_autofree char *address = g_strconcat(url, g_str_has_suffix(url, "/") ? "" : "/", "api/v1/link/enrol", NULL);
    g_autoptr(SoupSession) session = soup_session_new_with_options("timeout", 30, NULL);
    g_autoptr(SoupMessage) message = soup_message_new("POST", address);
    if (!message) {
        failed(error, "the address is none");
        return NULL;
    }
    if (ca_file) {
        g_autoptr(GTlsDatabase) database = g_tls_file_database_new(ca_file, error);
        if (!database)
            return NULL;
        soup_session_set_tls_database(session, database);
    }
    g_autoptr(GBytes) bytes = g_bytes_new(body, strlen(body));
    soup_message_set_request_body_from_bytes(message, "application/json", bytes);
    g_autoptr(GBytes) answer = soup_session_send_and_read(session, message, NULL, error);
    if (!answer)
        return NULL;
    guint status = soup_message_get_status(message);
    if (status != 200 && status != 201) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_FAILED, "enrolment: the server says %u: %.*s", status,
            (int)MIN(g_bytes_get_size(answer), 300), (const char *)g_bytes_get_data(answer, NULL));
        return NULL;
    }
    return g_steal_pointer(&answer);
}

static const char *text_in(JsonObject *object, const char *name)
{
    JsonNode *node = object ? json_object_get_member(object, name) : NULL;
    return node && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
}

static JsonObject *object_in(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);
    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static bool keep(const char *folder, const char *name, const char *text, GError **error)
{
    return bc_keep_write(folder, name, text, strlen(text), 0600, error);
}

static char *link_text(JsonObject *answer, const char *device)
{
    JsonObject *broker = object_in(answer, "broker");
    g_autoptr(JsonBuilder) b = json_builder_new();
    json_builder_begin_object(b);
    json_builder_set_member_name(b, "device");
    json_builder_add_string_value(b, device);
    if (text_in(broker, "host") && *text_in(broker, "host")) {
        json_builder_set_member_name(b, "broker_host");
        json_builder_add_string_value(b, text_in(broker, "host"));
        json_builder_set_member_name(b, "broker_port");
        json_builder_add_int_value(b, json_object_get_int_member_with_default(broker, "port", 8883));
    }
    if (text_in(answer, "media_base")) {
        json_builder_set_member_name(b, "media_base");
        json_builder_add_string_value(b, text_in(answer, "media_base"));
    }
    json_builder_end_object(b);
    g_autoptr(JsonNode) root = json_builder_get_root(b);
    return json_to_string(root, FALSE);
}

/* Who vouched for the server now does so for its files later. */
static bool keep_server_ca(const char *folder, const char *ca_file, GError **error)
{
    g_autofree char *pem = NULL;
    if (!ca_file)
        return bc_keep_remove(folder, "server-ca.pem", error);
    return g_file_get_contents(ca_file, &pem, NULL, error) && keep(folder, "server-ca.pem", pem, error);
}

static bool keep_all(JsonObject *answer, const char *device, const char *key, const char *ca_file, const char *folder, GError **error)
{
    JsonNode *keys = json_object_get_member(answer, "keys");
    g_autofree char *jwks = keys && JSON_NODE_HOLDS_OBJECT(keys) ? json_to_string(keys, FALSE) : NULL, *link = link_text(answer, device);
    if (!text_in(answer, "certificate") || !text_in(answer, "ca") || !jwks)
        return failed(error, "the answer lacks certificate, ca or keys");
    BcTrust *trust = bc_trust_new(jwks, strlen(jwks), error);
    bool usable = trust && bc_trust_count(trust);
    bc_trust_free(trust);
    if (!usable)
        return trust ? failed(error, "the answer has no key of use") : false;
    return keep_server_ca(folder, ca_file, error) && keep(folder, "key.pem", key, error) && keep(folder, "certificate.pem", text_in(answer, "certificate"), error) &&
        keep(folder, "ca.pem", text_in(answer, "ca"), error) && keep(folder, "token", text_in(answer, "token") ? text_in(answer, "token") : "", error) &&
        keep(folder, "keys.jwks", jwks, error) && keep(folder, "link.json", link, error);
}

bool bc_enrol(const char *url, const char *device, const char *code, const char *ca_file, const char *state_dir, GError **error)
{
    g_autofree char *folder = g_build_filename(state_dir, "identity", NULL), *key = NULL, *request = NULL;
    if (g_mkdir_with_parents(folder, 0700) < 0) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_FAILED, "cannot make %s: %s", folder, g_strerror(errno));
        return false;
    }
    if (!bc_enrol_request(device, &key, &request))
        return failed(error, "no key could be made");
    g_autofree char *body = question(device, code, request);
    g_autoptr(GBytes) answer = ask(url, body, ca_file, error);
    gsize len = 0;
    const char *text = answer ? g_bytes_get_data(answer, &len) : NULL;
    g_autoptr(JsonObject) object = text ? bc_json_parse_object(text, len, error) : NULL;
    return object && keep_all(object, device, key, ca_file, folder, error);
}
