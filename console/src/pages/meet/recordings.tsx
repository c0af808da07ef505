// SPDX-License-Identifier: GPL-3.0-or-later
// What was recorded, and what goes out live now: played here, with its chapters; saved, deleted.
import { Button } from 'antd';
import { useState } from 'react';
import { get, PREFIX, post, remove, seg } from '../../app/api';
import { asFailure, type Failure } from '../../app/failure';
import { moment, number, span } from '../../app/format';
import { t } from '../../app/i18n';
import { useSession } from '../../app/session';
import { useData, useMedia } from '../../app/use';
import { Confirm } from '../../ui/confirm';
import { Badge } from '../../ui/field';
import { VirtualTable, type Column } from '../../ui/virtual-table';
import { Wrong } from '../../ui/wrong';
import { Player } from './player';
import './meet.css';

type Recording = {
  id: string; room: string; title: string; state: 'running' | 'finishing' | 'finished' | 'failed' | 'empty'; started_us: number; duration_us: number; bytes: number;
  problem?: string; chapters: { start_us: number; title: string }[];
};
type Stream = { id: string; room: string; kind: 'hls' | 'rtmp' | 'srt'; state: 'running' | 'waiting'; target?: string; started_us: number; attempts?: number; problem?: string };

const tone = (state: Recording['state']) => (state === 'finished' ? 'good' : state === 'failed' ? 'bad' : state === 'empty' ? 'idle' : 'warn');
/** Nothing of it can be seen, and nothing more will come. */
const over = (r: Recording) => r.state === 'failed' || r.state === 'empty';
const file = (r: Recording) => `${PREFIX}/recordings/${seg(r.id)}/file`;
/** "1:02:03", as on a player. */
const clockOf = (us: number) => new Date(us / 1000).toISOString().slice(us >= 3600e6 ? 11 : 14, 19);

/** One recording: seen, or why there is nothing to see; saved and deleted where the list has no room for that. */
function Watch({ recording, save, close, drop }: { recording: Recording; save: boolean; close: () => void; drop?: () => void }) {
  const [at, setAt] = useState<{ s: number }>();
  return (
    <section className="card" aria-label={recording.title}>
      <div className="row between"><h2>{recording.title}</h2><Button onClick={close}>{t('recordings.close')}</Button></div>
      {recording.state === 'finished'
        ? <Player url={`${file(recording)}?inline=1`} label={recording.title} at={at} />
        : <p><Badge tone={tone(recording.state)}>{t(`recordings.state.${recording.state}`)}</Badge> {recording.problem && <span lang="en">{recording.problem}</span>}</p>}
      <div className="row">{save && recording.state === 'finished' && <Button href={file(recording)} download>{t('recordings.save')}</Button>}{drop && <Button danger onClick={drop}>{t('recordings.delete')}</Button>}</div>
      {recording.chapters.length > 0 && <ol className="chapters" aria-label={t('recordings.chapters')}>{recording.chapters.map((c, i) => (
        <li key={i}><button type="button" className="chapter" onClick={() => setAt({ s: c.start_us / 1e6 })}>{clockOf(c.start_us)} {c.title}</button></li>))}
      </ol>}
    </section>
  );
}

function Live({ streams, reload, may }: { streams: Stream[]; reload: () => void; may: boolean }) {
  const [watched, setWatched] = useState(''), [failure, setFailure] = useState<Failure | null>(null);
  if (streams.length === 0) return <p className="soft">{t('recordings.noLive')}</p>;
  const end = async (id: string) => { try { await remove(`/streams/${seg(id)}`); setFailure(null); } catch (error) { setFailure(asFailure(error)); } reload(); };
  return (
    <>
      {failure && <Wrong failure={failure} retry={reload} />}
      {streams.map((s) => (
        <div className="card" key={s.id}>
          <div className="row between">
            <span><b>{s.room}</b> {s.kind === 'hls' ? t('recordings.console') : s.target} <Badge tone={s.state === 'running' ? 'good' : 'bad'}>{t(`recordings.stream.${s.state}`)}</Badge> {s.problem && s.state === 'waiting' && <span className="soft">{s.problem}</span>}</span>
            <span className="row">
              {s.kind === 'hls' && <Button type="primary" onClick={() => setWatched(watched === s.id ? '' : s.id)}>{watched === s.id ? t('recordings.close') : t('recordings.watch')}</Button>}
              {may && <Button onClick={() => void end(s.id)}>{t('recordings.endLive')}</Button>}
            </span>
          </div>
          {watched === s.id && <Player live url={`${PREFIX}/rooms/${seg(s.room)}/live/index.m3u8`} label={t('recordings.liveOf', { room: s.room })} />}
        </div>))}
    </>
  );
}

