/**
 * Checks the change record of a tenant: numbers without a gap but those that a restore has left, each digest over what is
 * there, each link over the digest and the link before. Content without its salt must have been erased, which a later record says.
 */
import type { ChainHead, ChainProblem, ChainReport } from '../chain.ts';
import type { Cell, CopiedTable, Row, RowReader } from '../copy.ts';
import { type Gap, keptBefore } from '../restored.ts';
import { type DigestedParts, digestOf, linkOver, noLink, noticeType } from './change-row.ts';

export interface ChainRow {
  readonly sequence: number;
  readonly typeName: string;
  readonly parts: DigestedParts;
  readonly salt: string | null;
  readonly digest: Uint8Array | null;
  readonly link: Uint8Array | null;
}

/** Where the tenant's counter says that the record begins and ends. */
export interface ChainEnds {
  readonly sequence: number;
  readonly link: Uint8Array | null;
  readonly pruned: number;
  readonly prunedLink: Uint8Array | null;
}

/** As many problems are told as a person would look at. */
const mostProblems = 20;

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

export class ChainCheck {
  readonly #ends: ChainEnds;
  readonly #expected: ChainHead | undefined;
  readonly #problems: ChainProblem[] = [];
  readonly #gaps: Gap[] = [];
  /** By id: the last change without content that no erasure has explained yet. */
  readonly #blank = new Map<string, number>();
  #previous: number;
  #link: Uint8Array;
  #isChained: boolean;
  #changes = 0;
  #erased = 0;
  #unchained = 0;
  #isExpectedSeen = false;

  constructor(ends: ChainEnds, expected: ChainHead | undefined) {
    this.#ends = ends;
    this.#expected = expected;
    this.#previous = ends.pruned;
    this.#link = ends.prunedLink ?? noLink;
    this.#isChained = ends.prunedLink !== null;
    this.#compare(ends.pruned, this.#link);
  }

  /** To be given all rows in their order. */
  add({ sequence, typeName, parts, salt, digest, link }: ChainRow): void {
    this.#changes++;
    const [id, , operation] = parts;
    // The notice is digested as all is, so that nobody makes a gap by hand.
    if (keptBefore(parts[13]) === this.#previous) this.#gaps.push({ kept: this.#previous, next: sequence });
    else if (sequence !== this.#previous + 1)
      this.#tell(sequence, `changes ${this.#previous + 1} to ${sequence - 1} are missing`);
    this.#previous = sequence;
    if (operation === 'erase') this.#blank.delete(id);
    if (digest === null || link === null) {
      if (this.#isChained) this.#tell(sequence, 'has no digest, though changes before it have one');
      else this.#unchained++;
      return;
    }
    this.#isChained = true;
    if (salt === null) {
      this.#erased++;
      this.#blank.set(id, sequence);
    } else if (!same(digestOf(salt, sequence, typeName, parts), digest)) {
      this.#tell(sequence, 'is not what was recorded: its digest is another one');
    }
    if (!same(linkOver(this.#link, digest), link))
      this.#tell(sequence, 'does not follow the change before it: its link is another one');
    this.#link = link;
    this.#compare(sequence, link);
  }

  /** So many members of the change are not found by it: it would be left out of their history. */
  unindexed(sequence: number, members: number): void {
    this.#tell(
      sequence,
      `is not among the changes of ${members} of its members: what leads to it from them was removed`,
    );
  }

  end(): ChainReport {
    const { sequence, link } = this.#ends;
    if (this.#previous !== sequence)
      this.#tell(this.#previous, `is the last change, though ${sequence} were made`);
    else if (this.#isChained && (link === null || !same(link, this.#link)))
      this.#tell(sequence, 'is not the change with which the record ended');
    for (const blank of this.#blank.values())
      this.#tell(blank, 'has lost its content, and no later erasure says so');
    if (this.#expected !== undefined && !this.#isExpectedSeen) {
      const { sequence: noted } = this.#expected;
      this.#tell(noted, this.#whyMissing(noted));
    }
    return {
      changes: this.#changes,
      erased: this.#erased,
      unchained: this.#unchained,
      gaps: this.#gaps,
      head: this.#isChained ? { sequence: this.#previous, link: hexOf(this.#link) } : undefined,
      problems: this.#problems,
    };
  }

  #whyMissing(noted: number): string {
    if (noted < this.#ends.pruned) return 'is kept no longer, so that it cannot be compared';
    const gap = this.#gaps.find(({ kept, next }) => kept < noted && noted < next);
    return gap === undefined
      ? 'is not there'
      : `is not there: the database was restored, and what came after change ${gap.kept} is gone`;
  }

  #compare(sequence: number, link: Uint8Array): void {
    if (this.#expected?.sequence !== sequence) return;
    this.#isExpectedSeen = true;
    if (hexOf(link) !== this.#expected.link.toLowerCase())
      this.#tell(sequence, 'has another link than was noted: what came before was rewritten');
  }

  #tell(sequence: number, problem: string): void {
    if (this.#problems.length < mostProblems) this.#problems.push({ sequence, problem });
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Rows of `change` by the names of their columns, as a copy reads them. */
export interface RecordReader {
  add(columns: readonly string[], rows: readonly Row[]): void;
  end(): readonly (ChainReport & { readonly tenant: string })[];
}

/** Checks the change records of all tenants of a database whose rows are read in their order. */
export async function changeReader(reader: RowReader): Promise<RecordReader> {
  const all = (table: CopiedTable, columns: readonly string[]) =>
    reader.rows(table, columns, null, Number.MAX_SAFE_INTEGER);
  const types = new Map((await all('resource_type', ['number', 'name'])).rows as readonly [number, string][]);
  const names = new Map((await all('tenant', ['number', 'name'])).rows as readonly [number, string][]);
  const checks = new Map<number, ChainCheck>();
  const ends = await all('change_counter', ['tenant', 'sequence', 'link', 'pruned', 'pruned_link']);
  for (const [tenant, sequence, link, pruned, prunedLink] of ends.rows as readonly EndsRow[])
    checks.set(tenant, new ChainCheck({ sequence, link, pruned, prunedLink }, undefined));
  return {
    add(columns, rows) {
      const places = [...partColumns, 'tenant', 'sequence', 'type', 'salt', 'digest', 'link'].map((name) =>
        columns.indexOf(name),
      );
      for (const row of rows) {
        const cells = places.map((place) => row[place] as Cell);
        const parts = cells.slice(0, partColumns.length) as unknown as DigestedParts;
        const [tenant, sequence, type, salt, digest, link] = cells.slice(
          partColumns.length,
        ) as unknown as TailCells;
        const typeName = noticeType(parts[13]) ?? types.get(type) ?? String(type);
        checks.get(tenant)?.add({ sequence, typeName, parts, salt, digest, link });
      }
    },
    end: () =>
      [...checks].map(([tenant, check]) => ({ tenant: names.get(tenant) ?? String(tenant), ...check.end() })),
  };
}

type EndsRow = readonly [number, number, Uint8Array | null, number, Uint8Array | null];
type TailCells = readonly [number, number, number, string | null, Uint8Array | null, Uint8Array | null];

/** In the order of {@link DigestedParts}. */
const partColumns = [
  ...(['id', 'version', 'operation', 'at', 'txn', 'request', 'actor', 'edits'] as const),
  ...(['added', 'removed', 'last', 'tolerances', 'cause', 'notice'] as const),
] as const;
