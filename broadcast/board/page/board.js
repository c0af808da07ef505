// SPDX-License-Identifier: GPL-3.0-or-later
// A board: shows what the server says its area shows, goes on with what it has when the network is down, and tells what it shows.
"use strict";

const id = decodeURIComponent(location.pathname.split("/")[2] || "");
const canvas = document.getElementById("picture");
const video = document.getElementById("video");
const pen = canvas.getContext("2d", { willReadFrequently: true });
const ALERT_KEPT_MS = 30 * 60 * 1000; // without a network an alert is shown so long after the last word of it
const REPORT_MS = 30000;

let key = "";
let state = null;      // as the server said it last
let offset = 0;        // server's clock minus ours, ms
let heardAt = 0;       // when the server was heard last (our clock)
let shown = null;      // what is on the screen
let reportedAt = 0, reported = "";
const files = new Map(); // SHA-256 -> {url, picture, hash}

// --- what is kept on the device ---

function keep(name, value) {
  try { localStorage.setItem(name + ":" + id, value); } catch (error) { /* full or forbidden: the next start will ask the server */ }
}

function kept(name) {
  try { return localStorage.getItem(name + ":" + id); } catch (error) { return null; }
}

function takeKey() {
  const given = location.hash.slice(1);
  if (/^[0-9a-f]{32}$/.test(given)) {
    keep("key", given);
    history.replaceState(null, "", location.pathname); // the key stays out of sight
  }
  key = kept("key") || (given || "");
}

function database() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("board", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("files");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function storedFile(hash, blob) {
  try {
    const db = await database();
    return await new Promise((resolve) => {
      const store = db.transaction("files", blob ? "readwrite" : "readonly").objectStore("files");
      const request = blob ? store.put(blob, hash) : store.get(hash);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(null);
    });
  } catch (error) {
    return null;
  }
}

// --- SHA-256: crypto.subtle is missing on pages without a trusted certificate ---

const ROUND = (() => {
  const k = [], primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
  for (const p of primes) k.push(((Math.cbrt(p) % 1) * 4294967296) | 0);
  return { k, h: primes.slice(0, 8).map((p) => ((Math.sqrt(p) % 1) * 4294967296) | 0) };
})();

function sha256(bytes) {
  const h = ROUND.h.slice(), w = new Int32Array(64);
  const padded = new Uint8Array((((bytes.length + 8) >> 6) + 1) << 6);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 536870912));
  view.setUint32(padded.length - 4, (bytes.length << 3) >>> 0);
  const turn = (x, n) => (x >>> n) | (x << (32 - n));
  for (let at = 0; at < padded.length; at += 64) {
    for (let i = 0; i < 16; i++) w[i] = view.getInt32(at + 4 * i);
    for (let i = 16; i < 64; i++) {
      const a = w[i - 15], b = w[i - 2];
      w[i] = (w[i - 16] + w[i - 7] + (turn(a, 7) ^ turn(a, 18) ^ (a >>> 3)) + (turn(b, 17) ^ turn(b, 19) ^ (b >>> 10))) | 0;
    }
    let [a, b, c, d, e, f, g, q] = h;
    for (let i = 0; i < 64; i++) {
      const t = (q + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + ROUND.k[i] + w[i]) | 0;
      const u = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      q = g; g = f; f = e; e = (d + t) | 0; d = c; c = b; b = a; a = (t + u) | 0;
    }
    [a, b, c, d, e, f, g, q].forEach((x, i) => { h[i] = (h[i] + x) | 0; });
  }
  return h.map((x) => (x >>> 0).toString(16).padStart(8, "0")).join("");
}

const textHash = (lines) => sha256(new TextEncoder().encode(lines.map((l) => (l || "") + "\n").join("")));

// --- drawing ---

function lines(text, font, width) {
  const out = [];
  pen.font = font;
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(/\s+/)) {
      const longer = line ? line + " " + word : word;
      if (line && pen.measureText(longer).width > width) {
        out.push(line);
        line = word;
      } else {
        line = longer;
      }
    }
    out.push(line);
  }
  return out;
}

// A title and a text as large as they fit.
function drawText(title, body, colour, background) {
  const w = canvas.width, h = canvas.height, edge = h * 0.06;
  pen.fillStyle = background;
  pen.fillRect(0, 0, w, h);
  pen.fillStyle = colour;
  pen.textBaseline = "top";
  pen.textAlign = "center";
  for (let size = Math.floor(h * 0.16); ; size = Math.floor(size * 0.9)) {
    const bold = `bold ${size}px sans-serif`, plain = `${Math.floor(size * 0.72)}px sans-serif`;
    const heads = lines(title, bold, w - 2 * edge), rest = body ? lines(body, plain, w - 2 * edge) : [];
    const height = heads.length * size * 1.25 + rest.length * size * 0.9 + (rest.length ? size * 0.3 : 0);
    const wide = [...heads].some((l) => { pen.font = bold; return pen.measureText(l).width > w - 2 * edge; });
    if ((height > h - 2 * edge || wide) && size > 10) continue;
    let y = Math.max(edge, (h - height) / 2);
    pen.font = bold;
    for (const line of heads) { pen.fillText(line, w / 2, y); y += size * 1.25; }
    pen.font = plain;
    y += rest.length ? size * 0.3 : 0;
    for (const line of rest) { pen.fillText(line, w / 2, y); y += size * 0.9; }
    return;
  }
}

