/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/link/jws.h"

#include <string.h>
#include "broadcast/link/json.h"
#include "broadcast/link/key.h"
#include "broadcast/link/protocol.h"

#define KEYS_MAX 16u
#define KEYS_BYTES_MAX 16384u
#define HEADER_MAX 1024u
#define SIGNATURE_BYTES 64u

typedef struct TrustedKey {
    EVP_PKEY *pkey;
    char *id;   /* as the set says, else the thumbprint */
} TrustedKey;

struct BcTrust {
    TrustedKey keys[KEYS_MAX];
    unsigned n;
};

char *bc_jws_sign(const BcKey *key, const char *typ, const char *payload, gsize len, GError **error)
{
    if (len > BC_LINK_MESSAGE_MAX / 4 * 3 - HEADER_MAX) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_LIMIT, "%zu bytes are too many to sign for one message", len);
        return NULL;
    }
    g_autofree char *header = g_strdup_printf("{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"%s\"}", key->id, typ);
    g_autofree char *head = bc_base64url(header, strlen(header));
    g_autofree char *body = bc_base64url(payload, len);
    g_autofree char *text = g_strconcat(head, ".", body, NULL);
    guchar signature[SIGNATURE_BYTES];
    size_t signature_len = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context && EVP_DigestSignInit(context, NULL, NULL, NULL, key->pkey) > 0 &&
              EVP_DigestSign(context, signature, &signature_len, (const guchar *)text, strlen(text)) > 0;
    EVP_MD_CTX_free(context);
    if (!ok) {
        g_set_error_literal(error, BC_LINK_ERROR, BC_LINK_ERROR_FAILED, "the text could not be signed");
        return NULL;
    }
    g_autofree char *tail = bc_base64url(signature, signature_len);
    return g_strconcat(text, ".", tail, NULL);
}

static const char *member(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);
    return node && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
}

/* Keys of other kinds are stepped over (RFC 7517 5). */
static void add_key(BcTrust *trust, JsonNode *node)
{
    if (!JSON_NODE_HOLDS_OBJECT(node) || trust->n == KEYS_MAX)
        return;
    JsonObject *jwk = json_node_get_object(node);
    const char *x = member(jwk, "x"), *kid = member(jwk, "kid"), *use = member(jwk, "use");
    if (g_strcmp0(member(jwk, "kty"), "OKP") != 0 || g_strcmp0(member(jwk, "crv"), "Ed25519") != 0 || !x || strlen(x) > 64 ||
        (use && strcmp(use, "sig") != 0) || (kid && (!*kid || strlen(kid) > 128)))
        return;
    gsize len = 0;
    g_autofree guchar *raw = bc_base64url_decode(x, strlen(x), &len);
    if (!raw || len != BC_KEY_RAW || !bc_key_point_ok(raw))
        return;
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, len);
    if (pkey)
        trust->keys[trust->n++] = (TrustedKey){.pkey = pkey, .id = kid ? g_strdup(kid) : bc_key_thumbprint(x)};
}

BcTrust *bc_trust_new(const char *jwks, gsize len, GError **error)
{
    if (len > KEYS_BYTES_MAX) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_LIMIT, "a key set of %zu bytes, at most %u", len, KEYS_BYTES_MAX);
        return NULL;
    }
    g_autoptr(JsonObject) set = bc_json_parse_object(jwks, len, error);
    if (!set)
        return NULL;
    JsonNode *keys = json_object_get_member(set, "keys");
    if (!keys || !JSON_NODE_HOLDS_ARRAY(keys)) {
        g_set_error_literal(error, BC_LINK_ERROR, BC_LINK_ERROR_FORMAT, "keys: the array is missing");
        return NULL;
    }
    BcTrust *trust = g_new0(BcTrust, 1);
    JsonArray *array = json_node_get_array(keys);
    for (unsigned i = 0; i < json_array_get_length(array); i++)
        add_key(trust, json_array_get_element(array, i));
    if (trust->n)
        return trust;
    bc_trust_free(trust);
    g_set_error_literal(error, BC_LINK_ERROR, BC_LINK_ERROR_FORMAT, "keys: no Ed25519 key among them");
    return NULL;
}

