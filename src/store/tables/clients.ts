/** Clients of the token endpoint in scimd's own tables beside those of the embedder. */
import type { ClientKeys, ClientStore, Token } from '../access-store.ts';
import type { Awaitable } from '../stored-resource.ts';
import { findToken } from './access.ts';
import { type Steps, statement } from './database.ts';

export interface ClientTools {
  readonly clock: () => Date;
  readonly read: <T>(steps: () => Steps<T>) => Awaitable<T>;
  readonly write: <T>(steps: () => Steps<T>) => Promise<T>;
}

interface Client {
  readonly token: Token;
  readonly hash: string;
  readonly keys: ClientKeys;
}

export function clientsOver({ clock, read, write }: ClientTools): ClientStore {
  return {
    find: (client) =>
      read(function* (): Steps<Client | undefined> {
        const select =
          'SELECT k.hash AS hash, c.keys AS keys FROM scimd_client_key c JOIN scimd_token k ON k.id = c.token';
        const byId = yield statement(`${select} WHERE k.id = ?`, client);
        const found = byId.length > 0 ? byId : yield statement(`${select} WHERE k.name = ? LIMIT 2`, client);
        const [row] = found;
        if (row === undefined || found.length > 1) return undefined;
        const hash = String(row.hash);
        const token = yield* findToken(hash, clock());
        return token === undefined
          ? undefined
          : { token, hash, keys: JSON.parse(String(row.keys)) as ClientKeys };
      }),
    setKeys: (token, keys) =>
      write(function* () {
        yield statement(
          'INSERT INTO scimd_client_key (token, keys) VALUES (?, ?) ON CONFLICT (token) DO UPDATE SET keys = excluded.keys',
          ...[token, JSON.stringify(keys)],
        );
      }),
    useOnce: (key, until, now) =>
      write(function* () {
        yield statement('DELETE FROM scimd_used_assertion WHERE until < ?', now);
        const made = yield statement(
          'INSERT INTO scimd_used_assertion (key, until) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING 1 AS done',
          ...[key, until],
        );
        return made.length > 0;
      }),
  };
}
