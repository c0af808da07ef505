/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules for texts, and rules between settings. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include "config/table.h"

static bool only(const char *text, const char *more, bool upper)
{
    for (const char *p = text; *p; p++)
        if (!(g_ascii_isdigit(*p) || g_ascii_islower(*p) || (upper && g_ascii_isupper(*p)) || strchr(more, *p)))
            return false;
    return *text != '\0';
}

const char *cfg_check_account(const char *text)
{
    return only(text, "._+-", true) ? NULL : "letters, digits, \".\", \"_\", \"+\" and \"-\"";
}

const char *cfg_check_room(const char *text)
{
    if (!only(text, "._-", false))
        return "small letters, digits, \".\", \"_\" and \"-\"";
    return strcmp(text, "echo") == 0 || strcmp(text, "test") == 0 ? "other than echo and test, which are built in" : NULL;
}

const char *cfg_check_code(const char *text)
{
    return only(text, "._-", true) ? NULL : "letters, digits, \".\", \"_\" and \"-\"";
}

const char *cfg_check_topic(const char *text)
{
    return only(text, "._-/", true) ? NULL : "a path such as \"sip/registrar\"";
}

const char *cfg_check_pin(const char *text)
{
    for (const char *p = text; *p; p++)
        if (!g_ascii_isdigit(*p))
            return "4 to 16 digits";
    return NULL;
}

static bool is_address(int family, const char *text)
{
    unsigned char raw[16];
    return inet_pton(family, text, raw) == 1;
}

const char *cfg_check_address4(const char *text)
{
    return is_address(AF_INET, text) ? NULL : "a numeric IPv4 address";
}

const char *cfg_check_address6(const char *text)
{
    return is_address(AF_INET6, text) ? NULL : "a numeric IPv6 address, without brackets";
}

const char *cfg_check_address(const char *text)
{
    bool fine = is_address(AF_INET, text) || is_address(AF_INET6, text);
    return fine ? NULL : "a numeric IPv4 or IPv6 address, without brackets";
}

static bool parse_number(const char *text, unsigned max, unsigned *ret)
{
    unsigned value = 0;
    if (!*text || strlen(text) > 5)
        return false;
    for (const char *p = text; *p; p++) {
        if (!g_ascii_isdigit(*p))
            return false;
        value = value * 10 + (unsigned)(*p - '0');
    }
    *ret = value;
    return value <= max;
}

const char *cfg_check_block(const char *text)
{
    g_autofree char *address = g_strdup(text);
    char *slash = strchr(address, '/');
    unsigned bits = 0;
    if (slash)
        *slash = '\0';
    bool v4 = is_address(AF_INET, address);
    if ((v4 || is_address(AF_INET6, address)) && (!slash || parse_number(slash + 1, v4 ? 32 : 128, &bits)))
        return NULL;
    return "a numeric address or a block such as \"10.0.0.0/8\"";
}

const char *cfg_check_host(const char *text)
{
    return only(text, ".-", true) || is_address(AF_INET6, text) ? NULL : "a host name or a numeric address";
}

/* Splits "1.2.3.4:80" or "[::1]:80"; host without brackets, g_free. */
static bool split_listen(const char *text, char **ret_host)
{
    const char *colon = strrchr(text, ':');
    unsigned port;
    if (!colon || !parse_number(colon + 1, 65535, &port))
        return false;
    bool brackets = text[0] == '[' && colon > text + 1 && colon[-1] == ']';
    g_autofree char *host = brackets ? g_strndup(text + 1, (gsize)(colon - text) - 2) : g_strndup(text, (gsize)(colon - text));
    if (!is_address(brackets ? AF_INET6 : AF_INET, host))
        return false;
    if (ret_host)
        *ret_host = g_steal_pointer(&host);
    return true;
}

/* "name", "*.name", "name:80", "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80". */
const char *cfg_check_fetch_host(const char *text)
{
    const char *host = g_str_has_prefix(text, "*.") ? text + 2 : text, *colon = strrchr(host, ':');
    unsigned port;
    bool plain = !cfg_check_host(host) || split_listen(host, NULL);
    g_autofree char *name = colon ? g_strndup(host, (gsize)(colon - host)) : NULL;
    bool with_port = name && parse_number(colon + 1, 65535, &port) && only(name, ".-", true);
    return *host && (plain || with_port) ? NULL : "a host such as \"live.example.vn\", \"*.example.vn\" or \"192.0.2.7:8000\"";
}

/* "HH:MM"; ends: also "24:00". */
static bool is_time(const char *text, bool ends)
{
    int h = g_ascii_isdigit(text[0]) && g_ascii_isdigit(text[1]) ? (text[0] - '0') * 10 + text[1] - '0' : 99;
    int m = text[2] == ':' && g_ascii_isdigit(text[3]) && g_ascii_isdigit(text[4]) ? (text[3] - '0') * 10 + text[4] - '0' : 99;
    return m < 60 && (h < 24 || (ends && h == 24 && m == 0));
}

