/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/alert/cap.h"

#include <math.h>
#include <string.h>
#include "broadcast/alert/xml.h"

#define DSIG_NS "http://www.w3.org/2000/09/xmldsig#"
#define FIELD_MAX 2000u

static const char *const statuses[] = {"Actual", "Exercise", "System", "Test", "Draft", NULL};
static const char *const types[] = {"Alert", "Update", "Cancel", "Ack", "Error", NULL};
static const char *const scopes[] = {"Public", "Restricted", "Private", NULL};
static const char *const urgencies[] = {"Immediate", "Expected", "Future", "Past", "Unknown", NULL};
static const char *const severities[] = {"Extreme", "Severe", "Moderate", "Minor", "Unknown", NULL};
static const char *const certainties[] = {"Observed", "Likely", "Possible", "Unlikely", "Unknown", NULL};
static const char *const categories[] = {"Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra",
                                         "CBRNE", "Other", NULL};
static const char *const responses[] = {"Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None", NULL};

static const char *word_of(const char *const *words, unsigned n, unsigned i)
{
    return i < n ? words[i] : "Unknown";
}

const char *bc_cap_status_to_string(BcCapStatus status)
{
    return word_of(statuses, BC_CAP_STATUS_MAX, status);
}

const char *bc_cap_type_to_string(BcCapType type)
{
    return word_of(types, BC_CAP_TYPE_MAX, type);
}

const char *bc_cap_urgency_to_string(BcCapUrgency urgency)
{
    return word_of(urgencies, BC_CAP_URGENCY_MAX, urgency);
}

const char *bc_cap_severity_to_string(BcCapSeverity severity)
{
    return word_of(severities, BC_CAP_SEVERITY_MAX, severity);
}

const char *bc_cap_certainty_to_string(BcCapCertainty certainty)
{
    return word_of(certainties, BC_CAP_CERTAINTY_MAX, certainty);
}

static int find_word(const char *const *words, const char *word)
{
    for (int i = 0; words[i]; i++)
        if (g_strcmp0(words[i], word) == 0)
            return i;
    return -1;
}

int bc_cap_status_from_string(const char *word)
{
    return find_word(statuses, word);
}

/* --- fields --- */

static bool fault(const xmlNode *node, GError **error, BcError code, const char *format, ...) G_GNUC_PRINTF(4, 5);
static bool fault(const xmlNode *node, GError **error, BcError code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, BC_ERROR, code, "line %ld: <%s>: %s", xmlGetLineNo(node), (const char *)node->name, what);
    return false;
}

/* Takes the text; twice the same element, emptiness and length are faults. */
static bool take_text(const xmlNode *node, gsize max, char **field, GError **error)
{
    g_autofree char *text = bc_xml_text(node);
    if (!text)
        return fault(node, error, BC_ERROR_INVALID, "text is wanted, not elements");
    if (*field)
        return fault(node, error, BC_ERROR_INVALID, "it is there twice");
    if (strlen(text) > max)
        return fault(node, error, BC_ERROR_LIMIT, "%" G_GSIZE_FORMAT " bytes, %" G_GSIZE_FORMAT " are the most", strlen(text), max);
    *field = g_steal_pointer(&text);
    return true;
}

static bool take_word(const xmlNode *node, const char *const *words, int *field, GError **error)
{
    g_autofree char *text = NULL;
    if (*field >= 0)
        return fault(node, error, BC_ERROR_INVALID, "it is there twice");
    if (!take_text(node, FIELD_MAX, &text, error))
        return false;
    *field = find_word(words, text);
    if (*field >= 0)
        return true;
    g_autofree char *list = g_strjoinv(", ", (char **)words);
    return fault(node, error, BC_ERROR_INVALID, "\"%.40s\" is none of %s", text, list);
}

