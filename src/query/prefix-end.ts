/**
 * The least string, by code point, that is greater than every string with this prefix: `sw` becomes a range that an
 * index serves. Undefined if there is none.
 */
export function prefixEnd(prefix: string): string | undefined {
  const points = [...prefix];
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const code = last.codePointAt(0) as number;
    // The last code point has no successor: the one before it takes the step.
    if (code === 0x10ffff) continue;
    return points.join('') + String.fromCodePoint(code === 0xd7ff ? 0xe000 : code + 1);
  }
  return undefined;
}
