/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

/* Statistics declared once: a room writes a list macro
 *     #define MD_RTP_STATS(X) X(packets_received, COUNTER, "RTP packets received") X(...)
 * and MD_STATS_STRUCT(MdRtpStats, MD_RTP_STATS) makes the struct; md_stat_add is a relaxed add by the one thread that
 * owns the array; readers sum the arrays of all workers. MD_STATS_TABLE makes name/kind/help rows for JSON and /metrics. */
typedef _Atomic uint64_t MdStat;
typedef enum { MD_STAT_COUNTER, MD_STAT_GAUGE } MdStatKind;
typedef struct MdStatRow {
    const char *name;
    MdStatKind kind;
    const char *help;
} MdStatRow;

#define MD_STAT_FIELD_(name, kind, help) MdStat name;
#define MD_STAT_ROW_(name, kind, help) {#name, MD_STAT_##kind, help},
#define MD_STATS_STRUCT(Type, LIST) \
    typedef struct Type { LIST(MD_STAT_FIELD_) } Type
#define MD_STATS_TABLE(table, LIST) static const MdStatRow table[] = {LIST(MD_STAT_ROW_)}
#define MD_STATS_COUNT(Type) (sizeof(Type) / sizeof(MdStat))

/* One writer thread: a plain load and store, no locked instruction. */
static inline void md_stat_add(MdStat *stat, uint64_t by)
{
    atomic_store_explicit(stat, atomic_load_explicit(stat, memory_order_relaxed) + by, memory_order_relaxed);
}
static inline void md_stat_set(MdStat *stat, uint64_t to)
{
    atomic_store_explicit(stat, to, memory_order_relaxed);
}
static inline uint64_t md_stat_get(const MdStat *stat)
{
    return atomic_load_explicit(stat, memory_order_relaxed);
}
