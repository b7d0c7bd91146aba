/** scimd export: what is asked for on the command line, and the file that it is written to. */
import { once } from 'node:events';
import { createWriteStream, existsSync, renameSync, rmSync } from 'node:fs';
import { ScimFilterError } from '../../grammar/index.ts';
import { CommandError, UsageError } from '../ops/command-error.ts';
import { progressOn } from '../ops/progress.ts';
import { Writer } from '../ops/writer.ts';
import { readFilter } from '../query/compile.ts';
import type { Plan } from '../query/plan.ts';
import type { ResourceType } from '../scim/registry.ts';
import { ColumnError } from '../transfer/csv-columns.ts';
import { Exporting, exportColumns, type Output } from '../transfer/export.ts';
import { inOrder } from '../transfer/remote.ts';
import { exitStatus, type Invocation } from './command.ts';
import { defaultTenant, findTenant, resourceTypeNamed, withStore } from './database.ts';

export async function exportResources(invocation: Invocation): Promise<number> {
  const { operand = '-', flags, json, terminal } = invocation;
  if (operand !== '-' && existsSync(operand))
    throw new CommandError(`${operand} exists already`, 'Give another name, or remove it.');
  const csv = flags.has('format') ? flags.get('format') === 'csv' : /\.csv$/i.test(operand);
  const columns = flags.get('columns');
  if (columns !== undefined && !csv) throw new UsageError('--columns is for --format csv');
  return withStore(invocation, false, async (store) => {
    const tenant = await findTenant(store, flags.get('tenant') ?? defaultTenant);
    // A table has one kind of rows.
    const name = flags.get('type') ?? (csv ? 'User' : undefined);
    const types = name === undefined ? inOrder(store.registry) : [resourceTypeNamed(store.registry, name)];
    const filter = flags.get('filter');
    if (filter !== undefined && name === undefined) throw new UsageError('--filter needs --type');
    const [type] = types as [ResourceType];
    const plan = filter === undefined ? undefined : planOf(filter, type);
    const paths = columns === undefined ? undefined : pathsOf(columns, type);
    const progress = progressOn(terminal, json || terminal.interactive);
    const exporting = new Exporting(store, tenant.number, plan, progress);
    const write = (output: Output) =>
      csv ? exporting.csv(output, type, paths) : exporting.ndjson(output, types);
    const count = operand === '-' ? await write(terminal) : await toFile(operand, write);
    progress.clear();
    if (operand !== '-')
      terminal.print(
        json ? JSON.stringify({ export: operand, resources: count }) : `${operand}: ${count} resources`,
      );
    return exitStatus.done;
  });
}

/** A file is there whole or not at all. */
async function toFile(operand: string, write: (output: Output) => Promise<number>): Promise<number> {
  const partial = `${operand}.partial`;
  const stream = createWriteStream(partial);
  try {
    await once(stream, 'open');
    const output = new Writer(stream);
    const count = await write(output);
    await output.flush();
    await new Promise<void>((resolve, reject) => {
      stream.once('error', reject);
      stream.end(resolve);
    });
    renameSync(partial, operand);
    return count;
  } catch (error) {
    stream.destroy();
    rmSync(partial, { force: true });
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error;
    throw new CommandError(
      `${operand} cannot be written: ${message}`,
      'Check the folder and the free space.',
      {
        cause: error,
      },
    );
  }
}

function planOf(filter: string, type: ResourceType): Plan {
  try {
    return readFilter(filter, type).plan;
  } catch (error) {
    if (error instanceof ScimFilterError) throw new UsageError(`--filter: ${error.message}`);
    throw error;
  }
}

/** Commas within brackets or quotes separate nothing. */
function splitPaths(text: string): string[] {
  return (text.match(/(?:\[(?:"(?:\\.|[^"\\])*"|[^\]"])*\]|[^,[])+/g) ?? []).map((path) => path.trim());
}

function pathsOf(columns: string, type: ResourceType): readonly string[] {
  const paths = splitPaths(columns);
  try {
    exportColumns(type, paths);
  } catch (error) {
    if (error instanceof ColumnError) throw new UsageError(`--columns: ${error.message}`);
    throw error;
  }
  return paths;
}
