/** The statements of what applications said to have handled, over tables whose names begin with a prefix. */
export const confirmationSqlOf = (prefix: string) =>
  ({
    /** By tenant, name, number and time. */
    ofConsumer: `INSERT INTO ${prefix}confirmation (tenant, kind, name, sequence, at) VALUES (?, 'consumer', ?, ?, ?)
ON CONFLICT DO NOTHING`,
    /** Of a change that may end somebody's access, by time, number and endpoint. */
    ofEndpoint: `INSERT INTO ${prefix}confirmation (tenant, kind, name, sequence, at)
SELECT c.tenant, 'endpoint', e.id, c.sequence, CAST(? AS TEXT)
FROM ${prefix}endpoint e JOIN ${prefix}change c ON c.tenant = e.tenant AND c.sequence = ?
WHERE e.id = ? AND (c.operation = 'delete' OR c.edits LIKE '%"path":"active"%') ON CONFLICT DO NOTHING`,
    /** The time at which a consumer had handled a number or a later one, by tenant, name and number. */
    firstOfConsumer: `SELECT at FROM ${prefix}confirmation
WHERE tenant = ? AND kind = 'consumer' AND name = ? AND sequence >= ? ORDER BY sequence LIMIT 1`,
    /** The same of an endpoint and one number. */
    firstOfEndpoint: `SELECT at FROM ${prefix}confirmation
WHERE tenant = ? AND kind = 'endpoint' AND name = ? AND sequence = ?`,
    /** With changes up to a number, by tenant and number. */
    prune: `DELETE FROM ${prefix}confirmation WHERE tenant = ? AND sequence <= ?`,
  }) as const;

export type ConfirmationSql = ReturnType<typeof confirmationSqlOf>;

export const confirmationSql: ConfirmationSql = confirmationSqlOf('');

/** The last change of which everything is behind a position: `4812`, or `4812.1` within it. */
export function handledUpTo(position: string): number {
  const [sequence = '0', unit] = position.split('.');
  return unit === undefined ? Number(sequence) : Number(sequence) - 1;
}
