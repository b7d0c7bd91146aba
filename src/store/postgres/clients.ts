/** Clients that authenticate by an assertion, and the assertions that were used, by whichever server. */
import type { ClientStore, Token } from '../access-store.ts';
import type { Transactions } from './transactions.ts';

export const clientSql = {
  named:
    'SELECT k.id, k.hash, c.keys FROM client_key c JOIN token k ON k.id = c.token WHERE k.id = ? OR k.name = ?',
  put: 'INSERT INTO client_key (token, keys) VALUES (?, ?) ON CONFLICT (token) DO UPDATE SET keys = excluded.keys',
  tidy: 'DELETE FROM client_key WHERE token NOT IN (SELECT id FROM token)',
  forget: 'DELETE FROM used_assertion WHERE until < ?',
  use: 'INSERT INTO used_assertion (key, until) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING 1',
} as const;

export function clientsOver(
  transactions: Transactions,
  tokenOf: (hash: string) => Promise<Token | undefined>,
): ClientStore {
  return {
    async find(client) {
      const rows = (await transactions.pool.read(clientSql.named, [client, client])) as [
        string,
        Buffer,
        string,
      ][];
      const one = rows.find(([id]) => id === client) ?? (rows.length === 1 ? rows[0] : undefined);
      if (one === undefined) return undefined;
      const hash = one[1].toString('hex');
      const token = await tokenOf(hash);
      return token === undefined ? undefined : { token, hash, keys: JSON.parse(one[2]) };
    },
    setKeys: (token, keys) =>
      transactions.run(async (connection) => {
        await connection.run(clientSql.tidy);
        await connection.run(clientSql.put, [token, JSON.stringify(keys)]);
      }),
    useOnce: (key, until, now) =>
      transactions.run(async (connection) => {
        await connection.run(clientSql.forget, [now]);
        return (await connection.run(clientSql.use, [key, until])).rows.length > 0;
      }),
  };
}
