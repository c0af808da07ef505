/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/digest.h"
#include <pthread.h>
#include <openssl/evp.h>
#include "sip/message.h"

static EVP_MD *digests[SG_ALGORITHM_MAX]; /* fetched once: a fetch costs more than the hash */
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

static void fetch(void)
{
    digests[SG_ALGORITHM_MD5] = EVP_MD_fetch(NULL, "MD5", NULL);
    digests[SG_ALGORITHM_SHA256] = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!digests[SG_ALGORITHM_MD5] || !digests[SG_ALGORITHM_SHA256])
        g_error("OpenSSL offers no MD5 or SHA-256");
}

const char *sg_algorithm_to_string(SgAlgorithm algorithm)
{
    return algorithm == SG_ALGORITHM_SHA256 ? "SHA-256" : "MD5";
}

/* Hash of parts joined by ':', as hexadecimal text. */
static void hash_parts(SgAlgorithm algorithm, const struct pl *parts, unsigned n, SgHashHex ret)
{
    static const char hex[] = "0123456789abcdef";
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t md[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    pthread_once(&fetched, fetch);
    EVP_DigestInit_ex2(context, digests[algorithm], NULL);
    for (unsigned i = 0; i < n; i++) {
        if (i > 0)
            EVP_DigestUpdate(context, ":", 1);
        EVP_DigestUpdate(context, parts[i].p ? parts[i].p : "", parts[i].p ? parts[i].l : 0);
    }
    EVP_DigestFinal_ex(context, md, &len);
    EVP_MD_CTX_free(context);
    for (unsigned i = 0; i < len; i++) {
        ret[i * 2] = hex[md[i] >> 4];
        ret[i * 2 + 1] = hex[md[i] & 15];
    }
    ret[len * 2] = '\0';
}

static struct pl text(const char *s)
{
    struct pl pl = {s, s ? strlen(s) : 0};

    return pl;
}

void sg_ha1(SgAlgorithm algorithm, const char *name, const char *realm, const char *password, SgHashHex ret)
{
    struct pl parts[] = {text(name), text(realm), text(password)};

    hash_parts(algorithm, parts, 3, ret);
}

static void respond(SgAlgorithm algorithm, const char *ha1, const struct pl *nonce, const struct pl *nc, const struct pl *cnonce,
                    const struct pl *qop, const struct pl *method, const struct pl *uri, SgHashHex ret)
{
    struct pl a2[] = {*method, *uri};
    SgHashHex ha2;

    hash_parts(algorithm, a2, 2, ha2);
    if (qop) {
        struct pl parts[] = {text(ha1), *nonce, *nc, *cnonce, *qop, text(ha2)};

        hash_parts(algorithm, parts, 6, ret);
    } else {
        struct pl parts[] = {text(ha1), *nonce, text(ha2)};

        hash_parts(algorithm, parts, 3, ret);
    }
}

void sg_digest_expect(const SgCredentials *credentials, const struct pl *method, const char *ha1, SgHashHex ret)
{
    respond(credentials->algorithm, ha1, &credentials->nonce, &credentials->nc, &credentials->cnonce, &credentials->qop, method,
            &credentials->uri, ret);
}

bool sg_digest_equal(const struct pl *given, const char *expected)
{
    size_t len = strlen(expected);
    unsigned difference = 0;

    if (given->l != len)
        return false;
    for (size_t i = 0; i < len; i++)
        difference |= (unsigned)(g_ascii_tolower(given->p[i]) ^ expected[i]);
    return difference == 0;
}

/* Next name=value of a comma-separated list; quotes are taken off. */
static bool next_field(const char **p, const char *end, struct pl *name, struct pl *value)
{
    const char *s = *p;

    while (s < end && (*s == ' ' || *s == '\t' || *s == ',' || *s == '\r' || *s == '\n'))
        s++;
    name->p = s;
    while (s < end && *s != '=' && *s != ',')
        s++;
    if (s >= end || *s != '=')
        return false;
    name->l = (size_t)(s - name->p);
    while (name->l > 0 && (name->p[name->l - 1] == ' ' || name->p[name->l - 1] == '\t'))
        name->l--;
    s++;
    while (s < end && (*s == ' ' || *s == '\t'))
        s++;
    if (s < end && *s == '"') {
        value->p = ++s;
        while (s < end && *s != '"')
            s += *s == '\\' && s + 1 < end ? 2 : 1;
        if (s >= end)
            return false;
        value->l = (size_t)(s++ - value->p);
    } else {
        value->p = s;
        while (s < end && *s != ',' && *s != ' ' && *s != '\t' && *s != '\r')
            s++;
        value->l = (size_t)(s - value->p);
    }
    *p = s;
    return true;
}

static bool start_digest(const struct pl *value, const char **p, const char **end)
{
    if (!value->p || value->l < 8 || strncasecmp(value->p, "Digest", 6) != 0 || (value->p[6] != ' ' && value->p[6] != '\t'))
        return false;
    *p = value->p + 7;
    *end = value->p + value->l;
    return true;
}

static bool parse_algorithm(const struct pl *value, SgAlgorithm *ret)
{
    if (pl_strcasecmp(value, "MD5") == 0)
        *ret = SG_ALGORITHM_MD5;
    else if (pl_strcasecmp(value, "SHA-256") == 0)
        *ret = SG_ALGORITHM_SHA256;
    else
        return false;
    return true;
}

bool sg_credentials_parse(SgCredentials *credentials, const struct pl *value)
{
    struct {
        const char *name;
        struct pl *to;
    } fields[] = {
        {"username", &credentials->username}, {"realm", &credentials->realm}, {"nonce", &credentials->nonce},
        {"uri", &credentials->uri}, {"response", &credentials->response}, {"cnonce", &credentials->cnonce},
        {"nc", &credentials->nc}, {"qop", &credentials->qop},
    };
    struct pl name, field;
    const char *p, *end;
    char nc[9];

    memset(credentials, 0, sizeof(*credentials));
    if (!start_digest(value, &p, &end))
        return false;
    while (next_field(&p, end, &name, &field)) {
        if (pl_strcasecmp(&name, "algorithm") == 0 && !parse_algorithm(&field, &credentials->algorithm))
            return false;
        for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++)
            if (pl_strcasecmp(&name, fields[i].name) == 0)
                *fields[i].to = field;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++)
        if (!pl_isset(fields[i].to))
            return false;
    if (pl_strcasecmp(&credentials->qop, "auth") != 0 || credentials->nc.l != 8)
        return false;
    pl_strcpy(&credentials->nc, nc, sizeof(nc));
    if (strspn(nc, "0123456789abcdefABCDEF") != 8)
        return false;
    credentials->count = (uint32_t)strtoul(nc, NULL, 16);
    return credentials->count > 0;
}

