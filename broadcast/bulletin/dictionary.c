/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/bulletin/dictionary.h"

#include <string.h>

typedef struct Word {
    BcWord w;
    gunichar *letters; /* written, in lower case, composed */
    glong n;
} Word;

struct BcDictionary { /* g_rc_box */
    MdStore *store;
    BcAreas *areas;
    GHashTable *words; /* "AREA\nwritten folded" -> Word* */
};

/* One code point stays one code point, so that places in the folded text are places in the text. */
static gunichar *fold(const char *text, glong *ret_n)
{
    g_autofree char *composed = g_utf8_normalize(text, -1, G_NORMALIZE_DEFAULT_COMPOSE);
    gunichar *letters = g_utf8_to_ucs4_fast(composed ? composed : "", -1, ret_n);
    for (glong i = 0; i < *ret_n; i++)
        letters[i] = g_unichar_tolower(letters[i]);
    return letters;
}

static char *key_of(const char *area, const char *written)
{
    glong n = 0;
    g_autofree gunichar *letters = fold(written, &n);
    g_autofree char *folded = g_ucs4_to_utf8(letters, n, NULL, NULL, NULL);
    return g_strconcat(area, "\n", folded ? folded : "", NULL);
}

static void free_word(gpointer data)
{
    Word *word = data;
    g_free((char *)word->w.area);
    g_free((char *)word->w.written);
    g_free((char *)word->w.spoken);
    g_free(word->letters);
    g_free(word);
}

static Word *new_word(const char *area, const char *written, const char *spoken)
{
    Word *word = g_new0(Word, 1);
    word->w = (BcWord){g_strdup(area), g_utf8_normalize(written, -1, G_NORMALIZE_DEFAULT_COMPOSE), g_strdup(spoken)};
    word->letters = fold(written, &word->n);
    return word;
}

static void clear_dictionary(gpointer data)
{
    BcDictionary *d = data;
    g_hash_table_unref(d->words);
    bc_areas_unref(d->areas);
}

static void dictionary_unref(gpointer dictionary)
{
    g_rc_box_release_full(dictionary, clear_dictionary);
}

void bc_dictionary_unref(BcDictionary *dictionary)
{
    if (dictionary)
        dictionary_unref(dictionary);
}

BcDictionary *bc_dictionary_new(MdStore *store, BcAreas *areas, GError **error)
{
    BcDictionary *d = g_rc_box_new0(BcDictionary);
    GError *failure = NULL;
    d->store = store;
    d->areas = g_rc_box_acquire(areas);
    d->words = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_word);
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(store), error, "SELECT area, written, spoken FROM bc_dictionary", "");
    while (rows && md_rows_next(rows, &failure))
        g_hash_table_replace(d->words, key_of(md_rows_text(rows, 0), md_rows_text(rows, 1)),
                             new_word(md_rows_text(rows, 0), md_rows_text(rows, 1), md_rows_text(rows, 2)));
    if (failure)
        g_propagate_error(error, failure);
    if (rows && !failure)
        return d;
    dictionary_unref(d);
    return NULL;
}

static int by_area_and_form(gconstpointer x, gconstpointer y)
{
    const BcWord *a = *(const BcWord *const *)x, *b = *(const BcWord *const *)y;
    int order = strcmp(a->area, b->area);
    return order ? order : strcmp(a->written, b->written);
}

GPtrArray *bc_dictionary_list(const BcDictionary *d, const char *area)
{
    GPtrArray *all = bc_table_values(d->words); /* a Word begins with its BcWord */
    for (unsigned i = all->len; area && i-- > 0;)
        if (strcmp(((BcWord *)all->pdata[i])->area, area) != 0)
            g_ptr_array_remove_index_fast(all, i);
    g_ptr_array_sort(all, by_area_and_form);
    return all;
}

/* --- changes --- */

