/** scimd doctor: what is asked for on the command line, and the signals that end an examination early. */
import { flowNames } from '../doctor/check.ts';
import { examine } from '../doctor/doctor.ts';
import { UsageError } from '../ops/command-error.ts';
import { exitStatus, type Invocation } from './command.ts';
import { baseUrl, baseUrlProblem, tokenFor } from './other-server.ts';

export const defaultTimeout = '10';

export async function doctor({ operand = '', flags, json, terminal }: Invocation): Promise<number> {
  const base = readBase(operand);
  const token = tokenFor(flags);
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

function readBase(text: string): string {
  const problem = baseUrlProblem(text);
  if (problem === undefined) return baseUrl(text);
  // What stands there may be secret, so it is not repeated.
  const messages: Readonly<Record<typeof problem, readonly [message: string, advice: string]>> = {
    url: [
      'the URL must be the base of a SCIM server',
      'For example: scimd doctor https://id.example.com/scim/v2 --token TOKEN',
    ],
    credentials: ['the URL must not contain a password', 'Give a bearer token: --token TOKEN'],
    query: [
      'the URL must end with its path, without "?" and "#"',
      'Leave out flags that only an identity provider reads, such as ?aadOptscim062020',
    ],
  };
  const [message, advice] = messages[problem];
  throw new UsageError(message, undefined, advice);
}
