/** Who had access when, and the proof: the reports of scimd docs audit, as rows and as files that prove themselves. */
import * as v from 'valibot';
import { ScimError } from '../../error.ts';
import { accessReport } from '../../history/access.ts';
import { diffReport } from '../../history/diff.ts';
import { evidence, type Maker } from '../../history/evidence.ts';
import { leaversReport } from '../../history/leavers.ts';
import { orphansReport } from '../../history/orphans.ts';
import { type Cell, HistoryError, type Report } from '../../history/report.ts';
import { seatsReport } from '../../history/seats.ts';
import { historyReport } from '../../history/timeline.ts';
import { CommandError } from '../../ops/command-error.ts';
import {
  type Asked,
  endpoint,
  invalid,
  optionalLine,
  tenantFor,
  tenantQuery,
  wholeNumber,
} from './endpoint.ts';

/** Date.parse moves 31 February into March. */
function isDate(text: string): boolean {
  const date = new Date(text);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text.slice(0, 10));
}

const momentRule = 'must be a day such as 2026-05-02, or a time such as 2026-05-02T12:00Z';
/** A day, which is its first moment in UTC, or a time; absent: now. */
const momentText = v.optional(
  v.pipe(
    v.string(momentRule),
    v.regex(/^(?:|\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?Z)?)$/, momentRule),
    v.check((text) => text === '' || isDate(text), momentRule),
    v.transform((text) => (text === '' ? undefined : text)),
  ),
);
const ticked = v.optional(v.picklist(['', 'on', 'true', 'false'], 'must be true or false'));
const isTicked = (value: v.InferOutput<typeof ticked>): boolean => value === 'on' || value === 'true';

/** How many rows one answer has: a file has them all. */
export const rowsShown = 200;
const rowsQuery = { ...tenantQuery, limit: v.optional(wholeNumber(1, 1000), rowsShown) };
const limited = v.object({ limit: rowsQuery.limit });
const query = {
  access: v.object({
    ...rowsQuery,
    at: momentText,
    group: optionalLine(200),
    role: optionalLine(200),
    inactive: ticked,
  }),
  diff: v.object({ ...rowsQuery, from: momentText, to: momentText }),
  leavers: v.object({
    ...rowsQuery,
    ...{ from: momentText, until: momentText, hours: v.optional(wholeNumber(1, 8760), 24) },
  }),
  seats: v.object({ ...rowsQuery, at: momentText }),
  history: v.object({ ...rowsQuery, id: v.pipe(v.string(), v.nonEmpty(), v.maxLength(200)) }),
  orphans: v.object(rowsQuery),
} as const;

export const reportNames = ['access', 'diff', 'leavers', 'seats', 'history', 'orphans'] as const;
export type ReportName = (typeof reportNames)[number];

/** Characters of a list of accounts that the page takes: some ten thousand lines. */
export const longestList = 1_000_000;
const orphansBody = v.object({
  /** A CSV whose first line names id, externalId, userName or email. */
  accounts: v.pipe(
    v.string('must be a CSV'),
    v.nonEmpty('is empty: give a CSV whose first line names id, externalId, userName or email'),
    v.maxLength(longestList, 'is too long for the page: use scimd orphans --against FILE'),
  ),
  missing: ticked,
});

const day = 86_400_000;

/** A report, whatever its rows are. */
export interface Made {
  /** The command that makes the same one. */
  readonly command: string;
  readonly shown: (limit: number) => ReportShown;
  readonly file: (format: 'csv' | 'json', maker: Omit<Maker, 'query'>) => string;
}

function made<Row extends object>(report: Report<Row>, command: string): Made {
  return {
    command,
    shown: (limit) => reportShown(report, command, limit),
    file: (format, maker) => evidence(report, format, { ...maker, query: command }),
  };
}

type Inputs = { readonly query: unknown; readonly body?: unknown };

function commandOf(name: string, flags: Readonly<Record<string, string | boolean | undefined>>): string {
  const quoted = (text: string): string => (/^[\w@.:/+-]+$/.test(text) ? text : JSON.stringify(text));
  const given = Object.entries(flags).flatMap(([flag, value]) =>
    value === undefined || value === false
      ? []
      : value === true
        ? [` --${flag}`]
        : [` --${flag} ${quoted(value)}`],
  );
  return `scimd ${name}${given.join('')}`;
}

function checked<const T extends v.GenericSchema>(schema: T, given: unknown, what: string): v.InferOutput<T> {
  const result = v.safeParse(schema, given);
  if (result.success) return result.output;
  throw invalid(result.issues[0], what);
}