function drawScroll(item, now) {
  const w = canvas.width, h = canvas.height;
  pen.fillStyle = item.background;
  pen.fillRect(0, 0, w, h);
  pen.fillStyle = item.colour;
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  pen.font = `bold ${Math.floor(h * 0.2)}px sans-serif`;
  const text = item.title + (item.body ? " – " + item.body.replace(/\s+/g, " ") : "");
  const length = pen.measureText(text).width + w;
  pen.fillText(text, w - (((now / 1000) * w) / 6) % length, h / 2);
}

function drawClock(item, now) {
  const zone = new Date(now + state.zone_offset_s * 1000);
  const two = (n) => String(n).padStart(2, "0");
  const days = ["Chủ nhật", "Thứ hai", "Thứ ba", "Thứ tư", "Thứ năm", "Thứ sáu", "Thứ bảy"];
  drawText(`${two(zone.getUTCHours())}:${two(zone.getUTCMinutes())}:${two(zone.getUTCSeconds())}`,
           `${days[zone.getUTCDay()]}, ${zone.getUTCDate()}/${zone.getUTCMonth() + 1}/${zone.getUTCFullYear()}\n${item.title}`,
           item.colour, item.background);
}

function drawImage(item, file) {
  const w = canvas.width, h = canvas.height, p = file.picture;
  const scale = Math.min(w / p.width, h / p.height);
  pen.fillStyle = item.background;
  pen.fillRect(0, 0, w, h);
  pen.drawImage(p, (w - p.width * scale) / 2, (h - p.height * scale) / 2, p.width * scale, p.height * scale);
}

function drawSound() {
  const now = state && state.now;
  if (!now || !now.title || now.priority === "emergency") return;
  const h = canvas.height, size = Math.floor(h * 0.05);
  pen.fillStyle = "#004d40";
  pen.fillRect(0, h - size * 1.8, canvas.width, size * 1.8);
  pen.fillStyle = "#ffffff";
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.font = `${size}px sans-serif`;
  pen.fillText("Đang phát: " + now.title, size, h - size * 0.9, canvas.width - 2 * size);
}

// --- what is to be shown ---

const serverNow = () => Date.now() + offset;

function isDue(item, now) {
  if ((item.from_us && now * 1000 < item.from_us) || (item.to_us && now * 1000 >= item.to_us)) return false;
  if (!item.to_s) return true;
  const second = Math.floor(now / 1000 + state.zone_offset_s) % 86400;
  return item.from_s <= item.to_s ? second >= item.from_s && second < item.to_s : second >= item.from_s || second < item.to_s;
}

// The same at the same moment on every board of the area, and after a restart.
function choose(now) {
  const alert = state && state.now && state.now.title && state.now.priority === "emergency" ? state.now : null;
  if (alert && now * 1000 >= alert.start_us - 500000 && Date.now() - heardAt < ALERT_KEPT_MS)
    return { id: "alert:" + alert.id, kind: "alert", title: alert.title, body: alert.text, drill: alert.drill };
  const due = state ? state.items.filter((i) => isDue(i, now) && (!i.file || files.has(i.file))) : [];
  const round = due.reduce((sum, i) => sum + i.seconds, 0);
  let at = round ? Math.floor(now / 1000) % round : 0;
  for (const item of due) {
    if (at < item.seconds) return item;
    at -= item.seconds;
  }
  return { id: "blank", kind: "blank" };
}

function stopVideo() {
  if (video.hidden) return;
  video.hidden = true;
  video.pause();
  video.removeAttribute("src");
  video.load();
}

function startVideo(item) {
  const url = item.file ? files.get(item.file).url : item.body;
  if (!video.hidden && video.dataset.item === item.id) return;
  video.dataset.item = item.id;
  video.hidden = false;
  video.src = url;
  video.play().catch(() => {});
}

function draw(item, now) {
  const phase = Math.floor(now / 1000) % 2;
  if (item.kind === "video" || item.kind === "stream") {
    startVideo(item);
    return;
  }
  stopVideo();
  if (item.kind === "alert" && item.drill) drawText("DIỄN TẬP – " + item.title, item.body || "", "#ffffff", phase ? "#003a8c" : "#0050c0");
  else if (item.kind === "alert") drawText("⚠ " + item.title, item.body || "", phase ? "#ffff00" : "#ffffff", phase ? "#8b0000" : "#d00000");
  else if (item.kind === "text") drawText(item.title, item.body, item.colour, item.background);
  else if (item.kind === "scroll") drawScroll(item, now);
  else if (item.kind === "clock") drawClock(item, now);
  else if (item.kind === "image") drawImage(item, files.get(item.file));
  else {
    pen.fillStyle = "#000000";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    return;
  }
  if (item.kind !== "alert") drawSound();
}

