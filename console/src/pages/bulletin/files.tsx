// SPDX-License-Identifier: GPL-3.0-or-later
// What goes with a bulletin: pictures, sound, video, documents. The server says what it takes and how large; it looks into every file.
import { useEffect, useRef, useState, type DragEvent } from 'react';
import { PREFIX, remove, seg, uploadShown } from '../../app/api';
import { asFailure, Failure, told } from '../../app/failure';
import { bytes, percent, span } from '../../app/format';
import { t } from '../../app/i18n';
import type { Attachment, AttachmentLimits } from '../../app/types';
import { useData } from '../../app/use';
import { Button } from '../../ui/button';
import { Wrong } from '../../ui/wrong';

const MOST = 20; /* of one bulletin */
const TAKEN = 'image/*,audio/*,video/*,.pdf,.txt,.rtf,.doc,.docx,.xls,.xlsx,.ppt,.pptx,.odt,.ods,.odp';

export const fileOf = (a: Attachment): string => `${PREFIX}/attachments/${seg(a.id)}/file`;

/** Too large for what it claims to be? The server decides; this spares the waiting. */
export function tooLarge(file: { size: number; type: string }, limits: AttachmentLimits): number {
  const most = /^(audio|video)\//.test(file.type) ? limits.media_bytes : /^(image|text)\/|pdf|document|sheet|presentation|msword|ms-/.test(file.type) ? limits.image_bytes : Math.max(limits.media_bytes, limits.image_bytes);
  return file.size > most ? most : 0;
}

/** The server's refusal of a file in the reader's words; its own stand below. */
export function refusal(failure: Failure): Failure {
  const code = failure.code === 'content-refused' ? 'file-refused' : failure.code === 'limit-reached' || failure.code === 'too-large' ? 'file-limit' : failure.code;
  return new Failure(failure.status, code, failure.message, failure.hint, failure.where, failure.more);
}

function Shown({ file }: { file: Attachment }) {
  if (file.kind === 'image') return <a href={fileOf(file)} target="_blank" rel="noreferrer" aria-label={t('file.open', { name: file.name || t('file.unnamed') })}><img className="thumb" src={fileOf(file)} alt="" loading="lazy" /></a>;
  if (file.kind === 'audio') return <audio controls preload="none" src={fileOf(file)} aria-label={file.name || t('file.unnamed')} />;
  if (file.kind === 'video') return <video className="thumb" controls preload="none" src={fileOf(file)} aria-label={file.name || t('file.unnamed')} />;
  return null;
}

/** The files of a bulletin, to open and to keep. drop: takes one out, where that may be done. */
export function FileList({ files, drop }: { files: readonly Attachment[]; drop?: (file: Attachment) => void }) {
  return (
    <ul className="files bare" aria-label={t('file.title')}>{files.map((f) => (
      <li key={f.id}>
        <Shown file={f} />
        <div className="about"><b>{f.name || t('file.unnamed')}</b><div className="soft">{[t(`file.kind.${f.kind}`), bytes(f.bytes), f.duration_us ? span(f.duration_us) : '', f.width ? `${f.width} × ${f.height}` : ''].filter(Boolean).join(' · ')}</div></div>
        <div className="row"><a href={fileOf(f)} download={f.name || f.id.slice(0, 12)} aria-label={t('file.keepName', { name: f.name || t('file.unnamed') })}>{t('file.keep')}</a>
          {drop && <Button size="small" aria-label={t('file.dropName', { name: f.name || t('file.unnamed') })} onClick={() => drop(f)}>{t('file.drop')}</Button>}</div>
      </li>))}
    </ul>
  );
}

type Going = { name: string; share: number };

/** change: the whole list as it shall be; it holds once the bulletin is kept. uploads: +1 when files begin to be sent, -1 when they are there: what is kept
 * in between would be without them. */
export function Files({ files, editable, change, uploads }: { files: readonly Attachment[]; editable: boolean; change: (fn: (now: readonly Attachment[]) => readonly Attachment[]) => void; uploads: (more: 1 | -1) => void }) {
  const limits = useData<{ limits: AttachmentLimits }>(editable ? '/attachments?limit=0' : null);
  const [going, setGoing] = useState<Going | null>(null);
  const [failures, setFailures] = useState<{ name: string; failure: Failure }[]>([]);
  const [over, setOver] = useState(false);
  const abort = useRef<AbortController | null>(null), fresh = useRef(new Set<string>()), input = useRef<HTMLInputElement>(null);
  useEffect(() => () => abort.current?.abort(), []);

  const take = async (list: readonly File[]) => {
    const most = limits.data?.limits, failed: typeof failures = [];
    let n = files.length;
    setFailures([]);
    uploads(1);
    for (const file of list) {
      const limit = most ? tooLarge(file, most) : 0;
      const why = n >= MOST ? t('file.many', { n: MOST }) : limit ? t('file.large', { is: bytes(file.size), most: bytes(limit) }) : '';
      if (why) { failed.push({ name: file.name, failure: told(why) }); continue; }
      const now = (abort.current = new AbortController());
      setGoing({ name: file.name, share: 0 });
      try {
        const made = await uploadShown<Attachment>(`/attachments?name=${encodeURIComponent(file.name.slice(-80))}`, file, (share) => setGoing({ name: file.name, share }), now.signal);
        fresh.current.add(made.id);
        change((old) => (old.some((f) => f.id === made.id) ? old : [...old, made]));
        n++;
      } catch (error) {
        if ((error as Error).name === 'AbortError') break;
        failed.push({ name: file.name, failure: refusal(asFailure(error)) });
      }
    }
    uploads(-1);
    setGoing(null);
    setFailures(failed);
  };
  const drop = (file: Attachment) => {
    change((old) => old.filter((f) => f.id !== file.id));
    if (fresh.current.delete(file.id)) void remove(`/attachments/${seg(file.id)}`).catch(() => undefined); /* a version that was kept may have it: then it stays */
  };
  const dropped = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    if (!going) void take([...event.dataTransfer.files]);
  };
  if (!editable && files.length === 0) return null;
  return (
    <div className="field" role="group" aria-label={t('file.title')}>
      <span className="label">{t('file.title')}</span>
      {files.length > 0 && <FileList files={files} drop={editable ? drop : undefined} />}
      {editable && <>
        <div className={`drop${over ? ' over' : ''}`} onDragOver={(e) => { e.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)} onDrop={dropped}>
          {going
            ? <><div role="status">{t('file.going', { name: going.name })}</div><progress max={1} value={going.share} aria-label={going.name} /><span className="soft" aria-hidden="true">{percent(going.share)}</span><Button size="small" onClick={() => abort.current?.abort()}>{t('cancel')}</Button></>
            : <><Button onClick={() => input.current?.click()}>{t('file.choose')}</Button><span className="soft">{t('file.orDrop')}</span>
              <input ref={input} type="file" multiple hidden accept={TAKEN} aria-label={t('file.choose')} onChange={(e) => { void take([...(e.target.files ?? [])]); e.target.value = ''; }} /></>}
        </div>
        <span className="hint">{t('file.hint')}{limits.data && ` ${t('file.limits', { image: bytes(limits.data.limits.image_bytes), media: bytes(limits.data.limits.media_bytes), span: span(limits.data.limits.duration_us) })}`}</span>
      </>}
      {failures.map((f) => <div key={f.name}><b>{f.name}</b><Wrong failure={f.failure} /></div>)}
    </div>
  );
}
