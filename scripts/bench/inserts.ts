/** The bare statements that write a user: the same rows and indexes as the store's, with the values computed beforehand. */
import type { Database } from 'better-sqlite3';
import { configuredRegistry } from '../../src/scim/custom-schemas.ts';
import { loadTypes } from '../../src/store/sqlite/stored-types.ts';
import { containsIndex, userDocument, userId } from './data.ts';

export interface BareInserts {
  /** Computes the values of so many users, so that {@link insert} need not. */
  prepare(numbers: readonly number[]): void;
  /** Within a transaction. */
  insert(number: number): void;
}

export function bareInserts(db: Database, users: number): BareInserts {
  const registry = configuredRegistry({ containsIndex: containsIndex(users) });
  const user = registry.resourceTypes[0];
  if (user === undefined) throw new Error('no users in the registry');
  const stored = loadTypes(db, registry).of(user);
  const resource = db.prepare(
    `INSERT INTO resource (tenant, type, id, external_id, unique_key, display_key, active, created, modified, version)
     VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, 1)`,
  );
  const document = db.prepare('INSERT INTO document (rid, body) VALUES (?, ?)');
  const keys = db.prepare('INSERT INTO document_keys (rid, keys) VALUES (?, ?)');
  const element = db.prepare(
    `INSERT INTO element (rid, attribute, ordinal, tenant, value, number, type, display, "primary", rest)
     VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?)`,
  );
  const counter = db.prepare(
    `INSERT INTO counter (tenant, type, total) VALUES (1, ?, 1)
     ON CONFLICT DO UPDATE SET total = total + excluded.total`,
  );
  const change = db.prepare(
    `INSERT INTO change (tenant, sequence, type, id, version, operation, at, txn, request, actor, salt, digest, link)
     VALUES (1, ?, ?, ?, 1, 'create', ?, ?, ?, ?, ?, ?, ?)`,
  );
  const counterOfChanges = db.prepare('UPDATE change_counter SET sequence = ?, link = ? WHERE tenant = 1');
  const last = db.prepare<[], number | null>('SELECT sequence FROM change_counter WHERE tenant = 1').pluck();
  let sequence = last.get() ?? 0;
  const text = db.prepare('INSERT INTO trigram (rowid, keys) VALUES (?, ?)');
  const at = '2026-01-01T00:00:00.000';
  // As long as ids, salts and digests are.
  const transaction = userId(0);
  const actor = JSON.stringify({ kind: 'token', id: transaction, name: 'bench', idp: 'generic' });
  const salt = 's'.repeat(22);
  const digest = Buffer.alloc(32, 7);
  const values = (number: number) => {
    const plain = userDocument(number);
    const id = userId(number);
    return { id, rows: stored.indexRows(plain), body: JSON.stringify({ id, ...plain }) };
  };
  const prepared = new Map<number, ReturnType<typeof values>>();
  return {
    prepare(numbers) {
      for (const number of numbers) if (!prepared.has(number)) prepared.set(number, values(number));
    },
    insert(number) {
      const { id, rows, body } = prepared.get(number) ?? values(number);
      prepared.delete(number);
      const { external_id, unique_key, display_key, active } = rows.columns;
      const rid = resource.run(
        stored.number,
        id,
        external_id,
        unique_key,
        display_key,
        active,
        at,
        at,
      ).lastInsertRowid;
      document.run(rid, body);
      keys.run(rid, rows.keys);
      for (const row of rows.elements)
        element.run(
          rid,
          row.attribute,
          row.ordinal,
          row.value,
          row.number,
          row.type,
          row.display,
          row.primary,
          row.rest,
        );
      if (rows.text !== '') text.run(rid, rows.text);
      counter.run(stored.number);
      change.run(++sequence, stored.number, id, at, transaction, transaction, actor, salt, digest, digest);
      counterOfChanges.run(sequence, digest);
    },
  };
}
