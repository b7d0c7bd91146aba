/** The resources of a tenant as text: NDJSON or CSV. */

import { CommandError } from '../ops/command-error.ts';
import type { Progress } from '../ops/progress.ts';
import type { Plan } from '../query/plan.ts';
import type { ResourceType } from '../scim/registry.ts';
import { resourceText } from '../scim/representation.ts';
import { edgeAttribute } from '../scim/resource.ts';
import type { Position, Store, StoredResource } from '../store/store.ts';
import { csvCell } from './csv.ts';
import { ColumnFinder, cellOf } from './csv-cells.ts';
import { columnsOf } from './csv-columns.ts';

const pageSize = 500;
const memberChunk = 2000;

/** What takes the export, in parts: a file or standard output. */
export interface Output {
  write(text: string): Promise<void>;
}

export class Exporting {
  private readonly store: Store;
  private readonly tenant: number;
  private readonly plan: Plan | undefined;
  private readonly progress: Progress;

  /** Of the resources only those that `plan` finds, if it is given. */
  constructor(store: Store, tenant: number, plan: Plan | undefined, progress: Progress) {
    this.store = store;
    this.tenant = tenant;
    this.plan = plan;
    this.progress = progress;
  }

  /** One resource a line, as a GET answers it, but without what others are the source of: `groups`. */
  async ndjson(output: Output, types: readonly ResourceType[]): Promise<number> {
    let count = 0;
    for (const type of types) {
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

  /**
   * One record for each resource, under these columns or else under all that the resources need.
   * @throws ColumnError
   */
  async csv(output: Output, type: ResourceType, given: readonly string[] | undefined): Promise<number> {
    const paths = given ?? (await this.findColumns(type));
    const columns = columnsOf(type, paths);
    const finder = given === undefined ? new ColumnFinder(type) : undefined;
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
