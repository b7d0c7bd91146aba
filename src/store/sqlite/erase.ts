/** Takes a resource out of what is stored of it, within the transaction of a unit. */
import type { Database, Statement } from 'better-sqlite3';
import { withoutAnswers } from '../attempts.ts';
import type { LastState } from '../change.ts';
import { blankEdits, erasedMessage, namesIn } from '../erased-text.ts';
import { instantAfter } from '../layout/instant.ts';
import { changeSql } from '../sql/change.ts';
import { grantSql } from '../sql/grants.ts';
import type { EraseCommand, Refusal, Result } from '../store.ts';
import { emptyWalOf } from './checkpoints.ts';
import type { Tools, UnitAtWork } from './unit-at-work.ts';

type ErasableRow = [
  sequence: number,
  version: number,
  at: string,
  operation: string,
  edits: string | null,
  last: string | null,
];

export class Eraser {
  readonly #tools: Tools;
  readonly #changes: Statement<[tenant: number, id: string, kind: number], ErasableRow>;
  readonly #blankNotices: Statement<[tenant: number, id: string]>;
  readonly #unlock: Statement<[tenant: number, id: string]>;
  readonly #blank: Statement<[edits: string | null, tenant: number, sequence: number]>;
  readonly #deliveries: Statement<
    [tenant: number],
    [endpoint: string, message: string, subjects: string, body: string]
  >;
  readonly #setBody: Statement<[body: string, endpoint: string, message: string]>;
  readonly #attempts: Statement<[tenant: number], [number: number, attempts: string]>;
  readonly #setAttempts: Statement<[attempts: string, number: number]>;

  constructor(db: Database, tools: Tools) {
    this.#tools = tools;
    this.#changes = db.prepare<[number, string, number], ErasableRow>(changeSql.erasable).raw();
    this.#blankNotices = db.prepare(changeSql.blankNotices);
    this.#unlock = db.prepare(grantSql.unlock);
    this.#blank = db.prepare(changeSql.blank);
    this.#deliveries = db.prepare<[number], [string, string, string, string]>(changeSql.deliveries).raw();
    this.#setBody = db.prepare(changeSql.setDeliveryBody);
    this.#attempts = db.prepare<[number], [number, string]>(changeSql.attempts).raw();
    this.#setAttempts = db.prepare(changeSql.setAttempts);
  }

  /** `remove` deletes the resource if it is there. */
  run(
    unit: UnitAtWork,
    command: EraseCommand,
    index: number,
    remove: () => Result | Refusal,
  ): Result | Refusal {
    const { db, types, clock, changes } = this.#tools;
    const { tenant, context, transaction } = unit;
    const { id } = command;
    const kind = types.of(command.type);
    emptyWalOf(db);
    // What is overwritten or freed from here on is filled with zeros.
    const [before] = db.pragma('secure_delete') as { secure_delete: number }[];
    db.pragma('secure_delete = ON');
    try {
      const removed = remove();
      if ('command' in removed && removed.outcome !== 'missing') return removed;
      const rows = this.#changes.all(tenant, id, kind.number);
      const [, version, at, operation] = rows.at(-1) ?? [];
      if (version === undefined || at === undefined || operation === 'erase')
        return { outcome: 'missing', command: index };
      const names = new Set<string>([id]);
      for (const [sequence, , , , edits, last] of rows) {
        if (last !== null) for (const name of namesIn(JSON.parse(last) as LastState)) names.add(name);
        this.#blank.run(edits === null ? null : blankEdits(edits), tenant, sequence);
      }
      this.#blankNotices.run(tenant, id);
      this.#unlock.run(tenant, id);
      for (const [endpoint, message, subjects, body] of this.#deliveries.all(tenant)) {
        const left = erasedMessage(body, subjects, id);
        if (left !== undefined) this.#setBody.run(left, endpoint, message);
      }
      const sequences = new Set(rows.map(([sequence]) => sequence));
      for (const [number, attempts] of this.#attempts.all(tenant)) {
        const blank = withoutAnswers(
          attempts,
          (sequence, answer) =>
            sequences.has(sequence) || names.values().some((name) => answer.includes(name)),
        );
        if (blank !== undefined) this.#setAttempts.run(blank, number);
      }
      changes.append({
        ...{ tenant, type: kind.number, id, operation: 'erase', version: version + 1 },
        ...{ at: instantAfter(clock(), at), context, transaction },
      });
      return { outcome: 'erased' };
    } finally {
      db.pragma(`secure_delete = ${before?.secure_delete ?? 0}`);
    }
  }
}
