/** What the reader is told where nothing new can arrive; without words all is well again. */
export function lost(words: string | undefined): void {
  const place = document.getElementById('lost');
  if (place === null) return;
  place.hidden = words === undefined;
  // A live region speaks whatever is put in: only once.
  if (words !== undefined && place.textContent !== words) place.textContent = words;
}

export const connectionLost = 'The server cannot be reached. It is tried again every few seconds.';
export const sessionOver =
  'Nothing new is shown any more: you are signed out, or too many pages are open. Reload the page.';
