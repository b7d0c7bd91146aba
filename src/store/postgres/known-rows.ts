/** What a transaction knows of the tenant's rows, whose lock it has: what it read of them, and what it did to them since. */
import { type Current, type Described, toCurrent } from './unit-rows.ts';

export class KnownRows {
  /** By id; null: there is none. */
  readonly current = new Map<string, Current | null>();
  readonly described = new Map<string, Described | null>();
  /** By `owner value`: is it a member? */
  readonly edges = new Map<string, boolean>();
  /** Of ids that were given to new resources: are they members of some group? */
  readonly grouped = new Map<string, boolean>();

  /** Rows of `writeSql.current`, as those that follow are of its statements. */
  note(asked: Iterable<string>, rows: readonly unknown[][]): void {
    for (const id of asked) this.current.set(id, null);
    for (const row of rows) {
      const current = toCurrent(row);
      this.current.set(current.id, current);
    }
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
    this.described.clear();
    this.edges.clear();
    this.grouped.clear();
  }
}
