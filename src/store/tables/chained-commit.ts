/**
 * Commits of postgres.js: they are prepared statements. Where the connection has lost them, as behind PgBouncer or after
 * DISCARD ALL, that of a transaction fails and takes all back; postgres.js then tries it again, and the answer is no error.
 * So the transaction is committed before, by a statement that is not prepared, and what postgres.js commits is empty.
 */
export const chainedCommit = 'COMMIT AND CHAIN';

/** `command` is what PostgreSQL says that it did. @throws an error by which it is tried again. */
export function checkCommitted({ command }: { readonly command?: unknown }): void {
  if (command === 'ROLLBACK')
    throw Object.assign(new Error('the transaction was taken back, since a statement in it had failed'), {
      code: '40001',
    });
}
