/** scimd verify: is the change record what was recorded, and is a file what a command wrote? */
import { readFileSync } from 'node:fs';
import { readPublicKey, verifyEvidence } from '../history/evidence.ts';
import { EvidenceError, type Verified } from '../history/evidence-form.ts';
import { CommandError, UsageError } from '../ops/command-error.ts';
import type { ChainHead, ChainReport } from '../store/chain.ts';
import { exitStatus, type Invocation } from './command.ts';
import { defaultTenant, findTenant, withStore } from './database.ts';

export async function verify(invocation: Invocation): Promise<number> {
  const { operand, flags } = invocation;
  if (operand !== undefined) {
    if (flags.has('head')) throw new UsageError('--head is of the change record, not of a file');
    return verifyFile(operand, invocation);
  }
  if (flags.has('public-key')) throw new UsageError('--public-key is for a file: scimd verify FILE');
  return verifyRecord(invocation);
}

function verifyFile(file: string, { flags, json, terminal }: Invocation): number {
  const keyFile = flags.get('public-key');
  const publicKey =
    keyFile === undefined ? undefined : about(keyFile, () => readPublicKey(readFileSync(keyFile, 'utf8')));
  const text = readFileSync(file === '-' ? 0 : file, 'utf8');
  const verified = about(file, () => verifyEvidence(text, publicKey));
  if (json) terminal.print(JSON.stringify({ file, ...verified }));
  else terminal.print(verifiedText(file, verified, publicKey !== undefined));
  return exitStatus.done;
}

function verifiedText(file: string, { header, rows, signedBy }: Verified, isTheirs: boolean): string {
  const signature =
    signedBy === undefined
      ? 'not signed: whoever can write the file can make another one'
      : `signed by the key ${signedBy}${isTheirs ? '' : '; give the key that you expect with --public-key'}`;
  return [
    `${file}: whole and unchanged, ${rows} rows`,
    `${String(header.query)}, made ${String(header.made)} by ${String(header.author)}`,
    signature,
  ].join('\n');
}

function about<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof EvidenceError)
      throw new CommandError(`${file} ${error.message}`, 'Do not rely on it.');
    throw error;
  }
}

async function verifyRecord(invocation: Invocation): Promise<number> {
  const { flags, json, terminal } = invocation;
  const head = flags.get('head');
  const expected = head === undefined ? undefined : parseHead(head);
  return withStore(invocation, false, async (store) => {
    const name = flags.get('tenant') ?? (expected === undefined ? undefined : defaultTenant);
    const tenants = name === undefined ? await store.tenants() : [await findTenant(store, name)];
    const reports: (ChainReport & { readonly tenant: string })[] = [];
    for (const { number, name: tenant } of tenants) {
      const report = await store.past.verify({
        tenant: number,
        ...(expected === undefined ? {} : { expected }),
      });
      reports.push({ tenant, ...report });
    }
    if (json) terminal.print(JSON.stringify(reports));
    else for (const report of reports) terminal.print(reportText(report));
    return reports.every(({ problems }) => problems.length === 0) ? exitStatus.done : exitStatus.failed;
  });
}

/** `4812:` and the 64 digits of a link. */
function parseHead(text: string): ChainHead {
  const [, sequence, link] = /^(\d{1,15}):([0-9a-f]{64})$/i.exec(text) ?? [];
  if (sequence === undefined || link === undefined)
    throw new UsageError(`--head must be as scimd verify printed it, NUMBER:LINK, not "${text}"`);
  return { sequence: Number(sequence), link };
}

function reportText({
  tenant,
  changes,
  erased,
  unchained,
  gaps,
  head,
  problems,
}: ChainReport & { tenant: string }): string {
  const notes = [
    ...(erased === 0 ? [] : [`the content of ${erased} was erased`]),
    ...(unchained === 0 ? [] : [`${unchained} are older than the chain`]),
    ...gaps.map(({ kept }) => `the database was restored after change ${kept}`),
  ];
  const verdict = problems.length === 0 ? 'verified' : 'NOT as recorded';
  return [
    `${tenant}: ${changes} changes ${verdict}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`,
    ...problems.map(({ sequence, problem }) => `  change ${sequence} ${problem}`),
    ...(head === undefined ? [] : [`  head ${head.sequence}:${head.link}`]),
  ].join('\n');
}
