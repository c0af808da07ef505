// SPDX-License-Identifier: GPL-3.0-or-later
// How words are said: a commune's own on top of those of the province, found, heard, changed, brought in and taken out as a table.
import { Input } from 'antd';
import { useRef, useState } from 'react';
import { call, post, remove, seg } from '../app/api';
import { asFailure, type Failure } from '../app/failure';
import { number } from '../app/format';
import { t, tWord } from '../app/i18n';
import { Link } from '../app/router';
import { useSession } from '../app/session';
import type { TableFault, Word } from '../app/types';
import { useData } from '../app/use';
import { AreaChoice, isWithin, plain, useAreaName, useAreas, useOwn, useOwnAreas } from '../ui/areas';
import { Button } from '../ui/button';
import { Confirm } from '../ui/confirm';
import { Field } from '../ui/field';
import { useAct, Wrong } from '../ui/wrong';
import { Hear, WordDialog } from './bulletin/word';

const AT_ONCE = 200; /* rows shown; the rest is found by searching */

/** What the machine will say for a text, and how it sounds. */
function Try({ area }: { area: string }) {
  const [text, setText] = useState('');
  const [said, setSaid] = useState('');
  const act = useAct();
  const say = (now: string) => act(async () => setSaid((await post<{ said: string }>(`/dictionary/${seg(area)}/say`, { text: now })).said));
  return (
    <section className="card">
      <h2>{t('word.tryTitle')}</h2>
      <Field label={t('word.tryText')} hint={t('word.tryHint')}>{(id) => <Input.TextArea id={id} rows={3} maxLength={300} value={text} onChange={(e) => { setText(e.target.value); setSaid(''); }} onBlur={() => { if (text.trim()) void say(text.trim()); }} />}</Field>
      <div className="row"><Button disabled={!text.trim()} onClick={() => void say(text.trim())}>{t('word.trySee')}</Button><Hear area={area} text={text} /></div>
      {said && <div role="status" style={{ marginTop: 10 }}><span className="soft">{t('word.said')}</span><blockquote className="words">{said}</blockquote></div>}
    </section>
  );
}

/** A table replaces what an area has: said before, and every line that is wrong told after. */
function Table({ area, n, done }: { area: string; n: number; done: () => void }) {
  const [file, setFile] = useState<File | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const input = useRef<HTMLInputElement>(null), nameOf = useAreaName(), act = useAct();
  const send = async () => {
    setFailure(null);
    const sent = file!;
    try {
      await call('POST', `/dictionary/${seg(area)}/table`, undefined, { raw: sent, type: 'text/csv' });
      await act(async () => undefined, { done: t('word.imported', { area: nameOf(area) }) });
      done();
    } catch (error) {
      const why = asFailure(error);
      if (why.code !== 'cancelled') setFailure(why);
    }
    setFile(null);
  };
  const keep = () => act(async () => {
    const csv = await call<string>('GET', `/dictionary/${seg(area)}/table`, undefined, { text: true });
    const link = document.createElement('a'), url = URL.createObjectURL(new Blob(['\ufeff', csv], { type: 'text/csv' })); /* the mark tells office programs that it is UTF-8 */
    link.href = url;
    link.download = `cach-doc-${area}.csv`;
    link.click();
    window.setTimeout(() => URL.revokeObjectURL(url), 10000);
  });
  const faults = failure?.list<TableFault>('problems') ?? [];
  return (
    <section className="card">
      <h2>{t('word.table')}</h2>
      <p className="soft">{t('word.tableHint')}</p>
      <div className="row">
        <Button onClick={() => void keep()}>{t('word.export')}</Button>
        <Button onClick={() => input.current?.click()}>{t('word.import')}</Button>
        <input ref={input} type="file" hidden accept=".csv,text/csv" aria-label={t('word.import')} onChange={(e) => { setFailure(null); setFile(e.target.files?.[0] ?? null); e.target.value = ''; }} />
      </div>
      {failure && <div style={{ marginTop: 10 }}>
        <Wrong failure={failure} brief={faults.length > 0} />
        {faults.length > 0 && <ul className="list" aria-label={t('word.faults')}>{faults.map((f) => <li key={f.line}><b>{t('word.line', { n: f.line })}</b> {f.code ? tWord('tableFault', f.code) : f.message}</li>)}</ul>}
      </div>}
      <Confirm open={file !== null} close={() => setFile(null)} title={t('word.importTitle')} go={t('word.importGo')} danger={n > 0} doIt={send}>
        <p>{n > 0 ? t('word.importWhat', { file: file?.name ?? '', area: nameOf(area), n: number(n) }) : t('word.importFirst', { file: file?.name ?? '', area: nameOf(area) })}</p>
      </Confirm>
    </section>
  );
}

