/**
 * The look-ups that a provider makes before each create, `userName eq "x"`, each of another person: what stands before the
 * text is read once. Shown by the workload `username` of npm run bench.
 */
import type { Compare, Filter } from '../../grammar/index.ts';
import { readString } from '../../grammar/literal.ts';

/** Beginnings that are kept: a client must not be able to fill the memory with them. */
const most = 64;
/** In characters: a longer one is read every time. */
const longest = 256;

/**
 * Comparisons with a text, by what stands before it. The lexer reads from left to right, and nothing before a quotation mark
 * depends on what follows it: filters that begin in the same way and end with the text differ in the text alone.
 */
export class LookUps {
  readonly #beginnings = new Map<string, Compare>();

  /** The tree of a filter that begins as one that was noted; undefined says nothing. */
  find(text: string): Compare | undefined {
    const start = text.indexOf('"');
    if (start === -1) return undefined;
    const noted = this.#beginnings.get(text.slice(0, start));
    if (noted === undefined) return undefined;
    const literal = readString(text, start);
    if ('code' in literal || literal.end !== text.length) return undefined;
    const { type, attrPath, operator, range } = noted;
    const { value } = literal;
    return { type, attrPath, operator, value, raw: text.slice(start), range: [range[0], text.length] };
  }

  /** `filter` is the tree of `text`. */
  note(text: string, filter: Filter): void {
    if (filter.type !== 'compare' || typeof filter.value !== 'string') return;
    const start = text.length - filter.raw.length;
    if (filter.range[1] !== text.length || start > longest) return;
    if (this.#beginnings.size >= most) this.#beginnings.clear();
    this.#beginnings.set(text.slice(0, start), filter);
  }
}
