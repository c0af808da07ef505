/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Second factors at rest: the secrets are in the store encrypted under a key in the state folder: neither alone makes a code. */
#include "mediad/api/second-factor.h"
#include <sodium.h>
#include <string.h>

#define KEY_BYTES crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES

bool md_api_factor_read_key(MdApi *api, GError **error)
{
    g_autofree char *path = g_build_filename(api->state_dir, "second-factor.key", NULL);
    g_autofree char *bytes = NULL;
    gsize size = 0;

    if (api->factor_key)
        return true;
    GError *local = NULL;
    if (!g_file_get_contents(path, &bytes, &size, &local)) {
        if (!g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
            g_propagate_error(error, local);
            return false;
        }
        g_error_free(local);
        bytes = g_malloc(size = KEY_BYTES);
        randombytes_buf(bytes, size);
        if (!g_file_set_contents_full(path, bytes, (gssize)size, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error))
            return false;
    }
    if (size != KEY_BYTES) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s is not the key it should be: put back the one of this database", path);
        return false;
    }
    api->factor_key = g_memdup2(bytes, KEY_BYTES);
    sodium_memzero(bytes, size);
    return true;
}

/* The account's name is sealed in: a secret moved to another row opens nothing. */
char *md_api_factor_seal(MdApi *api, const char *user, const guint8 secret[MD_TOTP_SECRET_BYTES])
{
    guint8 box[NONCE_BYTES + MD_TOTP_SECRET_BYTES + TAG_BYTES];

    randombytes_buf(box, NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(box + NONCE_BYTES, NULL, secret, MD_TOTP_SECRET_BYTES, (const guint8 *)user, strlen(user),
                                               NULL, box, api->factor_key);
    return g_base64_encode(box, sizeof box);
}

static bool unseal(MdApi *api, const char *user, const char *text, guint8 ret[MD_TOTP_SECRET_BYTES], GError **error)
{
    gsize size = 0;
    g_autofree guint8 *box = g_base64_decode(text, &size);

    if (size == NONCE_BYTES + MD_TOTP_SECRET_BYTES + TAG_BYTES &&
        crypto_aead_xchacha20poly1305_ietf_decrypt(ret, NULL, NULL, box + NONCE_BYTES, size - NONCE_BYTES, (const guint8 *)user,
                                                   strlen(user), box, api->factor_key) == 0)
        return true;
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                "the second factor of %s does not open with second-factor.key: put back the key of this database", user);
    return false;
}

bool md_api_factor_load(MdApi *api, const char *user, Factor *ret, GError **error)
{
    GError *local = NULL;

    *ret = (Factor){0};
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(api->store), error,
                                         "SELECT secret, pending, last_step, (SELECT count(*) FROM md_recovery_codes c WHERE c.user_name = "
                                         "f.user_name) FROM md_factors f WHERE user_name = $1",
                                         "s", user);
    if (!rows)
        return false;
    if (!md_rows_next(rows, &local)) {
        if (local)
            g_propagate_error(error, local);
        return !local;
    }
    const char *secret = md_rows_text(rows, 0), *pending = md_rows_text(rows, 1);
    ret->enrolled = secret != NULL;
    ret->has_pending = pending != NULL;
    ret->last_step = md_rows_int(rows, 2);
    ret->recovery_left = md_rows_int(rows, 3);
    return md_api_factor_read_key(api, error) && (!secret || unseal(api, user, secret, ret->secret, error)) &&
           (!pending || unseal(api, user, pending, ret->pending, error));
}

bool md_api_factor_enrolled(MdApi *api, const char *user)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(api->store), NULL, "SELECT 1 FROM md_factors WHERE user_name = $1 AND secret IS NOT NULL",
                                         "s", user);

    return rows && md_rows_next(rows, NULL);
}

bool md_api_factor_required(const MdApi *api, MdApiRole role)
{
    return api->second_factor_roles && g_strv_contains((const char *const *)api->second_factor_roles, md_api_role_to_string(role));
}