/* 3.1: identifier and sender hold no blanks, commas, "<" or "&". */
static bool take_name(const xmlNode *node, char **field, GError **error)
{
    if (!take_text(node, 255, field, error))
        return false;
    if (!**field || strpbrk(*field, " ,<&\t\r\n") || !bc_text_ok(*field, 255))
        return fault(node, error, BC_ERROR_INVALID, "1 to 255 bytes without blanks, commas, '<' and '&' are wanted");
    return true;
}

int64_t bc_cap_time_us(const char *text)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:ddsdd:dd";
    gsize n = sizeof shape - 1;
    if (!text || strlen(text) != n)
        return -1;
    for (gsize i = 0; i < n; i++) {
        bool fits = shape[i] == 'd'   ? g_ascii_isdigit(text[i])
                    : shape[i] == 's' ? text[i] == '+' || text[i] == '-'
                                      : text[i] == shape[i];
        if (!fits)
            return -1;
    }
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, NULL);
    int64_t us = time ? g_date_time_to_unix(time) * G_USEC_PER_SEC : -1;
    return us > 0 ? us : -1;
}

static bool take_time(const xmlNode *node, int64_t *field, GError **error)
{
    g_autofree char *text = NULL;
    if (*field)
        return fault(node, error, BC_ERROR_INVALID, "it is there twice");
    if (!take_text(node, FIELD_MAX, &text, error))
        return false;
    *field = bc_cap_time_us(text);
    return *field > 0 || fault(node, error, BC_ERROR_INVALID, "\"%.40s\" is no time like 2026-11-23T05:00:00+07:00", text);
}

static void clear_pair(gpointer data)
{
    BcCapPair *pair = data;
    g_free(pair->name);
    g_free(pair->value);
}

static bool take_pair(const xmlNode *node, GArray *pairs, GError **error)
{
    const xmlNode *name = bc_xml_child(node, BC_CAP_NS, "valueName"), *value = bc_xml_child(node, BC_CAP_NS, "value");
    BcCapPair pair = {0};
    if (!name || !value)
        return fault(node, error, BC_ERROR_INVALID, "<valueName> and <value> are wanted in it");
    bool ok = take_text(name, FIELD_MAX, &pair.name, error) && take_text(value, FIELD_MAX, &pair.value, error);
    if (ok && pairs)
        g_array_append_val(pairs, pair);
    else
        clear_pair(&pair);
    return ok;
}

/* --- areas --- */

static bool parse_point(const char *text, BcCapPoint *ret)
{
    char *end;
    const double lat = g_ascii_strtod(text, &end);
    if (end == text || *end != ',')
        return false;
    const char *second = end + 1;
    const double lon = g_ascii_strtod(second, &end);
    *ret = (BcCapPoint){lat, lon};
    return end != second && !*end && fabs(lat) <= 90 && fabs(lon) <= 180;
}

static bool take_polygon(const xmlNode *node, BcCapArea *area, unsigned *points, GError **error)
{
    g_autofree char *text = NULL;
    if (!take_text(node, BC_XML_BYTES_MAX, &text, error))
        return false;
    g_auto(GStrv) words = g_strsplit_set(text, " \t\r\n", -1);
    GArray *polygon = g_array_new(FALSE, FALSE, sizeof(BcCapPoint));
    g_ptr_array_add(area->polygons, polygon);
    for (char **word = words; *word; word++) {
        BcCapPoint point;
        if (!**word)
            continue;
        if (!parse_point(*word, &point))
            return fault(node, error, BC_ERROR_INVALID, "\"%.40s\" is no \"latitude,longitude\" in degrees", *word);
        if (++*points > BC_CAP_POINTS_MAX)
            return fault(node, error, BC_ERROR_LIMIT, "more than %u points", BC_CAP_POINTS_MAX);
        g_array_append_val(polygon, point);
    }
    const BcCapPoint *p = (const BcCapPoint *)polygon->data;
    if (polygon->len < 4 || p[0].lat != p[polygon->len - 1].lat || p[0].lon != p[polygon->len - 1].lon)
        return fault(node, error, BC_ERROR_INVALID, "at least four points are wanted, the last the same as the first");
    return true;
}

