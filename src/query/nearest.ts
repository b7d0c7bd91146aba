/**
 * The candidate that `word` is most likely a misspelling of: at most a third of its letters away, letter case
 * aside. A last name alone (`department`) also finds the full path that ends in it.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  // Beyond this nobody has mistyped a name, and the comparison would cost more than the hint is worth.
  if (word.length > 128) return undefined;
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let least = Math.floor(wanted.length / 3) + 1;
  for (const candidate of candidates) {
    const name = candidate.toLowerCase();
    const short = name.slice(
      Math.max(name.lastIndexOf(':'), wanted.includes('.') ? -1 : name.lastIndexOf('.')) + 1,
    );
    const distance = Math.min(editDistance(wanted, name, least), editDistance(wanted, short, least));
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/** Levenshtein's distance, or `limit` if it is not below it. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return Math.min(previous[b.length]!, limit);
}
