/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/alert/feed.h"

#include <string.h>
#include <libsoup/soup.h>
#include "broadcast/alert/xml.h"

#define ATOM_NS "http://www.w3.org/2005/Atom"
#define FIRST_US (G_USEC_PER_SEC)
#define LINK_MAX 2000u

/* --- the index --- */

static void add_link(GPtrArray *links, const char *base, const char *href)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *absolute = href && strlen(href) <= LINK_MAX ? g_uri_resolve_relative(base, href, G_URI_FLAGS_NONE, &error) : NULL;
    if (absolute && links->len < BC_FEED_LINKS_MAX && (g_str_has_prefix(absolute, "http://") || g_str_has_prefix(absolute, "https://")))
        g_ptr_array_add(links, g_steal_pointer(&absolute));
}

/* Of several links of an entry the one that says it is CAP, else the first that is no other page about it. */
static void add_entry(GPtrArray *links, const char *base, const xmlNode *entry)
{
    g_autofree char *best = NULL;
    for (const xmlNode *n = entry->children; n; n = n->next) {
        if (!bc_xml_is(n, ATOM_NS, "link"))
            continue;
        xmlChar *href = xmlGetNoNsProp(n, BAD_CAST "href"), *type = xmlGetNoNsProp(n, BAD_CAST "type");
        bool is_cap = g_strcmp0((const char *)type, "application/cap+xml") == 0;
        bool other = type && !is_cap && !g_str_has_suffix((const char *)type, "xml");
        if (href && (is_cap || (!best && !other))) {
            g_free(best);
            best = g_strdup((const char *)href);
        }
        xmlFree(href);
        xmlFree(type);
    }
    add_link(links, base, best);
}

static void add_item(GPtrArray *links, const char *base, const xmlNode *item)
{
    const xmlNode *link = bc_xml_child(item, "", "link");
    g_autofree char *text = link ? bc_xml_text(link) : NULL;
    if (text && *text)
        add_link(links, base, text);
}

char **bc_feed_links(const char *xml, gsize len, const char *base, bool *ret_is_cap, GError **error)
{
    g_autoptr(xmlDoc) doc = bc_xml_read(xml, len, error);
    if (!doc)
        return NULL;
    const xmlNode *root = xmlDocGetRootElement(doc);
    const xmlNode *channel = bc_xml_is(root, "", "rss") ? bc_xml_child(root, "", "channel") : NULL;
    bool atom = bc_xml_is(root, ATOM_NS, "feed");
    *ret_is_cap = bc_xml_is(root, BC_CAP_NS, "alert");
    if (!atom && !channel && !*ret_is_cap) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "line %ld: <%s>: neither an Atom nor an RSS index nor a CAP message", xmlGetLineNo(root),
                    (const char *)root->name);
        return NULL;
    }
    GPtrArray *links = g_ptr_array_new();
    for (const xmlNode *n = atom ? root->children : channel ? channel->children : NULL; n; n = n->next) {
        if (bc_xml_is(n, ATOM_NS, "entry"))
            add_entry(links, base, n);
        else if (channel && bc_xml_is(n, "", "item"))
            add_item(links, base, n);
    }
    g_ptr_array_add(links, NULL);
    return (char **)g_ptr_array_free(links, FALSE);
}

/* --- asking --- */

struct BcFeed {
    BcFeedOptions o;
    char *url, *name;
    char **hosts, **areas, **senders;
    MdLogger logger;
    SoupSession *session;
    GCancellable *cancel;
    BcTimer timer;
    char *etag, *modified;
    GHashTable *seen;     /* set of char* */
    GQueue order;         /* the same, oldest first */
    GQueue waiting;       /* links to fetch, char* owned */
    char *last_fault;
    unsigned fetching;
};

typedef struct Fetch {
    BcFeed *feed;
    SoupMessage *message;
    char *url;
    bool index;
    GByteArray *bytes;
    uint8_t chunk[16384];
} Fetch;

static void fetch(BcFeed *feed, const char *url, bool index);
static void on_poll(BcTimer *timer, void *user);

static void free_fetch(Fetch *f)
{
    f->feed->fetching--;
    g_clear_object(&f->message);
    g_byte_array_unref(f->bytes);
    g_free(f->url);
    g_free(f);
}

/* The index is read anew next time, whether it has changed or not. */
static void forget_index(BcFeed *feed)
{
    g_clear_pointer(&feed->etag, g_free);
    g_clear_pointer(&feed->modified, g_free);
}

/* A fault is told once, not every minute. */
static void fault(BcFeed *feed, const char *url, const char *what)
{
    g_autofree char *text = g_strdup_printf("%s: %s", url, what);
    if (g_strcmp0(text, feed->last_fault) == 0)
        return;
    md_warning(&feed->logger, "alert source %s: %s", feed->name, text);
    g_free(feed->last_fault);
    feed->last_fault = g_steal_pointer(&text);
}

