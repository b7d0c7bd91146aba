/** The limit in Rust (scripts/bench/native), built where cargo is there, and left out with a line where it is not. */
import { execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { configuredRegistry } from '../../src/scim/custom-schemas.ts';
import { openConnection } from '../../src/store/sqlite/connection.ts';
import { loadTypes } from '../../src/store/sqlite/stored-types.ts';
import { containsIndex } from './data.ts';
import { elementNumber, limitSql, limitTypes } from './limit-sql.ts';
import { ServerProcess } from './server-process.ts';

const run = promisify(execFile);
const manifest = fileURLToPath(new URL('native/Cargo.toml', import.meta.url));
const target = fileURLToPath(new URL('../../node_modules/.cache/scimd-bench-native', import.meta.url));

let program: Promise<string | undefined> | undefined;

/** The path of the program; undefined where it cannot be had, which `progress` is told once. */
function built(progress: (text: string) => void): Promise<string | undefined> {
  program ??= (async () => {
    const args = ['build', '--release', '--quiet', '--locked', '--manifest-path', manifest];
    try {
      await run('cargo', ['--version']);
      progress('building the limit in Rust, unless it is built already');
      await run('cargo', [...args, '--target-dir', target]);
      return `${target}/release/limit`;
    } catch (error) {
      const { code, stderr = '' } = error as { readonly code?: unknown; readonly stderr?: string };
      const why =
        code === 'ENOENT' ? 'there is no cargo' : (stderr.split('\n').find(Boolean) ?? String(error));
      progress(`without the limit in Rust: ${why}`);
      return undefined;
    }
  })();
  return program;
}

/** Over a database, or a path where none is yet. It has no index of texts: undefined where scimd has one. */
export async function nativeLimit(
  file: string,
  users: number,
  progress: (text: string) => void,
): Promise<ServerProcess | undefined> {
  if (containsIndex(users).length > 0) return undefined;
  const path = await built(progress);
  if (path === undefined) return undefined;
  const given = `${file}.json`;
  writeFileSync(given, JSON.stringify(givenOf(file)));
  const child = spawn(path, [file, given], { stdio: ['pipe', 'pipe', 'inherit'] });
  return ServerProcess.of('limit native', child, 'bench');
}

/** The statements, as `openConnection` prepares them, and the numbers of the database. */
function givenOf(file: string): object {
  const registry = configuredRegistry({});
  const db = openConnection(file);
  try {
    const types = loadTypes(db, registry);
    const { user, group } = limitTypes(registry, types);
    const planned = (sql: string): string =>
      sql.replaceAll(/'[^']*'|\?/g, (part) => (part === '?' ? '+?' : part));
    const sql = Object.entries(limitSql(types)).map(([name, text]) => [
      name,
      typeof text === 'string' ? planned(text) : text.map(planned),
    ]);
    const numbers = {
      ...{ user: user.number, group: group.number },
      emails: elementNumber(user, 'emails'),
      phoneNumbers: elementNumber(user, 'phoneNumbers'),
      manager: elementNumber(
        user,
        'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value',
      ),
    };
    return { sql: Object.fromEntries(sql), numbers };
  } finally {
    db.close();
  }
}
