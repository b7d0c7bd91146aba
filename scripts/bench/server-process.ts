/** Starts the servers that are compared, each in a process of its own, and asks what they used. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { newSecret } from '../../src/directory/secret.ts';
import { isPostgresUrl } from '../../src/store/open.ts';
import { Connection, type Target } from './client.ts';
import { containsIndex } from './data.ts';
import { bundle } from './programs.ts';

/** Those that are measured side by side. */
export type ServerName =
  | 'scimd'
  | 'scimmy memory'
  | 'scimmy SQLite'
  /** The same without the exchange log: what the limit is compared with, which has none. */
  | 'scimd unlogged'
  | 'limit'
  /** The same without Node.js: hyper and rusqlite. */
  | 'limit native'
  | 'scimd PostgreSQL'
  | 'scimd PostgreSQL unlogged'
  | 'scimmy PostgreSQL'
  | 'limit PostgreSQL';

/** In microseconds of CPU and bytes. */
export interface Usage {
  readonly cpu: number;
  readonly rss: number;
  readonly peak: number;
}

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

export class ServerProcess {
  readonly name: string;
  readonly target: Target;
  readonly child: ChildProcess;
  /** The path of its database, where that can be looked into. */
  file: string | undefined;
  /** Microseconds of CPU that the database server has used, if there is one that tells. */
  databaseCpu: () => number = () => 0;

  private constructor(name: string, target: Target, child: ChildProcess) {
    this.name = name;
    this.target = target;
    this.child = child;
  }

  /** scimd itself, as `scimd serve` starts it for so many users. The database is a file, or the address of one. */
  static async scimd(
    database: string,
    users: number,
    inspect: readonly string[] = [],
    flags: readonly string[] = [],
    token = newSecret(),
    name?: ServerName,
  ): Promise<ServerProcess> {
    const indexed = containsIndex(users).flatMap((name) => ['--contains-index', name]);
    const isPostgres = isPostgresUrl(database);
    const args = [
      'serve',
      '--port',
      '0',
      ...(isPostgres ? [] : ['--database', database]),
      '--log-level',
      'warn',
      ...indexed,
      ...flags,
    ];
    const child = fork(bundle(), args, {
      execArgv: ['--import', here('usage-probe.mjs'), ...inspect],
      env: {
        ...process.env,
        SCIMD_BOOTSTRAP_TOKEN: token,
        // Not as an argument: it has a password.
        ...(isPostgres ? { SCIMD_DATABASE: database } : {}),
      },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    return ServerProcess.of(name ?? (isPostgres ? 'scimd PostgreSQL' : 'scimd'), child, token);
  }

  /** A file of this folder that prints the address as scimd does. */
  static async script(
    name: string,
    file: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<ServerProcess> {
    const child = fork(here(file), [...args], {
      env: { ...process.env, ...environment },
      // Without tsx, which the bundle beside it does not run under either.
      execArgv: ['--import', here('usage-probe.mjs')],
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    return ServerProcess.of(name, child, 'bench');
  }

  /** Of a process that has been started, once it listens. */
  static async of(name: string, child: ChildProcess, token: string): Promise<ServerProcess> {
    const url = new URL(await listening(child, name));
    const target = { host: url.hostname, port: Number(url.port), basePath: url.pathname, token };
    return new ServerProcess(name, target, child);
  }

  usage(): Promise<Usage> {
    if (!this.child.connected) return this.#usageByLine();
    return new Promise((resolve, reject) => {
      const answer = (message: unknown): void => {
        if (message === null || typeof message !== 'object' || !('usage' in message)) return;
        this.child.off('message', answer);
        resolve(message.usage as Usage);
      };
      this.child.on('message', answer);
      this.child.send('usage', (error) => error && reject(error));
    });
  }

  /** Of a program without node's channel: it answers each line with what it has used. */
  #usageByLine(): Promise<Usage> {
    const { stdin, stdout } = this.child;
    return new Promise((resolve, reject) => {
      let printed = '';
      const read = (chunk: Buffer): void => {
        printed += chunk;
        const [, cpu, peak] = /^usage (\d+) (\d+)\n/m.exec(printed) ?? [];
        if (cpu === undefined || peak === undefined) return;
        stdout?.off('data', read);
        resolve({ cpu: Number(cpu), rss: Number(peak) * 1024, peak: Number(peak) * 1024 });
      };
      stdout?.on('data', read);
      stdin?.write('usage\n', (error) => error && reject(error));
    });
  }

  /** Tells the server something and waits until it says that it is done. */
  tell(message: object): Promise<void> {
    return new Promise((resolve, reject) => {
      const answer = (said: unknown): void => {
        if (said !== 'done') return;
        this.child.off('message', answer);
        resolve();
      };
      this.child.on('message', answer);
      this.child.send(message, (error) => error && reject(error));
    });
  }

  async connect<T>(action: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await Connection.open(this.target);
    try {
      return await action(connection);
    } finally {
      connection.close();
    }
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      if (this.child.exitCode !== null || this.child.signalCode !== null) return resolve();
      this.child.once('exit', () => resolve());
      this.child.kill('SIGTERM');
    });
  }
}

function listening(child: ChildProcess, name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      printed += chunk;
      const found = /listening on (\S+)/.exec(printed)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', (code) =>
      reject(new Error(`${name} ended with ${code} before it listened: ${printed}`)),
    );
  });
}
