// SPDX-License-Identifier: GPL-3.0-or-later
// One's own account: password, and the telephone that makes one-time codes.
import { Button, Input } from 'antd';
import { lazy, Suspense, useState, type FormEvent } from 'react';
import { post } from '../app/api';
import { asFailure, type Failure } from '../app/failure';
import { number } from '../app/format';
import { t, tWord } from '../app/i18n';
import { useSession } from '../app/session';
import type { SecondFactor } from '../app/types';
import { useData } from '../app/use';
import { useAreaName } from '../ui/areas';
import { Badge, Field } from '../ui/field';
import { useAct, Wrong } from '../ui/wrong';

const QRCode = lazy(() => import('antd/es/qr-code'));

function Codes({ codes, close }: { codes: string[]; close: () => void }) {
  return (
    <div role="alert">
      <h3>{t('factor.recovery')}</h3><p>{t('factor.recoveryHint')}</p>
      <pre style={{ fontSize: '1.1rem', columns: 2 }}>{codes.join('\n')}</pre>
      <div className="row" style={{ marginTop: 10 }}><Button onClick={() => window.print()}>{t('report.print')}</Button><Button type="primary" onClick={close}>{t('factor.kept')}</Button></div>
    </div>
  );
}

function Factor() {
  const state = useData<SecondFactor>('/session/second-factor');
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [secret, setSecret] = useState<{ secret: string; uri: string } | null>(null);
  const [codes, setCodes] = useState<string[] | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const work = (fn: () => Promise<void>) => async (e: FormEvent) => {
    e.preventDefault();
    setFailure(null);
    try { await fn(); } catch (error) { const why = asFailure(error); if (why.code !== 'cancelled') setFailure(why); }
  };
  const begin = work(async () => { setSecret(await post('/session/second-factor/enrol', { password })); setPassword(''); });
  const confirm = work(async () => { setCodes((await post<{ recovery_codes: string[] }>('/session/second-factor/confirm', { code: code.replace(/\s/g, '') })).recovery_codes); setSecret(null); setCode(''); state.reload(); });
  const renew = work(async () => setCodes((await post<{ recovery_codes: string[] }>('/session/second-factor/recovery-codes')).recovery_codes));
  return (
    <section className="card">
      <h2>{t('factor.title')}</h2>
      <p>{t('factor.explain')}</p>
      {state.data && <p><Badge tone={state.data.enrolled ? 'good' : state.data.required ? 'bad' : 'warn'}>{state.data.enrolled ? t('factor.on') : t('factor.off')}</Badge> {state.data.enrolled && <span className="soft">{t('factor.left', { n: number(state.data.recovery_codes_left ?? 0) })}</span>}</p>}
      {failure && <Wrong failure={failure} />}
      {codes ? <Codes codes={codes} close={() => setCodes(null)} /> : secret ? (
        <form onSubmit={(e) => void confirm(e)}>
          <p>{t('factor.scan')}</p>
          <Suspense fallback={null}><div style={{ background: '#fff', padding: 12, width: 'fit-content', borderRadius: 8 }}><QRCode value={secret.uri} size={200} bordered={false} color="#000" bgColor="#fff" type="svg" /></div></Suspense>
          <p className="soft">{t('factor.byHand')} <code>{secret.secret.replace(/(.{4})/g, '$1 ')}</code></p>
          <Field label={t('factor.code')} hint={t('factor.codeHint')}>{(id) => <Input id={id} name="otp" required inputMode="numeric" autoComplete="one-time-code" value={code} onChange={(e) => setCode(e.target.value)} />}</Field>
          <div className="row"><Button type="primary" htmlType="submit">{t('factor.confirm')}</Button><Button onClick={() => setSecret(null)}>{t('cancel')}</Button></div>
        </form>
      ) : (
        <form onSubmit={(e) => void begin(e)}>
          <Field label={t('password.now')}>{(id) => <Input.Password id={id} name="password" required autoComplete="current-password" value={password} onChange={(e) => setPassword(e.target.value)} />}</Field>
          <div className="row"><Button type={state.data?.enrolled ? 'default' : 'primary'} htmlType="submit">{state.data?.enrolled ? t('factor.again') : t('factor.begin')}</Button>{state.data?.enrolled && <Button onClick={(e) => void renew(e as unknown as FormEvent)}>{t('factor.renew')}</Button>}</div>
        </form>)}
    </section>
  );
}

function Password() {
  const { refresh } = useSession(), act = useAct();
  const [form, setForm] = useState({ old: '', fresh: '', again: '' });
  const differs = form.again !== '' && form.again !== form.fresh;
  const send = async (e: FormEvent) => {
    e.preventDefault();
    if (form.fresh !== form.again || form.fresh.length < 12) return;
    if (await act(() => post('/session/password', { old_password: form.old, password: form.fresh }), { done: t('password.changed') })) await refresh();
  };
  return (
    <section className="card">
      <h2>{t('password.title')}</h2>
      <form onSubmit={(e) => void send(e)}>
        <Field label={t('password.now')}>{(id) => <Input.Password id={id} required autoComplete="current-password" value={form.old} onChange={(e) => setForm({ ...form, old: e.target.value })} />}</Field>
        <Field label={t('password.new')} hint={t('password.rule', { n: 12 })}>{(id) => <Input.Password id={id} required minLength={12} autoComplete="new-password" value={form.fresh} onChange={(e) => setForm({ ...form, fresh: e.target.value })} />}</Field>
        <Field label={t('password.again')} wrong={differs ? t('password.differs') : undefined}>{(id) => <Input.Password id={id} required autoComplete="new-password" value={form.again} onChange={(e) => setForm({ ...form, again: e.target.value })} />}</Field>
        <Button htmlType="submit">{t('password.go')}</Button><p className="soft" style={{ marginTop: 8 }}>{t('password.ends')}</p>
      </form>
    </section>
  );
}

export default function Me() {
  const { session } = useSession(), nameOf = useAreaName();
  return (
    <>
      <div className="head"><h1>{t('page.me')}</h1></div>
      <section className="card" style={{ marginBottom: 14 }}><dl className="facts"><dt>{t('signIn.user')}</dt><dd><b>{session.user}</b></dd><dt>{t('user.role')}</dt><dd>{tWord('role', session.role)}</dd><dt>{t('user.area')}</dt><dd>{session.area ? nameOf(session.area) : t('area.all')}</dd><dt>{t('user.rights')}</dt><dd>{session.rights.map((r) => tWord('right', r)).join(', ')}</dd></dl></section>
      <div className="two"><Factor /><Password /></div>
    </>
  );
}
