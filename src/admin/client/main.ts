/** What the page can do beyond HTML: copy, keys, times in the reader's own, the stream, the filter box, waiting. */
import { choices } from './choices.ts';
import { filterBox } from './filter-box.ts';
import { keys } from './keys.ts';
import { stream } from './stream.ts';
import { localTimes } from './times.ts';
import { firstRequests } from './waiting.ts';

document.documentElement.classList.add('scripted');
localTimes(document);
keys();
stream();
firstRequests();
for (const input of document.querySelectorAll<HTMLInputElement>('input[data-filter]')) filterBox(input);

for (const select of document.querySelectorAll<HTMLSelectElement>('select[data-submit]')) choices(select);

document.addEventListener('click', (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const button = target?.closest<HTMLButtonElement>('button[data-copy]');
  if (button) void copy(button);
  if (target?.closest('[data-print]')) window.print();
});

for (const input of document.querySelectorAll<HTMLInputElement>('input[data-into]'))
  input.addEventListener('change', async () => {
    const area = document.getElementById(input.dataset.into ?? '');
    const file = input.files?.[0];
    if (area instanceof HTMLTextAreaElement && file !== undefined) area.value = await file.text();
    // What is sent is the text: once is enough.
    input.value = '';
  });

document.addEventListener('focusin', ({ target }) => {
  if (target instanceof HTMLInputElement && target.dataset.select !== undefined) target.select();
});

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement)) return;
  if (form.dataset.confirm !== undefined && !window.confirm(form.dataset.confirm)) event.preventDefault();
});

async function copy(button: HTMLButtonElement): Promise<void> {
  const source = document.getElementById(button.dataset.copy ?? '');
  const text =
    source instanceof HTMLInputElement || source instanceof HTMLTextAreaElement ? source.value : '';
  const words = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
  } catch {
    if (source instanceof HTMLInputElement) source.select();
    button.textContent = 'Press Ctrl+C';
  }
  setTimeout(() => {
    button.textContent = words;
  }, 1600);
}
