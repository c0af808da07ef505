// SPDX-License-Identifier: GPL-3.0-or-later
// A recording or a live meeting, played in the page: MP4 by the browser itself, HLS by the browser where it can, else by hls.js, loaded only then.
import { useEffect, useRef, useState } from 'react';
import { t } from '../../app/i18n';

/** Puts the live stream into the video; gives back what takes it out again. */
function playHls(video: HTMLVideoElement, url: string, failed: (fatal: boolean) => void): () => void {
  let gone = false, end = () => { video.removeAttribute('src'); video.load(); };
  if (video.canPlayType('application/vnd.apple.mpegurl')) {
    video.src = url;
    return () => end();
  }
  void import('hls.js/light').then(({ default: Hls }) => {
    if (gone) return;
    if (!Hls.isSupported()) return failed(true);
    const hls = new Hls({ enableWorker: false, lowLatencyMode: false, manifestLoadPolicy: { default: { maxTimeToFirstByteMs: 5000, maxLoadTimeMs: 10000, timeoutRetry: { maxNumRetry: 5, retryDelayMs: 1000, maxRetryDelayMs: 4000 }, errorRetry: { maxNumRetry: 20, retryDelayMs: 1000, maxRetryDelayMs: 4000 } } } });
    hls.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) failed(true); });
    hls.on(Hls.Events.FRAG_BUFFERED, () => failed(false));
    hls.loadSource(url);
    hls.attachMedia(video);
    end = () => hls.destroy();
  }, () => failed(true));
  return () => { gone = true; end(); };
}

export function Player({ url, live, label, at }: { url: string; live?: boolean; label: string; at?: { s: number } }) {
  const video = useRef<HTMLVideoElement>(null), [broken, setBroken] = useState(false);
  useEffect(() => {
    const element = video.current;
    if (!element) return;
    setBroken(false);
    if (live) return playHls(element, url, setBroken);
    element.src = url;
    return () => { element.removeAttribute('src'); element.load(); };
  }, [url, live]);
  useEffect(() => {
    if (!at || !video.current) return;
    video.current.currentTime = at.s;
    void video.current.play().catch(() => undefined);
  }, [at]);
  return (
    <div>
      <video ref={video} className="player" controls autoPlay playsInline aria-label={label} onError={() => setBroken(true)} onPlaying={() => setBroken(false)} />
      {broken && <p role="alert"><b>{live ? t('player.liveBroken') : t('player.broken')}</b></p>}
    </div>
  );
}
