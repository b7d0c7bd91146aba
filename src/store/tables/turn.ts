/** What those who write in one transaction share: where the records of changes end, and what is watched of access. */
import { type ChangeEntry, type ChangeHead, noLink } from '../sql/change-row.ts';
import type { CommandWatch } from '../sql/command-watch.ts';
import { StoreError } from '../store-error.ts';
import { one, type SqlDatabase, type Steps, statement } from './database.ts';

/** A change that is to be recorded, with the name of its resource type. */
export type NewChange = Omit<ChangeEntry, 'type'> & { readonly type: string };

interface Mark {
  readonly heads: ReadonlyMap<number, Readonly<ChangeHead>>;
  readonly moved: ReadonlySet<number>;
}

export class Turn {
  readonly #dialect: SqlDatabase['dialect'];
  #heads = new Map<number, ChangeHead>();
  #moved = new Set<number>();
  /** Of units; what it records comes into the entries of the unit at work. */
  watch: CommandWatch | undefined;
  entries: NewChange[] = [];

  constructor(dialect: SqlDatabase['dialect']) {
    this.#dialect = dialect;
  }

  /** Where the record of the tenant ends: nobody else moves that until the transaction has ended. */
  *head(tenant: number): Steps<ChangeHead> {
    let head = this.#heads.get(tenant);
    if (head === undefined) {
      const held = this.#dialect === 'postgres' ? ' FOR UPDATE' : '';
      const row = yield* one(
        `SELECT sequence, link FROM scimd_change_counter WHERE tenant = ?${held}`,
        tenant,
      );
      if (row === undefined)
        throw new StoreError(
          'no-tenant',
          `tenant ${tenant} was removed meanwhile`,
          'Ask for the tenants that there are: scimd.tenants.list().',
        );
      head = {
        sequence: Number(row.sequence),
        link: typeof row.link === 'string' ? Buffer.from(row.link, 'hex') : noLink,
      };
      this.#heads.set(tenant, head);
    }
    return head;
  }

  /** What {@link head} answered is further on, which is written once for all. */
  moved(tenant: number): void {
    this.#moved.add(tenant);
  }

  /** Writes what the transaction has come to, and knows nothing any more. */
  *end(): Steps<void> {
    for (const tenant of this.#moved) {
      const { sequence, link } = yield* this.head(tenant);
      yield statement(
        'UPDATE scimd_change_counter SET sequence = ?, link = ? WHERE tenant = ?',
        ...[sequence, Buffer.from(link).toString('hex'), tenant],
      );
    }
    this.#moved.clear();
    this.#heads.clear();
    this.watch = undefined;
  }

  mark(): Mark {
    return { heads: copyOf(this.#heads), moved: new Set(this.#moved) };
  }

  /** What was written since the mark has been taken back. */
  backTo({ heads, moved }: Mark): void {
    this.#heads = copyOf(heads);
    this.#moved = new Set(moved);
    this.watch = undefined;
  }
}

function copyOf(heads: Mark['heads']): Map<number, ChangeHead> {
  return new Map([...heads].map(([tenant, head]) => [tenant, { ...head }]));
}
