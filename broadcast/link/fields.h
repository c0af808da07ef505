/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <json-glib/json-glib.h>
#include "broadcast/link/jws.h"

/* Inside this room: a structure and its JSON object, described once. One table reads, writes and frees. */
typedef enum BcFieldKind {
    BC_FIELD_TEXT,     /* char *; max bytes, no control characters; "" stands for the default NULL only when empty_ok */
    BC_FIELD_PAGE,     /* char *; the same with line breaks and tabs */
    BC_FIELD_CODE,     /* char *; [A-Za-z0-9._@:-]{1,max} */
    BC_FIELD_DEVICE,   /* char *; [A-Za-z0-9._-]{1,64}, neither "." nor ".." */
    BC_FIELD_SHA256,   /* char *; 64 lower-case hex digits, absent: "" */
    BC_FIELD_PATH,     /* char *; relative, of [A-Za-z0-9._-] and /, no part of dots alone, absent: "" */
    BC_FIELD_WORD,     /* int; one of words[0..max] */
    BC_FIELD_UINT,     /* unsigned */
    BC_FIELD_INT,      /* int */
    BC_FIELD_U16,      /* uint16_t */
    BC_FIELD_LONG,     /* int64_t */
    BC_FIELD_MS,       /* int64_t microseconds; milliseconds on the wire; min, max and def in milliseconds */
    BC_FIELD_BOOL,     /* bool */
    BC_FIELD_REAL,     /* double; absent: NAN */
    BC_FIELD_OBJECT,   /* the structure itself, embedded */
    BC_FIELD_LIST,     /* pointer to count structures */
    BC_FIELD_ROWS,     /* count structures, embedded */
    BC_FIELD_CODES,    /* char *[max + 1]; NULL-terminated */
    BC_FIELD_VALUE,    /* char * that may be a number: offset of the text, count_offset of the bool that says so */
} BcFieldKind;

typedef struct BcField {
    const char *name;
    BcFieldKind kind;
    gsize offset;
    bool required;
    int64_t min, max, def;     /* numbers: range and what an absent one means; texts: max bytes; lists: max entries */
    const struct BcField *sub; /* ends with a name of NULL */
    gsize size, count_offset;  /* of one entry; of the unsigned that counts them */
    const char *const *words;
} BcField;

void bc_fields_clear(const BcField *table, void *ret);
/* ret must be zeroed; on failure the error names the field by its path and what was read is for bc_fields_clear. */
bool bc_fields_read(const BcField *table, JsonObject *object, void *ret, GError **error);
void bc_fields_write(const BcField *table, const void *from, GString *out);
