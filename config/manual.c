/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table as mediad.conf(5). */
#include <string.h>
#include "config/table.h"

/* Text for troff: no accidental requests or hyphens. */
static void append_escaped(GString *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        g_string_append(out, "\\&");
    for (; *text; text++) {
        if (*text == '\\')
            g_string_append(out, "\\e");
        else if (*text == '-')
            g_string_append(out, "\\-");
        else
            g_string_append_c(out, *text);
    }
}

static void append_key(GString *out, const CfgKey *key, const char *prefix)
{
    g_autofree char *range = cfg_range_to_string(key);
    g_string_append(out, ".TP\n.B ");
    append_escaped(out, prefix);
    append_escaped(out, key->name);
    g_string_append_c(out, '\n');
    append_escaped(out, key->help);
    g_string_append_c(out, '\n');
    g_string_append(out, "Type: ");
    append_escaped(out, range);
    g_string_append(out, ".\n");
    if (key->flags & CFG_REQUIRED)
        g_string_append(out, "Must be given");
    else
        g_string_append(out, key->fallback ? "Default: " : "No default");
    if (!(key->flags & CFG_REQUIRED) && key->fallback)
        append_escaped(out, key->fallback);
    g_string_append(out, ".\n");
    if (key->flags & CFG_RESTART)
        g_string_append(out, "Takes effect at the next start.\n");
}

static void append_section(GString *out, const CfgSection *section, const char *prefix)
{
    for (unsigned i = 0; i < section->n_keys; i++) {
        const CfgKey *key = &section->keys[i];
        append_key(out, key, prefix);
        if (key->type != CFG_TYPE_LIST)
            continue;
        g_autofree char *inner = g_strdup_printf("%s%s[].", prefix, key->name);
        append_section(out, key->section, inner);
    }
}

char *cfg_man_page(void)
{
    GString *out = g_string_new(
        ".\\\" Made from the table of settings (config/table.c).\n"
        ".TH MEDIAD.CONF 5 \"\" \"mediad\" \"File formats\"\n"
        ".SH NAME\nmediad.conf \\- settings of the media server mediad\n"
        ".SH SYNOPSIS\n.I /etc/mediad/mediad.conf\n"
        ".SH DESCRIPTION\n"
        "The file is written in libconfig syntax: groups\n.RB ( \"name: { ... };\" ),\nlists of groups\n"
        ".RB ( \"name = ( { ... }, { ... } );\" ),\nand settings\n.RB ( \"name = value;\" ).\n"
        "Text stands in double quotes and is UTF\\-8. Lines that begin with # are comments.\n"
        ".B @include \\(dqfile\\(dq\nreads another file of the same folder at that place.\n.PP\n"
        "An unknown name is an error, not ignored.\n"
        ".B mediad \\-\\-config\n.I FILE\n.B \\-\\-check\nreads the file and tells every fault with its line and what is permitted;\n"
        ".B \\-\\-print\\-config\nshows all settings in force.\n"
        "On SIGHUP the file is read again: if it is faulty the old settings stay and the log says why; settings that take effect at the\n"
        "next start only are named there.\n.PP\n"
        "Passwords never stand in this file. PINs of rooms may; then nobody but mediad should be able to read it.\n");
    for (unsigned i = 0; i < cfg_root.n_keys; i++) {
        const CfgKey *key = &cfg_root.keys[i];
        g_autofree char *title = g_ascii_strup(key->name, -1);
        g_string_append_printf(out, ".SH %s\n", title);
        append_escaped(out, key->help);
        g_string_append_c(out, '\n');
        if (key->type == CFG_TYPE_LIST) {
            g_autofree char *range = cfg_range_to_string(key);
            g_string_append(out, "This is ");
            append_escaped(out, range);
            g_string_append(out, ".\n");
        }
        append_section(out, key->section, "");
    }
    g_string_append(out, ".SH FILES\n.I /etc/mediad/mediad.conf\n.SH SEE ALSO\n.BR mediad (8),\n.BR mediactl (1)\n");
    return g_string_free(out, FALSE);
}