void bc_trust_free(BcTrust *trust)
{
    for (unsigned i = 0; trust && i < trust->n; i++) {
        EVP_PKEY_free(trust->keys[i].pkey);
        g_free(trust->keys[i].id);
    }
    g_free(trust);
}

unsigned bc_trust_count(const BcTrust *trust)
{
    return trust->n;
}

static bool refuse(GError **error, BcLinkError code, const char *text)
{
    g_set_error_literal(error, BC_LINK_ERROR, code, text);
    return false;
}

/* RFC 7515 4.1 and 5.2: one algorithm, no extension that would have to be understood. *ret_kid points into the object. */
static bool check_header(JsonObject *header, const char *typ, const char **ret_kid, GError **error)
{
    if (g_strcmp0(member(header, "alg"), "EdDSA") != 0)
        return refuse(error, BC_LINK_ERROR_FORMAT, "token header: \"alg\" is not EdDSA");
    if (json_object_has_member(header, "crit") || json_object_has_member(header, "b64"))
        return refuse(error, BC_LINK_ERROR_FORMAT, "token header: critical extensions are not known here");
    const char *is = member(header, "typ");
    if (typ && g_strcmp0(is, typ) != 0) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_TYPE, "token header: \"typ\" is %.40s, wanted is %s", is ? is : "missing", typ);
        return false;
    }
    *ret_kid = member(header, "kid");
    return true;
}

static bool fits(EVP_PKEY *pkey, const char *text, gsize len, const guchar *signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, pkey) > 0 &&
              EVP_DigestVerify(context, signature, SIGNATURE_BYTES, (const guchar *)text, len) == 1;
    EVP_MD_CTX_free(context);
    return ok;
}

static bool check_signature(const BcTrust *trust, const char *kid, const char *text, gsize len, const guchar *signature, GError **error)
{
    bool known = false;
    for (unsigned i = 0; i < trust->n; i++) {
        if (kid && strcmp(trust->keys[i].id, kid) != 0)
            continue;
        known = true;
        if (fits(trust->keys[i].pkey, text, len, signature))
            return true;
    }
    return known ? refuse(error, BC_LINK_ERROR_SIGNATURE, "the signature does not fit")
                 : refuse(error, BC_LINK_ERROR_KEY, "signed with a key that is not trusted");
}

GBytes *bc_jws_verify(const BcTrust *trust, const char *typ, const char *token, gsize len, GError **error)
{
    if (len > BC_LINK_MESSAGE_MAX) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_LIMIT, "a token of %zu bytes, at most %u", len, BC_LINK_MESSAGE_MAX);
        return NULL;
    }
    const char *first = memchr(token, '.', len);
    const char *second = first ? memchr(first + 1, '.', len - (gsize)(first + 1 - token)) : NULL;
    if (!second) {
        refuse(error, BC_LINK_ERROR_FORMAT, "not a token of three parts");
        return NULL;
    }
    gsize head_len = 0, body_len = 0, signature_len = 0;
    g_autofree guchar *head = (gsize)(first - token) <= HEADER_MAX ? bc_base64url_decode(token, (gsize)(first - token), &head_len) : NULL;
    g_autofree guchar *signature = bc_base64url_decode(second + 1, len - (gsize)(second + 1 - token), &signature_len);
    if (!head || !signature || signature_len != SIGNATURE_BYTES) {
        refuse(error, BC_LINK_ERROR_FORMAT, head ? "token: the signature is not 64 bytes of base64url" : "token: the header is no base64url");
        return NULL;
    }
    g_autoptr(JsonObject) header = bc_json_parse_object((const char *)head, head_len, error);
    const char *kid = NULL;
    if (!header) {
        g_prefix_error(error, "token header: ");
        return NULL;
    }
    if (!check_header(header, typ, &kid, error) || !check_signature(trust, kid, token, (gsize)(second - token), signature, error))
        return NULL;
    guchar *body = bc_base64url_decode(first + 1, (gsize)(second - first - 1), &body_len);
    if (!body) {
        refuse(error, BC_LINK_ERROR_FORMAT, "token: the payload is no base64url");
        return NULL;
    }
    guchar *closed = g_realloc(body, body_len + 1);
    closed[body_len] = '\0';
    return g_bytes_new_take(closed, body_len);
}
