/**
 * Runs the command line as its users do: as a process, in a folder of its own. With SCIMD_COMMAND set, an absolute path,
 * it is that program in place of the sources.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
/** Node.js runs the sources as they are; what it has compiled serves the next process. */
export const compileCache = join(tmpdir(), 'scimd-test-compile-cache');
const sources = [process.execPath, main];
/** The program under test, and what stands before a command's own arguments. */
export const [program = '', ...programArguments] = process.env.SCIMD_COMMAND?.split(' ') ?? sources;

/** An empty folder, removed when the test file is done. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'scimd-cli-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Place {
  readonly folder: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** A program, with arguments, that starts it. */
  readonly under?: readonly string[];
}

function launch(args: readonly string[], { folder, environment = {}, under = [] }: Place): ChildProcess {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(SCIMD_|NO_COLOR$|FORCE_COLOR$)/.test(name),
  );
  const [first = program, ...rest] = [...under, program, ...programArguments, ...args];
  return spawn(first, rest, {
    cwd: folder,
    env: { NODE_COMPILE_CACHE: compileCache, ...Object.fromEntries(inherited), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Both outputs so far, and the end. */
function watch(child: ChildProcess): {
  readonly output: { stdout: string; stderr: string };
  readonly end: Promise<Result>;
} {
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (text) => (output[name] += text));
  return { output, end: once(child, 'close').then(([status]) => ({ status, ...output })) };
}

export function scimd(args: readonly string[], place: Place): Promise<Result> {
  return running(args, place).end;
}

/** A command that takes its time, to be signalled. */
export function running(args: readonly string[], place: Place): Pick<Serving, 'signal' | 'output' | 'end'> {
  const child = launch(args, place);
  after(() => child.kill('SIGKILL'));
  return { signal: (name) => void child.kill(name), ...watch(child) };
}

export interface Serving {
  readonly pid: number;
  readonly url: string;
  readonly output: { readonly stdout: string; readonly stderr: string };
  signal(name: NodeJS.Signals): void;
  /** Closes the other end of its standard output and error. */
  stopReading(): void;
  /** Settles when the process has ended. */
  readonly end: Promise<Result>;
  /** Ends it in order. */
  stop(): Promise<Result>;
}

/** Starts a server and waits until it listens. */
export async function serving(args: readonly string[], place: Place): Promise<Serving> {
  const child = launch(args, place);
  const { output, end } = watch(child);
  after(() => child.kill('SIGKILL'));
  const listening = async (): Promise<string> => {
    for (;;) {
      const url = /(?:listening on |"listening":")(https?:[^\s"]+)/.exec(output.stdout)?.[1];
      if (url !== undefined) return url;
      await once(child.stdout!, 'data');
    }
  };
  const url = await Promise.race([listening(), end.then(({ stderr }) => assert.fail(`it ended: ${stderr}`))]);
  return {
    pid: child.pid as number,
    url,
    output,
    end,
    signal: (name) => void child.kill(name),
    stopReading: () => {
      child.stdout?.destroy();
      child.stderr?.destroy();
    },
    stop: () => {
      child.kill('SIGTERM');
      return end;
    },
  };
}

export const secretPattern = /scimd_[A-Za-z0-9_-]{43}/;
