/** What a mistyped word most likely meant: for settings, flags, commands and attribute names alike. */

/** Longer names are not typing errors, and comparing them costs more than the hint is worth. */
const longest = 128;

/**
 * The candidate nearest to `word`, letter case aside; undefined if none is near. `shortened` is another form under
 * which a candidate may be meant: the last name of a path.
 */
export function nearest(
  word: string,
  candidates: Iterable<string>,
  shortened: (candidate: string) => string = (candidate) => candidate,
): string | undefined {
  if (word.length > longest) return undefined;
  const typed = word.toLowerCase();
  let best: string | undefined;
  // A third of the letters may be wrong: `prot` finds `port`, but not every short word every other.
  let least = Math.max(1, Math.floor(typed.length / 3)) + 1;
  for (const candidate of candidates) {
    const name = candidate.toLowerCase();
    const distance = Math.min(editDistance(typed, name, least), editDistance(typed, shortened(name), least));
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/** `, did you mean "port"?` or nothing. */
export function suggestion(word: string, candidates: Iterable<string>, prefix = ''): string {
  const found = nearest(word, candidates);
  return found === undefined ? '' : `, did you mean "${prefix}${found}"?`;
}

/**
 * Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours each cost 1. `limit` if it
 * is certain not to be below that.
 */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitution = a[row - 1] === b[column - 1] ? 0 : 1;
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + substitution);
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        cost = Math.min(cost, beforeLast[column - 2]! + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
}
