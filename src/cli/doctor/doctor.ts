/** scimd doctor: visits a SCIM server as identity providers and the standard's readers do, and tells what it saw. */
import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileReason } from '../../ops/file-error.ts';
import { CommandError, exitStatus, type Invocation, UsageError } from '../command.ts';
import { type Flow, type FlowName, flowNames } from './check.ts';
import { Client } from './client.ts';
import { core } from './core.ts';
import { entra } from './entra.ts';
import { Ledger } from './ledger.ts';
import { okta } from './okta.ts';
import { reach, readBase } from './reach.ts';
import { Report } from './report.ts';
import { type CheckResult, Visiting } from './run-checks.ts';
import { Secrecy } from './transcript.ts';
import { concluded, visitedJson } from './visited.ts';

export { flowNames };
export const defaultTimeout = '10';

const flows: Readonly<Record<FlowName, Flow>> = { core, okta, entra };

export async function doctor({ operand = '', flags, json, terminal }: Invocation): Promise<number> {
  const base = readBase(operand);
  const token = readToken(flags);
  const client = new Client(base, token, readTimeout(flags.get('timeout') ?? defaultTimeout));
  const facts = {
    mark: `scimd-doctor-${randomBytes(4).toString('hex')}`,
    stranger: randomUUID(),
    password: `Aa1!${randomBytes(12).toString('base64url')}`,
  };
  const secrecy = new Secrecy([token, facts.password], facts.mark);
  const announced = await reach(client, token !== undefined).catch((error: unknown) => {
    throw secrecy.error(error);
  });
  if (token !== undefined && /^http:\/\/(?!localhost\b|127\.|\[::1\])/.test(base))
    terminal.note('scimd: the token goes over an unencrypted connection (RFC 7644 §7.2 wants TLS)');

  const ledger = new Ledger(client, facts.mark, facts.stranger);
  const visiting = new Visiting(client, ledger, announced, facts);
  const report = json ? undefined : new Report(terminal, secrecy, flags.has('verbose'));
  const chosen = flowNames.filter((name) => (flags.get('only') ?? name) === name);
  const results: CheckResult[] = [];
  // The first wish to stop lets the running request end, so that what it makes is known and deleted.
  const stop = (): void => {
    if (visiting.stopped) client.end();
    else terminal.note('scimd: stopping; what was made is being deleted (again to leave it there)');
    visiting.stopped = true;
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const examine = async (): Promise<void> => {
    report?.start(base, facts.mark);
    for (const name of chosen) {
      report?.flow(flows[name]);
      for (const check of flows[name].checks.filter((each) => visiting.concerns(each))) {
        if (visiting.stopped) return;
        const result = await visiting.run(name, check);
        results.push(result);
        report?.check(result);
      }
    }
  };
  // An error of our own must not leave anything behind either.
  const broken = await examine().then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  const cleanup = await ledger.cleanUp();
  process.off('SIGINT', stop).off('SIGTERM', stop);

  const visited = concluded({
    url: base,
    mark: facts.mark,
    flows: chosen,
    results,
    interrupted: visiting.stopped,
    cleanup,
    requests: client.requests,
  });
  if (report === undefined) terminal.print(visitedJson(visited, secrecy));
  else report.end(visited);
  if (broken !== undefined) throw broken.error;
  return visited.passed ? exitStatus.done : exitStatus.failed;
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
