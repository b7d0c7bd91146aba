/** Keys: `/` finds, `?` lists them, `g` and a letter goes to a place, `j` and `k` go along the lines, `p` pauses. */

const places: Readonly<Record<string, string>> = {
  n: 'Now',
  t: 'Traffic',
  d: 'Directory',
  c: 'Connections',
  a: 'Access',
  s: 'System',
};

export function keys(): void {
  let after = '';
  document.addEventListener('keydown', (event) => {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (
      target instanceof HTMLElement &&
      (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
    ) {
      if (key === 'Escape') target.blur();
      return;
    }
    const before = after;
    after = '';
    if (before === 'g' && places[key] !== undefined) {
      const link = [...document.querySelectorAll<HTMLAnchorElement>('.side nav a')].find(
        (each) => each.textContent?.trim() === places[key],
      );
      if (link !== undefined) location.assign(link.href);
      return;
    }
    switch (key) {
      case '/':
        event.preventDefault();
        (
          document.querySelector<HTMLInputElement>('main input[type=search]') ??
          document.getElementById('find')
        )?.focus();
        break;
      case '?':
        document.querySelector<HTMLDialogElement>('#keys')?.showModal();
        break;
      case 'g':
        after = 'g';
        break;
      case 'j':
      case 'k':
        move(key === 'j' ? 1 : -1);
        break;
      case 'p':
        document.getElementById('pause')?.click();
        break;
    }
  });
}

function move(step: number): void {
  const lines = [
    ...document.querySelectorAll<HTMLAnchorElement>('.stream a[href], #results a[href], main .list a[href]'),
  ].filter((each) => each.offsetParent !== null);
  const at = lines.indexOf(document.activeElement as HTMLAnchorElement);
  const next = lines[Math.min(lines.length - 1, Math.max(0, at + step))];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}
