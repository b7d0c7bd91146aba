/** Rows as a transaction of units reads and writes them. */
import type { Key } from '../../scim/comparison.ts';
import type { Loss } from '../guard.ts';
import type { KeyColumn } from '../layout/layout.ts';
import type { StoredType } from '../layout/stored-type.ts';
import { changedMembers, type NewChangeRow } from '../sql/change-row.ts';
import type { Document } from '../store.ts';
import type { Value } from './driver.ts';

/** A resource as it is within the transaction. */
export interface Current {
  readonly rid: number;
  readonly type: number;
  readonly id: string;
  readonly version: number;
  readonly created: string;
  readonly modified: string;
  readonly body: string;
  readonly grouped: boolean;
}

/** What a member is: the number of its type, its displayName, and is it active? */
export type Described = readonly [type: number, display: string | null, isActive: boolean];

/** Version and time of a change. */
export interface Touched {
  readonly version: number;
  readonly modified: string;
}

export interface NewResource {
  readonly kind: StoredType;
  readonly id: string;
  readonly created: string;
  readonly document: Document;
  readonly body: string;
  /** Can nobody have known its id before? Else a group may have it already. */
  readonly isNew: boolean;
}

/** A row of `member`, but for the tenant. */
export interface NewMember {
  readonly owner: number;
  readonly value: string;
  readonly kind: number | null;
  readonly display: string | null;
  readonly type: string | null;
  readonly displayKey: string | null;
  readonly typeKey: string | null;
}

export type Columns = readonly (Key | Uint8Array | null)[];

export const keyColumns: readonly KeyColumn[] = ['external_id', 'unique_key', 'display_key', 'active'];

export function columnsOf(rows: readonly Columns[]): Value[] {
  const [first = []] = rows;
  return first.map((_, column) => rows.map((row) => row[column] as Key | null));
}

/** Where a unit begins, to come back to. */
export interface Mark {
  readonly sequence: number;
  readonly link: Uint8Array;
  readonly changes: number;
  readonly counts: ReadonlyMap<number, number>;
  readonly losses: LossCounts;
}

/** How many people lose something, by what it is and the minute. */
export class LossCounts {
  readonly #people: Map<string, readonly [loss: Loss, minute: number, people: number]>;

  constructor(people: Iterable<readonly [string, readonly [Loss, number, number]]> = []) {
    this.#people = new Map(people);
  }

  add(loss: Loss, minute: number, people: number): void {
    const key = `${loss} ${minute}`;
    const [, , known = 0] = this.#people.get(key) ?? [];
    this.#people.set(key, [loss, minute, known + people]);
  }

  /** How many people lose that, in whatever minute. */
  sum(loss: Loss): number {
    let sum = 0;
    for (const [of, , people] of this.#people.values()) if (of === loss) sum += people;
    return sum;
  }

  /** All of them; then there are none. */
  take(): (readonly [loss: Loss, minute: number, people: number])[] {
    const all = [...this.#people.values()];
    this.#people.clear();
    return all;
  }

  copy(): LossCounts {
    return new LossCounts(this.#people);
  }
}

/** A row of `writeSql.current`. */
export function toCurrent(row: readonly unknown[]): Current {
  const [rid, type, id, version, created, modified, body, grouped] = row as [
    number,
    number,
    string,
    number,
    string,
    string,
    string,
    boolean,
  ];
  return { rid, type, id, version, created, modified, body, grouped };
}

/** Members that came or went with a change, and its number. */
export function membersOf(row: NewChangeRow): (readonly [member: string, sequence: number])[] {
  return changedMembers(row).flatMap((ids) =>
    (JSON.parse(ids) as string[]).map((id) => [id, row[1]] as const),
  );
}
