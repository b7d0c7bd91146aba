/** Values between columns and JSON: what a driver answers for a column, and what it is to be given. */
import { FractionalNumber } from '../../scim/json.ts';
import type { Attribute } from '../../scim/registry.ts';
import type { SqlDatabase, SqlValue } from './database.ts';

/** The attribute's value from a column's; undefined where it is of no use to the attribute. */
export function readValue(attribute: Attribute, value: unknown): unknown {
  switch (attribute.type) {
    case 'boolean':
      if (typeof value === 'boolean') return value;
      return value === 1 || value === 1n || value === '1' || value === 't' || value === 'true';
    case 'integer':
    case 'decimal': {
      const number = Number(value);
      return Number.isFinite(number) ? number : undefined;
    }
    case 'dateTime':
      return instantOf(value);
    default:
      if (typeof value === 'string') return value;
      return value instanceof Date ? value.toISOString() : String(value);
  }
}

/** Of a column, as the database names it. */
export function isInteger(type: string): boolean {
  return /int/.test(type) && !/interval|point/.test(type);
}

/** Seconds until the year 5138, milliseconds from 1973 on. */
export const mostSeconds = 99_999_999_999;

/** RFC 3339 in UTC with milliseconds, of a Date or of what databases write; undefined for anything else. */
export function instantOf(value: unknown): string | undefined {
  if (typeof value === 'string' && isInstant(value)) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
  // Drivers answer a bigint as text.
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  if (isNumber || (typeof value === 'string' && /^\d{9,}$/.test(value))) {
    const number = Number(value);
    return instantOf(new Date(number > mostSeconds ? number : number * 1000));
  }
  if (typeof value !== 'string') return undefined;
  // A day begins in UTC, as it does for SQLite.
  if (/^\d{4}-\d\d-\d\d$/.test(value)) return instantOf(`${value}T00:00:00.000Z`);
  // `2026-01-02 03:04:05.678+00`, and SQLite's CURRENT_TIMESTAMP, which is in UTC and does not say so.
  const text = value.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00');
  const time = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}

const form = '0000-00-00T00:00:00.000Z';
/** Of February those that every year has. */
const daysOf = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Is it a time as scimd itself writes it? Most of what is read is: shown by the workload `list` of npm run bench. */
function isInstant(text: string): boolean {
  if (text.length !== form.length) return false;
  for (let at = 0; at < form.length; at++) {
    const expected = form.charCodeAt(at);
    const code = text.charCodeAt(at);
    if (expected === 48 ? code < 48 || code > 57 : code !== expected) return false;
  }
  const day = twoDigits(text, 8);
  return (
    day >= 1 &&
    day <= (daysOf[twoDigits(text, 5) - 1] ?? 0) &&
    twoDigits(text, 11) < 24 &&
    twoDigits(text, 14) < 60 &&
    twoDigits(text, 17) < 60
  );
}

function twoDigits(text: string, at: number): number {
  return text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - 528;
}

/** A time in a column of integers is in seconds, in one of type bigint in milliseconds. */
export function writeValue(dialect: SqlDatabase['dialect'], type: string, value: unknown): SqlValue {
  if (value === null || value === undefined) return null;
  if (value instanceof Date) {
    if (!isInteger(type)) return value.toISOString();
    const time = value.getTime();
    return writeValue(dialect, type, /bigint|int8/.test(type) ? time : Math.floor(time / 1000));
  }
  if (value instanceof FractionalNumber) return writeValue(dialect, type, value.value);
  if (dialect === 'postgres') return typeof value === 'object' ? JSON.stringify(value) : String(value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'number' || typeof value === 'bigint' || value instanceof Uint8Array) return value;
  if (typeof value === 'object') return JSON.stringify(value);
  const text = String(value);
  return /int|real|numeric|double/.test(type) && text.trim() !== '' && Number.isFinite(Number(text))
    ? Number(text)
    : text;
}
