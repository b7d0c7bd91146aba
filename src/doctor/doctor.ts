/** Visits a SCIM server as identity providers and the standard's readers do, and tells what it saw. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Terminal } from '../ops/terminal.ts';
import type { Flow, FlowName } from './check.ts';
import { core } from './core.ts';
import { entra } from './entra.ts';
import { ExaminedServer } from './examined-server.ts';
import { integrity } from './integrity.ts';
import { Ledger } from './ledger.ts';
import { okta } from './okta.ts';
import { reach } from './reach.ts';
import { Report } from './report.ts';
import { type CheckResult, Visiting } from './run-checks.ts';
import { Secrecy } from './transcript.ts';
import { concluded, type Visited, visitedJson } from './visited.ts';

const flows: Readonly<Record<FlowName, Flow>> = { core, okta, entra, integrity };

export interface ExaminationOptions {
  /** The base URL of the server, without a slash at its end. */
  readonly base: string;
  /** Bearer token that may read and write users and groups. */
  readonly token: string | undefined;
  /** How long to wait for each answer. */
  readonly timeoutSeconds: number;
  readonly flows: readonly FlowName[];
  /** One line for each check, every request and answer in full, or one JSON text at the end. */
  readonly output: 'brief' | 'verbose' | 'json';
  readonly terminal: Terminal;
  /** Begin nothing new, delete what was made and report. */
  readonly stop: AbortSignal;
  /** End the running request and send no more, not even to delete. */
  readonly end: AbortSignal;
}

/**
 * Runs the checks of these flows, deletes what they made, and prints what was seen.
 * @throws CommandError if there is no SCIM server to examine, or if it does not take the token.
 */
export async function examine(options: ExaminationOptions): Promise<Visited> {
  const { base, token, output, terminal, stop } = options;
  const client = new ExaminedServer(base, token, options.timeoutSeconds, options.end);
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
  const visiting = new Visiting(client, ledger, announced, facts, stop);
  const report = output === 'json' ? undefined : new Report(terminal, secrecy, output === 'verbose');
  const results: CheckResult[] = [];
  const runAll = async (): Promise<void> => {
    report?.start(base, facts.mark);
    for (const name of options.flows) {
      report?.flow(flows[name]);
      for (const check of flows[name].checks.filter((each) => visiting.concerns(each))) {
        if (stop.aborted) return;
        const result = await visiting.run(name, check);
        results.push(result);
        report?.check(result);
      }
    }
  };
  // An error of our own must not leave anything behind either.
  const broken = await runAll().then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  const cleanup = await ledger.cleanUp();
  const visited = concluded({
    url: base,
    mark: facts.mark,
    flows: options.flows,
    results,
    interrupted: stop.aborted,
    cleanup,
    requests: client.requests,
  });
  if (report === undefined) terminal.print(visitedJson(visited, secrecy));
  else report.end(visited);
  if (broken !== undefined) throw broken.error;
  return visited;
}
