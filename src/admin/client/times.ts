/** Times in the reader's own zone; UTC stays in the tooltip. */

const time = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});
const day = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'short', day: 'numeric' });

export function localTimes(root: ParentNode): void {
  for (const element of root.querySelectorAll<HTMLTimeElement>('time[data-form]'))
    element.textContent = timeText(element.dateTime, element.dataset.form);
}

export function timeText(iso: string, form: string | undefined): string {
  const date = new Date(iso);
  if (form === 'time') return time.format(date);
  return form === 'day' ? day.format(date) : `${day.format(date)}, ${time.format(date)}`;
}
