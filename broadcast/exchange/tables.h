/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <json-glib/json-glib.h>
#include "broadcast/types.h"

/* How our words are called by others: names of fields, codes, paths. All of it stands in a CSV table (deploy/samples/data/exchange-codes.csv,
 * docs/exchange.md), so that an official annex is put in by editing that. In memory a message is a JSON object with our names and units;
 * on the wire it is what the table says. Tables are immutable and counted; any thread may read, the control thread counts. */
typedef struct BcExTables BcExTables;

#define BC_EX_TABLE_MAX (1024u * 1024)
#define BC_EX_MESSAGE_MAX (4u * 1024 * 1024) /* bytes of one message */
#define BC_EX_LIST_MAX 5000u                 /* entries of one list */
#define BC_EX_TEXT_MAX (64u * 1024)          /* bytes of one text */

/* INVALID with "FILE:LINE: what is wrong and how to mend it". */
BcExTables *bc_ex_tables_load(const char *path, GError **error);
BcExTables *bc_ex_tables_parse(const char *text, gsize len, const char *name, GError **error);
BcExTables *bc_ex_tables_ref(BcExTables *tables);
void bc_ex_tables_unref(BcExTables *tables);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcExTables, bc_ex_tables_unref)

/* Borrowed; NULL: the table does not say. */
const char *bc_ex_path(const BcExTables *tables, const char *peer, const char *object);
const char *bc_ex_setting(const BcExTables *tables, const char *name, const char *fallback);
/* Code of our word in a list ("priority", "emergency"), and the other way round (spaces and leading zeros aside). NULL: none. */
const char *bc_ex_code(const BcExTables *tables, const char *list, const char *word);
const char *bc_ex_word(const BcExTables *tables, const char *list, const char *code);

/* Ours to the wire; what ours does not have is left out, unless required ("" or 0 is written then for texts and numbers that may be
 * unknown: the type says so with a trailing "?" in the table). INVALID names the field. */
JsonObject *bc_ex_write(const BcExTables *tables, const char *object, JsonObject *ours, GError **error);
char *bc_ex_write_text(const BcExTables *tables, const char *object, JsonObject *ours, GError **error); /* g_free */
/* The wire to ours: letter case of names does not count, numbers and texts stand for each other, fields nobody knows are skipped. */
JsonObject *bc_ex_read(const BcExTables *tables, const char *object, JsonObject *wire, GError **error);
JsonObject *bc_ex_read_text(const BcExTables *tables, const char *object, const char *text, gsize len, GError **error);
/* The same for a text that is one object or a list of them, bare or as the answer's content; of JsonObject*, unref. */
GPtrArray *bc_ex_read_list(const BcExTables *tables, const char *object, const char *text, gsize len, GError **error);
/* A member of any object by its name, letter case aside. NULL none. */
JsonNode *bc_ex_member(JsonObject *object, const char *name);

/* Reading what bc_ex_read has made: NULL, fallback. Borrowed. */
const char *bc_ex_text(JsonObject *ours, const char *name);
int64_t bc_ex_int(JsonObject *ours, const char *name, int64_t fallback);
