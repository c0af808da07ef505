// SPDX-License-Identifier: GPL-3.0-or-later
// Every page: its address, who finds it in the menu, and the group that is loaded when it is opened first. The server checks every right
// again; this only keeps out of sight what would be refused.
import { lazy, type ComponentType, type LazyExoticComponent } from 'react';
import type { Key } from './catalogue';
import type { Right } from './types';

export type Params = { params: Record<string, string> };
export type Page = {
  path: string;
  title: Key;
  group: 'broadcast' | 'meet' | 'house';
  rights: Right[];
  menu?: string; /* its sign in the menu; none: not in the menu */
  view: LazyExoticComponent<ComponentType<Params>>;
};

const page = (load: () => Promise<{ default: ComponentType<Params> }>) => lazy(load);
const onAir = page(() => import('../pages/on-air'));
const loudspeakers = page(() => import('../pages/loudspeakers'));
const loudspeaker = page(() => import('../pages/loudspeaker'));
const bulletins = page(() => import('../pages/bulletins'));
const bulletin = page(() => import('../pages/bulletin'));
const dictionary = page(() => import('../pages/dictionary'));
const schedule = page(() => import('../pages/schedule'));
const reports = page(() => import('../pages/reports'));
const people = page(() => import('../pages/people'));
const settings = page(() => import('../pages/settings'));
const me = page(() => import('../pages/me'));
const announcement = page(() => import('../pages/announcement'));
const meetings = page(() => import('../pages/meet/meetings'));
const meeting = page(() => import('../pages/meet/meeting'));
const desk = page(() => import('../pages/meet/desk'));
const streams = page(() => import('../pages/meet/streams'));
const recordings = page(() => import('../pages/meet/recordings'));

export const pages: Page[] = [
  { path: '/', title: 'page.onAir', group: 'broadcast', rights: ['view'], menu: '▶', view: onAir },
  { path: '/loudspeakers', title: 'page.loudspeakers', group: 'broadcast', rights: ['view'], menu: '🔊', view: loudspeakers },
  { path: '/loudspeakers/:id', title: 'page.loudspeaker', group: 'broadcast', rights: ['view'], view: loudspeaker },
  { path: '/bulletins', title: 'page.bulletins', group: 'broadcast', rights: ['view'], menu: '✎', view: bulletins },
  { path: '/bulletins/words', title: 'page.dictionary', group: 'broadcast', rights: ['view'], view: dictionary }, /* before the next: no bulletin is called so */
  { path: '/bulletins/:id', title: 'page.bulletin', group: 'broadcast', rights: ['view'], view: bulletin },
  { path: '/schedule', title: 'page.schedule', group: 'broadcast', rights: ['view'], menu: '▦', view: schedule },
  { path: '/reports', title: 'page.reports', group: 'broadcast', rights: ['view'], menu: '📊', view: reports },
  { path: '/play-log/:id', title: 'page.announcement', group: 'broadcast', rights: ['view'], view: announcement },
  { path: '/meetings', title: 'page.meetings', group: 'meet', rights: ['view'], menu: '▣', view: meetings },
  { path: '/meetings/:id', title: 'page.meeting', group: 'meet', rights: ['view'], view: meeting },
  { path: '/desk/:room', title: 'page.desk', group: 'meet', rights: ['view'], view: desk },
  { path: '/streams', title: 'page.streams', group: 'meet', rights: ['view'], menu: '≈', view: streams },
  { path: '/recordings', title: 'page.recordings', group: 'meet', rights: ['operate'], menu: '●', view: recordings },
  { path: '/people', title: 'page.people', group: 'house', rights: ['view'], menu: '☷', view: people },
  { path: '/settings', title: 'page.settings', group: 'house', rights: ['operate'], menu: '⚙️', view: settings },
  { path: '/me', title: 'page.me', group: 'house', rights: [], menu: '✱', view: me },
];