/* "auth" among "auth,auth-int" */
static bool offers_auth(const struct pl *qop)
{
    const char *p = qop->p, *end = qop->p + qop->l;

    while (p < end) {
        const char *stop = memchr(p, ',', (size_t)(end - p));
        struct pl word;

        if (!stop)
            stop = end;
        while (p < stop && *p == ' ')
            p++;
        word.p = p;
        word.l = (size_t)(stop - p);
        while (word.l > 0 && word.p[word.l - 1] == ' ')
            word.l--;
        if (pl_strcasecmp(&word, "auth") == 0)
            return true;
        p = stop + 1;
    }
    return false;
}

bool sg_challenge_parse(SgChallenge *challenge, const struct pl *value)
{
    struct pl name, field, qop = PL_INIT;
    const char *p, *end;

    memset(challenge, 0, sizeof(*challenge));
    if (!start_digest(value, &p, &end))
        return false;
    while (next_field(&p, end, &name, &field)) {
        if (pl_strcasecmp(&name, "realm") == 0)
            challenge->realm = field;
        else if (pl_strcasecmp(&name, "nonce") == 0)
            challenge->nonce = field;
        else if (pl_strcasecmp(&name, "opaque") == 0)
            challenge->opaque = field;
        else if (pl_strcasecmp(&name, "qop") == 0)
            qop = field;
        else if (pl_strcasecmp(&name, "stale") == 0)
            challenge->stale = pl_strcasecmp(&field, "true") == 0;
        else if (pl_strcasecmp(&name, "algorithm") == 0 && !parse_algorithm(&field, &challenge->algorithm))
            return false;
    }
    if (!challenge->realm.p || !pl_isset(&challenge->nonce))
        return false;
    challenge->qop_auth = pl_isset(&qop);
    return !challenge->qop_auth || offers_auth(&qop);
}

char *sg_authorization(const SgChallenge *challenge, const char *name, const char *password, const char *method,
                       const char *uri, uint32_t count, const char *cnonce)
{
    struct pl pl_method = text(method), pl_uri = text(uri), qop = text("auth"), pl_cnonce = text(cnonce), nc;
    char *realm = sg_pl_dup(&challenge->realm);
    GString *out = g_string_new(NULL);
    SgHashHex ha1, response;
    char nc_text[9];

    g_snprintf(nc_text, sizeof(nc_text), "%08x", count);
    nc = text(nc_text);
    sg_ha1(challenge->algorithm, name, realm, password, ha1);
    respond(challenge->algorithm, ha1, &challenge->nonce, &nc, &pl_cnonce, challenge->qop_auth ? &qop : NULL, &pl_method, &pl_uri,
            response);
    g_string_append_printf(out, "Digest username=\"%s\", realm=\"%s\", nonce=\"%.*s\", uri=\"%s\", response=\"%s\", algorithm=%s",
                           name, realm, SG_PL(challenge->nonce), uri, response, sg_algorithm_to_string(challenge->algorithm));
    if (challenge->qop_auth)
        g_string_append_printf(out, ", qop=auth, nc=%s, cnonce=\"%s\"", nc_text, cnonce);
    if (challenge->opaque.p)
        g_string_append_printf(out, ", opaque=\"%.*s\"", SG_PL(challenge->opaque));
    g_free(realm);
    return g_string_free(out, FALSE);
}
