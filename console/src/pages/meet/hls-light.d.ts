// SPDX-License-Identifier: GPL-3.0-or-later
// The same library without what meetings do not use; its types are those of the whole.
declare module 'hls.js/light' {
  export { default } from 'hls.js';
}
