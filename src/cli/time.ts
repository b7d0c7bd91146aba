/** Spans and dates as written on the command line. */
import { UsageError } from '../ops/command-error.ts';
import { parseSpan } from '../ops/span.ts';

/** In years: a life that is longer is a mistyped one, and beyond the year 9999 dates have another form. */
const longest = 100;

/** The end of a token's life: a span from now, or a date in the future. */
export function parseExpiry(text: string, now: Date): Date {
  const span = parseSpan(text);
  const end = span === undefined ? parseDate(text) : new Date(now.getTime() + span);
  if (end === undefined)
    throw new UsageError(`--expires must be a span such as 90d, 12h, 2w or 1y, or a date, not "${text}"`);
  if (end <= now) throw new UsageError(`--expires must be in the future, not ${text}`);
  return within('--expires', text, end, now);
}

/** The end of what a token that is replaced has left: a span from now. */
export function parseOverlap(text: string, now: Date): Date {
  const span = parseSpan(text);
  if (span === undefined) throw new UsageError(`--overlap must be a span such as 24h or 7d, not "${text}"`);
  return within('--overlap', text, new Date(now.getTime() + span), now);
}

function within(flag: string, text: string, end: Date, now: Date): Date {
  // A span may lead beyond what a Date can hold.
  if (end.getTime() <= now.getTime() + longest * parseSpan('1y')!) return end;
  throw new UsageError(`${flag} must be at most ${longest} years from now, not ${text}`);
}

/** An ISO 8601 date, or date and time with an offset; a bare date is its first moment in UTC. */
function parseDate(text: string): Date | undefined {
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text)) return undefined;
  const date = new Date(text);
  // Date.parse moves 31 February into March.
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) &&
    !Number.isNaN(day.getTime()) &&
    day.toISOString().startsWith(text.slice(0, 10))
    ? date
    : undefined;
}

/** A moment of the past: `now`, a date, a span back from now such as 90d, or the number of a change. */
export function parseMoment(flag: string, text: string, now: Date): Date | number {
  if (text === 'now') return now;
  const span = parseSpan(text);
  if (span !== undefined) return new Date(now.getTime() - span);
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const date = parseDate(text);
  if (date !== undefined) return date;
  throw new UsageError(
    `${flag} must be a date such as 2026-04-01 or 2026-04-01T12:00Z, a span back from now such as 90d, or the number of a change, not "${text}"`,
  );
}
