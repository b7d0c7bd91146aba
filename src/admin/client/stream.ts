/** Traffic as it comes in; pausable, and told politely. */
import { html } from 'htm/preact';
import { render } from 'preact';
import { connectionLost, lost, sessionOver } from './lost.ts';
import { Line, type Row } from './row.ts';

/** Lines that are kept on the page. */
const most = 200;

export function stream(): void {
  const list = document.getElementById('stream');
  if (list === null || list.dataset.live !== 'yes' || list.dataset.address === undefined) return;
  const pause = document.getElementById('pause');
  const announce = document.getElementById('announce');
  const older = [...list.children];
  const holder = list;
  let rows: Row[] = [];
  let waiting: Row[] = [];
  let paused = false;
  let isDrawing = false;
  let told = 0;

  const draw = (): void => {
    isDrawing = false;
    rows = [...waiting.reverse(), ...rows].slice(0, most);
    told += waiting.length;
    waiting = [];
    holder.hidden = false;
    document.getElementById('nothing')?.remove();
    render(
      html`${rows.map((row) => html`<${Line} key=${row.id} row=${row} page=${holder.dataset.page} isNew=${true} />`)}`,
      fresh,
    );
  };
  // New lines stand in a list of their own before those that the server rendered.
  const fresh = document.createElement('ol');
  fresh.className = 'stream';
  fresh.setAttribute('aria-label', 'New requests');
  fresh.hidden = true;
  holder.before(fresh);
  if (older.length > 0) holder.setAttribute('aria-label', 'Earlier requests');

  const source = new EventSource(list.dataset.address);
  source.onopen = () => lost(undefined);
  // A closed one was refused, and is not tried again.
  source.onerror = () => lost(source.readyState === EventSource.CLOSED ? sessionOver : connectionLost);
  source.onmessage = ({ data }: MessageEvent<string>) => {
    waiting.push(JSON.parse(data) as Row);
    if (waiting.length > most) waiting.shift();
    if (paused) {
      if (pause !== null) pause.textContent = `Go on (${waiting.length} new)`;
      return;
    }
    if (isDrawing) return;
    isDrawing = true;
    requestAnimationFrame(() => {
      fresh.hidden = false;
      draw();
      if (older.length === 0) holder.hidden = true;
    });
  };
  setInterval(() => {
    if (told > 0 && announce !== null)
      announce.textContent = `${told} new ${told === 1 ? 'request' : 'requests'}`;
    told = 0;
  }, 5000);
  pause?.addEventListener('click', () => {
    paused = !paused;
    pause.setAttribute('aria-pressed', String(paused));
    pause.textContent = paused ? 'Go on' : 'Pause';
    if (!paused && waiting.length > 0) {
      fresh.hidden = false;
      draw();
    }
  });
  addEventListener('pagehide', () => source.close());
}
