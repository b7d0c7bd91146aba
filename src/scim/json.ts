/**
 * JSON as a request body. Refuses what JSON.parse silently accepts (RFC 8259 §4, §9; RFC 7493): duplicate members,
 * deep nesting, unpaired surrogates, NUL, numbers beyond a double.
 */
import { ScimError } from '../error.ts';
import { errorOffset } from './json-error.ts';

/** A number written with a fraction or an exponent though its value is integral: no integer by RFC 7643 §2.3.4. */
export class FractionalNumber {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

function invalid(detail: string, cause?: unknown): ScimError {
  return new ScimError(400, 'invalidSyntax', detail, { cause });
}

/** Parses a request body. Throws 400 invalidSyntax that says what and where. */
export function parseJson(text: string, maxDepth: number): unknown {
  const fractions = inspect(text, maxDepth);
  try {
    return fractions ? JSON.parse(text, markFractions as never) : JSON.parse(text);
  } catch (error) {
    throw invalid(`The body is not valid JSON: ${describe(text)}`, error);
  }
}

function markFractions(_key: string, value: unknown, context: { source?: string }): unknown {
  return typeof value === 'number' && Number.isInteger(value) && /[.eE]/.test(context.source ?? '')
    ? new FractionalNumber(value)
    : value;
}

/** V8's own message quotes the body and does not always say where. */
function describe(text: string): string {
  if (text.trim() === '') return 'it is empty';
  const offset = errorOffset(text);
  return offset === text.length ? 'it ends too early' : `unexpected text at ${place(text, offset)}`;
}

function place(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  return `line ${before.length}, column ${(before.at(-1) as string).length + 1}`;
}

/** Most objects have a few members, which are compared sooner than a set is made: shown by the workload `patch` of npm run bench. */
const mostCompared = 8;

/** The names of the members of the objects that are open, each one's behind those of the one that it is in. */
class Names {
  readonly #names: string[] = [];
  /** How many of them count. */
  #length = 0;
  /** Where those of the object at each depth begin; -1 where there is an array. */
  readonly #begins: number[] = [-1];
  /** All those of objects that have many, by depth. */
  #many: (Set<string> | undefined)[] | undefined;

  open(depth: number, isObject: boolean): void {
    this.#begins[depth] = isObject ? this.#length : -1;
    if (this.#many !== undefined) this.#many[depth] = undefined;
  }

  isObject(depth: number): boolean {
    return (this.#begins[depth] as number) >= 0;
  }

  /** False where the object at the depth has a member of the name already. */
  add(depth: number, name: string): boolean {
    const begin = this.#begins[depth] as number;
    if (this.#length - begin === mostCompared) return this.#addToMany(depth, name, begin);
    for (let at = begin; at < this.#length; at++) if (this.#names[at] === name) return false;
    this.#names[this.#length++] = name;
    return true;
  }

  close(depth: number): void {
    const begin = this.#begins[depth] as number;
    if (begin >= 0) this.#length = begin;
  }

  #addToMany(depth: number, name: string, begin: number): boolean {
    this.#many ??= [];
    this.#many[depth] ??= new Set(this.#names.slice(begin, this.#length));
    const all = this.#many[depth];
    if (all.has(name)) return false;
    all.add(name);
    return true;
  }
}

/**
 * One pass over the text: depth, duplicate members, unpaired surrogates, NUL, overflowing numbers. Structural errors
 * are left to JSON.parse. Answers whether some number is written with a fraction or an exponent.
 */
function inspect(text: string, maxDepth: number): boolean {
  const names = new Names();
  let depth = 0;
  let fractions = false;
  let expectKey = false;
  // Then every string is what stands between its quotes, and its end is the next quote.
  const isPlain = !text.includes('\\') && text.isWellFormed();
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) {
      const start = i;
      let plain = true;
      if (isPlain) {
        i = text.indexOf('"', start + 1);
        if (i === -1) return fractions;
      } else
        for (i++; i < text.length; i++) {
          const inner = text.charCodeAt(i);
          if (inner === 0x22) break;
          if (inner === 0x5c) {
            plain = false;
            i++;
          } else if (inner >= 0xd800 && inner <= 0xdfff) plain = false;
        }
      if (i >= text.length) return fractions;
      if (plain && !expectKey) continue;
      const string = plain ? text.slice(start + 1, i) : decode(text.slice(start, i + 1));
      if (string === undefined) continue;
      if (!plain) {
        if (!string.isWellFormed())
          throw invalid(
            `The string at ${place(text, start)} contains an unpaired surrogate, which is not valid Unicode`,
          );
        if (string.includes('\0'))
          throw invalid(
            `The string at ${place(text, start)} contains a NUL character (U+0000), which cannot be stored`,
          );
      }
      if (expectKey) {
        if (!names.add(depth, string))
          throw invalid(`The member ${JSON.stringify(string)} at ${place(text, start)} is duplicated`);
        expectKey = false;
      }
    } else if (code === 0x7b || code === 0x5b) {
      if (++depth > maxDepth)
        throw invalid(`The body is nested deeper than ${maxDepth} levels at ${place(text, i)}`);
      names.open(depth, code === 0x7b);
      expectKey = code === 0x7b;
    } else if (code === 0x7d || code === 0x5d) {
      names.close(depth);
      depth = Math.max(0, depth - 1);
      expectKey = false;
    } else if (code === 0x2c) {
      expectKey = names.isObject(depth);
    } else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      const start = i;
      while (i + 1 < text.length && /[0-9.eE+-]/.test(text[i + 1] as string)) i++;
      const number = text.slice(start, i + 1);
      if (!Number.isFinite(Number(number)) && !Number.isNaN(Number(number))) {
        throw invalid(`The number at ${place(text, start)} is too large`);
      }
      if (/[.eE]/.test(number)) fractions = true;
    }
  }
  return fractions;
}

function decode(literal: string): string | undefined {
  try {
    return JSON.parse(literal) as string;
  } catch {
    return undefined;
  }
}
