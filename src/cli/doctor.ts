/** scimd doctor: what is asked for on the command line, and the signals that end an examination early. */
import { readFileSync } from 'node:fs';
import { flowNames } from '../doctor/check.ts';
import { examine } from '../doctor/doctor.ts';
import { readBase } from '../doctor/reach.ts';
import { CommandError, UsageError } from '../ops/command-error.ts';
import { fileReason } from '../ops/file-error.ts';
import { exitStatus, type Invocation } from './command.ts';

export const defaultTimeout = '10';

export async function doctor({ operand = '', flags, json, terminal }: Invocation): Promise<number> {
  const base = readBase(operand);
  const token = readToken(flags);
  const stop = new AbortController();
  const end = new AbortController();
  // The first wish to stop lets the running request end, so that what it makes is known and deleted.
  const interrupt = (): void => {
    if (stop.signal.aborted) end.abort();
    else terminal.note('scimd: stopping; what was made is being deleted (again to leave it there)');
    stop.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  try {
    const { passed } = await examine({
      base,
      token,
      timeoutSeconds: readTimeout(flags.get('timeout') ?? defaultTimeout),
      flows: flowNames.filter((name) => (flags.get('only') ?? name) === name),
      output: json ? 'json' : flags.has('verbose') ? 'verbose' : 'brief',
      terminal,
      stop: stop.signal,
      end: end.signal,
    });
    return passed ? exitStatus.done : exitStatus.failed;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

function readTimeout(text: string): number {
  const seconds = Number(text);
  if (!(seconds >= 1 && seconds <= 300))
    throw new UsageError(`--timeout must be a number of seconds from 1 to 300, not "${text}"`);
  return seconds;
}

/** From the flag or from a file, which keeps it out of the list of processes. */
function readToken(flags: ReadonlyMap<string, string>): string | undefined {
  const given = flags.get('token');
  const file = flags.get('token-file');
  if (given !== undefined && file !== undefined) throw new UsageError('--token or --token-file, not both');
  const token = (file === undefined ? given : readTokenFile(file))?.trim().replace(/^Bearer +/i, '');
  if (token === '') throw new UsageError('the token is empty');
  // In a header field other characters end the request, with an error that repeats the token.
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw new UsageError('the token has characters that no header field can hold');
  return token;
}

function readTokenFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandError(
      `the token cannot be read from ${file}: ${fileReason(error)}`,
      'Check its path and who may read it',
      { cause: error },
    );
  }
}
