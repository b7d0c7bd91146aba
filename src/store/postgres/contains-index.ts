/** The index for `co`, by the extension pg_trgm, which not every server has and not every account may create. */
import type { StoredTypes } from '../layout/stored-type.ts';
import type { Connection } from './driver.ts';

const indexName = 'contains_text_trigrams';

/**
 * Makes the index where the configuration asks for one and the server can; answers whether it is there, and otherwise why
 * not.
 */
export async function containsIndexReady(
  connection: Connection,
  types: StoredTypes,
): Promise<{ readonly isThere: boolean; readonly reason?: string }> {
  const isThere = async (): Promise<boolean> => {
    const { rows } = await connection.run('SELECT to_regclass(?) IS NOT NULL', [indexName]);
    return (rows as [boolean][])[0]?.[0] === true;
  };
  if (await isThere()) return { isThere: true };
  if (types.all.every(({ layout }) => layout.containsIndex.length === 0)) return { isThere: false };
  try {
    await connection.script('CREATE EXTENSION IF NOT EXISTS pg_trgm');
    // The extension may be in a schema of which this session knows nothing: that of another deployment, say.
    const { rows } = await connection.run(
      "SELECT format('%I.gin_trgm_ops', n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm'",
    );
    const [[operators]] = rows as [[string]];
    await connection.script(
      `CREATE INDEX IF NOT EXISTS ${indexName} ON contains_text USING gin (keys ${operators})`,
    );
  } catch (error) {
    // Another server may have been quicker. Without the index lists are the same, and slower.
    if (!(await isThere())) return { isThere: false, reason: (error as Error).message };
  }
  return { isThere: true };
}
