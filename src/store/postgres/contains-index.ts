/** The index for `co`, by the extension pg_trgm, which not every server has and not every account may create. */
import type { StoredTypes } from '../layout/stored-type.ts';
import type { Connection } from './driver.ts';

const indexName = 'contains_text_trigrams';

/** Makes the index where the configuration asks for one and the server can; answers whether it is there. */
export async function containsIndexReady(connection: Connection, types: StoredTypes): Promise<boolean> {
  const isThere = async (): Promise<boolean> => {
    const { rows } = await connection.run('SELECT to_regclass(?) IS NOT NULL', [indexName]);
    return (rows as [boolean][])[0]?.[0] === true;
  };
  if (await isThere()) return true;
  if (types.all.every(({ layout }) => layout.containsIndex.length === 0)) return false;
  try {
    await connection.script('CREATE EXTENSION IF NOT EXISTS pg_trgm');
    await connection.script(
      `CREATE INDEX IF NOT EXISTS ${indexName} ON contains_text USING gin (keys gin_trgm_ops)`,
    );
  } catch {
    // Another server may have been quicker. Without the index lists are the same, and slower: scimd docs scale says what
    // the account needs.
  }
  return await isThere();
}
