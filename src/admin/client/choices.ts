/**
 * Lists that are asked as soon as one chooses. Arrow keys choose each value on the way: there it is Enter that asks, or the
 * button, which shows itself then (WCAG 2.2, 3.2.2).
 */
export function choices(select: HTMLSelectElement): void {
  let isByKey = false;
  const ask = (): void => select.form?.requestSubmit();
  select.addEventListener('pointerdown', () => {
    isByKey = false;
  });
  select.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') {
      isByKey = true;
      return;
    }
    const isChosen = isByKey && [...select.options].some((each) => each.selected !== each.defaultSelected);
    isByKey = false;
    if (!isChosen) return;
    event.preventDefault();
    ask();
  });
  select.addEventListener('change', () => {
    if (!isByKey) return ask();
    select.form?.querySelector('button.no-js')?.classList.remove('no-js');
  });
}
