// SPDX-License-Identifier: GPL-3.0-or-later
// Every word of the console: Vietnamese first, English second. {name} stands for a value. A test holds both to the same values.
import { airWords } from './catalogue/air';
import { areasWords } from './catalogue/areas';
import { bulletinsWords } from './catalogue/bulletins';
import { callWords } from './catalogue/call';
import { deskWords } from './catalogue/desk';
import { dictionaryWords } from './catalogue/dictionary';
import { frameWords } from './catalogue/frame';
import { loudspeakersWords } from './catalogue/loudspeakers';
import { meetingsWords } from './catalogue/meetings';
import { scheduleWords } from './catalogue/schedule';
import { settingsWords } from './catalogue/settings';

export const catalogue = {
  ...frameWords,
  ...areasWords,
  ...airWords,
  ...loudspeakersWords,
  ...bulletinsWords,
  ...dictionaryWords,
  ...scheduleWords,
  ...settingsWords,
  ...meetingsWords,
  ...callWords,
  ...deskWords,
} as const satisfies Record<string, readonly [string, string]>;

export type Key = keyof typeof catalogue;
