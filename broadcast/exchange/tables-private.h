/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* Shared by tables.c and codec.c. */
#include "broadcast/exchange/tables.h"

typedef enum BcExType { BC_EX_STRING, BC_EX_NUMBER, BC_EX_OBJECT, BC_EX_LIST, BC_EX_TEXTS, BC_EX_INCLUDE, BC_EX_TYPE_MAX } BcExType;
typedef enum BcExUnit { BC_EX_PLAIN, BC_EX_TIME, BC_EX_LENGTH, BC_EX_DAY, BC_EX_FLAG, BC_EX_CODE } BcExUnit;

typedef struct BcExField {
    char *name;               /* ours */
    char **wires;             /* theirs: the first is written, all are read; dots lead into objects */
    BcExType type;
    BcExUnit unit;
    char *of;                 /* code list, or the object inside */
    bool required, always;    /* always: written empty when unknown */
    unsigned line;
} BcExField;

struct BcExTables {
    GHashTable *objects;      /* name -> GPtrArray of BcExField */
    GHashTable *codes, *words; /* "list\001word" -> code, "list\001code" -> word */
    GHashTable *paths, *settings;
};