static bool take_circle(const xmlNode *node, BcCapArea *area, unsigned *points, GError **error)
{
    g_autofree char *text = NULL;
    if (!take_text(node, FIELD_MAX, &text, error))
        return false;
    BcCapCircle circle;
    char *blank = strpbrk(text, " \t\r\n"), *end = NULL;
    if (blank) {
        *blank++ = '\0';
        blank += strspn(blank, " \t\r\n");
        circle.km = g_ascii_strtod(blank, &end);
    }
    if (!blank || !parse_point(text, &circle.centre) || end == blank || *end || !(circle.km >= 0 && circle.km <= 20100))
        return fault(node, error, BC_ERROR_INVALID, "no \"latitude,longitude kilometres\"");
    if (++*points > BC_CAP_POINTS_MAX)
        return fault(node, error, BC_ERROR_LIMIT, "more than %u points and circles", BC_CAP_POINTS_MAX);
    g_array_append_val(area->circles, circle);
    return true;
}

static void free_area(gpointer data)
{
    BcCapArea *area = data;
    g_free(area->description);
    g_ptr_array_unref(area->polygons);
    g_array_unref(area->circles);
    g_array_unref(area->geocodes);
    g_free(area);
}

static bool is_element(const xmlNode *node)
{
    return node->type == XML_ELEMENT_NODE;
}

static bool is_named(const xmlNode *node, const char *name)
{
    return g_str_equal((const char *)node->name, name);
}

static bool is_cap(const xmlNode *node, GError **error)
{
    if (node->ns && g_str_equal((const char *)node->ns->href, BC_CAP_NS))
        return true;
    return fault(node, error, BC_ERROR_INVALID, "it does not belong here: its namespace is \"%.100s\"", node->ns ? (const char *)node->ns->href : "");
}

static GArray *new_pairs(void)
{
    GArray *pairs = g_array_new(FALSE, FALSE, sizeof(BcCapPair));
    g_array_set_clear_func(pairs, clear_pair);
    return pairs;
}

static bool take_area(const xmlNode *node, BcCapInfo *info, unsigned *points, GError **error)
{
    if (info->areas->len >= BC_CAP_AREAS_MAX)
        return fault(node, error, BC_ERROR_LIMIT, "more than %u areas", BC_CAP_AREAS_MAX);
    BcCapArea *area = g_new0(BcCapArea, 1);
    area->polygons = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    area->circles = g_array_new(FALSE, FALSE, sizeof(BcCapCircle));
    area->geocodes = new_pairs();
    g_ptr_array_add(info->areas, area);
    for (const xmlNode *n = node->children; n; n = n->next) {
        g_autofree char *unused = NULL;
        if (!is_element(n))
            continue;
        bool ok = is_cap(n, error) && (is_named(n, "areaDesc")  ? take_text(n, FIELD_MAX, &area->description, error)
                                       : is_named(n, "polygon") ? take_polygon(n, area, points, error)
                                       : is_named(n, "circle")  ? take_circle(n, area, points, error)
                                       : is_named(n, "geocode") ? take_pair(n, area->geocodes, error)
                                       : is_named(n, "altitude") || is_named(n, "ceiling")
                                           ? take_text(n, FIELD_MAX, &unused, error)
                                           : fault(n, error, BC_ERROR_INVALID, "CAP 1.2 knows no such element in <area>"));
        if (!ok)
            return false;
    }
    return area->description || fault(node, error, BC_ERROR_INVALID, "<areaDesc> is missing in it");
}

/* --- info --- */

static void free_info(gpointer data)
{
    BcCapInfo *info = data;
    char *strings[] = {info->language, info->event, info->sender_name, info->headline, info->description, info->instruction, info->categories};
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++)
        g_free(strings[i]);
    g_array_unref(info->event_codes);
    g_ptr_array_unref(info->areas);
    g_free(info);
}