typedef struct Change {
    char *area;
    char *removed;     /* key of what goes, NULL */
    bool replace;      /* what the area has goes first */
    GPtrArray *words;  /* of Word*, owned */
} Change;

static void free_change(gpointer data)
{
    Change *c = data;
    g_free(c->area);
    g_free(c->removed);
    g_ptr_array_unref(c->words);
    g_free(c);
}

static Change *new_change(const char *area)
{
    Change *c = g_new0(Change, 1);
    c->area = g_strdup(area);
    c->words = g_ptr_array_new_with_free_func(free_word);
    return c;
}

/* Words that differ in case alone are one word. */
static bool write_change(MdDb *db, gpointer data, GError **error)
{
    Change *c = data;
    if (c->replace && !md_db_run(db, error, "DELETE FROM bc_dictionary WHERE area = $1", "s", c->area))
        return false;
    if (c->removed && !md_db_run(db, error, "DELETE FROM bc_dictionary WHERE area = $1 AND folded = $2", "ss", c->area, strchr(c->removed, '\n') + 1))
        return false;
    for (unsigned i = 0; i < c->words->len; i++) {
        const Word *word = c->words->pdata[i];
        g_autofree char *key = key_of(word->w.area, word->w.written);
        const char *folded = strchr(key, '\n') + 1;
        if (!md_db_run(db, error, "DELETE FROM bc_dictionary WHERE area = $1 AND folded = $2", "ss", c->area, folded) ||
            !md_db_run(db, error, "INSERT INTO bc_dictionary (area, folded, written, spoken) VALUES ($1, $2, $3, $4)", "ssss", c->area,
                       folded, word->w.written, word->w.spoken))
            return false;
    }
    return true;
}

static void apply_change(gpointer owner, gpointer data)
{
    BcDictionary *d = owner;
    Change *c = data;
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, d->words);
    while (c->replace && g_hash_table_iter_next(&it, NULL, &value))
        if (!strcmp(((Word *)value)->w.area, c->area))
            g_hash_table_iter_remove(&it);
    if (c->removed)
        g_hash_table_remove(d->words, c->removed);
    for (unsigned i = 0; i < c->words->len; i++) {
        const Word *word = c->words->pdata[i];
        g_hash_table_replace(d->words, key_of(c->area, word->w.written), new_word(c->area, word->w.written, word->w.spoken));
    }
}

static void write_words(BcDictionary *d, Change *c, BcDoneFn done, void *user)
{
    bc_write(d->store, write_change, c, free_change, d, dictionary_unref, apply_change, done, user);
}

static void fail(BcDoneFn done, void *user, GError *error /* taken */)
{
    if (done)
        done(error, user);
    g_error_free(error);
}

static const struct {
    const char *code, *text;
} faults[] = {{"written-form", "the written form must have 1 to 100 bytes without control characters"},
              {"spoken-form", "the spoken form must have 1 to 300 bytes without control characters"},
              {"space", "the written form begins or ends with a space"},
              {"open-quote", "a quote is not closed"},
              {"one-column", "there is no second column (written,spoken)"},
              {"more-columns", "more than two columns; put texts with commas in quotes"}};
enum { WRITTEN_FORM, SPOKEN_FORM, SPACE, OPEN_QUOTE, ONE_COLUMN, MORE_COLUMNS, NO_FAULT };

static unsigned word_fault(const char *written, const char *spoken)
{
    glong n = 0;
    if (!bc_text_ok(written, 100))
        return WRITTEN_FORM;
    if (!bc_text_ok(spoken, 300))
        return SPOKEN_FORM;
    g_autofree gunichar *letters = fold(written, &n);
    return g_unichar_isspace(letters[0]) || g_unichar_isspace(letters[n - 1]) ? SPACE : NO_FAULT;
}

static bool word_ok(const char *written, const char *spoken, GError **error)
{
    unsigned fault = word_fault(written, spoken);
    return fault == NO_FAULT || bc_refuse(error, BC_ERROR_INVALID, "%s", faults[fault].text);
}