const char *cfg_check_quiet_hours(const char *text)
{
    bool hours = strlen(text) == 11 && text[5] == '-' && is_time(text, false) && is_time(text + 6, true) && strncmp(text, text + 6, 5) != 0;
    return hours || g_str_equal(text, "none") ? NULL : "hours such as \"21:30-05:00\", or \"none\"";
}

const char *cfg_check_listen(const char *text)
{
    return split_listen(text, NULL) ? NULL : "an address and port such as \"0.0.0.0:8443\" or \"[::]:8443\"";
}

const char *cfg_check_ice_uri(const char *text)
{
    static const char *const schemes[] = {"stun:", "stuns:", "turn:", "turns:"};
    for (unsigned i = 0; i < G_N_ELEMENTS(schemes); i++)
        if (g_str_has_prefix(text, schemes[i]) && text[strlen(schemes[i])] && !strpbrk(text, " <>\"/@"))
            return NULL;
    return "a server such as \"stun:192.0.2.1:3478\" or \"turn:turn.example.vn:3478?transport=udp\"";
}

const char *cfg_check_path(const char *text)
{
    return text[0] == '/' ? NULL : "an absolute path";
}

const char *cfg_check_sip_uri(const char *text)
{
    bool fine = (g_str_has_prefix(text, "sip:") && text[4]) || (g_str_has_prefix(text, "sips:") && text[5]);
    return fine && !strpbrk(text, " <>\"") ? NULL : "a SIP address such as \"sip:10.0.0.1:5060\"";
}

const char *cfg_check_dial(const char *text)
{
    if (strcmp(text, "*") == 0 || !cfg_check_account(text) || !cfg_check_sip_uri(text))
        return NULL;
    return "an account, a SIP address or \"*\"";
}

const char *cfg_check_store(const char *text)
{
    bool fine = text[0] == '/' || g_str_has_prefix(text, "postgresql://") || g_str_has_prefix(text, "postgres://");
    return fine ? NULL : "an absolute path or postgresql://...";
}

const char *cfg_check_timezone(const char *text)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(text);
    return zone ? NULL : "a time zone name such as \"Asia/Ho_Chi_Minh\"";
}

/* --- between settings --- */

typedef struct Checker {
    const CfgSettings *s;
    CfgReportFn report, warn;
    void *user;
} Checker;

G_GNUC_PRINTF(3, 4) static void fault(Checker *c, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    c->report(path, text, c->user);
}

static void check_sip(Checker *c)
{
    const CfgSip *sip = &c->s->sip;
    if (sip->expires_default_s < sip->expires_min_s || sip->expires_default_s > sip->expires_max_s)
        fault(c, "sip.expires_default_s", "%u must lie between sip.expires_min_s (%u) and sip.expires_max_s (%u)",
              sip->expires_default_s, sip->expires_min_s, sip->expires_max_s);
    if (sip->session_expires_s < sip->min_se_s)
        fault(c, "sip.session_expires_s", "%u must not be below sip.min_se_s (%u)", sip->session_expires_s, sip->min_se_s);
    if (sip->calls_in_max > sip->calls_max)
        fault(c, "sip.calls_in_max", "%u must not exceed sip.calls_max (%u)", sip->calls_in_max, sip->calls_max);
    if (!sip->tls_certificate != !sip->tls_key)
        fault(c, sip->tls_key ? "sip.tls_key" : "sip.tls_certificate",
              "certificate and key go together: set sip.tls_certificate and sip.tls_key, or neither");
    for (unsigned i = 0; i < sip->n_listeners; i++)
        for (unsigned k = 0; k < i; k++) {
            const CfgListener *a = &sip->listeners[k], *b = &sip->listeners[i];
            /* TCP and TLS share the port space */
            if (b->port && a->port == b->port && (a->transport == CFG_UDP) == (b->transport == CFG_UDP) &&
                strcmp(a->address, b->address) == 0) {
                g_autofree char *path = g_strdup_printf("sip.listeners.[%u].port", i);
                fault(c, path, "%u is taken by an earlier listener on the same address", b->port);
            }
        }
    for (unsigned i = 0; i < sip->n_listeners; i++)
        for (char **t = sip->listeners[i].trusted; *t; t++)
            if (g_str_has_suffix(*t, "/0")) {
                g_autofree char *path = g_strdup_printf("sip.listeners.[%u].trusted", i);
                c->warn(path, "everybody is trusted here: anyone who reaches this listener may call without a password", c->user);
            }
}