typedef struct InfoReader {
    BcCapInfo *info;
    int urgency, severity, certainty;
    unsigned *points;
    GString *categories;
} InfoReader;

static bool take_category(const xmlNode *n, InfoReader *r, GError **error)
{
    int category = -1;
    if (!take_word(n, categories, &category, error))
        return false;
    g_string_append_printf(r->categories, "%s%s", r->categories->len ? "," : "", categories[category]);
    return true;
}

static bool take_response(const xmlNode *n, BcCapInfo *info, GError **error)
{
    int response = -1;
    if (!take_word(n, responses, &response, error))
        return false;
    info->all_clear |= g_str_equal(responses[response], "AllClear");
    return true;
}

static bool take_resource(const xmlNode *n, GError **error)
{
    if (!bc_xml_child(n, BC_CAP_NS, "resourceDesc") || !bc_xml_child(n, BC_CAP_NS, "mimeType"))
        return fault(n, error, BC_ERROR_INVALID, "<resourceDesc> and <mimeType> are wanted in it");
    return true; /* not fetched: what is said is text, made here */
}

static bool take_info_element(const xmlNode *n, InfoReader *r, GError **error)
{
    BcCapInfo *info = r->info;
    const struct { const char *name; char **field; gsize max; } texts[] = {
        {"language", &info->language, 64},       {"event", &info->event, FIELD_MAX},
        {"senderName", &info->sender_name, FIELD_MAX}, {"headline", &info->headline, FIELD_MAX},
        {"description", &info->description, BC_CAP_TEXT_MAX}, {"instruction", &info->instruction, BC_CAP_TEXT_MAX}};
    const struct { const char *name; int64_t *field; } times[] = {
        {"effective", &info->effective_us}, {"onset", &info->onset_us}, {"expires", &info->expires_us}};
    const struct { const char *name; const char *const *words; int *field; } words[] = {
        {"urgency", urgencies, &r->urgency}, {"severity", severities, &r->severity}, {"certainty", certainties, &r->certainty}};
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        if (is_named(n, texts[i].name))
            return take_text(n, texts[i].max, texts[i].field, error);
    for (unsigned i = 0; i < G_N_ELEMENTS(times); i++)
        if (is_named(n, times[i].name))
            return take_time(n, times[i].field, error);
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
        if (is_named(n, words[i].name))
            return take_word(n, words[i].words, words[i].field, error);
    g_autofree char *unused = NULL;
    return is_named(n, "category")       ? take_category(n, r, error)
           : is_named(n, "responseType") ? take_response(n, info, error)
           : is_named(n, "eventCode")    ? take_pair(n, info->event_codes, error)
           : is_named(n, "parameter")    ? take_pair(n, NULL, error)
           : is_named(n, "resource")     ? take_resource(n, error)
           : is_named(n, "area")         ? take_area(n, info, r->points, error)
           : is_named(n, "audience") || is_named(n, "web") || is_named(n, "contact")
               ? take_text(n, FIELD_MAX, &unused, error)
               : fault(n, error, BC_ERROR_INVALID, "CAP 1.2 knows no such element in <info>");
}

