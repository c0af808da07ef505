/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/alert/xml.h"

#include <string.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>

typedef struct Reader {
    unsigned depth, elements;
    GError *error;
    startElementNsSAX2Func start;
    endElementNsSAX2Func end;
} Reader;

static void refuse(xmlParserCtxt *ctxt, BcError code, const char *what)
{
    Reader *reader = ctxt->_private;
    if (!reader->error)
        reader->error = g_error_new(BC_ERROR, code, "line %d: %s", ctxt->input ? ctxt->input->line : 0, what);
    xmlStopParser(ctxt);
}

static void on_doctype(void *user, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id)
{
    refuse(user, BC_ERROR_INVALID, "document types and entities are refused (<!DOCTYPE>)");
}

static void on_start(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int n_namespaces, const xmlChar **namespaces,
                     int n_attributes, int n_defaulted, const xmlChar **attributes)
{
    xmlParserCtxt *ctxt = user;
    Reader *reader = ctxt->_private;
    if (reader->error)
        return;
    if (++reader->depth > BC_XML_DEPTH_MAX)
        refuse(ctxt, BC_ERROR_LIMIT, "elements are nested too deep");
    else if (++reader->elements > BC_XML_ELEMENTS_MAX)
        refuse(ctxt, BC_ERROR_LIMIT, "there are too many elements");
    else if (n_attributes + n_namespaces > (int)BC_XML_ATTRIBUTES_MAX)
        refuse(ctxt, BC_ERROR_LIMIT, "an element has too many attributes");
    else
        reader->start(user, name, prefix, uri, n_namespaces, namespaces, n_attributes, n_defaulted, attributes);
}

static void on_end(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    Reader *reader = ((xmlParserCtxt *)user)->_private;
    if (reader->error)
        return;
    reader->depth--;
    reader->end(user, name, prefix, uri);
}

static void on_fault(void *user, xmlError *fault)
{
    xmlParserCtxt *ctxt = user;
    Reader *reader = ctxt->_private;
    if (fault->level < XML_ERR_ERROR || reader->error || !fault->message)
        return;
    g_autofree char *message = g_utf8_make_valid(fault->message, -1);
    reader->error = g_error_new(BC_ERROR, BC_ERROR_INVALID, "line %d: no well-formed XML: %s", fault->line, g_strstrip(message));
}

/* Nothing outside the document is ever loaded, whatever somebody else in the process has set. */
static xmlParserInput *load_nothing(const char *url, const char *id, xmlParserCtxt *ctxt)
{
    return NULL;
}

static gpointer init_once(gpointer data)
{
    xmlInitParser();
    xmlSetExternalEntityLoader(load_nothing);
    return GINT_TO_POINTER(1);
}

static xmlParserCtxt *new_context(Reader *reader)
{
    static GOnce once = G_ONCE_INIT;
    g_once(&once, init_once, NULL);
    xmlParserCtxt *ctxt = xmlCreatePushParserCtxt(NULL, NULL, NULL, 0, NULL);
    if (!ctxt)
        return NULL;
    xmlCtxtUseOptions(ctxt, XML_PARSE_NONET | XML_PARSE_NOCDATA);
    ctxt->_private = reader;
    reader->start = ctxt->sax->startElementNs;
    reader->end = ctxt->sax->endElementNs;
    ctxt->sax->startElementNs = on_start;
    ctxt->sax->endElementNs = on_end;
    ctxt->sax->internalSubset = on_doctype;
    ctxt->sax->serror = on_fault;
    return ctxt;
}

xmlDoc *bc_xml_read(const char *text, gsize len, GError **error)
{
    if (len == 0 || len > BC_XML_BYTES_MAX) {
        g_set_error(error, BC_ERROR, len ? BC_ERROR_LIMIT : BC_ERROR_INVALID, "%" G_GSIZE_FORMAT " bytes of XML: 1 to %u are taken", len, BC_XML_BYTES_MAX);
        return NULL;
    }
    Reader reader = {0};
    xmlParserCtxt *ctxt = new_context(&reader);
    if (!ctxt) {
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "no memory for the XML parser");
        return NULL;
    }
    xmlParseChunk(ctxt, text, (int)len, 0);
    if (!reader.error)
        xmlParseChunk(ctxt, NULL, 0, 1);
    xmlDoc *doc = ctxt->myDoc;
    bool ok = !reader.error && ctxt->wellFormed && doc && xmlDocGetRootElement(doc);
    ctxt->myDoc = NULL;
    xmlFreeParserCtxt(ctxt);
    if (ok)
        return doc;
    xmlFreeDoc(doc);
    if (reader.error)
        g_propagate_error(error, reader.error);
    else
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "no well-formed XML");
    return NULL;
}

bool bc_xml_is(const xmlNode *node, const char *ns, const char *name)
{
    return node && node->type == XML_ELEMENT_NODE && g_strcmp0((const char *)node->name, name) == 0 &&
           g_strcmp0(node->ns ? (const char *)node->ns->href : "", ns) == 0;
}

const xmlNode *bc_xml_child(const xmlNode *parent, const char *ns, const char *name)
{
    for (const xmlNode *node = parent ? parent->children : NULL; node; node = node->next)
        if (bc_xml_is(node, ns, name))
            return node;
    return NULL;
}

char *bc_xml_text(const xmlNode *node)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (const xmlNode *part = node->children; part; part = part->next) {
        if (part->type == XML_ELEMENT_NODE || part->type == XML_ENTITY_REF_NODE)
            return NULL;
        if ((part->type == XML_TEXT_NODE || part->type == XML_CDATA_SECTION_NODE) && part->content)
            g_string_append(text, (const char *)part->content);
    }
    return g_strstrip(g_string_free(g_steal_pointer(&text), FALSE));
}
