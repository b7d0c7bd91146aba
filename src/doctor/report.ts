/** The report for a person: a line for each check, and all that is needed to understand the one that failed. */
import { escapeControls } from '../ops/escape-controls.ts';
import type { Terminal } from '../ops/terminal.ts';
import type { RoundTrip } from '../scim-client.ts';
import { statusLine } from '../scim-client.ts';
import type { Flow } from './check.ts';
import type { LeftOver } from './ledger.ts';
import type { CheckResult, Outcome, Problem } from './run-checks.ts';
import type { Secrecy, Transcript } from './transcript.ts';
import type { Visited } from './visited.ts';

const longestText = 300;
const longestLine = 100;

const labels: Readonly<Record<Outcome, readonly [word: string, color: number]>> = {
  passed: ['ok  ', 32],
  failed: ['FAIL', 31],
  warning: ['warn', 33],
  noted: ['note', 36],
  skipped: ['skip', 90],
};

export class Report {
  readonly #terminal: Terminal;
  readonly #secrecy: Secrecy;
  readonly #verbose: boolean;

  constructor(terminal: Terminal, secrecy: Secrecy, verbose: boolean) {
    this.#terminal = terminal;
    this.#secrecy = secrecy;
    this.#verbose = verbose;
  }

  start(base: string, mark: string): void {
    this.#print(`Examining ${base}\nWhat it makes there is named ${mark}…, and deleted at the end.`);
  }

  flow({ title }: Flow): void {
    this.#print(`\n${this.#paint(1, title)}`);
  }

  check(result: CheckResult): void {
    const { check, outcome, reason, problems, exchanges } = result;
    const [word, color] = labels[outcome];
    const section = this.#paint(90, `  ${check.section}`);
    const lines = [`  ${this.#paint(color, word)}  ${check.title}${section}`];
    if (reason !== undefined) lines.push(this.#dim(`skipped: ${reason}`));
    else if (problems.length === 0 && !this.#verbose) lines.push(this.#dim(this.#summaryOf(exchanges)));
    for (const problem of problems) lines.push(...this.#problem(problem));
    if (this.#verbose) for (const exchange of exchanges) lines.push(...this.#inFull(exchange));
    this.#print(lines.join('\n'));
  }

  end({ totals, cleanup, requests, passed }: Visited): void {
    const counted = [
      `${totals.passed} passed`,
      `${totals.failed} failed`,
      `${totals.warning} with warnings`,
      ...(totals.noted === 0 ? [] : [`${totals.noted} with notes`]),
      ...(totals.skipped === 0 ? [] : [`${totals.skipped} skipped`]),
    ].join(', ');
    const verdict = passed
      ? this.#paint(32, 'All that matters passed')
      : this.#paint(31, 'Something that matters failed');
    this.#print(`\n${verdict}: ${counted} (${requests} requests)`);
    this.#print(`Cleaned up: ${cleanup.deleted} of ${cleanup.made} made resources are deleted`);
    if (cleanup.left.length > 0) this.#print(this.#leftOvers(cleanup.left));
  }

  #leftOvers(left: readonly LeftOver[]): string {
    const lines = left.map(
      ({ url, name, reason }) => `  ${url}${name === undefined ? '' : ` (${name})`}: ${reason}`,
    );
    return `${this.#paint(31, 'Not deleted, please do it by hand:')}\n${lines.join('\n')}`;
  }

  #problem({ level, expected, found, why, exchange, cause }: Problem): string[] {
    const seen = this.#secrecy.transcript(exchange);
    const sent = cause === undefined ? seen : this.#secrecy.transcript(cause);
    const rows: (readonly [string, string])[] = [
      ['sent', cut(sentLine(sent), longestText)],
      ['came back', cut(answerLine(sent), longestText)],
      ...(cause === undefined ? [] : [['read back', cut(answerLine(seen), longestText)] as const]),
      ['expected', `${expected}${level === 'must' ? '' : ` (${level})`}`],
      ['found', cut(this.#secrecy.text(found), longestText)],
      ['why', why],
    ];
    return rows.map(([name, text]) => `        ${this.#paint(90, name.padEnd(9))}  ${escapeControls(text)}`);
  }

  #summaryOf(exchanges: readonly RoundTrip[]): string {
    const parts = exchanges.map((exchange) => {
      const { method, path, status } = this.#secrecy.transcript(exchange);
      return `${method} ${withoutId(readable(path))} → ${status}`;
    });
    return cut(parts.join(', '), longestLine);
  }

  #inFull(exchange: RoundTrip): string[] {
    const { method, path, body, status, headers, answer, milliseconds, failure } =
      this.#secrecy.transcript(exchange);
    const fields = Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${value}`);
    return [
      `> ${method} ${readable(path)}`,
      ...(body === undefined ? [] : [`> ${textOf(body)}`]),
      ...(status === undefined ? [`< ${failure}`] : [`< ${statusLine(status)} (${milliseconds} ms)`]),
      ...fields.map((field) => `< ${field}`),
      ...(answer === undefined ? [] : [`< ${textOf(answer)}`]),
    ].map((line) => this.#dim(line));
  }

  #dim(text: string): string {
    return `        ${this.#paint(90, text)}`;
  }

  #paint(color: number, text: string): string {
    const colored = this.#terminal.interactive && this.#terminal.color;
    return colored ? `\u001b[${color}m${escapeControls(text)}\u001b[0m` : escapeControls(text);
  }

  #print(text: string): void {
    this.#terminal.print(text);
  }
}

function sentLine({ method, path, body }: Transcript): string {
  return `${method} ${readable(path)}${body === undefined ? '' : ` ${textOf(body)}`}`;
}

function answerLine({ status, headers, answer, failure }: Transcript): string {
  if (status === undefined) return failure ?? 'nothing';
  const type = headers?.['content-type'];
  return [statusLine(status), type, answer === undefined ? undefined : textOf(answer)]
    .filter((part) => part !== undefined)
    .join(' ');
}

/** A query as a person writes it. */
function readable(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function withoutId(path: string): string {
  return path.replace(/^\/(Users|Groups)\/(?!\.search)[^/?]+/, '/$1/{id}');
}

function textOf(body: unknown): string {
  return typeof body === 'string' ? body.replace(/\s+/g, ' ') : JSON.stringify(body);
}

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}…`;
}