static void next(BcFeed *feed)
{
    g_autofree char *url = g_queue_pop_head(&feed->waiting);
    if (url)
        fetch(feed, url, false);
    else
        bc_timer_at(feed->o.timers, &feed->timer, md_clock_now_us(bc_timers_clock(feed->o.timers)) + (int64_t)feed->o.poll_s * G_USEC_PER_SEC, on_poll,
                    feed);
}

static bool may_go(const BcFeed *feed, const char *url)
{
    g_autoptr(GUri) own = g_uri_parse(feed->url, G_URI_FLAGS_NONE, NULL), to = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
    if (!own || !to || g_uri_get_userinfo(to))
        return false;
    if (g_strcmp0(g_uri_get_host(own), g_uri_get_host(to)) == 0)
        return g_uri_get_port(own) == g_uri_get_port(to) && g_strcmp0(g_uri_get_scheme(own), g_uri_get_scheme(to)) == 0;
    return feed->hosts && g_uri_get_host(to) && g_strv_contains((const char *const *)feed->hosts, g_uri_get_host(to));
}

static void take_link(BcFeed *feed, const char *url)
{
    if (g_hash_table_contains(feed->seen, url))
        return;
    if (!may_go(feed, url)) {
        fault(feed, url, "the index links to another host (alert.feed_hosts)");
        return;
    }
    g_queue_push_tail(&feed->waiting, g_strdup(url));
}

static void remember(BcFeed *feed, const char *url)
{
    if (g_hash_table_contains(feed->seen, url))
        return;
    char *copy = g_strdup(url);
    g_hash_table_add(feed->seen, copy);
    g_queue_push_tail(&feed->order, copy);
    if (g_queue_get_length(&feed->order) > BC_FEED_SEEN_MAX)
        g_hash_table_remove(feed->seen, g_queue_pop_head(&feed->order));
}

/* Stored, known already or refused for good: not fetched again. Anything else (the disk) is tried at the next poll. */
typedef struct Taken { BcFeed *feed; char *url; } Taken;

static GHashTable *alive; /* set of BcFeed*: a write may end after its feed */

static void on_taken(const BcAlert *alert, bool duplicate, const GError *error, void *user)
{
    Taken *taken = user;
    bool lasting = !error || error->domain == BC_ERROR;
    bool ours = alive && g_hash_table_contains(alive, taken->feed);
    if (lasting && ours)
        remember(taken->feed, taken->url);
    else if (ours)
        forget_index(taken->feed);
    g_free(taken->url);
    g_free(taken);
}

static void take_message(BcFeed *feed, const char *url, const char *xml, gsize len)
{
    BcAlertSource source = feed->o.source;
    Taken *taken = g_new0(Taken, 1);
    *taken = (Taken){feed, g_strdup(url)};
    bc_alerts_take_cap(feed->o.alerts, &source, xml, len, on_taken, taken);
}

static void take(Fetch *f)
{
    BcFeed *feed = f->feed;
    const char *xml = (const char *)f->bytes->data;
    bool is_cap = !f->index;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) links = f->index ? bc_feed_links(xml, f->bytes->len, f->url, &is_cap, &error) : NULL;
    if (error)
        fault(feed, f->url, error->message);
    else if (is_cap)
        take_message(feed, f->url, xml, f->bytes->len);
    else
        g_clear_pointer(&feed->last_fault, g_free);
    for (char **link = links; link && *link && !is_cap; link++)
        take_link(feed, *link);
}

static void end(Fetch *f)
{
    BcFeed *feed = f->feed;
    free_fetch(f);
    next(feed);
}

static void on_chunk(GObject *stream, GAsyncResult *result, gpointer user)
{
    Fetch *f = user;
    g_autoptr(GError) error = NULL;
    gssize n = g_input_stream_read_finish(G_INPUT_STREAM(stream), result, &error);
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        free_fetch(f);
        return;
    }
    if (n > 0 && f->bytes->len + (gsize)n <= BC_XML_BYTES_MAX) {
        g_byte_array_append(f->bytes, f->chunk, (guint)n);
        g_input_stream_read_async(G_INPUT_STREAM(stream), f->chunk, sizeof f->chunk, G_PRIORITY_DEFAULT, f->feed->cancel, on_chunk, f);
        return;
    }
    if (n > 0)
        fault(f->feed, f->url, "it is larger than 256 KiB");
    else if (error)
        fault(f->feed, f->url, error->message);
    else
        take(f);
    if (error)
        forget_index(f->feed);
    end(f);
}

