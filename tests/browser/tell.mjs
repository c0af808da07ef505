// SPDX-License-Identifier: GPL-3.0-or-later
// How every story is told: a step that went well is a line, what must hold and does not ends it.
export const step = (what, value) => console.log(`ok - ${what}${value === undefined ? '' : `: ${JSON.stringify(value)}`}`);
export const must = (is, what) => { if (!is) throw new Error(what); };
