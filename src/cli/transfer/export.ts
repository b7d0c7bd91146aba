/** scimd export. */

import { once } from 'node:events';
import { createWriteStream, existsSync, renameSync, rmSync } from 'node:fs';
import { parseFilter, ScimFilterError } from '../../../grammar/index.ts';
import { bindFilter } from '../../query/bind.ts';
import type { Plan } from '../../query/plan.ts';
import type { ResourceType } from '../../scim/registry.ts';
import { resourceText } from '../../scim/representation.ts';
import { edgeAttribute } from '../../scim/resource.ts';
import type { Position, Store, StoredResource } from '../../store/store.ts';
import { CommandError, exitStatus, type Invocation, UsageError } from '../command.ts';
import { defaultTenant, findTenant, withStore } from '../database.ts';
import { Writer } from '../writer.ts';
import { csvCell } from './csv.ts';
import { ColumnFinder, cellOf } from './csv-cells.ts';
import { ColumnError, columnsOf } from './csv-columns.ts';
import { progressOn } from './progress.ts';
import { inOrder } from './remote.ts';
import { resourceTypeNamed } from './resource-type.ts';

const pageSize = 500;
const memberChunk = 2000;

export async function exportResources(invocation: Invocation): Promise<number> {
  const { operand = '-', flags } = invocation;
  if (operand !== '-' && existsSync(operand))
    throw new CommandError(`${operand} exists already`, 'Give another name, or remove it.');
  const csv = flags.has('format') ? flags.get('format') === 'csv' : /\.csv$/i.test(operand);
  if (flags.has('columns') && !csv) throw new UsageError('--columns is for --format csv');
  return withStore(invocation, false, async (store) => {
    const tenant = await findTenant(store, flags.get('tenant') ?? defaultTenant);
    // A table has one kind of rows.
    const name = flags.get('type') ?? (csv ? 'User' : undefined);
    const types = name === undefined ? inOrder(store.registry) : [resourceTypeNamed(store.registry, name)];
    const filter = flags.get('filter');
    if (filter !== undefined && name === undefined) throw new UsageError('--filter needs --type');
    const exporting = new Exporting(store, tenant.number, types, filter, invocation);
    const write = (output: Output) => (csv ? exporting.csv(output) : exporting.ndjson(output));
    const count = operand === '-' ? await write(invocation.terminal) : await toFile(operand, write);
    exporting.progress.clear();
    if (operand !== '-') {
      const { json, terminal } = invocation;
      terminal.print(
        json ? JSON.stringify({ export: operand, resources: count }) : `${operand}: ${count} resources`,
      );
    }
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

/** What takes the export, in parts: a file or standard output. */
interface Output {
  write(text: string): Promise<void>;
}

class Exporting {
  readonly progress;
  private readonly store: Store;
  private readonly tenant: number;
  private readonly types: readonly ResourceType[];
  private readonly plan: Plan | undefined;
  private readonly columns: string | undefined;

  constructor(
    store: Store,
    tenant: number,
    types: readonly ResourceType[],
    filter: string | undefined,
    { flags, terminal, json }: Invocation,
  ) {
    this.store = store;
    this.tenant = tenant;
    this.types = types;
    this.columns = flags.get('columns');
    this.plan = filter === undefined ? undefined : planOf(filter, types[0] as ResourceType);
    this.progress = progressOn(terminal, json || terminal.interactive);
  }

  /** One resource a line, as a GET answers it, but without what others are the source of: `groups`. */
  async ndjson(output: Output): Promise<number> {
    let count = 0;
    for (const type of this.types) {
      for await (const resource of this.resources(type)) {
        await output.write(resource.body.slice(0, -1));
        let any = false;
        for await (const chunk of this.members(type, resource)) {
          await output.write(any ? `,${chunk}` : `,"members":[${chunk}`);
          any = true;
        }
        const tail = resourceText({ ...resource, body: '}' }, `${type.endpoint}/${resource.id}`, '');
        await output.write(`${any ? ']' : ''}${tail}\n`);
        count++;
      }
    }
    return count;
  }

  async csv(output: Output): Promise<number> {
    const [type] = this.types as [ResourceType];
    const paths = this.columns === undefined ? await this.findColumns(type) : splitPaths(this.columns);
    const columns = namedColumns(type, paths);
    const finder = this.columns === undefined ? new ColumnFinder(type) : undefined;
    await output.write(`${paths.map(csvCell).join(',')}\r\n`);
    const edges = edgeAttribute(type);
    let count = 0;
    for await (const resource of this.resources(type)) {
      const document = JSON.parse(resource.body) as Record<string, unknown>;
      if (finder?.covers(document, paths) === false)
        throw new CommandError(
          'resources came meanwhile with attributes that no column is for',
          'Export again, or give --columns.',
        );
      for (const [index, column] of columns.entries()) {
        if (index > 0) await output.write(',');
        if (column === undefined) continue;
        if (column.attribute !== edges) {
          await output.write(csvCell(cellOf(document, column)));
          continue;
        }
        let any = false;
        for await (const chunk of this.members(type, resource)) {
          const values = JSON.stringify(
            (JSON.parse(`[${chunk}]`) as { value: string }[]).map(({ value }) => value),
          );
          await output.write(`${any ? ',' : '"['}${values.slice(1, -1).replaceAll('"', '""')}`);
          any = true;
        }
        if (any) await output.write(']"');
      }
      await output.write('\r\n');
      count++;
    }
    return count;
  }

  /** The columns that the resources there are need: found by reading them once. */
  private async findColumns(type: ResourceType): Promise<string[]> {
    const finder = new ColumnFinder(type);
    for await (const resource of this.resources(type)) finder.add(JSON.parse(resource.body));
    const edges = edgeAttribute(type);
    return [...finder.paths(), ...(edges === undefined ? [] : [edges.path])];
  }

  private async *resources(type: ResourceType): AsyncGenerator<StoredResource> {
    let after: Position | undefined;
    let done = 0;
    do {
      const page = await this.store.list({
        tenant: this.tenant,
        targets: [{ type, ...(this.plan === undefined ? {} : { plan: this.plan }) }],
        limit: pageSize,
        ...(after === undefined ? {} : { after }),
      });
      yield* page.resources;
      done += page.resources.length;
      this.progress.show(
        Math.min(1, done / Math.max(1, page.total)),
        `${done} of ${page.total} ${type.name}s`,
      );
      after = page.more ? page.last : undefined;
      // A read transaction lasts for a turn: another begins with the next page.
      await new Promise((resolve) => setImmediate(resolve));
    } while (after !== undefined);
  }

  /** The members in chunks of JSON text. */
  private async *members(type: ResourceType, { id }: StoredResource): AsyncGenerator<string> {
    if (edgeAttribute(type) === undefined) return;
    let after: string | undefined;
    do {
      const chunk = await this.store.members(this.tenant, id, '', memberChunk, after);
      if (chunk.text !== '') yield chunk.text;
      after = chunk.next;
    } while (after !== undefined);
  }
}

function planOf(filter: string, type: ResourceType): Plan {
  try {
    return bindFilter(parseFilter(filter), type, { source: filter });
  } catch (error) {
    if (error instanceof ScimFilterError) throw new UsageError(`--filter: ${error.message}`);
    throw error;
  }
}

/** Commas within brackets or quotes separate nothing. */
function splitPaths(text: string): string[] {
  return (text.match(/(?:\[(?:"(?:\\.|[^"\\])*"|[^\]"])*\]|[^,[])+/g) ?? []).map((path) => path.trim());
}

function namedColumns(type: ResourceType, paths: readonly string[]) {
  try {
    return columnsOf(type, paths);
  } catch (error) {
    if (error instanceof ColumnError) throw new UsageError(`--columns: ${error.message}`);
    throw error;
  }
}
