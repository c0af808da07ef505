/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/link/json.h"
#include <math.h>
#include <string.h>

typedef struct Scan {
    const char *start, *at, *end;
    const char *problem;
} Scan;

static void skip_space(Scan *s)
{
    while (s->at < s->end && strchr(" \t\r\n", *s->at) && *s->at)
        s->at++;
}

static bool problem(Scan *s, const char *text)
{
    s->problem = text;
    return false;
}

/* The four digits after \u; s->at is on the u and comes to the last digit. */
static bool scan_code(Scan *s, unsigned *ret_code)
{
    unsigned code = 0;

    for (unsigned i = 0; i < 4; i++) {
        if (s->end - s->at <= 1 || !g_ascii_isxdigit(s->at[1]))
            return problem(s, "\\u must be followed by four hexadecimal digits");
        code = code * 16 + (unsigned)g_ascii_xdigit_value(*++s->at);
    }
    *ret_code = code;
    return true;
}

/* s->at is on the u. A NUL would end C strings early, half a surrogate pair is no character: json-glib drops them silently. */
static bool scan_unicode(Scan *s)
{
    unsigned code, low;

    if (!scan_code(s, &code))
        return false;
    if (code == 0)
        return problem(s, "\\u0000 is not allowed in a string");
    if (code < 0xd800 || code > 0xdfff)
        return true;
    if (code > 0xdbff || s->end - s->at < 3 || s->at[1] != '\\' || s->at[2] != 'u')
        return problem(s, "half a surrogate pair in a string");
    s->at += 2;
    return scan_code(s, &low) && ((low >= 0xdc00 && low <= 0xdfff) || problem(s, "half a surrogate pair in a string"));
}

static bool scan_string(Scan *s)
{
    for (s->at++; s->at < s->end; s->at++) {
        unsigned char c = (unsigned char)*s->at;
        if (c == '"') {
            s->at++;
            return true;
        }
        if (c < 0x20)
            return problem(s, "a control character inside a string must be escaped");
        if (c != '\\')
            continue;
        if (++s->at == s->end || !*s->at || !strchr("\"\\/bfnrtu", *s->at))
            return problem(s, "unknown escape in a string");
        if (*s->at == 'u' && !scan_unicode(s))
            return false;
    }
    return problem(s, "a string has no end");
}

static bool scan_digits(Scan *s)
{
    const char *first = s->at;

    while (s->at < s->end && g_ascii_isdigit(*s->at))
        s->at++;
    return s->at > first || problem(s, "a digit is missing in a number");
}

/* What neither an int64 nor a double holds would become another number. */
static bool check_range(Scan *s, const char *start)
{
    g_autofree char *text = g_strndup(start, (gsize)(s->at - start));

    if (strpbrk(text, ".eE"))
        return isfinite(g_ascii_strtod(text, NULL)) || problem(s, "a number is too large");
    return g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, NULL, NULL) || problem(s, "a number is too large");
}

static bool scan_number(Scan *s)
{
    const char *start = s->at;

    if (*s->at == '-')
        s->at++;
    const char *first = s->at;
    if (!scan_digits(s))
        return false;
    if (*first == '0' && s->at - first > 1)
        return problem(s, "a number must not begin with 0");
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!scan_digits(s))
            return false;
    }
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        if (!scan_digits(s))
            return false;
    }
    return s->at - start <= 64 ? check_range(s, start) : problem(s, "a number is too long");
}

static bool scan_word(Scan *s)
{
    static const char *const words[] = {"true", "false", "null"};

    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        gsize len = strlen(words[i]);
        if ((gsize)(s->end - s->at) >= len && memcmp(s->at, words[i], len) == 0) {
            s->at += len;
            return true;
        }
    }
    return problem(s, "a value is missing here");
}

static bool scan_scalar(Scan *s)
{
    if (*s->at == '"')
        return scan_string(s);
    if (*s->at == '-' || g_ascii_isdigit(*s->at))
        return scan_number(s);
    return scan_word(s);
}

static bool scan_key(Scan *s)
{
    skip_space(s);
    if (s->at == s->end || *s->at != '"')
        return problem(s, "a field name in double quotes is missing here");
    if (!scan_string(s))
        return false;
    skip_space(s);
    if (s->at == s->end || *s->at != ':')
        return problem(s, "':' is missing here");
    s->at++;
    return true;
}

/* After a value: close what ends here, step over a comma. *ret_done: the outermost value is complete. */
static bool scan_after(Scan *s, const char *open, unsigned *depth, bool *ret_done)
{
    for (;;) {
        skip_space(s);
        if (*depth == 0) {
            *ret_done = true;
            return s->at == s->end || problem(s, "something follows the end of the JSON value");
        }
        if (s->at == s->end)
            return problem(s, "the text ends in the middle");
        char kind = open[*depth - 1];
        if (*s->at == ',') {
            s->at++;
            return kind == '[' || scan_key(s);
        }
        if (*s->at != (kind == '[' ? ']' : '}'))
            return problem(s, kind == '[' ? "',' or ']' is missing here" : "',' or '}' is missing here");
        s->at++;
        (*depth)--;
    }
}

static bool scan(Scan *s, unsigned depth_max)
{
    char open[BC_JSON_DEPTH_MAX];
    unsigned depth = 0;
    bool done = false;

    while (!done) {
        skip_space(s);
        if (s->at == s->end)
            return problem(s, "a value is missing here");
        if (*s->at == '[' || *s->at == '{') {
            if (depth == depth_max)
                return problem(s, "nested too deep");
            char kind = open[depth++] = *s->at++;
            skip_space(s);
            if (s->at < s->end && *s->at == (kind == '[' ? ']' : '}')) {
                if (!scan_after(s, open, &depth, &done))
                    return false;
            } else if (kind == '{' && !scan_key(s)) {
                return false;
            }
            continue;
        }
        if (!scan_scalar(s) || !scan_after(s, open, &depth, &done))
            return false;
    }
    return true;
}

JsonNode *bc_json_parse(const char *text, gsize len, unsigned depth_max, GError **error)
{
    Scan s = {.start = text, .at = text, .end = text + len};
    const char *bad = NULL;

    if (!g_utf8_validate_len(text, len, &bad)) {
        s.at = bad;
        s.problem = "not valid UTF-8";
    } else {
        scan(&s, depth_max);
    }
    if (s.problem) {
        unsigned line = 1, column = 1;
        for (const char *p = text; p < s.at; p++) {
            column = *p == '\n' ? 1 : column + 1;
            line += *p == '\n';
        }
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_FORMAT, "line %u, byte %u: %s", line, column, s.problem);
        return NULL;
    }
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    GError *local = NULL;
    if (!json_parser_load_from_data(parser, text, (gssize)len, &local)) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_FORMAT, "%s", local->message);
        g_error_free(local);
        return NULL;
    }
    return json_parser_steal_root(parser);
}

JsonObject *bc_json_parse_object(const char *text, gsize len, GError **error)
{
    g_autoptr(JsonNode) node = bc_json_parse(text, len, 12, error);
    if (!node)
        return NULL;
    if (!JSON_NODE_HOLDS_OBJECT(node)) {
        g_set_error_literal(error, BC_LINK_ERROR, BC_LINK_ERROR_FORMAT, "not a JSON object");
        return NULL;
    }
    return json_node_dup_object(node);
}