static void check_media(Checker *c)
{
    const CfgMedia *m = &c->s->media;
    const CfgVideo *v = &c->s->video;
    if (m->port_min % 2)
        fault(c, "media.port_min", "%u must be even", m->port_min);
    if (m->port_max < m->port_min + 3)
        fault(c, "media.port_max", "%u must be at least media.port_min + 3 (%u)", m->port_max, m->port_min + 3);
    if (m->jitter_max_ms < m->jitter_min_ms)
        fault(c, "media.jitter_max_ms", "%u must not be below media.jitter_min_ms (%u)", m->jitter_max_ms, m->jitter_min_ms);
    bool known = false;
    for (unsigned i = 0; i < v->n_classes; i++) {
        g_autofree char *path = g_strdup_printf("video.classes.[%u].width", i);
        known = known || g_strcmp0(v->classes[i].name, v->max_class) == 0;
        if (v->classes[i].width % 2 || v->classes[i].height % 2)
            fault(c, path, "%u x %u: width and height must be even", v->classes[i].width, v->classes[i].height);
    }
    if (!known)
        fault(c, "video.max_class", "\"%s\" is none of video.classes", v->max_class);
}

static void check_broadcast(Checker *c)
{
    const CfgBroadcast *b = &c->s->broadcast;
    if (b->frame_ms % 20)
        fault(c, "broadcast.frame_ms", "%u must be 20, 40 or 60", b->frame_ms);
    if (b->port % 2)
        fault(c, "broadcast.port", "%u must be even", b->port);
}

static void check_api(Checker *c)
{
    const CfgApi *a = &c->s->api;
    if (!a->tls_certificate != !a->tls_key)
        fault(c, a->tls_key ? "api.tls_key" : "api.tls_certificate",
              "certificate and key go together: set api.tls_certificate and api.tls_key, or neither");
    for (char **l = a->listen; a->allow_http && *l; l++) {
        g_autofree char *host = NULL;
        if (!split_listen(*l, &host) || g_str_has_prefix(host, "127.") || strcmp(host, "::1") == 0)
            continue;
        fault(c, "api.allow_http", "plain HTTP is for loopback only, but api.listen has \"%s\"; put 127.0.0.1 or [::1] there, "
                                   "or turn allow_http off", *l);
        return;
    }
}

static void check_places(Checker *c)
{
    const CfgSettings *s = c->s;
    g_autoptr(GHashTable) areas = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) accounts = g_hash_table_new(g_str_hash, g_str_equal);
    if (s->province.code)
        g_hash_table_add(areas, s->province.code);
    for (unsigned i = 0; i < s->n_areas; i++) {
        const CfgArea *a = &s->areas[i];
        g_autofree char *path = g_strdup_printf("areas.[%u].parent", i);
        if (a->parent && !g_hash_table_contains(areas, a->parent))
            fault(c, path, "no area \"%s\" was named before this one", a->parent);
        if (a->code)
            g_hash_table_add(areas, a->code);
    }
    for (unsigned i = 0; i < s->n_sites; i++) {
        const CfgSite *site = &s->sites[i];
        g_autofree char *path = g_strdup_printf("sites.[%u].area", i);
        if (site->area && !g_hash_table_contains(areas, site->area))
            fault(c, path, "there is no area \"%s\"", site->area);
        if (site->account)
            g_hash_table_add(accounts, site->account);
    }
    for (unsigned i = 0; i < s->n_rooms; i++) {
        const CfgRoom *room = &s->rooms[i];
        g_autofree char *path = g_strdup_printf("rooms.[%u].chair_pin", i);
        if (room->pin && room->chair_pin && strcmp(room->pin, room->chair_pin) == 0)
            fault(c, path, "must differ from pin");
        if (room->wait_for_chair && !room->chair_pin)
            c->warn(path, "wait_for_chair without a chair_pin: only an account with the role chair can begin", c->user);
        if (room->name && g_hash_table_contains(accounts, room->name)) {
            g_autofree char *name_path = g_strdup_printf("rooms.[%u].name", i);
            fault(c, name_path, "\"%s\" is an account under sites already", room->name);
        }
    }
    for (unsigned i = 0; i < s->n_trunks; i++) {
        g_autofree char *path = g_strdup_printf("trunks.[%u].username", i);
        if (!s->trunks[i].username != !s->trunks[i].password_file)
            fault(c, path, "username and password_file go together");
    }
}

void cfg_check_together(const CfgSettings *settings, CfgReportFn report, CfgReportFn warn, void *user)
{
    Checker c = {settings, report, warn, user};
    const CfgConference *conference = &settings->conference;
    check_sip(&c);
    check_media(&c);
    check_broadcast(&c);
    check_api(&c);
    check_places(&c);
    if (conference->redial_max_s < conference->redial_first_s)
        fault(&c, "conference.redial_max_s", "%u must not be below conference.redial_first_s (%u)", conference->redial_max_s,
              conference->redial_first_s);
}