static bool area_ok(const BcDictionary *d, const char *area, GError **error)
{
    return (area && bc_areas_find(d->areas, area)) || bc_refuse(error, BC_ERROR_NOT_FOUND, "there is no area %s", area ? area : "");
}

void bc_dictionary_put(BcDictionary *d, const BcWord *word, BcDoneFn done, void *user)
{
    GError *error = NULL;
    if (!area_ok(d, word->area, &error) || !word_ok(word->written, word->spoken, &error)) {
        fail(done, user, error);
        return;
    }
    g_autofree char *key = key_of(word->area, word->written);
    if (!g_hash_table_contains(d->words, key) && g_hash_table_size(d->words) >= BC_DICTIONARY_MAX) {
        bc_refuse(&error, BC_ERROR_LIMIT, "the dictionaries hold %u words already", BC_DICTIONARY_MAX);
        fail(done, user, error);
        return;
    }
    Change *c = new_change(word->area);
    g_ptr_array_add(c->words, new_word(word->area, word->written, word->spoken));
    write_words(d, c, done, user);
}

void bc_dictionary_remove(BcDictionary *d, const char *area, const char *written, BcDoneFn done, void *user)
{
    g_autofree char *key = key_of(area, written && g_utf8_validate(written, -1, NULL) ? written : "");
    if (!g_hash_table_contains(d->words, key)) {
        GError *error = NULL;
        bc_refuse(&error, BC_ERROR_NOT_FOUND, "the dictionary of %s has no such word", area);
        fail(done, user, error);
        return;
    }
    Change *c = new_change(area);
    c->removed = g_steal_pointer(&key);
    write_words(d, c, done, user);
}

/* --- CSV --- */

/* One field; *at moves behind it and its separator. *ret_end: the line ends here. false: a quote is not closed. */
static bool take_field(const char **at, const char *end, GString *field, bool *ret_end)
{
    const char *p = *at;
    g_string_truncate(field, 0);
    bool quoted = p < end && *p == '"';
    for (p += quoted; p < end; p++) {
        if (quoted && *p == '"' && p + 1 < end && p[1] == '"')
            g_string_append_c(field, *p++);
        else if (quoted && *p == '"') {
            quoted = false;
            continue;
        } else if (!quoted && (*p == ',' || *p == '\n'))
            break;
        else
            g_string_append_c(field, *p);
    }
    *ret_end = p >= end || *p == '\n';
    if (*ret_end && field->len && field->str[field->len - 1] == '\r')
        g_string_truncate(field, field->len - 1);
    *at = p < end ? p + 1 : p;
    return !quoted;
}

/* One line of the table; written "" and no fault: an empty one. What is wrong with it, at is behind it. */
static unsigned take_line(const char **at, const char *end, GString *written, GString *spoken)
{
    g_autoptr(GString) more = g_string_new(NULL);
    bool last = false;
    g_string_truncate(spoken, 0);
    if (!take_field(at, end, written, &last))
        return OPEN_QUOTE;
    if (last)
        return written->len ? ONE_COLUMN : NO_FAULT;
    if (!take_field(at, end, spoken, &last))
        return OPEN_QUOTE;
    if (last)
        return written->len ? NO_FAULT : WRITTEN_FORM;
    while (!last)
        if (!take_field(at, end, more, &last))
            return OPEN_QUOTE;
    return MORE_COLUMNS;
}

/* Where its lines begin; NULL: it is no table at all. */
static const char *open_table(const char *csv, gsize len, GError **error)
{
    if (len > BC_DICTIONARY_CSV_MAX)
        bc_refuse(error, BC_ERROR_LIMIT, "the table has more than %u bytes", BC_DICTIONARY_CSV_MAX);
    else if (!g_utf8_validate(csv, (gssize)len, NULL) || memchr(csv, 0, len))
        bc_refuse(error, BC_ERROR_INVALID, "the table is no UTF-8 text: save it as \"CSV UTF-8\"");
    else
        return len >= 3 && !memcmp(csv, "\xef\xbb\xbf", 3) ? csv + 3 : csv;
    return NULL;
}