static void on_reply(GObject *session, GAsyncResult *result, gpointer user)
{
    Fetch *f = user;
    g_autoptr(GError) error = NULL;
    g_autoptr(GInputStream) stream = soup_session_send_finish(SOUP_SESSION(session), result, &error);
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        free_fetch(f);
        return;
    }
    guint status = stream ? soup_message_get_status(f->message) : 0;
    if (status == 200) {
        BcFeed *feed = f->feed;
        SoupMessageHeaders *h = soup_message_get_response_headers(f->message);
        if (f->index) {
            g_free(feed->etag);
            g_free(feed->modified);
            feed->etag = g_strdup(soup_message_headers_get_one(h, "ETag"));
            feed->modified = g_strdup(soup_message_headers_get_one(h, "Last-Modified"));
        }
        g_input_stream_read_async(stream, f->chunk, sizeof f->chunk, G_PRIORITY_DEFAULT, feed->cancel, on_chunk, f);
        return;
    }
    if (status != 304) {
        g_autofree char *what = stream ? g_strdup_printf("answered %u", status) : g_strdup(error->message);
        fault(f->feed, f->url, what);
        forget_index(f->feed);
    }
    end(f);
}

static void fetch(BcFeed *feed, const char *url, bool index)
{
    SoupMessage *message = soup_message_new("GET", url);
    if (!message) {
        next(feed);
        return;
    }
    SoupMessageHeaders *h = soup_message_get_request_headers(message);
    soup_message_add_flags(message, SOUP_MESSAGE_NO_REDIRECT); /* it might lead anywhere */
    soup_message_headers_replace(h, "Accept", "application/cap+xml, application/atom+xml, application/rss+xml, application/xml, text/xml");
    if (index && feed->etag)
        soup_message_headers_replace(h, "If-None-Match", feed->etag);
    if (index && feed->modified)
        soup_message_headers_replace(h, "If-Modified-Since", feed->modified);
    Fetch *f = g_new0(Fetch, 1);
    *f = (Fetch){.feed = feed, .message = message, .url = g_strdup(url), .index = index, .bytes = g_byte_array_new()};
    feed->fetching++;
    soup_session_send_async(feed->session, message, G_PRIORITY_DEFAULT, feed->cancel, on_reply, f);
}

static void on_poll(BcTimer *timer, void *user)
{
    BcFeed *feed = user;
    fetch(feed, feed->url, true);
}

BcFeed *bc_feed_new(const BcFeedOptions *options, GError **error)
{
    g_autoptr(GUri) uri = g_uri_parse(options->url, G_URI_FLAGS_NONE, NULL);
    const char *scheme = uri ? g_uri_get_scheme(uri) : "";
    if (!uri || !g_uri_get_host(uri) || !*g_uri_get_host(uri) || (strcmp(scheme, "http") && strcmp(scheme, "https"))) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "\"%s\" is no address to poll (http:// or https://)", options->url);
        return NULL;
    }
    BcFeed *feed = g_new0(BcFeed, 1);
    feed->o = *options;
    feed->o.poll_s = MAX(options->poll_s, 1);
    feed->url = g_strdup(options->url);
    feed->name = g_strdup(options->source.name);
    feed->hosts = g_strdupv((char **)options->hosts);
    feed->areas = g_strdupv((char **)options->source.areas);
    feed->senders = g_strdupv((char **)options->source.senders);
    feed->o.source.name = feed->name;
    feed->o.source.areas = (const char *const *)feed->areas;
    feed->o.source.senders = (const char *const *)feed->senders;
    feed->logger = options->logger ? md_logger_child(options->logger, "alert/feed") : (MdLogger){0};
    feed->cancel = g_cancellable_new();
    feed->session = soup_session_new_with_options("timeout", BC_FEED_TIMEOUT_S, "idle-timeout", 60, "user-agent", "mediad", "max-conns", 2,
                                                  "max-conns-per-host", 2, NULL);
    feed->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (!alive)
        alive = g_hash_table_new(NULL, NULL);
    g_hash_table_add(alive, feed);
    bc_timer_at(feed->o.timers, &feed->timer, md_clock_now_us(bc_timers_clock(feed->o.timers)) + FIRST_US, on_poll, feed);
    return feed;
}

void bc_feed_free(BcFeed *feed)
{
    if (!feed)
        return;
    g_hash_table_remove(alive, feed);
    bc_timer_cancel(&feed->timer);
    g_cancellable_cancel(feed->cancel);
    while (feed->fetching) /* cancelled ones come back soon */
        g_main_context_iteration(NULL, TRUE);
    g_clear_object(&feed->session);
    g_clear_object(&feed->cancel);
    g_queue_clear(&feed->order);
    g_queue_clear_full(&feed->waiting, g_free);
    g_hash_table_unref(feed->seen);
    g_strfreev(feed->hosts);
    g_strfreev(feed->areas);
    g_strfreev(feed->senders);
    g_free(feed->etag);
    g_free(feed->modified);
    g_free(feed->last_fault);
    g_free(feed->name);
    g_free(feed->url);
    g_free(feed);
}
