// SPDX-License-Identifier: GPL-3.0-or-later
// What /api/v1 answers, as far as the pages use it (openapi.json has the whole). Times are microseconds of wall time.
export type Right = 'view' | 'edit' | 'approve' | 'air' | 'alert' | 'devices' | 'audit' | 'people' | 'operate' | 'vendor';
export type Priority = 'emergency' | 'priority' | 'normal';
export type Session = { csrf?: string; user: string; role: string; area: string; rights: Right[]; expires_us: number };
export type SecondFactor = { enrolled: boolean; required?: boolean; recovery_codes_left?: number; unlocked_until_us?: number };
export type Area = { code: string; name: string; kind: string; parent?: string; ident?: string };
export type Device = {
  id: string; name: string; area: string; kind?: string; vendor?: string; model?: string; serial?: string; address?: string; gateway?: string;
  latitude?: number; longitude?: number; volume: number; enabled: boolean; registered: boolean; outcome: string; outcome_us?: number;
};
export type Silence = { cause: string; text: string; since_us: number; sure: boolean };
export type Reading = { name: string; value?: string; source: string; at_us: number; plausible: string; why: string };
export type Health = {
  device: string; online: boolean; seen_us: number; changed_us: number; enrolled: boolean; volume_wanted: number; manifest_wanted: number;
  state?: { manifest_stored: number; media_wanted: number; media_stored: number; boot_us: number; clock_offset_us?: number }; readings: Reading[];
};
export type Outage = { id: string; by: string; value: string; began_us: number; ended_us: number; devices: number; away: number };
export type Run = {
  id: string; kind: 'schedule' | 'live' | 'now'; title: string; schedule?: string; content?: string; source?: string; priority: Priority; areas: string;
  start_us: number; end_us?: number; state: 'ringing' | 'playing' | 'done' | 'stopped' | 'missed' | 'interrupted'; reason?: string; devices: number;
  ringing?: number; playing?: number; played: number; partial: number; missed: number; created_by?: string; drill?: boolean;
};
export type Play = {
  announcement: string; device: string; area: string; outcome: string; reason: string; from_us?: number; to_us?: number; answered_us?: number;
  reported?: { wanted_us?: number; sent_us?: number; acked_us?: number; began_us?: number; ended_us?: number; proved_us?: number };
};
export type Bulletin = {
  id: string; area: string; state: string; revision: number; version: number; approved_version?: number; approved_content?: string; reason?: string;
  origin?: string; created_by?: string; changed_by?: string; submitted_by?: string; approved_by?: string; changed_us?: number; kind?: string; title: string; text?: string;
  content?: string; url?: string; priority?: Priority; areas?: string[]; runs?: number; played_us?: number; author?: string; attachments?: string[]; files?: Attachment[];
};
export type Attachment = {
  id: string; name?: string; media_type: string; kind: 'image' | 'audio' | 'video' | 'document'; bytes: number; duration_us?: number; width?: number; height?: number;
  created_us?: number; created_by?: string;
};
export type AttachmentLimits = { image_bytes: number; media_bytes: number; duration_us: number };
export type Word = { area: string; written: string; spoken: string };
export type TableFault = { line: number; code?: string; message: string };
export type InboxItem = {
  id: string; bulletin: string; title?: string; origin?: string; area: string; priority: Priority; state: string; at_us?: number; other?: string;
  other_title?: string; other_at_us?: number; received_us?: number; deadline_us?: number; seen_us?: number; decided_by?: string; choice?: string; files?: Attachment[];
};
export type Content = { id: string; title: string; duration_us: number; loudness: number; text?: string; created_us: number; created_by?: string };
export type Schedule = {
  id: string; name: string; content: string; areas: string[]; start_local: string; zone: string; rule?: string; until_local?: string; priority: Priority;
  repeats?: number; gap_s?: number; grace_s?: number; enabled: boolean; items?: unknown[]; slot?: string; exdates?: string[]; holidays?: string; cut?: string;
  volume?: number; expires_us?: number; draft?: boolean; next_us: number; created_by?: string; forced?: string;
};
export type Problem = {
  kind: string; code: string; blocks: boolean; area?: string; area_name?: string; schedule?: string; other?: string; other_kind?: 'schedule' | 'slot' | 'content'; from_us?: number;
  to_us?: number; times?: number; params: { name?: string; other_name?: string; why?: string; zone?: string; length_us?: number; until_us?: number; lost?: boolean }; mend: string; text: string;
};
export type Planned = { occurrence: string; schedule: string; title: string; kind: string; start_us: number; end_us: number; priority?: Priority };
export type Rehearsal = { from_us: number; to_us: number; problems: Problem[]; timelines: { area?: string; items?: Planned[] }[]; cut?: boolean };
export type Alert = {
  id: string; kind: string; status?: string; headline?: string; areas: string; siren?: string; priority?: Priority; state: string; reason?: string;
  received_us: number; expires_us?: number;
};
export type AlertReport = {
  id: string; devices: number; reached: number; missed: number; p50_us: number; p95_us: number; worst_us: number;
  loudspeakers: { device: string; outcome: string; latency_us: number }[];
};
export type ReportRow = {
  key: string; name: string; area?: string; devices: number; requested: number; played: number; partial: number; missed: number;
  missed_why: Record<string, number>; share: number; urgent?: number; urgent_heard?: number; air_s?: number; late_p50_ms?: number; late_p99_ms?: number;
};
export type Report = { from_us: number; to_us: number; announcements: number; drills: number; rows: ReportRow[]; total: ReportRow; days: ReportDay[] };
export type ReportDay = { from_us: number; requested: number; played: number; partial: number; missed: number };
export type User = { name: string; role: string; area: string; vendor?: string; disabled: boolean; second_factor?: boolean };
export type AuditRow = { number: number; time_us: number; who: string; source?: string; what: string; detail?: string; status: number };
export type Slot = { id: string; area: string; name: string; from: string; to: string; weekdays: string[] };
export type Release = { id: string; areas: string[]; from_us: number; to_us: number; reason: string; asked_by: string; released_by?: string };
export type Status = {
  version: string; uptime_s: number; workers: number; rooms: number; members: number; accounts: number; registrations: number; calls: number;
  memory_kib?: number; cpu_ms?: number; listeners: { kind?: string; address?: string }[];
};
