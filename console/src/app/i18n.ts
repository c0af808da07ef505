// SPDX-License-Identifier: GPL-3.0-or-later
import { createContext, useContext } from 'react';
import { catalogue, type Key } from './catalogue';

export type Language = 'vi' | 'en';
const STORED = 'mediad.language';
let current: Language = 'vi';

export function startLanguage(): Language {
  try {
    const stored = localStorage.getItem(STORED);
    if (stored === 'vi' || stored === 'en') return (current = stored);
  } catch { /* a browser that keeps nothing */ }
  return (current = 'vi');
}

export function keepLanguage(language: Language): void {
  current = language;
  try { localStorage.setItem(STORED, language); } catch { /* as above */ }
}

export function language(): Language {
  return current;
}

export type Values = Record<string, string | number>;

/** A message; {name} stands for a value, {name|one|many} for the word that goes with its number. */
export function t(key: Key, values?: Values): string {
  const text: string = catalogue[key][current === 'vi' ? 0 : 1];
  return values ? text.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (all, name: string, one?: string, many?: string) => (many === undefined ? String(values[name] ?? all) : String(values[name]) === '1' ? one! : many)) : text;
}

/** A message for a word that came from the server: the word itself when there is none. */
export function tWord(prefix: string, word: string): string {
  const key = `${prefix}.${word}`;
  return key in catalogue ? t(key as Key) : word;
}

export const LanguageContext = createContext<{ language: Language; setLanguage: (l: Language) => void }>({ language: 'vi', setLanguage: () => undefined });
export const useLanguage = () => useContext(LanguageContext);
