// SPDX-License-Identifier: GPL-3.0-or-later
// One word of the dictionary: how it is written, how it is said, heard before it is kept.
import { Input, Modal } from 'antd';
import { useEffect, useState } from 'react';
import { call, put, seg } from '../../app/api';
import { t } from '../../app/i18n';
import { AreaChoice } from '../../ui/areas';
import { Button } from '../../ui/button';
import { Field } from '../../ui/field';
import { useAct } from '../../ui/wrong';

/** Bytes of UTF-8: the server counts them. */
export const size = (text: string): number => new TextEncoder().encode(text).length;

/** Speaks a text as an area says it; asIs: as it stands. */
export function Hear({ area, text, asIs, label, primary }: { area: string; text: string; asIs?: boolean; label?: string; primary?: boolean }) {
  const [sound, setSound] = useState('');
  const [busy, setBusy] = useState(false);
  const act = useAct();
  useEffect(() => () => { if (sound) URL.revokeObjectURL(sound); }, [sound]);
  useEffect(() => setSound(''), [text, area]);
  const hear = async () => {
    setBusy(true);
    await act(async () => {
      const wav = await call<Blob>('POST', `/dictionary/${seg(area)}/hear`, { text: text.trim(), ...(asIs ? { as_is: true } : {}) }, { blob: true });
      setSound(URL.createObjectURL(wav));
    });
    setBusy(false);
  };
  return (
    <span className="row">
      <Button type={primary ? 'primary' : 'default'} loading={busy} disabled={!text.trim() || !area || text.length > 300} onClick={() => void hear()}>▶ {label ?? t('word.hear')}</Button>
      {sound && <audio controls autoPlay src={sound} aria-label={t('word.heard', { text: text.trim() })} />}
    </span>
  );
}

/** was: the word that is changed; written: where a new one begins. */
export function WordDialog({ was, written: first = '', area: own, close, done }: { was?: { area: string; written: string; spoken: string }; written?: string; area: string; close: () => void; done: () => void }) {
  const [written, setWritten] = useState(was?.written ?? first);
  const [spoken, setSpoken] = useState(was?.spoken ?? '');
  const [area, setArea] = useState(was?.area ?? own);
  const act = useAct();
  const long = size(written.trim()) > 100 ? t('word.long') : undefined, longer = size(spoken.trim()) > 300 ? t('word.long') : undefined;
  const keep = async () => {
    const ok = await act(() => put(`/dictionary/${seg(area)}`, { written: written.trim(), spoken: spoken.trim() }), { done: t('word.kept', { written: written.trim() }) });
    if (ok) { done(); close(); }
  };
  return (
    <Modal open title={was ? t('word.change', { written: was.written }) : t('word.add')} onCancel={close} okText={t('word.keep')} okButtonProps={{ disabled: !written.trim() || !spoken.trim() || !!long || !!longer || !area }} onOk={keep}>
      <p className="soft">{t('word.explain')}</p>
      <Field label={t('word.written')} hint={t('word.writtenHint')} wrong={long}>{(id) => <Input id={id} value={written} disabled={was !== undefined} maxLength={100} onChange={(e) => setWritten(e.target.value)} />}</Field>
      <Field label={t('word.spoken')} hint={t('word.spokenHint')} wrong={longer}>{(id) => <Input id={id} value={spoken} maxLength={300} onChange={(e) => setSpoken(e.target.value)} />}</Field>
      <div className="field"><Hear area={area} text={spoken} asIs /></div>
      {!was && <div className="field"><span className="label">{t('word.area')}</span><AreaChoice label={t('word.area')} value={area} choose={setArea} /><span className="hint">{t('word.areaHint')}</span></div>}
    </Modal>
  );
}