static bool is_heading(unsigned line, const GString *written, const GString *spoken)
{
    return line == 1 && g_str_equal(written->str, "written") && g_str_equal(spoken->str, "spoken");
}

bool bc_dictionary_parse(const char *csv, gsize len, bool (*fn)(const char *, const char *, unsigned, void *, GError **), void *user,
                         GError **error)
{
    g_autoptr(GString) written = g_string_new(NULL), spoken = g_string_new(NULL);
    if (!len)
        csv = ""; /* an empty table may come without an address */
    const char *at = open_table(csv, len, error), *end = csv + len;
    for (unsigned line = 1; at && at < end; line++) {
        unsigned fault = take_line(&at, end, written, spoken);
        if (fault != NO_FAULT)
            return bc_refuse(error, BC_ERROR_INVALID, "line %u: %s", line, faults[fault].text);
        if (written->len && !is_heading(line, written, spoken) && !fn(written->str, spoken->str, line, user, error))
            return false;
    }
    return at != NULL;
}

bool bc_dictionary_check(const char *csv, gsize len, BcDictionaryFaultFn fn, void *user, GError **error)
{
    g_autoptr(GString) written = g_string_new(NULL), spoken = g_string_new(NULL);
    if (!len)
        csv = "";
    const char *at = open_table(csv, len, error), *end = csv + len;
    for (unsigned line = 1; at && at < end; line++) {
        unsigned fault = take_line(&at, end, written, spoken);
        if (fault == NO_FAULT && written->len && !is_heading(line, written, spoken))
            fault = word_fault(written->str, spoken->str);
        if (fault != NO_FAULT)
            fn(line, faults[fault].code, faults[fault].text, user);
    }
    return at != NULL;
}

static bool add_line(const char *written, const char *spoken, unsigned line, void *user, GError **error)
{
    Change *c = user;
    g_autoptr(GError) why = NULL;
    if (!word_ok(written, spoken, &why))
        return bc_refuse(error, BC_ERROR_INVALID, "line %u: %s", line, why->message);
    if (c->words->len >= BC_DICTIONARY_MAX)
        return bc_refuse(error, BC_ERROR_LIMIT, "line %u: the dictionaries hold at most %u words", line, BC_DICTIONARY_MAX);
    g_ptr_array_add(c->words, new_word(c->area, written, spoken));
    return true;
}

void bc_dictionary_import(BcDictionary *d, const char *area, const char *csv, gsize len, BcDoneFn done, void *user)
{
    GError *error = NULL;
    Change *c = new_change(area);
    c->replace = true;
    bool ok = area_ok(d, area, &error) && bc_dictionary_parse(csv, len, add_line, c, &error);
    g_autoptr(GPtrArray) old = ok ? bc_dictionary_list(d, area) : NULL;
    if (ok && g_hash_table_size(d->words) - old->len + c->words->len > BC_DICTIONARY_MAX)
        ok = bc_refuse(&error, BC_ERROR_LIMIT, "the dictionaries hold at most %u words together", BC_DICTIONARY_MAX);
    if (ok) {
        write_words(d, c, done, user);
        return;
    }
    free_change(c);
    fail(done, user, error);
}

static void append_field(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    for (const char *p = text; *p; p++)
        g_string_append_printf(out, *p == '"' ? "\"%c" : "%c", *p);
    g_string_append_c(out, '"');
}

char *bc_dictionary_export(const BcDictionary *d, const char *area)
{
    GString *out = g_string_new("written,spoken\r\n");
    g_autoptr(GPtrArray) all = bc_dictionary_list(d, area);
    for (unsigned i = 0; i < all->len; i++) {
        const BcWord *word = all->pdata[i];
        append_field(out, word->written);
        g_string_append_c(out, ',');
        append_field(out, word->spoken);
        g_string_append(out, "\r\n");
    }
    return g_string_free(out, FALSE);
}

