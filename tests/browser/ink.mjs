// SPDX-License-Identifier: GPL-3.0-or-later
// What a canvas shows: where in it a colour of the theme lies.
import { until } from './tell.mjs';

/** Of a canvas: how many pixels have that colour (a custom property as --c1; of the theme of now), and the part of its width and height they span, 0 to 1; in a row
 * of pixels of its own if asked for (0 to 1 of the height): also what part of that row has the colour. */
export const ink = (canvas, colour, row = null) => canvas.evaluate((c, [name, at]) => {
  const want = getComputedStyle(document.documentElement).getPropertyValue(name).trim().match(/^#(..)(..)(..)$/).slice(1).map((h) => parseInt(h, 16));
  const top = at === null ? 0 : Math.round(at * c.height), high = at === null ? c.height : 1, data = c.getContext('2d').getImageData(0, top, c.width, high).data;
  let n = 0, left = 1, right = 0, up = 1, down = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] < 200 || want.some((w, k) => Math.abs(w - data[i + k]) > 10)) continue;
    const x = ((i / 4) % c.width) / c.width, y = (top + Math.floor(i / 4 / c.width)) / c.height;
    n++;
    left = Math.min(left, x); right = Math.max(right, x); up = Math.min(up, y); down = Math.max(down, y);
  }
  return { n, left, right, up, down };
}, [colour, row]);

/** The same once the colour is there. */
export async function drawn(canvas, colour) {
  const { found } = await until(`nothing is drawn in ${colour}`, async () => { const all = await ink(canvas, colour); return { ok: all.n > 0, found: all }; }, 10000);
  return found;
}