const moving = (item) => ["scroll", "clock", "video", "stream"].includes(item.kind) || Boolean(state.now && state.now.title && item.kind !== "alert");

function step() {
  const now = serverNow();
  const item = choose(now);
  if (canvas.width !== innerWidth || canvas.height !== innerHeight) {
    canvas.width = innerWidth;
    canvas.height = innerHeight;
  }
  shown = item;
  draw(item, now);
  document.title = "Bảng tin: " + (item.title || "");
  const still = item.kind !== "alert" || Math.floor(now / 1000) % 2 === 0;
  if ((reported !== item.id || Date.now() - reportedAt > REPORT_MS) && still && state) report(item);
}

function animate() {
  if (shown && shown.kind === "scroll") step();
  requestAnimationFrame(animate);
}

// --- what is told ---

// The pixels on the screen, made small: the same content drawn again by this machine gives the same.
function pictureHash(item) {
  const small = document.createElement("canvas");
  small.width = 320;
  small.height = 180;
  const p = small.getContext("2d", { willReadFrequently: true });
  p.drawImage(item.kind === "video" || item.kind === "stream" ? video : canvas, 0, 0, 320, 180);
  return sha256(p.getImageData(0, 0, 320, 180).data);
}

function contentHash(item) {
  if (item.kind === "blank") return textHash(["blank"]);
  if (item.kind === "alert") return textHash(["alert", item.title, item.body]);
  return textHash([item.kind, item.title, item.body, item.own_colour, item.own_background, item.file ? files.get(item.file).hash : ""]);
}

async function report(item) {
  reportedAt = Date.now();
  reported = item.id;
  let picture;
  try { picture = pictureHash(item); } catch (error) { return; }
  const body = { item: item.id, content: contentHash(item), picture, moving: item.kind !== "blank" && moving(item),
                 shown_us: Math.round(serverNow() * 1000) };
  try {
    await fetch(`/board/${encodeURIComponent(id)}/shown`, {
      method: "POST", headers: { "X-Board-Key": key, "Content-Type": "application/json" }, body: JSON.stringify(body) });
  } catch (error) { /* the network is down: the next one */ }
}

// --- what is heard ---

async function fetchFile(hash) {
  let blob = await storedFile(hash);
  if (!blob) {
    const answer = await fetch(`/board/${encodeURIComponent(id)}/file/${hash}`, { headers: { "X-Board-Key": key } });
    if (!answer.ok) return;
    blob = await answer.blob();
  }
  const own = sha256(new Uint8Array(await blob.arrayBuffer()));
  if (own !== hash) return; // damaged on its way
  await storedFile(hash, blob);
  const file = { url: URL.createObjectURL(blob), hash: own, picture: null };
  if (blob.type.startsWith("image/")) file.picture = await createImageBitmap(blob);
  files.set(hash, file);
}

function take(text) {
  const fresh = JSON.parse(text);
  for (const item of fresh.items) {
    item.own_colour = item.colour;
    item.own_background = item.background;
    item.colour = item.colour || "#ffffff";
    item.background = item.background || "#0b2545";
  }
  state = fresh;
  for (const item of fresh.items)
    if (item.file && !files.has(item.file)) fetchFile(item.file).then(step, () => {});
  step();
}

function hear(text) {
  const fresh = JSON.parse(text);
  offset = fresh.time_us / 1000 - Date.now();
  heardAt = Date.now();
  keep("state", text);
  keep("heard", String(heardAt));
  keep("offset", String(offset));
  take(text);
}

async function listen() {
  for (;;) {
    try {
      const silent = new AbortController();
      let timer = setTimeout(() => silent.abort(), 40000);
      const answer = await fetch(`/board/${encodeURIComponent(id)}/events`, { headers: { "X-Board-Key": key }, signal: silent.signal });
      if (answer.ok) {
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        let buffer = "";
        for (;;) {
          const { value, done } = await reader.read();
          if (done) break;
          clearTimeout(timer);
          timer = setTimeout(() => silent.abort(), 40000);
          heardAt = Date.now();
          buffer += value;
          for (let end; (end = buffer.indexOf("\n\n")) >= 0; buffer = buffer.slice(end + 2))
            if (buffer.startsWith("data: ")) hear(buffer.slice(6, end));
        }
      } else if (!state) {
        drawText("Bảng tin " + id, answer.status === 403 ? "Chưa có khóa, hoặc khóa không đúng" : "Lỗi " + answer.status, "#ffffff", "#000000");
      }
      clearTimeout(timer);
    } catch (error) { /* the network is down: go on with what is there */ }
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

takeKey();
canvas.width = innerWidth;
canvas.height = innerHeight;
if (kept("state")) {
  offset = Number(kept("offset")) || 0;
  heardAt = Number(kept("heard")) || 0;
  take(kept("state"));
}
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/board/static/worker.js", { scope: "/board/" }).catch(() => {});
setInterval(step, 250);
requestAnimationFrame(animate);
listen();