static bool take_info(const xmlNode *node, BcCap *cap, unsigned *points, GError **error)
{
    if (cap->infos->len >= BC_CAP_INFOS_MAX)
        return fault(node, error, BC_ERROR_LIMIT, "more than %u", BC_CAP_INFOS_MAX);
    BcCapInfo *info = g_new0(BcCapInfo, 1);
    g_autoptr(GString) list = g_string_new(NULL);
    InfoReader r = {info, -1, -1, -1, points, list};
    info->event_codes = new_pairs();
    info->areas = g_ptr_array_new_with_free_func(free_area);
    g_ptr_array_add(cap->infos, info);
    for (const xmlNode *n = node->children; n; n = n->next)
        if (is_element(n) && !(is_cap(n, error) && take_info_element(n, &r, error)))
            return false;
    const char *missing = !list->len         ? "category"
                          : !info->event     ? "event"
                          : r.urgency < 0    ? "urgency"
                          : r.severity < 0   ? "severity"
                          : r.certainty < 0  ? "certainty"
                                             : NULL;
    if (missing)
        return fault(node, error, BC_ERROR_INVALID, "<%s> is missing in it", missing);
    info->urgency = (BcCapUrgency)r.urgency;
    info->severity = (BcCapSeverity)r.severity;
    info->certainty = (BcCapCertainty)r.certainty;
    info->categories = g_strdup(list->str);
    if (!info->language || !*info->language) {
        g_free(info->language);
        info->language = g_strdup("en-US");
    }
    if (info->expires_us && info->expires_us <= MAX(info->effective_us, info->onset_us))
        return fault(node, error, BC_ERROR_INVALID, "<expires> is not after <effective> and <onset>");
    return true;
}

/* --- alert --- */

static void clear_reference(gpointer data)
{
    BcCapReference *reference = data;
    g_free(reference->sender);
    g_free(reference->identifier);
}

static bool take_references(const xmlNode *node, BcCap *cap, GError **error)
{
    g_autofree char *text = NULL;
    if (!take_text(node, BC_CAP_TEXT_MAX, &text, error))
        return false;
    g_auto(GStrv) words = g_strsplit_set(text, " \t\r\n", -1);
    for (char **word = words; *word; word++) {
        if (!**word)
            continue;
        g_auto(GStrv) parts = g_strsplit(*word, ",", 4);
        int64_t sent = g_strv_length(parts) == 3 ? bc_cap_time_us(parts[2]) : -1;
        if (sent < 0 || !*parts[0] || !*parts[1])
            return fault(node, error, BC_ERROR_INVALID, "\"%.100s\" is no \"sender,identifier,sent\"", *word);
        if (cap->references->len >= BC_CAP_REFERENCES_MAX)
            return fault(node, error, BC_ERROR_LIMIT, "more than %u references", BC_CAP_REFERENCES_MAX);
        BcCapReference reference = {g_strdup(parts[0]), g_strdup(parts[1]), sent};
        g_array_append_val(cap->references, reference);
    }
    return true;
}

typedef struct AlertReader {
    BcCap *cap;
    int status, type, scope;
    unsigned points;
    bool restriction, addresses;
    GPtrArray *infos;   /* const xmlNode*, read when the head is known to be good */
} AlertReader;

static bool take_alert_element(const xmlNode *n, AlertReader *r, GError **error)
{
    BcCap *cap = r->cap;
    g_autofree char *text = NULL;
    if (bc_xml_is(n, DSIG_NS, "Signature")) {
        cap->has_signature = true;
        return true;
    }
    if (!is_cap(n, error))
        return false;
    if (is_named(n, "info")) {
        g_ptr_array_add(r->infos, (gpointer)n);
        return true;
    }
    r->restriction |= is_named(n, "restriction");
    r->addresses |= is_named(n, "addresses");
    return is_named(n, "identifier")   ? take_name(n, &cap->identifier, error)
           : is_named(n, "sender")     ? take_name(n, &cap->sender, error)
           : is_named(n, "sent")       ? take_time(n, &cap->sent_us, error)
           : is_named(n, "status")     ? take_word(n, statuses, &r->status, error)
           : is_named(n, "msgType")    ? take_word(n, types, &r->type, error)
           : is_named(n, "scope")      ? take_word(n, scopes, &r->scope, error)
           : is_named(n, "source")     ? take_text(n, FIELD_MAX, &cap->source, error)
           : is_named(n, "note")       ? take_text(n, BC_CAP_TEXT_MAX, &cap->note, error)
           : is_named(n, "incidents")  ? take_text(n, FIELD_MAX, &cap->incidents, error)
           : is_named(n, "references") ? take_references(n, cap, error)
           : is_named(n, "code") || is_named(n, "restriction") || is_named(n, "addresses")
               ? take_text(n, FIELD_MAX, &text, error)
               : fault(n, error, BC_ERROR_INVALID, "CAP 1.2 knows no such element in <alert>");
}

