// SPDX-License-Identifier: GPL-3.0-or-later
// The speakers' own pictures, forwarded as they come: who speaks large, the others beside; the composed picture among them while it is needed.
import { Button } from 'antd';
import { useEffect, useRef } from 'react';
import { t } from '../../app/i18n';
import type { Call, CallState } from './call';
import './tiles.css';

type Tile = { key: string; stream: MediaStream; name: string; member: string; main: boolean };

/** What is shown, who is large first. Empty: the composed picture alone. Pure. */
export function tilesOf(state: CallState): Tile[] {
  const { streams } = state, name = (id: string) => state.room.members.find((m) => m.id === id)?.name ?? '';
  if (!streams.on) return [];
  const shown: Tile[] = streams.tiles.flatMap((x) => (x.member === null ? [] : [{ key: x.mid, stream: x.stream, name: name(x.member), member: x.member, main: x.main }]));
  if (shown.length === 0) return [];
  if (streams.composed !== 'off' && state.main) {
    const main = streams.composed === 'full' && !shown.some((x) => x.main);
    shown.push({ key: 'composed', stream: state.main, name: t('meet.composed'), member: '', main });
  }
  if (!shown.some((x) => x.main)) shown[0] = { ...shown[0], main: true };
  return shown.sort((a, b) => Number(b.main) - Number(a.main));
}

function Figure({ tile, talking }: { tile: Tile; talking: boolean }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current!;
    element.srcObject = tile.stream;
    void element.play().catch(() => undefined);
  }, [tile.stream]);
  return (
    <figure className={`meet-tile${tile.main ? ' main' : ''}${talking ? ' talking' : ''}`} data-member={tile.member || 'composed'}>
      <video ref={video} autoPlay playsInline muted aria-label={tile.name} />
      <figcaption>{tile.name}</figcaption>
    </figure>
  );
}

export function Tiles({ state, tiles }: { state: CallState; tiles: Tile[] }) {
  const banner = state.room.room?.banner;
  return (
    <div className={`meet-tiles${tiles.length === 1 ? ' one' : ''}`}>
      {tiles.map((x) => <Figure key={x.key} tile={x} talking={state.room.members.some((m) => m.id === x.member && m.talking === true)} />)}
      {banner && <p className="meet-banner">{banner}</p>}
    </div>
  );
}

/** Composed or each by himself: a choice for a large screen and a good line. */
export function StreamsChoice({ call, state }: { call: Call; state: CallState }) {
  const { on, why } = state.streams;
  return (
    <div className="meet-streams">
      <h3>{t('meet.pictures')}</h3>
      <div className="row">
        <Button aria-pressed={!on} type={on ? 'default' : 'primary'} onClick={() => call.setStreams(false)}>{t('meet.composed')}</Button>
        <Button aria-pressed={on} type={on ? 'primary' : 'default'} onClick={() => call.setStreams(true)}>{t('meet.streams')}</Button>
      </div>
      {on && why && <p className="soft" role="status">{t(`meet.streams.${why}`)}</p>}
    </div>
  );
}
