/** scimd history, access, diff, leavers, orphans and seats: who had access when, and the proof. */
import { createReadStream } from 'node:fs';
import { accessReport } from '../history/access.ts';
import { diffReport } from '../history/diff.ts';
import { leaversReport } from '../history/leavers.ts';
import { type Account, orphansReport } from '../history/orphans.ts';
import { HistoryError, type Report } from '../history/report.ts';
import { seatsReport } from '../history/seats.ts';
import { historyReport } from '../history/timeline.ts';
import { CommandError, UsageError } from '../ops/command-error.ts';
import { parseSpan } from '../ops/span.ts';
import type { Store, Tenant } from '../store/store.ts';
import { csvRecords, separatorOf } from '../transfer/csv.ts';
import { linesOf } from '../transfer/lines.ts';
import { findDeleted } from './by-hand.ts';
import type { Invocation } from './command.ts';
import { defaultTenant, findTenant, resourceTypeNamed, withStore } from './database.ts';
import { writeReport } from './evidence-file.ts';
import { parseMoment } from './time.ts';
import { findIfAny, placeIn } from './users-and-groups.ts';

export const defaultSince = '30d';
export const defaultSla = '24h';

/** Where a report is made from. */
interface Source {
  readonly store: Store;
  readonly tenant: Tenant;
}

async function report<Row extends object>(
  command: string,
  invocation: Invocation,
  make: (source: Source) => Promise<Report<Row>>,
): Promise<number> {
  return withStore(invocation, false, async (store) => {
    const tenant = await findTenant(store, invocation.flags.get('tenant') ?? defaultTenant);
    try {
      return writeReport(command, invocation, await make({ store, tenant }));
    } catch (error) {
      if (error instanceof HistoryError) throw new CommandError(error.message, 'See: scimd docs audit');
      throw error;
    }
  });
}

/** A moment that a flag names; undefined where it is not given. */
function momentOf({ flags }: Invocation, name: string, now: Date): Date | number | undefined {
  const text = flags.get(name);
  return text === undefined ? undefined : parseMoment(`--${name}`, text, now);
}

/** By its id, or by the name that it has, or had when it was deleted. */
export function history(invocation: Invocation): Promise<number> {
  const { operand = '', flags } = invocation;
  return report('history', invocation, async ({ store, tenant }) => {
    const type = resourceTypeNamed(store.registry, flags.get('type') ?? 'User');
    const place = placeIn(store, tenant, type);
    const id = (await findIfAny(place, operand))?.id;
    if (id !== undefined) return historyReport(store, tenant, id);
    // Of an erased one only the id is known.
    const about = await store.changes({ tenant: tenant.number, id: operand, limit: 1 });
    const found = about.length > 0 ? operand : (await findDeleted(place, operand)).id;
    return historyReport(store, tenant, found);
  });
}

export function access(invocation: Invocation): Promise<number> {
  const { flags } = invocation;
  const at = momentOf(invocation, 'at', new Date());
  return report('access', invocation, ({ store, tenant }) =>
    accessReport(store, tenant, {
      at,
      group: flags.get('group'),
      role: flags.get('role'),
      inactive: flags.has('inactive'),
    }),
  );
}

export function diff(invocation: Invocation): Promise<number> {
  const now = new Date();
  const from = momentOf(invocation, 'from', now) ?? now;
  const to = momentOf(invocation, 'to', now);
  return report('diff', invocation, ({ store, tenant }) => diffReport(store, tenant, { from, to }));
}

export function leavers(invocation: Invocation): Promise<number> {
  const { flags } = invocation;
  const now = new Date();
  const since = parseMoment('--since', flags.get('since') ?? defaultSince, now);
  const until = momentOf(invocation, 'until', now);
  const text = flags.get('sla') ?? defaultSla;
  const sla = parseSpan(text);
  if (sla === undefined) throw new UsageError(`--sla must be a span such as 15m, 24h or 7d, not "${text}"`);
  return report('leavers', invocation, ({ store, tenant }) =>
    leaversReport(store, tenant, { since, until, sla, now }),
  );
}

export function orphans(invocation: Invocation): Promise<number> {
  const { flags } = invocation;
  return report('orphans', invocation, async ({ store, tenant }) =>
    orphansReport(store, tenant, {
      accounts: await readAccounts(flags.get('against') ?? ''),
      missing: flags.has('missing'),
    }),
  );
}

export function seats(invocation: Invocation): Promise<number> {
  const at = momentOf(invocation, 'at', new Date());
  return report('seats', invocation, ({ store, tenant }) => seatsReport(store, tenant, { at }));
}

/** Heads of columns, in small letters without blanks and the like, by what they are of. */
const heads: Readonly<Record<string, Exclude<keyof Account, 'line'>>> = {
  id: 'id',
  scimid: 'id',
  externalid: 'externalId',
  username: 'userName',
  user: 'userName',
  login: 'userName',
  email: 'email',
  emailaddress: 'email',
  mail: 'email',
  emailsvalue: 'email',
};

/** The accounts of a CSV file, by the columns whose heads are known; `-` is standard input. */
function readAccounts(file: string): Promise<Account[]> {
  return accountsIn(file === '-' ? process.stdin : createReadStream(file), file);
}

/** @throws CommandError that says what is wrong with the list, called `file`. */
export async function accountsIn(input: AsyncIterable<Buffer>, file: string): Promise<Account[]> {
  let separator: string | undefined;
  let names: readonly (Exclude<keyof Account, 'line'> | undefined)[] | undefined;
  const accounts: Account[] = [];
  const first = async function* () {
    for await (const line of linesOf(input)) {
      // Spreadsheets begin UTF-8 files with a byte order mark.
      const text = line.number === 1 ? line.text?.replace(/^\ufeff/, '') : line.text;
      separator ??= separatorOf(text ?? '');
      yield { ...line, text };
    }
  };
  for await (const { number, cells, problem } of csvRecords(first(), () => separator ?? ',')) {
    if (problem !== undefined)
      throw new CommandError(`${file}, line ${number}: ${problem}`, 'Nothing was compared.');
    if (names === undefined) {
      names = cells.map((cell) => heads[(cell ?? '').toLowerCase().replaceAll(/[^a-z]/g, '')]);
      if (names.every((name) => name === undefined))
        throw new CommandError(
          `${file} has no column to compare by`,
          'Call one id, externalId, userName or email, in the first line.',
        );
      continue;
    }
    const account: Record<string, string> = {};
    for (const [index, name] of names.entries()) {
      const cell = cells[index];
      if (name !== undefined && cell !== undefined) account[name] ??= cell;
    }
    if (Object.keys(account).length > 0) accounts.push({ line: number, ...account });
  }
  if (names === undefined)
    throw new CommandError(`${file} is empty`, 'Give a CSV file with a line of heads.');
  return accounts;
}