static bool check_alert(const xmlNode *root, AlertReader *r, GError **error)
{
    BcCap *cap = r->cap;
    const char *missing = !cap->identifier                                                     ? "identifier"
                          : !cap->sender                                                       ? "sender"
                          : !cap->sent_us                                                      ? "sent"
                          : r->status < 0                                                      ? "status"
                          : r->type < 0                                                        ? "msgType"
                          : r->scope < 0                                                       ? "scope"
                          : r->scope == BC_CAP_RESTRICTED && !r->restriction                   ? "restriction"
                          : r->scope == BC_CAP_PRIVATE && !r->addresses                        ? "addresses"
                          : (r->type == BC_CAP_UPDATE || r->type == BC_CAP_CANCEL) && !cap->references->len ? "references"
                                                                                               : NULL;
    if (missing)
        return fault(root, error, BC_ERROR_INVALID, "<%s> is missing in it", missing);
    cap->status = (BcCapStatus)r->status;
    cap->type = (BcCapType)r->type;
    cap->scope = (BcCapScope)r->scope;
    for (unsigned i = 0; i < r->infos->len; i++)
        if (!take_info(r->infos->pdata[i], cap, &r->points, error))
            return false;
    if (cap->type <= BC_CAP_UPDATE && cap->infos->len == 0)
        return fault(root, error, BC_ERROR_INVALID, "<info> is missing in it: an alert without one says nothing");
    return true;
}

BcCap *bc_cap_parse(const char *text, gsize len, GError **error)
{
    g_autoptr(xmlDoc) doc = bc_xml_read(text, len, error);
    if (!doc)
        return NULL;
    const xmlNode *root = xmlDocGetRootElement(doc);
    if (!bc_xml_is(root, BC_CAP_NS, "alert")) {
        fault(root, error, BC_ERROR_INVALID, "<alert> in the namespace " BC_CAP_NS " is wanted, this one is in \"%.100s\"",
              root->ns ? (const char *)root->ns->href : "");
        return NULL;
    }
    g_autoptr(BcCap) cap = g_new0(BcCap, 1);
    cap->references = g_array_new(FALSE, FALSE, sizeof(BcCapReference));
    g_array_set_clear_func(cap->references, clear_reference);
    cap->infos = g_ptr_array_new_with_free_func(free_info);
    g_autoptr(GPtrArray) infos = g_ptr_array_new();
    AlertReader r = {.cap = cap, .status = -1, .type = -1, .scope = -1, .infos = infos};
    for (const xmlNode *n = root->children; n; n = n->next)
        if (is_element(n) && !take_alert_element(n, &r, error))
            return NULL;
    return check_alert(root, &r, error) ? g_steal_pointer(&cap) : NULL;
}

void bc_cap_free(BcCap *cap)
{
    if (!cap)
        return;
    char *strings[] = {cap->identifier, cap->sender, cap->source, cap->note, cap->incidents};
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++)
        g_free(strings[i]);
    g_array_unref(cap->references);
    g_ptr_array_unref(cap->infos);
    g_free(cap);
}

/* RFC 4647 3.3.1: "vi" takes "vi" and "vi-VN". */
static bool speaks(const BcCapInfo *info, const char *language)
{
    gsize n = strlen(language);
    return g_ascii_strncasecmp(info->language, language, n) == 0 && (!info->language[n] || info->language[n] == '-');
}

const BcCapInfo *bc_cap_choose(const BcCap *cap, const char *const *languages)
{
    for (unsigned l = 0; languages && languages[l]; l++)
        for (unsigned i = 0; i < cap->infos->len; i++)
            if (speaks(cap->infos->pdata[i], languages[l]))
                return cap->infos->pdata[i];
    return cap->infos->len ? cap->infos->pdata[0] : NULL;
}
