/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/area.h"

/* How words are said: "UBND" -> "uỷ ban nhân dân". Each area has its own, on top of those of the areas above it. Control
 * thread. */
typedef struct BcDictionary BcDictionary;

typedef struct BcWord {          /* strings owned by the dictionary, valid until control returns to the main loop */
    const char *area;            /* code */
    const char *written;         /* 1..100 bytes; letters' case does not matter */
    const char *spoken;          /* 1..300 bytes */
} BcWord;

#define BC_DICTIONARY_MAX 20000u     /* words of all areas */
#define BC_DICTIONARY_CSV_MAX (1u << 20)

BcDictionary *bc_dictionary_new(MdStore *store, BcAreas *areas, GError **error);
void bc_dictionary_unref(BcDictionary *dictionary);

/* Of one area (NULL: all), in order of area and written form; unref. */
GPtrArray *bc_dictionary_list(const BcDictionary *dictionary, const char *area);
void bc_dictionary_put(BcDictionary *dictionary, const BcWord *word, BcDoneFn done, void *user);
void bc_dictionary_remove(BcDictionary *dictionary, const char *area, const char *written, BcDoneFn done, void *user);
/* "written,spoken" a line, RFC 4180; replaces what the area has, in one transaction. The error names the line. */
void bc_dictionary_import(BcDictionary *dictionary, const char *area, const char *csv, gsize len, BcDoneFn done, void *user);
char *bc_dictionary_export(const BcDictionary *dictionary, const char *area); /* g_free */

/* text as it is said in that area: whole words only, the longest first, each place once, nearer areas before those above. Everything else, numbers and dates
 * too, stays as it is. g_free. */
char *bc_dictionary_apply(const BcDictionary *dictionary, const char *area, const char *text);

/* Parses the CSV alone: fn for each line. Any thread. */
bool bc_dictionary_parse(const char *csv, gsize len, bool (*fn)(const char *written, const char *spoken, unsigned line, void *user, GError **error),
                         void *user, GError **error);
/* Every line of it that is wrong, from 1 on: code ("one-column") and English text are static. false: it is no table at all. Any thread. */
typedef void (*BcDictionaryFaultFn)(unsigned line, const char *code, const char *text, void *user);
bool bc_dictionary_check(const char *csv, gsize len, BcDictionaryFaultFn fn, void *user, GError **error);
