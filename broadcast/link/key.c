/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/link/key.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <string.h>
#include <unistd.h>

G_DEFINE_QUARK(bc-link-error-quark, bc_link_error)

char *bc_base64url(const void *data, gsize len)
{
    char *text = g_base64_encode(data, len);
    char *end = text;
    for (; *end && *end != '='; end++)
        *end = *end == '+' ? '-' : *end == '/' ? '_' : *end;
    *end = '\0';
    return text;
}

guchar *bc_base64url_decode(const char *text, gsize len, gsize *ret_len)
{
    if (len % 4 == 1)
        return NULL;
    g_autofree char *plain = g_malloc(len + 4);
    for (gsize i = 0; i < len; i++) {
        char c = text[i];
        if (!g_ascii_isalnum(c) && c != '-' && c != '_')
            return NULL;
        plain[i] = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    gsize padded = len;
    while (padded % 4)
        plain[padded++] = '=';
    plain[padded] = '\0';
    gsize out = 0;
    guchar *data = g_base64_decode(plain, &out);
    g_autofree char *again = bc_base64url(data, out);
    if (strlen(again) != len || memcmp(again, text, len) != 0) { /* bits beyond the last byte: two texts for one value */
        g_free(data);
        return NULL;
    }
    *ret_len = out;
    return data;
}

char *bc_key_thumbprint(const char *x)
{
    g_autofree char *canonical = g_strdup_printf("{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}", x);
    guchar digest[32];
    unsigned len = sizeof digest;
    if (!EVP_Digest(canonical, strlen(canonical), digest, &len, EVP_sha256(), NULL))
        return NULL;
    return bc_base64url(digest, len);
}

/* y of the eight points of small order, in both encodings that decode to them (the sign bit is left out). */
bool bc_key_point_ok(const guchar raw[BC_KEY_RAW])
{
    static const guchar bad[][BC_KEY_RAW] = {
        {0},
        {1},
        {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
         0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
        {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
         0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
        {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    };
    guchar y[BC_KEY_RAW];
    memcpy(y, raw, sizeof y);
    y[BC_KEY_RAW - 1] &= 0x7f;
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        if (memcmp(y, bad[i], sizeof y) == 0)
            return false;
    return true;
}

/* Takes pkey. NULL: no Ed25519 key. */
static BcKey *wrap(EVP_PKEY *pkey)
{
    guchar raw[BC_KEY_RAW];
    size_t len = sizeof raw;
    if (!pkey || EVP_PKEY_get_id(pkey) != EVP_PKEY_ED25519 || !EVP_PKEY_get_raw_public_key(pkey, raw, &len)) {
        EVP_PKEY_free(pkey);
        return NULL;
    }
    BcKey *key = g_new0(BcKey, 1);
    key->pkey = pkey;
    key->x = bc_base64url(raw, len);
    key->id = bc_key_thumbprint(key->x);
    return key;
}

BcKey *bc_key_generate(void)
{
    return wrap(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
}

void bc_key_free(BcKey *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    g_free(key->id);
    g_free(key->x);
    g_free(key);
}

const char *bc_key_id(const BcKey *key)
{
    return key->id;
}

char *bc_key_public_jwk(const BcKey *key)
{
    return g_strdup_printf("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\",\"kid\":\"%s\",\"alg\":\"EdDSA\",\"use\":\"sig\"}", key->x,
                           key->id);
}

static bool fail(GError **error, const char *path, const char *what)
{
    g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_FAILED, "signing key %s: %s", path, what);
    return false;
}

static bool sync_folder(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

/* Under another name first: a key that is half there would lock every loudspeaker out. */
static bool store(const BcKey *key, const char *path, GError **error)
{
    g_autofree char *fresh = g_strdup_printf("%s.new", path);
    g_unlink(fresh);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(error, path, g_strerror(errno));
    FILE *file = fdopen(fd, "w");
    bool ok = file && PEM_write_PrivateKey(file, key->pkey, NULL, NULL, 0, NULL, NULL) && fflush(file) == 0 && fsync(fd) == 0;
    if (file)
        ok = fclose(file) == 0 && ok;
    else
        close(fd);
    if (ok && g_rename(fresh, path) == 0 && sync_folder(path))
        return true;
    g_unlink(fresh);
    return fail(error, path, "cannot be written; is the disk full?");
}

BcKey *bc_key_open(const char *path, GError **error)
{
    FILE *file = fopen(path, "re");
    if (file) {
        BcKey *key = wrap(PEM_read_PrivateKey(file, NULL, NULL, (void *)""));
        fclose(file);
        if (!key)
            fail(error, path, "is no Ed25519 key in PKCS#8 PEM; put the right file back: every loudspeaker trusts that key alone");
        return key;
    }
    if (errno != ENOENT) {
        fail(error, path, g_strerror(errno));
        return NULL;
    }
    BcKey *key = bc_key_generate();
    if (!key) {
        fail(error, path, "cannot be made");
        return NULL;
    }
    if (store(key, path, error))
        return key;
    bc_key_free(key);
    return NULL;
}
