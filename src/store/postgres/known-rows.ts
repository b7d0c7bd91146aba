/** What a transaction knows of the tenant's rows, whose lock it has: what it read of them, and what it did to them since. */
import type { StoredResource } from '../store.ts';
import { type Current, type Described, toCurrent } from './unit-rows.ts';

export class KnownRows {
  /** By id; null: there is none. */
  readonly current = new Map<string, Current | null>();
  readonly described = new Map<string, Described | null>();
  /** By `owner value`: is it a member? */
  readonly edges = new Map<string, boolean>();
  /** Of ids that were given to new resources: are they members of some group? */
  readonly grouped = new Map<string, boolean>();

  /** Groups of which so many members are left, whatever the transaction does, that nobody asks how many they are. */
  readonly #large = new Set<string>();

  /** Rows of `writeSql.current`, whose members were counted up to `counted`; those that follow are of its statements. */
  note(asked: Iterable<string>, rows: readonly unknown[][], counted = 0): void {
    for (const id of asked) this.current.set(id, null);
    for (const row of rows) {
      const current = toCurrent(row);
      this.current.set(current.id, current);
      if (counted > 0 && row.at(-1) === counted) this.#large.add(current.id);
    }
  }

  /** The resource with the number of its members up to that, where it is known. */
  withCount(resource: StoredResource, most: number | undefined): StoredResource {
    const isKnown = most !== undefined && this.#large.has(resource.id);
    return isKnown ? { ...resource, memberCount: most } : resource;
  }

  noteDescribed(asked: Iterable<string>, rows: readonly unknown[][]): void {
    for (const id of asked) this.described.set(id, null);
    for (const [id, ...described] of rows as [string, number, string | null, boolean][])
      this.described.set(id, described);
  }

  noteEdges(asked: Iterable<readonly [owner: number, value: string]>, rows: readonly unknown[][]): void {
    for (const [owner, value] of asked) this.edges.set(`${owner} ${value}`, false);
    for (const [owner, value] of rows as [number, string][]) this.edges.set(`${owner} ${value}`, true);
  }

  noteGrouped(asked: Iterable<string>, rows: readonly unknown[][]): void {
    for (const id of asked) this.grouped.set(id, false);
    for (const [id] of rows as [string][]) this.grouped.set(id, true);
  }

  clear(): void {
    this.current.clear();
    this.#large.clear();
    this.described.clear();
    this.edges.clear();
    this.grouped.clear();
  }
}
