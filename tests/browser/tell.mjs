// SPDX-License-Identifier: GPL-3.0-or-later
// How every story is told: a step that went well is a line, what must hold and does not ends it, what takes a while is looked at until it is there.
export const PATIENCE = Number(process.env.MEDIAD_TEST_PATIENCE ?? '1');
export const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
export const step = (what, value) => console.log(`ok - ${what}${value === undefined ? '' : `: ${JSON.stringify(value)}`}`);
export const must = (is, what) => { if (!is) throw new Error(what); };
/** What look() gives, {ok, …}, once it is ok; else an error with the last of it, or with what late() says. */
export async function until(what, look, ms = 15000, late = (last) => JSON.stringify(last)) {
  const end = Date.now() + ms * PATIENCE;
  for (;;) {
    const last = await look();
    if (last.ok) return last;
    if (Date.now() > end) throw new Error(`${what}: ${await late(last)}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}
