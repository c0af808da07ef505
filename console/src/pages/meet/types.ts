// SPDX-License-Identifier: GPL-3.0-or-later
// Meetings as the server tells of them, over /api/v1 and over the join protocol.
export type Role = 'guest' | 'observer' | 'site' | 'technician' | 'secretary' | 'operator' | 'co-chair' | 'chair';
export const ROLES: readonly Role[] = ['chair', 'co-chair', 'operator', 'secretary', 'technician', 'site', 'observer', 'guest'];
export type Room = {
  name: string; title: string; members: number; layout: string; locked: boolean; waiting_for_chair: boolean; muted_all: boolean; confidential?: boolean;
  recorded?: boolean; streamed?: boolean; content?: { member: string } | null; notice?: { vi?: string; en?: string }; spotlight?: string | null; forced?: boolean; seats?: (string | null)[]; tour_s?: number;
  banner?: string;
};
export type Stats = Record<string, number>;
export type Member = {
  id: string; name: string; uri?: string; account?: string; role: Role; muted: boolean; self_muted?: boolean; deaf?: boolean; video_muted?: boolean; self_video_muted?: boolean; channel?: string | null; interprets?: string | null;
  in_lobby?: boolean; talking?: boolean; away?: boolean; browser?: boolean; gain_db?: number; view?: { layout: string; seats?: (string | null)[]; by: 'self' | 'chair'; shown?: boolean; why?: string } | null; joined_us?: number;
  media?: { audio: string; video: string; content?: string; security: string; remote: string }; stats?: Stats;
};
export type Channel = { name: string; interpreters: string[]; listeners?: string[]; floor_db?: number | null; away?: string[] };
export type Waiting = { member: string; name?: string; since?: number; away?: boolean };
export type Floor = {
  holder: string | null; name?: string; deadline_ms: number | null; left_ms?: number | null; budget_ms?: number; since_ms?: number; away?: boolean; queue: Waiting[];
  rules?: { budget_s: number; warn_s: number; grace_s: number; auto_next: boolean };
};
export type Choice = { key: number; text: string; count?: number };
export type Vote = {
  id: string; question: string; secret: boolean; open: boolean; quorum?: number; choices: Choice[]; cast: number; entitled?: number;
  voted?: { site: string; name?: string; choice?: number }[]; winner?: number | null; has_quorum?: boolean; ends_ms?: number;
};
export type Line = { from: string; to: string; text: string; time: number; member?: string; mine?: boolean };
export type Dial = { target: string; role?: Role; redial?: boolean; state: string; attempts?: number; last_code?: number };
export type Invitee = { account: string; name?: string; role?: Role };
export type Item = { who?: string; subject: string; minutes?: number };
export type Meeting = {
  id: string; version: number; state: 'scheduled' | 'open' | 'live' | 'ended' | 'cancelled'; title: string; room: string; start: string; end: string; start_us: number;
  end_us: number; n_sites?: number; has_pin?: boolean; confidential?: boolean; notice?: string; agenda?: Item[]; sites?: Invitee[]; chair?: string; co_chair?: string;
  secretary?: string; technician?: string; lobby?: boolean; record?: boolean; dial?: boolean; trial?: boolean; mute_on_entry?: boolean; cancelled_because?: string; pin?: string; chair_pin?: string;
};
export type Clash = { what: 'room' | 'site'; account: string; name: string; meeting: string; title: string; start: string; end: string };
export type SiteList = { name: string; title: string; n_sites?: number; accounts: string[] };
export type JoinLink = { id: string; account?: string; name: string; role: Role; code?: string; link?: string; used_us?: number; uses?: number; revoked_us?: number };
export type TrialSite = {
  account: string; name: string; state: string; called_us?: number; done_us?: number; attempts?: number; grade?: 'pass' | 'warn' | 'fail'; cause?: string; text?: string;
  advice?: string; text_en?: string; advice_en?: string; causes?: { cause: string; text: string; advice: string; text_en: string; advice_en: string }[]; evidence?: Record<string, unknown>;
};
export type Trial = { running: boolean; begun_us?: number; passed: number; warned: number; failed: number; left: number; sites: TrialSite[] };
export type Attendee = {
  account: string; name: string; role?: Role; invited: boolean; present: boolean; here?: boolean; first_us?: number; last_us?: number; reconnects?: number; present_s?: number;
  camera_s?: number; mic_s?: number; talk_s?: number; floor_s?: number;
};
export type Attendance = { invited: number; present: number; attendees: Attendee[] };
