// SPDX-License-Identifier: GPL-3.0-or-later
// The week as a calendar; on a phone, as a list of days.
import enLocale from '@fullcalendar/core/locales/en-gb';
import viLocale from '@fullcalendar/core/locales/vi';
import interactionPlugin from '@fullcalendar/interaction';
import listPlugin from '@fullcalendar/list';
import FullCalendar from '@fullcalendar/react';
import timeGridPlugin from '@fullcalendar/timegrid';
import { useMemo } from 'react';
import { language, t } from '../../app/i18n';
import type { Priority } from '../../app/types';
import { useMedia } from '../../app/use';
import { fromLocal, toLocal } from '../../app/format';
import './week.css';

export type Shown = { id: string; schedule: string; title: string; start: number; end: number; priority: Priority; draft: boolean; movable: boolean; /** the same at the same time in other places, drawn as one */ others?: Shown[] };

const SIGN: Record<Priority, string> = { emergency: '⚠ ', priority: '▲ ', normal: '' };

export default function Week({ shown, open, add, move, week }: {
  shown: Shown[]; open: (x: Shown) => void; add?: (start: number) => void; move: (x: Shown, start: number, undo: () => void) => void; week: (start: number) => void;
}) {
  const phone = useMedia('(max-width: 860px)');
  /* the calendar is told the province's local times as if they were of no zone: the reader's own clock does not matter */
  const moment = (date: string) => fromLocal(date.slice(0, 19));
  const events = useMemo(() => shown.map((x) => ({ id: x.id, title: `${SIGN[x.priority]}${x.draft ? `${t('schedule.draft')}: ` : ''}${x.title}`, start: toLocal(x.start), end: toLocal(Math.max(x.end, x.start + 60e3)), editable: x.movable, durationEditable: false, classNames: [`p-${x.priority}`, ...(x.draft ? ['draft'] : [])] })), [shown]);
  return (
    <FullCalendar key={phone ? 'phone' : 'desk'} plugins={[timeGridPlugin, listPlugin, interactionPlugin]} initialView={phone ? 'listWeek' : 'timeGridWeek'} timeZone="UTC" now={toLocal(Date.now())}
      locale={language() === 'vi' ? viLocale : enLocale} firstDay={1} height="auto" allDaySlot={false} slotMinTime="04:00:00" slotMaxTime="23:00:00" scrollTime="04:30:00" slotDuration="00:30:00" nowIndicator displayEventEnd={false} slotEventOverlap={false} expandRows eventMinHeight={24}
      headerToolbar={{ left: 'prev,next today', center: 'title', right: '' }} buttonIcons={false} buttonText={{ today: t('today'), prev: '‹', next: '›' }} noEventsContent={t('nothing')} timeHint={t('col.time')} eventHint={t('col.what')}
      slotLabelFormat={{ hour: '2-digit', minute: '2-digit', hour12: false }} eventTimeFormat={{ hour: '2-digit', minute: '2-digit', hour12: false }}
      events={events}
      datesSet={(info) => week(moment(info.startStr))} eventInteractive
      eventClick={(info) => { info.jsEvent.preventDefault(); const x = shown.find((y) => y.id === info.event.id); if (x) open(x); }}
      eventDrop={(info) => { const x = shown.find((y) => y.id === info.event.id); if (x && info.event.startStr) move(x, moment(info.event.startStr), info.revert); else info.revert(); }}
      dateClick={add ? (info) => { const at = moment(info.dateStr); if (at > Date.now()) add(at); } : undefined} />
  );
}