/** @throws ScimError 400 that says why a question cannot be answered. */
export async function reportFor(
  asked: Pick<Asked<unknown, unknown>, 'parts' | 'session'>,
  name: ReportName,
  given: Inputs,
): Promise<Made> {
  const { tenant: tenantName } = checked(v.object(rowsQuery), given.query, 'The query');
  const tenant = await tenantFor(asked, tenantName);
  const { parts } = asked;
  const { store, clock } = parts;
  const named = tenant.name === 'default' ? {} : { tenant: tenant.name };
  const dateOf = (text: string | undefined): Date | undefined =>
    text === undefined ? undefined : new Date(text);
  const make = async (): Promise<Made> => {
    switch (name) {
      case 'access': {
        const { at, group, role, inactive } = checked(query.access, given.query, 'The query');
        const wanted = { at: dateOf(at), group, role, inactive: isTicked(inactive) };
        return made(
          await accessReport(store, tenant, wanted),
          commandOf('access', { at, group, role, inactive: wanted.inactive, ...named }),
        );
      }
      case 'diff': {
        const { from, to } = checked(query.diff, given.query, 'The query');
        if (from === undefined) throw new HistoryError('choose the day from which on it is compared');
        return made(
          await diffReport(store, tenant, { from: new Date(from), to: dateOf(to) }),
          commandOf('diff', { from, to, ...named }),
        );
      }
      case 'leavers': {
        const { from, until, hours } = checked(query.leavers, given.query, 'The query');
        const now = clock();
        const since = from ?? new Date(now.getTime() - 90 * day).toISOString().slice(0, 10);
        return made(
          await leaversReport(store, tenant, {
            since: new Date(since),
            until: dateOf(until),
            sla: hours * 3_600_000,
            now,
          }),
          commandOf('leavers', { since, until, sla: `${hours}h`, ...named }),
        );
      }
      case 'seats': {
        const { at } = checked(query.seats, given.query, 'The query');
        return made(
          await seatsReport(store, tenant, { at: dateOf(at) }),
          commandOf('seats', { at, ...named }),
        );
      }
      case 'history': {
        const { id } = checked(query.history, given.query, 'The query');
        return made(await historyReport(store, tenant, id), commandOf(`history ${id}`, named));
      }
      case 'orphans': {
        const { accounts, missing } = checked(orphansBody, given.body, 'The list');
        const wanted = { accounts: await parts.options.accountsOf(accounts), missing: isTicked(missing) };
        return made(
          await orphansReport(store, tenant, wanted),
          commandOf('orphans', { against: 'accounts.csv', missing: wanted.missing, ...named }),
        );
      }
    }
  };
  try {
    return await make();
  } catch (error) {
    if (error instanceof CommandError)
      throw new ScimError(
        400,
        'invalidValue',
        `${error.message[0]?.toUpperCase()}${error.message.slice(1)}. ${error.advice ?? ''}`.trim(),
        { cause: error },
      );
    if (!(error instanceof HistoryError)) throw error;
    // What the command calls --from has a name without hyphens in a form.
    const words = error.message.replaceAll(/--(?=\w)/g, '');
    throw new ScimError(400, 'invalidValue', `${words[0]?.toUpperCase()}${words.slice(1)}`, { cause: error });
  }
}

/** The text of a file that proves itself, signed where the server has a key. */
export function evidenceFile(
  { parts, session, base }: Pick<Asked<unknown, unknown>, 'parts' | 'session' | 'base'>,
  report: Made,
  format: 'csv' | 'json',
): string {
  const { version, signingKey } = parts.options;
  return report.file(format, {
    author: `${session.name} at ${new URL(base).host}`,
    version: `scimd ${version}`,
    made: parts.clock(),
    key: signingKey,
  });
}

const cell = v.union([v.string(), v.number(), v.boolean(), v.array(v.string())]);
const reportShape = v.object({
  tenant: v.string(),
  /** The command that makes the same report. */
  query: v.string(),
  asOf: v.object({ sequence: v.number(), at: v.optional(v.string()), link: v.optional(v.string()) }),
  columns: v.array(v.string()),
  /** How many there are: `rows` has the first of them. */
  count: v.number(),
  rows: v.array(v.record(v.string(), v.optional(cell))),
  summary: v.array(v.string()),
});
export type ReportShown = v.InferOutput<typeof reportShape>;

function reportShown<Row extends object>(
  { tenant, asOf, columns, rows, summary }: Report<Row>,
  command: string,
  limit: number,
): ReportShown {
  const shownCell = (value: Cell): v.InferOutput<typeof cell> | undefined =>
    typeof value === 'object' ? [...value] : value;
  return {
    tenant,
    query: command,
    asOf: {
      sequence: asOf.sequence,
      ...(asOf.at === undefined ? {} : { at: asOf.at }),
      ...(asOf.link === undefined ? {} : { link: asOf.link }),
    },
    columns: [...columns],
    count: rows.length,
    rows: rows
      .slice(0, limit)
      .map((row) => Object.fromEntries(columns.map((name) => [name, shownCell(row[name] as Cell)]))),
    summary: [...summary],
  };
}

function read<const Query extends v.GenericSchema>(name: ReportName, summary: string, of: Query) {
  return endpoint({
    method: 'GET',
    path: `/reports/${name}`,
    summary,
    needs: 'read',
    query: of,
    answer: reportShape,
    // Checked as it was given: the report reads the same text again.
    handle: async (asked) =>
      (await reportFor(asked, name, { query: asked.query })).shown(
        checked(limited, asked.query, 'limit').limit,
      ),
  });
}

export const reportEndpoints = [
  read('access', 'Who had access to what at a time, by which group', query.access),
  read('diff', 'Who gained and lost access between two times', query.diff),
  read('leavers', 'Who left, and whether each application confirmed it in time', query.leavers),
  read('seats', 'How many people have what', query.seats),
  read('history', 'All that happened to one person or group', query.history),
  endpoint({
    method: 'POST',
    path: '/reports/orphans',
    summary: 'Accounts of an application that nobody should have',
    needs: 'read',
    query: query.orphans,
    body: orphansBody,
    answer: reportShape,
    handle: async (asked) => (await reportFor(asked, 'orphans', asked)).shown(asked.query.limit),
  }),
] as const;
