/** scimd copy: from SQLite to PostgreSQL, and back. */
import { resolve } from 'node:path';
import { CommandError, UsageError } from '../ops/command-error.ts';
import { progressOn } from '../ops/progress.ts';
import type { SettingsInForce } from '../ops/settings.ts';
import type { CopyTarget } from '../store/copy.ts';
import {
  isPostgresUrl,
  openCopySource,
  openCopyTarget,
  openStore,
  withoutPassword,
  withPassword,
} from '../store/open.ts';
import { type CopyReport, copyDatabase, refuseOtherConfiguration, sameDigests } from '../transfer/copy.ts';
import { exitStatus, type Invocation } from './command.ts';
import { registryFor } from './database.ts';

export async function copy(invocation: Invocation): Promise<number> {
  const { flags, json, terminal } = invocation;
  const inForce = invocation.settings();
  const [from, to] = [addressOf('from', flags, inForce), addressOf('to', flags, inForce)];
  if (from === to || (!isPostgresUrl(from) && !isPostgresUrl(to) && resolve(from) === resolve(to)))
    throw new UsageError('--from and --to are the same database');
  const registry = registryFor(inForce);
  const progress = progressOn(terminal, json);
  const began = performance.now();
  const source = await openCopySource(from);
  let target: CopyTarget | undefined;
  let report: CopyReport;
  try {
    await refuseOtherConfiguration(source, registry);
    target = await openCopyTarget(to);
    report = await copyDatabase({
      ...{ from: source, to: target, isLive: flags.has('live') },
      note: (text) => terminal.note(`scimd: ${text}`),
      progress: (step, table, rows) => progress.show(undefined, `${step} ${table}: ${rows}`),
    });
  } finally {
    progress.clear();
    await target?.close();
    await source.close();
  }
  const digest = await compareDigests(from, to, inForce, (text) => progress.show(undefined, text)).finally(
    () => progress.clear(),
  );
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  const [shownFrom, shownTo] = [withoutPassword(from), withoutPassword(to)];
  if (json) terminal.print(JSON.stringify({ from: shownFrom, to: shownTo, ...report, digest, seconds }));
  else terminal.print(textOf(shownTo, report, digest, seconds));
  if (digest === 'different')
    throw new CommandError(
      `${shownTo} has the rows of ${shownFrom}, but tells applications something else of people`,
      'Do not serve it. Please report this.',
    );
  return exitStatus.done;
}

function addressOf(name: 'from' | 'to', flags: Invocation['flags'], { settings }: SettingsInForce): string {
  const given = flags.get(name);
  if (given !== undefined && /^postgres(?:ql)?:\/\/[^/?#]*:[^/?#@]+@/i.test(given))
    throw new UsageError(
      `--${name}: a password given here shows in the list of processes; leave it out, and name a file with SCIMD_DATABASE_PASSWORD_FILE`,
    );
  return withPassword(given ?? settings.database, settings.databasePassword);
}

type DigestResult = 'same' | 'different' | 'source has changed';

/** Opens both as a server does: the index for `co` is made then. */
async function compareDigests(
  from: string,
  to: string,
  inForce: SettingsInForce,
  show: (text: string) => void,
): Promise<DigestResult> {
  const registry = registryFor(inForce);
  const copied = await openStore(to, {
    registry,
    sensitive: inForce.settings.sensitiveAttributes,
    onNotice: (notice) => {
      if (notice.kind === 'rebuilding') show(`indexing ${notice.type}: ${notice.done} of ${notice.total}`);
    },
  });
  try {
    show('comparing digests of people');
    const original = await openStore(from, { registry, rebuild: false });
    try {
      const same = await sameDigests(original, copied);
      return same === undefined ? 'source has changed' : same ? 'same' : 'different';
    } finally {
      await original.close();
    }
  } finally {
    await copied.close();
  }
}

function textOf(
  to: string,
  { rows, chains, later }: CopyReport,
  digest: DigestResult,
  seconds: number,
): string {
  const tables = Object.values(rows).filter((count) => count > 0).length;
  const total = Object.values(rows).reduce((sum, count) => sum + count, 0);
  const heads = chains.flatMap(({ tenant, head }) =>
    head === undefined ? [] : [`  ${tenant}: head ${head.sequence}:${head.link}`],
  );
  return [
    `${to}: ${rows.resource} resources, ${rows.member} memberships, ${rows.change} changes, ${rows.token} tokens, ${rows.tenant} tenants`,
    `verified: counts and digests of ${total} rows in ${tables} tables; the chains of ${rows.change} changes in ${chains.length} tenants; the digest of people is ${digest === 'same' ? 'the same' : `not compared: the ${digest}`}`,
    ...heads,
    ...(later === 0
      ? []
      : [`${later} changes were made meanwhile where it was copied from, and are not in the copy`]),
    `in ${seconds} seconds`,
  ].join('\n');
}
