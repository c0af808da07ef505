/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RTCP (RFC 3550 6, RFC 4585, RFC 5104): compound packets walked by an iterator and built by a writer. Pure;
 * any thread. */
enum {
    MD_RTCP_SR = 200,
    MD_RTCP_RR = 201,
    MD_RTCP_SDES = 202,
    MD_RTCP_BYE = 203,
    MD_RTCP_APP = 204,
    MD_RTCP_RTPFB = 205,
    MD_RTCP_PSFB = 206,
    MD_RTCP_XR = 207
};

/* --- values --- */
typedef struct MdRtcpSenderInfo {
    uint64_t ntp; /* 32.32 seconds since 1900 */
    uint32_t rtp_ts;
    uint32_t packets, octets;
} MdRtcpSenderInfo;

typedef struct MdRtcpReport { /* report block */
    uint32_t ssrc;            /* whom it is about */
    uint8_t fraction_lost;    /* of 256, since the last report */
    int32_t lost;             /* 24 bits signed on the wire; clamped when written */
    uint32_t ext_seq;         /* highest received */
    uint32_t jitter;          /* timestamp units */
    uint32_t lsr, dlsr;       /* 0: no SR yet; dlsr in 1/65536 s */
} MdRtcpReport;

typedef enum MdRtcpKind {
    MD_RTCP_KIND_SENDER,   /* SR: ssrc, sender; its report blocks follow as REPORT */
    MD_RTCP_KIND_RECEIVER, /* RR: ssrc; blocks follow as REPORT. Also comes for an empty RR */
    MD_RTCP_KIND_REPORT,   /* ssrc = reporter, report */
    MD_RTCP_KIND_CNAME,    /* ssrc, text */
    MD_RTCP_KIND_BYE,      /* ssrc; one item per SSRC in the packet */
    MD_RTCP_KIND_NACK,     /* ssrc, media_ssrc, nack: one item per PID/BLP pair */
    MD_RTCP_KIND_PLI,      /* ssrc, media_ssrc */
    MD_RTCP_KIND_FIR,      /* ssrc, media_ssrc (the FCI's), fir_seq; one item per entry */
    MD_RTCP_KIND_TMMBR,    /* ssrc, media_ssrc, bitrate_bps, overhead */
    MD_RTCP_KIND_TMMBN,    /* same */
    MD_RTCP_KIND_REMB,     /* ssrc, bitrate_bps (the receiver's estimate); for information */
    MD_RTCP_KIND_TWCC,     /* ssrc, media_ssrc, fci: transport-wide feedback, see md_twcc_reader_init */
} MdRtcpKind;

typedef struct MdRtcpItem {
    MdRtcpKind kind;
    uint32_t ssrc; /* of the sender of the packet */
    uint32_t media_ssrc;
    union {
        MdRtcpSenderInfo sender;
        MdRtcpReport report;
        struct {
            const char *data;
            uint8_t len;
        } text; /* not terminated */
        struct {
            uint16_t pid, blp;
        } nack; /* RFC 4585 6.2.1 */
        uint8_t fir_seq;
        struct {
            uint64_t bitrate_bps;
            uint16_t overhead;
        } limit;
        struct {
            const uint8_t *data;
            size_t len;
        } fci; /* inside what is read: valid as long as that is */
    };
} MdRtcpItem;

/* --- reading --- */
typedef struct MdRtcpReader {
    const uint8_t *data;
    size_t len, pos; /* pos: next packet of the compound */
    /* inside the present packet */
    const uint8_t *item, *end;
    uint8_t packet_type, count;
    uint32_t ssrc, media_ssrc;
} MdRtcpReader;

/* Checks the framing of the whole compound (versions, lengths, padding only in the last). Reduced-size (RFC
 * 5506) is fine. 0, or -EBADMSG. Unknown packet types are passed over by the reader. */
int md_rtcp_reader_init(MdRtcpReader *reader, const uint8_t *data, size_t len);
/* 1 and *ret, 0 at the end, -EBADMSG when a packet's inside is malformed (stop then: what came before stays
 * valid). */
int md_rtcp_reader_next(MdRtcpReader *reader, MdRtcpItem *ret);
/* Expands a NACK item: calls for each requested sequence number. */
#define MD_RTCP_NACK_SEQS 17
unsigned md_rtcp_nack_seqs(const MdRtcpItem *item, uint16_t ret_seqs[MD_RTCP_NACK_SEQS]);

/* --- writing: each appends one packet. 0, or -ENOBUFS (nothing appended), -EINVAL --- */
typedef struct MdRtcpWriter {
    uint8_t *data;
    size_t cap, len;
} MdRtcpWriter;
static inline void md_rtcp_writer_init(MdRtcpWriter *writer, uint8_t *data, size_t cap)
{
    writer->data = data;
    writer->cap = cap;
    writer->len = 0;
}
int md_rtcp_write_sr(MdRtcpWriter *writer, uint32_t ssrc, const MdRtcpSenderInfo *info,
                     const MdRtcpReport *reports, unsigned n /* <= 31 */);
int md_rtcp_write_rr(MdRtcpWriter *writer, uint32_t ssrc, const MdRtcpReport *reports, unsigned n);
int md_rtcp_write_cname(MdRtcpWriter *writer, uint32_t ssrc, const char *cname /* <= 255 bytes */);
int md_rtcp_write_bye(MdRtcpWriter *writer, uint32_t ssrc);
/* seqs ascending on the 16-bit circle; merged into PID/BLP pairs. */
int md_rtcp_write_nack(MdRtcpWriter *writer, uint32_t ssrc, uint32_t media_ssrc, const uint16_t *seqs,
                       unsigned n);
int md_rtcp_write_pli(MdRtcpWriter *writer, uint32_t ssrc, uint32_t media_ssrc);
int md_rtcp_write_fir(MdRtcpWriter *writer, uint32_t ssrc, uint32_t media_ssrc, uint8_t fir_seq);
int md_rtcp_write_tmmbr(MdRtcpWriter *writer, uint32_t ssrc, uint32_t media_ssrc, uint64_t bitrate_bps,
                        uint16_t overhead);
int md_rtcp_write_tmmbn(MdRtcpWriter *writer, uint32_t ssrc, uint32_t media_ssrc, uint64_t bitrate_bps,
                        uint16_t overhead);

/* --- time --- */
uint64_t md_ntp_from_wall_us(int64_t wall_us); /* 32.32 since 1900 */
int64_t md_ntp_to_wall_us(uint64_t ntp);
static inline uint32_t md_ntp_mid(uint64_t ntp)
{
    return (uint32_t)(ntp >> 16);
}
/* Round trip from a report block about us, arriving at ntp_now (RFC 3550 6.4.1). -1: no SR was reported on
 * yet or nonsense. */
int64_t md_rtcp_round_trip_us(const MdRtcpReport *report, uint64_t ntp_now);
/* When to report next (RFC 3550 6.2, A.7): members and senders in the session (both >= 1 with us), session
 * bandwidth, average compound size in bytes, a fresh 32-bit random. initial halves the minimum of 5 s. */
int64_t md_rtcp_interval_us(unsigned members, unsigned senders, bool we_sent, uint32_t session_bps,
                            unsigned average_size, bool initial, uint32_t random);
