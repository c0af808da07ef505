/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/telemetry.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

void bc_telemetry_new(BcLinkTelemetry *telemetry)
{
    telemetry->n = 0;
    telemetry->readings = g_new0(BcLinkReading, BC_LINK_READINGS_MAX);
}

void bc_telemetry_add(BcLinkTelemetry *telemetry, const char *name, bool number, const char *source, int64_t at_us, const char *format, ...)
{
    if (telemetry->n >= BC_LINK_READINGS_MAX)
        return;
    va_list args;
    va_start(args, format);
    BcLinkReading *reading = &telemetry->readings[telemetry->n++];
    *reading = (BcLinkReading){.name = g_strdup(name), .text = g_strdup_vprintf(format, args), .number = number, .source = g_strdup(source), .at_us = at_us};
    va_end(args);
}

static char *read_line(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return NULL;
    return g_strstrip(text);
}

static bool read_number(const char *folder, const char *name, double *ret)
{
    g_autofree char *text = read_line(folder, name);
    char *end = NULL;
    double value = text ? g_ascii_strtod(text, &end) : 0;
    if (!text || end == text)
        return false;
    *ret = value;
    return true;
}

/* The warmest zone: which of them is the processor's differs from board to board. */
static void temperature(BcLinkTelemetry *telemetry, const char *sysfs, int64_t at_us)
{
    g_autofree char *root = g_build_filename(sysfs, "class/thermal", NULL);
    g_autoptr(GDir) dir = g_dir_open(root, 0, NULL);
    double warmest = -1e9;
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *zone = g_build_filename(root, name, NULL);
        double value;
        if (g_str_has_prefix(name, "thermal_zone") && read_number(zone, "temp", &value) && value > warmest)
            warmest = value;
    }
    if (warmest > -1e9)
        bc_telemetry_add(telemetry, "temperature_c", true, "measured", at_us, "%.1f", warmest / 1000);
}

static void power(BcLinkTelemetry *telemetry, const char *sysfs, int64_t at_us)
{
    g_autofree char *root = g_build_filename(sysfs, "class/power_supply", NULL);
    g_autoptr(GDir) dir = g_dir_open(root, 0, NULL);
    bool told_volts = false;
    int mains = -1, battery = -1;
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *supply = g_build_filename(root, name, NULL), *type = read_line(supply, "type");
        double value;
        if (!g_strcmp0(type, "Mains") && read_number(supply, "online", &value))
            mains = mains == 1 || value > 0;
        if (!g_strcmp0(type, "Battery")) {
            battery = 1;
            if (read_number(supply, "capacity", &value))
                bc_telemetry_add(telemetry, "battery_percent", true, "measured", at_us, "%.0f", value);
        }
        if (!told_volts && read_number(supply, "voltage_now", &value)) {
            bc_telemetry_add(telemetry, "supply_v", true, "measured", at_us, "%.2f", value / 1e6);
            told_volts = true;
        }
    }
    if (mains >= 0)
        bc_telemetry_add(telemetry, "power", false, "measured", at_us, "%s", mains || battery < 0 ? "mains" : "battery");
}

/* The interface of the default route, and what kind it is. */
static void network(BcLinkTelemetry *telemetry, const char *sysfs, const char *procfs, int64_t at_us)
{
    g_autofree char *route = g_build_filename(procfs, "net/route", NULL), *text = NULL, *found = NULL;
    if (!g_file_get_contents(route, &text, NULL, NULL))
        return;
    g_auto(GStrv) lines = g_strsplit(text, "\n", 64);
    for (unsigned i = 1; lines[0] && lines[i] && !found; i++) {
        char name[32] = "", to[16] = "";
        if (sscanf(lines[i], "%31s %15s", name, to) == 2 && !strcmp(to, "00000000"))
            found = g_strdup(name);
    }
    if (!found || strchr(found, '/'))
        return;
    g_autofree char *folder = g_build_filename(sysfs, "class/net", found, NULL), *wireless = g_build_filename(folder, "wireless", NULL);
    const char *kind = g_file_test(wireless, G_FILE_TEST_IS_DIR) ? "wifi" : g_str_has_prefix(found, "ww") || g_str_has_prefix(found, "ppp") ||
        g_str_has_prefix(found, "usb") ? "mobile" : "ethernet";
    bc_telemetry_add(telemetry, "network", false, "measured", at_us, "%s", kind);
    g_autofree char *levels = g_build_filename(procfs, "net/wireless", NULL), *table = NULL;
    if (!strcmp(kind, "wifi") && g_file_get_contents(levels, &table, NULL, NULL)) {
        const char *line = strstr(table, found);
        double status, link, level;
        if (line && (line = strchr(line, ':')) && sscanf(line + 1, "%lf %lf. %lf", &status, &link, &level) == 3)
            bc_telemetry_add(telemetry, "signal_dbm", true, "measured", at_us, "%.0f", level);
    }
}

void bc_telemetry_machine(BcLinkTelemetry *telemetry, const char *sysfs, const char *procfs, const char *state_dir, int64_t at_us)
{
    struct statvfs fs;
    temperature(telemetry, sysfs, at_us);
    power(telemetry, sysfs, at_us);
    network(telemetry, sysfs, procfs, at_us);
    double up;
    if (read_number(procfs, "uptime", &up))
        bc_telemetry_add(telemetry, "uptime_s", true, "measured", at_us, "%.0f", up);
    if (state_dir && statvfs(state_dir, &fs) == 0)
        bc_telemetry_add(telemetry, "disk_free_bytes", true, "measured", at_us, "%.0f", (double)fs.f_bavail * (double)fs.f_frsize);
    g_autofree char *status = g_build_filename(procfs, "self/status", NULL), *text = NULL;
    const char *rss = g_file_get_contents(status, &text, NULL, NULL) ? strstr(text, "VmRSS:") : NULL;
    if (rss)
        bc_telemetry_add(telemetry, "memory_mb", true, "measured", at_us, "%.1f", strtod(rss + 6, NULL) / 1024);
}
