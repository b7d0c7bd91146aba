/** Clients that authenticate by an assertion, and the assertions that were used, in SQLite. */
import type { Database } from 'better-sqlite3';
import type { ClientStore, Token } from '../access-store.ts';

export interface ClientTools {
  readonly db: Database;
  readonly tokenOf: (hash: string) => Token | undefined;
  readonly read: <T>(action: () => T) => T;
  readonly write: <T>(action: () => T) => Promise<T>;
}

export function clientsOver({ db, tokenOf, read, write }: ClientTools): ClientStore {
  const named = db.prepare<[string, string], { id: string; hash: Buffer; keys: string }>(
    `SELECT k.id, k.hash, c.keys FROM client_key c JOIN token k ON k.id = c.token WHERE k.id = ? OR k.name = ?`,
  );
  const put = db.prepare(
    'INSERT INTO client_key (token, keys) VALUES (?, ?) ON CONFLICT DO UPDATE SET keys = excluded.keys',
  );
  const tidy = db.prepare('DELETE FROM client_key WHERE token NOT IN (SELECT id FROM token)');
  const forget = db.prepare('DELETE FROM used_assertion WHERE until < ?');
  const use = db.prepare('INSERT INTO used_assertion (key, until) VALUES (?, ?) ON CONFLICT DO NOTHING');
  return {
    find: (client) =>
      read(() => {
        const found = named.all(client, client);
        const one = found.find(({ id }) => id === client) ?? (found.length === 1 ? found[0] : undefined);
        if (one === undefined) return undefined;
        const hash = one.hash.toString('hex');
        const token = tokenOf(hash);
        return token === undefined ? undefined : { token, hash, keys: JSON.parse(one.keys) };
      }),
    setKeys: (token, keys) =>
      write(() => {
        tidy.run();
        put.run(token, JSON.stringify(keys));
      }),
    useOnce: (key, until, now) =>
      write(() => {
        forget.run(now);
        return use.run(key, until).changes > 0;
      }),
  };
}
