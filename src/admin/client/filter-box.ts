/** The box for words or a filter: completion, where it is wrong, and what it finds, as one types. */
import { html } from 'htm/preact';
import { render } from 'preact';
import { timeText } from './times.ts';

interface Checked {
  readonly problem?: { readonly detail: string; readonly offset: number; readonly length: number };
  readonly names: readonly string[];
}

interface Found {
  readonly total: number;
  readonly resources: readonly {
    readonly id: string;
    readonly name: string;
    readonly display?: string;
    readonly active?: boolean;
    readonly externalId?: string;
    readonly modified: string;
  }[];
}

/** Milliseconds of rest after a key. */
const rest = 130;

export function filterBox(input: HTMLInputElement): void {
  const caret = document.getElementById('caret');
  const problem = document.getElementById('problem');
  const results = document.getElementById('results');
  const total = document.getElementById('total');
  const list = document.createElement('ul');
  list.className = 'suggest';
  list.id = `${input.id}-names`;
  list.hidden = true;
  list.setAttribute('role', 'listbox');
  list.setAttribute('aria-label', 'Attributes');
  input.after(list);
  for (const [name, value] of [
    ['role', 'combobox'],
    ['aria-autocomplete', 'list'],
    ['aria-controls', list.id],
    ['aria-expanded', 'false'],
  ] as const)
    input.setAttribute(name, value);
  let names: readonly string[] = [];
  let chosen = -1;
  let timer = 0;
  let last = new AbortController();

  const word = (): string =>
    /[\w.:$-]*$/.exec(input.value.slice(0, input.selectionStart ?? undefined))?.[0] ?? '';

  const show = (): void => {
    const isOpen = names.length > 0 && document.activeElement === input && word() !== '';
    list.hidden = !isOpen;
    input.setAttribute('aria-expanded', String(isOpen));
    if (chosen >= 0 && isOpen) input.setAttribute('aria-activedescendant', `${list.id}-${chosen}`);
    else input.removeAttribute('aria-activedescendant');
    render(
      html`${names.map((name, index) => html`<li id="${list.id}-${index}" key=${name} role="option" class="mono" aria-selected=${index === chosen ? 'true' : 'false'} onMouseDown=${(event: Event) => take(event, name)}>${name}</li>`)}`,
      list,
    );
  };

  const take = (event: Event, name: string): void => {
    event.preventDefault();
    const end = input.selectionStart ?? input.value.length;
    const start = end - word().length;
    input.setRangeText(`${name} `, start, end, 'end');
    names = [];
    chosen = -1;
    show();
    void check();
  };

  const check = async (): Promise<void> => {
    last.abort();
    last = new AbortController();
    const { signal } = last;
    const text = input.value.trim();
    const get = async <T>(
      address: string,
      parameters: Readonly<Record<string, string>>,
    ): Promise<T | undefined> => {
      const url = new URL(address, location.href);
      for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
      const answer = await fetch(url, { signal, headers: { accept: 'application/json' } });
      return answer.ok ? ((await answer.json()) as T) : undefined;
    };
    try {
      const checked = await get<Checked>(input.dataset.filter ?? '', { text });
      names = checked?.names.filter((name) => name !== word()) ?? [];
      chosen = -1;
      const wrong = text === '' ? undefined : checked?.problem;
      if (problem !== null) problem.textContent = wrong?.detail ?? '';
      if (caret !== null)
        caret.textContent =
          wrong === undefined ? '' : `${' '.repeat(wrong.offset)}${'^'.repeat(Math.max(1, wrong.length))}`;
      show();
      if (wrong !== undefined || input.dataset.results === undefined || results === null) return;
      const found = await get<Found>(input.dataset.results, text === '' ? {} : { q: text });
      if (found !== undefined) draw(found);
    } catch (error) {
      if (!(error instanceof DOMException && error.name === 'AbortError')) throw error;
    }
  };

  /** The table that the server rendered, with other rows. */
  const draw = (found: Found): void => {
    if (total !== null) total.textContent = `${found.total} found`;
    document.getElementById('pages')?.replaceChildren();
    const body = results instanceof HTMLTableElement ? results.tBodies[0] : undefined;
    if (body === undefined) {
      if (found.resources.length > 0) input.form?.requestSubmit();
      return;
    }
    if (body.dataset.ours === undefined) {
      body.replaceChildren();
      body.dataset.ours = 'yes';
    }
    const [path = '', query] = (input.dataset.page ?? '').split('?');
    const href = (id: string): string =>
      `${path}${encodeURIComponent(id)}${query === undefined ? '' : `?${query}`}`;
    if (found.resources.length === 0) {
      render(html`<tr key=""><td colspan="3" class="empty">Nobody is found by this.</td></tr>`, body);
      return;
    }
    render(
      html`${found.resources.map(
        ({ id, name, display, active, externalId, modified }) =>
          html`<tr key=${id}><td>${
            active === undefined
              ? ''
              : html`<svg class="mark ${active ? 'good' : 'off'}" viewBox="0 0 12 12" width="12" height="12" role="img" aria-label=${active ? 'good' : 'inactive'}><circle cx="6" cy="6" r="4.2" fill=${active ? 'currentColor' : 'none'} stroke="currentColor" /></svg> `
          }<a href=${href(id)}>${name}</a>${display === undefined ? '' : html` <span class="muted">${display}</span>`}</td><td class="mono">${externalId}</td><td class="nowrap">${timeText(modified, 'both')}</td></tr>`,
      )}`,
      body,
    );
  };

  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => void check(), rest);
  });
  input.addEventListener('blur', show);
  input.addEventListener('keydown', (event) => {
    if (list.hidden) return;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      chosen =
        event.key === 'ArrowDown'
          ? (chosen + 1) % names.length
          : (Math.max(0, chosen) + names.length - 1) % names.length;
      show();
    } else if ((event.key === 'Enter' || event.key === 'Tab') && chosen >= 0)
      take(event, names[chosen] as string);
    else if (event.key === 'Escape') {
      names = [];
      show();
    }
  });
}
