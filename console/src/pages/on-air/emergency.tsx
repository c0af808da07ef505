// SPDX-License-Identifier: GPL-3.0-or-later
// An emergency, or a drill, in two steps: what and where, then one plain sentence of what will happen. The server asks for a one-time code.
import { Input, Modal } from 'antd';
import { useState } from 'react';
import { post } from '../../app/api';
import { number } from '../../app/format';
import { t } from '../../app/i18n';
import type { Device } from '../../app/types';
import { useData } from '../../app/use';
import { AreaPicker, isWithin, sayAreas, useAreaName, useAreas } from '../../ui/areas';
import { Button } from '../../ui/button';
import { Choice, Field } from '../../ui/field';
import { useAct } from '../../ui/wrong';

type Siren = 'none' | 'chime' | 'storm' | 'flood' | 'urgent';

export function EmergencyDialog({ kind, close }: { kind: 'emergency' | 'drill'; close: () => void }) {
  const [codes, setCodes] = useState<string[]>([]);
  const [title, setTitle] = useState('');
  const [text, setText] = useState('');
  const [siren, setSiren] = useState<Siren>('urgent');
  const [repeats, setRepeats] = useState('2');
  const [sure, setSure] = useState(false);
  const [busy, setBusy] = useState(false);
  const devices = useData<{ devices: Device[] }>('/devices');
  const areas = useAreas(), nameOf = useAreaName(), act = useAct();
  const drill = kind === 'drill';
  const count = devices.data?.devices.filter((d) => d.enabled && d.kind !== 'board' && codes.some((c) => isWithin(areas, d.area, c))).length;
  const ready = codes.length > 0 && (drill || text.trim() !== '' || siren !== 'none');
  const n = count === undefined ? '…' : number(count);

  const send = async () => {
    setBusy(true);
    const body = { areas: codes, ...(title.trim() ? { title: title.trim() } : {}), ...(text.trim() ? { text: text.trim() } : {}) };
    const ok = await act(() => (drill ? post('/drills', body) : post('/emergencies', { ...body, siren, repeats: Number(repeats) })), { done: drill ? t('drill.begun') : t('emergency.begun') });
    setBusy(false);
    if (ok) close();
  };
  return (
    <Modal open width={720} onCancel={close} title={drill ? t('drill.title') : `⚠ ${t('emergency.title')}`} footer={
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        {sure ? <Button size="large" onClick={() => setSure(false)}>{t('back')}</Button> : <Button size="large" onClick={close}>{t('cancel')}</Button>}
        {sure
          ? <Button size="large" type="primary" danger={!drill} loading={busy} onClick={() => void send()}>{drill ? t('drill.go') : t('emergency.go')}</Button>
          : <Button size="large" type="primary" disabled={!ready} onClick={() => setSure(true)}>{t('next')}</Button>}
      </div>
    }>
      {!sure && <>
        <p>{drill ? t('drill.explain') : t('emergency.explain')}</p>
        <AreaPicker label={t('where')} value={codes} choose={setCodes} />
        <Field label={t('emergency.headline')} hint={t('emergency.headlineHint')}>{(id) => <Input id={id} maxLength={200} value={title} onChange={(e) => setTitle(e.target.value)} />}</Field>
        <Field label={t('emergency.text')} hint={drill ? t('drill.textHint') : t('emergency.textHint')}>{(id) => <Input.TextArea id={id} rows={4} maxLength={4000} value={text} onChange={(e) => setText(e.target.value)} />}</Field>
        {!drill && <div className="two">
          <Field label={t('emergency.siren')}>{(id) => <Choice id={id} value={siren} choose={setSiren} options={(['urgent', 'storm', 'flood', 'chime', 'none'] as const).map((s) => [s, t(`siren.${s}`)] as const)} />}</Field>
          <Field label={t('emergency.repeats')}>{(id) => <Choice id={id} value={repeats} choose={setRepeats} options={['1', '2', '3', '5'].map((r) => [r, t('times', { n: r })] as const)} />}</Field>
        </div>}
        {!ready && <p className="soft">{codes.length ? t('emergency.needText') : t('emergency.needArea')}</p>}
      </>}
      {sure && <div role="alert">
        <p style={{ fontSize: '1.2rem' }}><b>{drill ? t('drill.sure', { n, areas: sayAreas(codes, nameOf) }) : t('emergency.sure', { n, areas: sayAreas(codes, nameOf) })}</b></p>
        {!drill && siren !== 'none' && <p>{t('emergency.sureSiren', { siren: t(`siren.${siren}`) })}</p>}
        {text && <blockquote className="words">{text}</blockquote>}
        <p className="soft" style={{ marginTop: 10 }}>{drill ? t('drill.after') : t('emergency.after')}</p>
      </div>}
    </Modal>
  );
}
