/** Runs checks one after another and judges the answers. */
import type { Answer, Request, RoundTrip } from '../scim-client.ts';
import {
  type Check,
  type Expectation,
  type FlowName,
  type Level,
  late,
  NotMade,
  type Step,
  type Visit,
} from './check.ts';
import type { ExaminedServer } from './examined-server.ts';
import { statusWithReason } from './expect.ts';
import { type Ledger, silenceLimit } from './ledger.ts';
import type { Announced } from './reach.ts';

export interface Problem {
  readonly level: Level;
  readonly expected: string;
  readonly found: string;
  /** What follows from it. */
  readonly why: string;
  /** The exchange in which it was seen. */
  readonly exchange: RoundTrip;
  /** The request whose outcome that exchange read back. */
  readonly cause?: RoundTrip;
}

type VisitFacts = Pick<Visit, 'mark' | 'stranger' | 'password'>;

export type Outcome = 'passed' | 'failed' | 'warning' | 'noted' | 'skipped';

export interface CheckResult {
  readonly flow: FlowName;
  readonly check: Check;
  readonly outcome: Outcome;
  /** Why it was skipped. */
  readonly reason: string | undefined;
  readonly problems: readonly Problem[];
  readonly exchanges: readonly RoundTrip[];
}

const unidentified = {
  level: 'must',
  expected: 'the resource that was made, with its id, or its Location',
  found: 'neither',
} as const;

/** Answers by which a server refuses in order what it does not support. */
const refusals: readonly number[] = [400, 403, 405, 422, 501];

/** A 4xx, or 501: nothing was done, and the client knows it. */
export function isRefusal(status: number): boolean {
  return (status >= 400 && status < 500) || status === 501;
}

export class Visiting {
  readonly #client: ExaminedServer;
  readonly #ledger: Ledger;
  readonly #announced: Announced;
  readonly #facts: VisitFacts;
  readonly #stop: AbortSignal;

  /** `stop` tells that the person at the terminal wants no more. */
  constructor(
    client: ExaminedServer,
    ledger: Ledger,
    announced: Announced,
    facts: VisitFacts,
    stop: AbortSignal,
  ) {
    this.#stop = stop;
    this.#client = client;
    this.#ledger = ledger;
    this.#announced = announced;
    this.#facts = facts;
  }

  /** Is the check about servers of this kind? */
  concerns({ lacks }: Check): boolean {
    return lacks === undefined || this.#announced.missing.has(lacks);
  }

  async run(flow: FlowName, check: Check): Promise<CheckResult> {
    const problems: Problem[] = [];
    const exchanges: RoundTrip[] = [];
    const result = (outcome: Outcome, reason?: string): CheckResult => ({
      flow,
      check,
      outcome,
      reason,
      problems,
      exchanges,
    });
    const reason = this.#reasonToSkip(check);
    if (reason !== undefined) return result('skipped', reason);
    const answers: Answer[] = [];
    const visit: Visit = {
      ...this.#facts,
      supports: (feature) => !this.#announced.missing.has(feature),
      made: (word) => this.#ledger.made(word),
      answers,
    };
    try {
      for (const step of check.steps) {
        if (this.#stop.aborted) return result('skipped', 'interrupted');
        const exchange = await this.#send(step, visit);
        exchanges.push(exchange);
        const cause = step.readsBack === true ? exchanges.at(-2) : undefined;
        const goesOn = judge(check, step, { exchange, cause }, visit, problems);
        if (exchange.answer === undefined || !(goesOn || step.standsAlone)) break;
        if (step.makes !== undefined && !this.#ledger.has(step.makes)) {
          problems.push({ ...unidentified, why: check.why, exchange });
          break;
        }
        answers.push(exchange.answer);
      }
    } catch (error) {
      if (!(error instanceof NotMade)) throw error;
      if (problems.length === 0) return result('skipped', error.message);
    }
    return result(outcomeOf(problems));
  }

  #reasonToSkip({ needs = [] }: Check): string | undefined {
    if (this.#stop.aborted) return 'interrupted';
    if (this.#client.silent >= silenceLimit) return 'the server stopped answering';
    for (const feature of needs) {
      const missing = this.#announced.missing.get(feature);
      if (missing !== undefined) return missing;
    }
    return undefined;
  }

  async #send(step: Step, visit: Visit): Promise<RoundTrip> {
    const request: Request = {
      method: step.method,
      path: late(step.path, visit),
      ...(step.body === undefined ? {} : { body: step.body(visit) }),
      ...(step.headers === undefined ? {} : { headers: late(step.headers, visit) }),
      ...(step.credentials === undefined ? {} : { credentials: step.credentials }),
    };
    this.#ledger.checkAllowed(request);
    if (request.method === 'POST') return this.#ledger.post(request, step.makes);
    const exchange = await this.#client.send(request);
    const status = exchange.answer?.status ?? 0;
    if (request.method === 'DELETE' && status >= 200 && status < 300) this.#ledger.noteDeleted(request.path);
    return exchange;
  }
}

/** Adds what is wrong to the problems. False if the steps that follow would make no sense. */
function judge(
  check: Check,
  step: Step,
  { exchange, cause }: { readonly exchange: RoundTrip; readonly cause: RoundTrip | undefined },
  visit: Visit,
  problems: Problem[],
): boolean {
  const { answer } = exchange;
  const usual = check.level ?? 'must';
  const wrong = (level: Level, expected: string, found: string, why = check.why): void => {
    problems.push({ level, expected, found, why, exchange, ...(cause === undefined ? {} : { cause }) });
  };
  if (answer === undefined) {
    wrong(usual, saysAll(step, visit), exchange.failure?.message ?? 'no answer');
    return false;
  }
  if (step.mayRefuse !== undefined && refusals.includes(answer.status)) {
    wrong(
      usual === 'note' ? 'note' : 'should',
      saysAll(step, visit),
      statusWithReason(answer),
      step.mayRefuse,
    );
    return false;
  }
  if (step.mayDecline && answer.status >= 400) {
    if (!isRefusal(answer.status)) wrong('should', saysAll(step, visit), statusWithReason(answer));
    return false;
  }
  let goesOn = true;
  for (const expectation of step.expect) {
    const found = expectation.judge(answer, visit);
    if (found === undefined) continue;
    wrong(expectation.level ?? usual, says(expectation, visit), found);
    // Without the right answer the finer expectations would only say the same again.
    if (expectation.level === undefined) {
      goesOn = false;
      break;
    }
  }
  return goesOn;
}

function says(expectation: Expectation, visit: Visit): string {
  return late(expectation.says, visit);
}

function saysAll({ expect }: Step, visit: Visit): string {
  return expect
    .filter(({ level }) => level === undefined)
    .map((expectation) => says(expectation, visit))
    .join(', ');
}

function outcomeOf(problems: readonly Problem[]): Outcome {
  if (problems.some(({ level }) => level === 'must')) return 'failed';
  if (problems.some(({ level }) => level === 'should')) return 'warning';
  return problems.length === 0 ? 'passed' : 'noted';
}
