/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stddef.h>
#include "config/settings.h"

/* The one table of settings, and who walks it: load.c, print.c, manual.c, diff.c. Inside config/ only. */
typedef enum CfgType {
    CFG_TYPE_BOOL,
    CFG_TYPE_UINT,   /* unsigned */
    CFG_TYPE_INT,    /* int */
    CFG_TYPE_DOUBLE,
    CFG_TYPE_TEXT,   /* char *, UTF-8, length in bytes between min and max */
    CFG_TYPE_WORD,   /* char *, one of words */
    CFG_TYPE_ENUM,   /* int, index of one of words; -1 when there is neither value nor default */
    CFG_TYPE_TEXTS,  /* char **, NULL-terminated, min to max of them */
    CFG_TYPE_ENUMS,  /* int * and count, min to max of them, no word twice */
    CFG_TYPE_GROUP,
    CFG_TYPE_LIST,   /* struct * and count, min to max of them */
} CfgType;

enum {
    CFG_REQUIRED = 1, /* no default: must be in the file */
    CFG_RESTART = 2,  /* a change takes effect at the next start */
    CFG_SECRET = 4,   /* never printed */
    CFG_UNIQUE = 8,   /* names the element of a list: no two alike */
};

typedef struct CfgSection CfgSection;
typedef struct CfgKey {
    const char *name;
    CfgType type;
    const char *unit;          /* "seconds"; NULL: none */
    const char *fallback;      /* default as it would stand in the file; NULL: unset */
    const char *example;       /* for the sample, where there is no default */
    double min, max;
    const char *const *words;  /* NULL-terminated */
    const char *(*check)(const char *text); /* NULL: fine; else what is permitted, to follow "must be" */
    const CfgSection *section; /* of a group or list */
    size_t offset, count_offset;
    unsigned flags;
    const char *help;          /* whole sentences */
} CfgKey;

struct CfgSection {
    const CfgKey *keys;
    unsigned n_keys;
    size_t size;               /* of the struct */
};

extern const CfgSection cfg_root;

/* Text rules (check.c): NULL when fine, else the rule. */
const char *cfg_check_account(const char *text);
const char *cfg_check_address(const char *text);
const char *cfg_check_address4(const char *text);
const char *cfg_check_address6(const char *text);
const char *cfg_check_block(const char *text);
const char *cfg_check_code(const char *text);
const char *cfg_check_dial(const char *text);
const char *cfg_check_host(const char *text);
const char *cfg_check_fetch_host(const char *text);
const char *cfg_check_quiet_hours(const char *text);
const char *cfg_check_listen(const char *text);
const char *cfg_check_ice_uri(const char *text); /* RFC 7064, 7065 */
const char *cfg_check_path(const char *text);
const char *cfg_check_pin(const char *text);
const char *cfg_check_room(const char *text);
const char *cfg_check_sip_uri(const char *text);
const char *cfg_check_store(const char *text);
const char *cfg_check_timezone(const char *text);
const char *cfg_check_topic(const char *text);

/* "30 to 3600 seconds", "one of udp, tcp, tls", "text of 1 to 64 bytes". g_free. */
char *cfg_range_to_string(const CfgKey *key);

/* Rules between settings (check.c). report is called with the path of the setting to blame. */
typedef void (*CfgReportFn)(const char *path, const char *fault, void *user);
void cfg_check_together(const CfgSettings *settings, CfgReportFn report, CfgReportFn warn, void *user);