export default function Recordings() {
  const may = useSession().may('operate');
  const list = useData<{ recordings: Recording[] }>('/recordings', ['recording.started', 'recording.stopped', 'recording.finished'], 30000);
  const live = useData<{ streams: Stream[] }>('/streams', ['stream.started', 'stream.stopped'], 10000);
  const [watched, setWatched] = useState<Recording | null>(null), [doomed, setDoomed] = useState<Recording | null>(null), [failure, setFailure] = useState<Failure | null>(null);
  const act = async (work: () => Promise<unknown>) => { try { await work(); setFailure(null); } catch (error) { setFailure(asFailure(error)); } list.reload(); };
  const watch = (r: Recording) => act(async () => setWatched(await get<Recording>(`/recordings/${seg(r.id)}`)));
  const phone = useMedia('(max-width: 860px)');
  const columns: Column<Recording>[] = phone ? [
    { key: 'title', title: t('col.name'), width: 'minmax(0, 1fr)', cell: (r) => <><b>{r.title || r.room}</b><div className="soft">{over(r) && `${t(`recordings.state.${r.state}`)} · `}{moment(r.started_us)} · {span(r.duration_us)}</div></> },
    { key: 'do', title: t('streams.state'), width: '130px', cell: (r) => (r.state === 'finished' ? <Button type="primary" onClick={() => void watch(r)}>{t('recordings.play')}</Button> : r.state === 'running' && may ? <Button onClick={() => void act(() => post(`/recordings/${seg(r.id)}/stop`, {}))}>{t('recordings.stop')}</Button> : over(r) ? <Button onClick={() => void watch(r)}>{t('recordings.watch')}</Button> : <Badge tone={tone(r.state)}>{t(`recordings.state.${r.state}`)}</Badge>) },
  ] : [
    { key: 'title', title: t('col.name'), width: 'minmax(180px, 2fr)', cell: (r) => <b>{r.title || r.room}</b> },
    { key: 'at', title: t('recordings.began'), width: '140px', cell: (r) => moment(r.started_us) },
    { key: 'long', title: t('recordings.long'), width: '130px', cell: (r) => span(r.duration_us) },
    { key: 'size', title: t('recordings.size'), width: '90px', cell: (r) => number(Math.round(r.bytes / 1e6)) },
    { key: 'state', title: t('streams.state'), width: 'minmax(140px, 1fr)', cell: (r) => <span title={r.problem}><Badge tone={tone(r.state)}>{t(`recordings.state.${r.state}`)}</Badge></span> },
    { key: 'do', title: t('recordings.do'), width: '300px', cell: (r) => (
      <span className="row">
        {r.state === 'finished' && <><Button type="primary" onClick={() => void watch(r)}>{t('recordings.play')}</Button><Button href={file(r)} download>{t('recordings.save')}</Button></>}
        {r.state === 'running' && may && <Button onClick={() => void act(() => post(`/recordings/${seg(r.id)}/stop`, {}))}>{t('recordings.stop')}</Button>}
        {(r.state === 'finished' || over(r)) && may && <Button danger onClick={() => setDoomed(r)}>{t('recordings.delete')}</Button>}
      </span>) },
  ];
  const wrong = failure ?? list.failure ?? live.failure;
  return (
    <>
      <div className="head"><h1>{t('page.recordings')}</h1></div>
      {wrong && <Wrong failure={wrong} retry={() => { setFailure(null); list.reload(); live.reload(); }} />}
      <h2>{t('recordings.live')}</h2>
      <Live streams={live.data?.streams ?? []} reload={live.reload} may={may} />
      {watched && <Watch key={watched.id} recording={watched} save={phone} close={() => setWatched(null)} drop={phone && may ? () => setDoomed(watched) : undefined} />}
      <h2>{t('recordings.list')}</h2>
      <VirtualTable rows={list.data?.recordings ?? []} columns={columns} rowKey={(r) => r.id} label={t('recordings.list')} height={560} />
      {list.data?.recordings.length === 0 && <p className="soft" style={{ marginTop: 12 }}>{t('recordings.none')}</p>}
      <Confirm open={doomed !== null} title={t('recordings.deleteTitle')} go={t('recordings.delete')} danger close={() => setDoomed(null)}
        doIt={async () => { const one = doomed!; await act(() => remove(`/recordings/${seg(one.id)}`)); if (watched?.id === one.id) setWatched(null); setDoomed(null); }}>
        <p>{t('recordings.deleteSure', { title: doomed?.title ?? '' })}</p>
      </Confirm>
    </>
  );
}
