/** The programs that were built for this system: npm run build, npm run binary. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { here } from '../../scripts/binary/target.ts';

export function built(file: string): string {
  const path = fileURLToPath(new URL(`../../${file}`, import.meta.url));
  assert(existsSync(path), `${file} was not built`);
  return path;
}

export const bundle: readonly string[] = [process.execPath, built('dist/scimd.js')];
export const binary: readonly string[] = [built(here.output)];

/** Two empty folders: where the program works, and its temporary one. */
export interface Place {
  readonly folder: string;
  readonly temporary: string;
}

const base = mkdtempSync(join(tmpdir(), 'scimd-dist-'));
after(() => rmSync(base, { recursive: true, force: true }));

export function place(): Place {
  return { folder: mkdtempSync(join(base, 'work-')), temporary: mkdtempSync(join(base, 'temporary-')) };
}

function options({ folder, temporary }: Place) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SCIMD_'));
  const env = { ...Object.fromEntries(inherited), TMPDIR: temporary, TEMP: temporary, TMP: temporary };
  return { cwd: folder, env };
}

/** Runs it to its end. */
export function call(
  [file = '', ...prefix]: readonly string[],
  args: readonly string[],
  where: Place,
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync(file, [...prefix, ...args], { ...options(where), encoding: 'utf8' });
}

export interface Served {
  readonly url: string;
  readonly token: string;
  /** Ends it; resolves to its exit status. */
  stop(): Promise<number | null>;
}

/** Starts a server on scimd.db in its folder. */
export async function serve([file = '', ...prefix]: readonly string[], where: Place): Promise<Served> {
  const args = [...prefix, 'serve', '--port', '0', '--database', 'scimd.db', '--json'];
  const child = spawn(file, args, { ...options(where), stdio: ['ignore', 'pipe', 'ignore'] });
  after(() => child.kill('SIGKILL'));
  const end = once(child, 'exit');
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (printed += text));
  while (!printed.includes('\n')) {
    const ended = await Promise.race([once(child.stdout, 'data').then(() => false), end.then(() => true)]);
    assert(!ended, `it ended: ${printed}`);
  }
  const { listening, token } = JSON.parse(printed) as { listening: string; token: string };
  return {
    url: listening,
    token,
    async stop() {
      child.kill('SIGTERM');
      const [status] = (await end) as [number | null];
      return status;
    },
  };
}
