/** Spans of time as they are written in settings and on the command line. */

const hour = 3_600_000;
const units: Readonly<Record<string, number>> = {
  m: hour / 60,
  h: hour,
  d: 24 * hour,
  w: 7 * 24 * hour,
  y: 365 * 24 * hour,
};

/** `12h`, `90d`, `2w` or `1y` in milliseconds. */
export function parseSpan(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,6})([mhdwy])$/.exec(text) ?? [];
  return unit === undefined ? undefined : Number(count) * units[unit]!;
}
