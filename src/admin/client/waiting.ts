/** Waits for the first request of a token, and shows it arrive. */
import { html } from 'htm/preact';
import { render } from 'preact';
import { connectionLost, lost, sessionOver } from './lost.ts';
import { Line, type Row } from './row.ts';

const lookEvery = 700;

export function firstRequests(): void {
  const place = document.getElementById('first');
  const list = document.getElementById('first-list');
  if (place === null || list === null || place.dataset.first === undefined) return;
  const { first: address, page } = place.dataset;
  let known = '';
  let shown = new Set<number>();
  const look = async (): Promise<void> => {
    try {
      if (document.hidden) return;
      const answer = await fetch(address, { headers: { accept: 'application/json' } }).catch(() => undefined);
      lost(answer === undefined ? connectionLost : answer.ok ? undefined : sessionOver);
      if (answer?.ok !== true) return;
      const { exchanges } = (await answer.json()) as { exchanges: Row[] };
      const ids = exchanges.map(({ id }) => id).join();
      if (ids === known || exchanges.length === 0) return;
      const before = shown;
      const isFirst = known === '' && list.childElementCount > 0;
      known = ids;
      shown = new Set(exchanges.map(({ id }) => id));
      document.getElementById('wait')?.remove();
      list.hidden = false;
      list.replaceChildren();
      render(
        html`${exchanges.map((row) => html`<${Line} key=${row.id} row=${row} page=${page} isNew=${!isFirst && !before.has(row.id)} />`)}`,
        list,
      );
    } finally {
      setTimeout(look, lookEvery);
    }
  };
  void look();
}
