/** The server under test as a process that can be killed: the sources, or with SCIMD_COMMAND set that program. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { compileCache, program, programArguments } from '../cli/scimd.ts';

export const token = 'a-token-for-tests-of-crashes';

export interface Program {
  readonly url: string;
  /** Settles once the process has ended. */
  kill(): Promise<void>;
}

/** Resolves when it listens. */
export async function startProgram(database: string): Promise<Program> {
  const child: ChildProcess = spawn(program, [...programArguments, 'serve', '--port', '0'], {
    env: {
      NODE_COMPILE_CACHE: compileCache,
      ...process.env,
      // In no list of processes: it may have a password.
      SCIMD_DATABASE: database,
      SCIMD_BOOTSTRAP_TOKEN: token,
      SCIMD_LOG_LEVEL: 'error',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const url = await new Promise<string>((resolve, reject) => {
    let printed = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      printed += chunk;
      const found = /listening on (\S+)/.exec(printed)?.[1];
      if (found !== undefined) resolve(found);
    });
    void ended.then(([code]) => reject(new Error(`the server ended with ${code}: ${printed}`)));
  });
  return {
    url,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
