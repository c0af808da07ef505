// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps the page itself, so that a board that is switched on without a network still shows what it has.
"use strict";
const CACHE = "board-1";
const FILES = ["/board/static/board.js", "/board/static/board.css"];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  const page = event.request.mode === "navigate" || FILES.includes(url.pathname);
  if (!page || event.request.method !== "GET") return;
  event.respondWith((async () => {
    const cache = await caches.open(CACHE);
    try {
      const answer = await fetch(event.request);
      if (answer.ok) await cache.put(url.pathname, answer.clone());
      return answer;
    } catch (error) {
      return (await cache.match(url.pathname)) || Response.error();
    }
  })());
});
