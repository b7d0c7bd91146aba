/** Where a report goes: to the terminal, or to a file that is there whole or not at all. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import manifest from '../../package.json' with { type: 'json' };
import { evidence, readSigningKey } from '../history/evidence.ts';
import { EvidenceError, type ReportFormat, reportFormats } from '../history/evidence-form.ts';
import type { Report } from '../history/report.ts';
import { CommandError, UsageError } from '../ops/command-error.ts';
import { escapeControls } from '../ops/escape-controls.ts';
import { operatingSystemUser } from './actor.ts';
import { type Command, exitStatus, type Flag, type Invocation } from './command.ts';

/** The flags of every command that answers a report. */
export const evidenceFlags: Readonly<Record<string, Flag>> = {
  format: {
    placeholder: 'FORMAT',
    help: `Form: ${reportFormats.join(', ')}`,
    choices: reportFormats,
    default: 'table, or as the name of the file ends',
  },
  output: { placeholder: 'FILE', help: 'Write it to a file' },
  'sign-key': { placeholder: 'FILE', help: 'Sign it with an ed25519 private key (PEM)' },
};

/** Flags that say how it is written and not what is asked. */
const ofForm: ReadonlySet<string> = new Set(Object.keys(evidenceFlags));

/** `scimd access --at 2026-04-01`. */
function queryOf(command: string, { operand, flags }: Invocation): string {
  const quoted = (text: string): string => (/^[\w@.:/+-]+$/.test(text) ? text : JSON.stringify(text));
  const given = [...flags]
    .filter(([name]) => !ofForm.has(name))
    .map(([name, value]) => (value === '' ? `--${name}` : `--${name} ${quoted(value)}`));
  return ['scimd', command, ...(operand === undefined ? [] : [quoted(operand)]), ...given].join(' ');
}

function formatOf({ flags, json }: Invocation): ReportFormat {
  const asked = reportFormats.find((each) => each === flags.get('format'));
  if (json && asked !== undefined && asked !== 'json')
    throw new UsageError('--json and --format say two things');
  const end = /\.(csv|json)$/i.exec(flags.get('output') ?? '')?.[1]?.toLowerCase();
  return asked ?? (json || end === 'json' ? 'json' : end === 'csv' ? 'csv' : 'table');
}

/** Writes the report as evidence; a file that is there already stays as it is: it may be evidence too. */
export function writeReport<Row extends object>(
  command: Command['name'],
  invocation: Invocation,
  report: Report<Row>,
): number {
  const { flags, terminal } = invocation;
  const format = formatOf(invocation);
  const output = flags.get('output');
  if (output !== undefined && output !== '-' && existsSync(output))
    throw new CommandError(`${output} exists already`, 'Give another name, or remove it.');
  const keyFile = flags.get('sign-key');
  const text = evidence(report, format, {
    query: queryOf(command, invocation),
    author: `${operatingSystemUser()} on ${hostname()}`,
    version: `scimd ${manifest.version}`,
    key: keyFile === undefined ? undefined : signingKey(keyFile),
  });
  if (output === undefined || output === '-') {
    // What clients have sent moves no cursor; a file keeps it as it is.
    const shown =
      format === 'table' && terminal.interactive ? text.split('\n').map(escapeControls).join('\n') : text;
    terminal.print(shown.replace(/\n$/, ''));
    return exitStatus.done;
  }
  const partial = `${output}.partial`;
  try {
    writeFileSync(partial, text, { mode: 0o600 });
    renameSync(partial, output);
  } finally {
    rmSync(partial, { force: true });
  }
  terminal.note(`${output}: ${report.rows.length} rows, as of change ${report.asOf.sequence}`);
  return exitStatus.done;
}

/** @throws CommandError that says what is wrong with the file. */
export function signingKey(file: string): ReturnType<typeof readSigningKey> {
  try {
    return readSigningKey(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof EvidenceError)
      throw new CommandError(
        `${file} ${error.message}`,
        'Make one: openssl genpkey -algorithm ed25519 -out FILE',
      );
    throw error;
  }
}
