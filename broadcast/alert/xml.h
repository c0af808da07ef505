/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <glib.h>
#include <libxml/tree.h>
#include "broadcast/types.h"

/* XML from anybody: no document types (so no entities), nothing fetched, and limits on size, depth, elements and attributes that
 * are kept while parsing. Any thread. */
#define BC_XML_BYTES_MAX (256u * 1024)
#define BC_XML_DEPTH_MAX 24u
#define BC_XML_ELEMENTS_MAX 4000u
#define BC_XML_ATTRIBUTES_MAX 64u     /* of one element */

/* BC_ERROR_INVALID with the line, or BC_ERROR_LIMIT. The document is the caller's: xmlFreeDoc. */
xmlDoc *bc_xml_read(const char *text, gsize len, GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)

bool bc_xml_is(const xmlNode *node, const char *ns, const char *name);
const xmlNode *bc_xml_child(const xmlNode *parent, const char *ns, const char *name); /* the first; NULL */
/* Text of an element without its blanks at both ends; elements inside give NULL. g_free. */
char *bc_xml_text(const xmlNode *node);