export default function Dictionary() {
  const { session, may } = useSession(), { top } = useOwnAreas();
  const areas = useAreas(), nameOf = useAreaName(), own = useOwn(), act = useAct();
  const [chosen, setChosen] = useState('');
  const [search, setSearch] = useState('');
  const [open, setOpen] = useState<{ was?: Word } | null>(null);
  const [gone, setGone] = useState<Word | null>(null);
  const words = useData<{ words: Word[] }>('/dictionary');
  const at = chosen || session.area || top?.code || '';
  const sought = plain(search.trim());
  /* what holds there: its own words, and those of the areas above it */
  const here = (words.data?.words ?? []).filter((w) => isWithin(areas, at, w.area));
  const shown = here.filter((w) => !sought || plain(w.written).includes(sought) || plain(w.spoken).includes(sought));
  const drop = () => act(() => remove(`/dictionary/${seg(gone!.area)}/words/${seg(gone!.written)}`), { done: t('word.gone', { written: gone!.written }) }).then((ok) => { if (ok) setGone(null); words.reload(); });
  return (
    <>
      <div className="head"><div><Link to="/bulletins">← {t('page.bulletins')}</Link><h1>{t('page.dictionary')}</h1></div>
        <div className="row"><AreaChoice label={t('word.where')} value={at} choose={setChosen} />{may('edit') && <Button type="primary" size="large" disabled={!at} onClick={() => setOpen({})}>+ {t('word.add')}</Button>}</div></div>
      <p className="soft">{t('word.explain')}</p>
      {words.failure && <Wrong failure={words.failure} retry={words.reload} />}
      <div className="wide">
        <section className="card">
          <Input aria-label={t('word.search')} placeholder={t('word.search')} value={search} allowClear onChange={(e) => setSearch(e.target.value)} style={{ marginBottom: 10 }} />
          {shown.length > 0 && <div className="scroll"><table className="plain"><thead><tr><th>{t('word.written')}</th><th>{t('word.spoken')}</th><th>{t('word.of')}</th>{may('edit') && <th>{t('word.do')}</th>}</tr></thead>
            <tbody>{shown.slice(0, AT_ONCE).map((w) => (
              <tr key={`${w.area} ${w.written}`}><td><b>{w.written}</b></td><td>{w.spoken}</td><td className="soft">{nameOf(w.area)}</td>
                {may('edit') && <td>{own([w.area]) && <div className="row" style={{ flexWrap: 'wrap' }}>
                  <Button size="small" aria-label={t('word.changeName', { written: w.written })} onClick={() => setOpen({ was: w })}>{t('word.changeIt')}</Button>
                  <Button size="small" aria-label={t('word.dropName', { written: w.written })} onClick={() => setGone(w)}>{t('word.drop')}</Button></div>}</td>}
              </tr>))}</tbody></table></div>}
          {shown.length > AT_ONCE && <p className="soft" style={{ marginTop: 8 }}>{t('word.more', { n: number(shown.length - AT_ONCE) })}</p>}
          {words.data && shown.length === 0 && <p className="soft" style={{ margin: 0 }}>{sought ? t('nothing') : t('word.none')}</p>}
        </section>
        <div className="cards">
          {at && may('edit') && <Try area={at} />}
          {at && may('edit') && own([at]) && <Table area={at} n={here.filter((w) => w.area === at).length} done={words.reload} />}
        </div>
      </div>
      {open && <WordDialog was={open.was} area={at} close={() => setOpen(null)} done={words.reload} />}
      <Confirm open={gone !== null} close={() => setGone(null)} title={t('word.dropTitle')} go={t('word.drop')} danger doIt={drop}>
        {gone && <p>{t('word.dropWhat', { written: gone.written, spoken: gone.spoken, area: nameOf(gone.area) })}</p>}
      </Confirm>
    </>
  );
}