/* --- how it is said --- */

typedef struct Rank {
    const Word *word;
    unsigned depth; /* 0: the area itself */
} Rank;

static int longest_first(gconstpointer x, gconstpointer y)
{
    const Rank *a = x, *b = y;
    return a->word->n != b->word->n ? (a->word->n > b->word->n ? -1 : 1) : a->depth < b->depth ? -1 : a->depth > b->depth;
}

static void free_ranks(gpointer ranks)
{
    g_array_unref(ranks);
}

/* By their first letter, in the order in which they are tried. */
static GHashTable *words_for(const BcDictionary *d, const char *area)
{
    GHashTable *by_letter = g_hash_table_new_full(NULL, NULL, NULL, free_ranks);
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, d->words);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        const Word *word = value;
        unsigned depth = 0;
        const BcArea *at = bc_areas_find(d->areas, area);
        for (; at && strcmp(at->code, word->w.area) != 0 && depth < BC_AREA_DEPTH_MAX; depth++)
            at = at->parent ? bc_areas_find(d->areas, at->parent) : NULL;
        if (!at || strcmp(at->code, word->w.area) != 0)
            continue;
        gpointer letter = GUINT_TO_POINTER(word->letters[0]);
        GArray *ranks = g_hash_table_lookup(by_letter, letter);
        if (!ranks) {
            ranks = g_array_new(FALSE, FALSE, sizeof(Rank));
            g_hash_table_insert(by_letter, letter, ranks);
        }
        g_array_append_vals(ranks, &(Rank){word, depth}, 1);
    }
    g_hash_table_iter_init(&it, by_letter);
    while (g_hash_table_iter_next(&it, NULL, &value))
        g_array_sort(value, longest_first);
    return by_letter;
}

/* Letters, digits and marks make words; Vietnamese tone marks may come as letters' own or as combining characters. */
static bool in_word(gunichar c)
{
    return g_unichar_isalnum(c) || g_unichar_ismark(c) || c == '_';
}

static bool fits(const gunichar *text, glong n, glong at, const Word *word)
{
    glong end = at + word->n;
    if (end > n || memcmp(text + at, word->letters, sizeof *text * (gsize)word->n) != 0)
        return false;
    bool left = at == 0 || !in_word(text[at]) || !in_word(text[at - 1]);
    bool right = end == n || !in_word(text[end - 1]) || !in_word(text[end]);
    return left && right;
}

static const Word *find_at(GHashTable *words, const gunichar *text, glong n, glong at)
{
    const GArray *ranks = g_hash_table_lookup(words, GUINT_TO_POINTER(text[at]));
    for (unsigned i = 0; ranks && i < ranks->len; i++) {
        const Word *word = g_array_index(ranks, Rank, i).word;
        if (fits(text, n, at, word))
            return word;
    }
    return NULL;
}

char *bc_dictionary_apply(const BcDictionary *d, const char *area, const char *text)
{
    glong n = 0, m = 0;
    g_autoptr(GHashTable) words = words_for(d, area);
    if (!g_hash_table_size(words))
        return g_strdup(text);
    g_autofree char *composed = g_utf8_normalize(text, -1, G_NORMALIZE_DEFAULT_COMPOSE);
    g_autofree gunichar *as_is = g_utf8_to_ucs4_fast(composed ? composed : "", -1, &m);
    g_autofree gunichar *folded = fold(text, &n);
    GString *out = g_string_new(NULL);
    for (glong i = 0; i < n;) {
        const Word *word = find_at(words, folded, n, i);
        if (word)
            g_string_append(out, word->w.spoken);
        else
            g_string_append_unichar(out, as_is[i]);
        i += word ? word->n : 1;
    }
    return g_string_free(out, FALSE);
}
