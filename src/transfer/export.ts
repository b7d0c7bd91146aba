/** The resources of a tenant as text: NDJSON or CSV. */
import { CommandError } from '../ops/command-error.ts';
import type { Progress } from '../ops/progress.ts';
import type { Plan } from '../query/plan.ts';
import { groupsAttribute, isSecret, membersAttribute } from '../scim/document.ts';
import type { ResourceType } from '../scim/registry.ts';
import { groupsPart, metaText, resourceText } from '../scim/representation.ts';
import { memberParts } from '../store/member-parts.ts';
import type { FoundResource, GroupReference, Parts, Position, Store } from '../store/store.ts';
import { csvCell } from './csv.ts';
import { ColumnFinder, cellOf, partsOf, partsText } from './csv-cells.ts';
import { type Column, ColumnError, columnsOf } from './csv-columns.ts';

const pageSize = 500;

/** What takes the export, in parts: a file or standard output. */
export interface Output {
  write(text: string): Promise<void>;
}

export class Exporting {
  readonly #store: Store;
  readonly #tenant: number;
  readonly #plan: Plan | undefined;
  readonly #progress: Progress;

  /** Of the resources only those that `plan` finds, if it is given. */
  constructor(store: Store, tenant: number, plan: Plan | undefined, progress: Progress) {
    this.#store = store;
    this.#tenant = tenant;
    this.#plan = plan;
    this.#progress = progress;
  }

  /** One resource a line, as a GET answers it, but without what others are the source of: `groups`. */
  async ndjson(output: Output, types: readonly ResourceType[]): Promise<number> {
    let count = 0;
    for (const type of types) {
      for await (const resource of this.#withParts(type, { members: true })) {
        await output.write(resource.body.slice(0, -1));
        let any = false;
        for await (const chunk of memberParts(resource)) {
          await output.write(any ? `,${chunk}` : `,"members":[${chunk}`);
          any = true;
        }
        const tail = resourceText({ ...resource, body: '}' }, locationText(type, resource), '');
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
    const paths = given ?? (await this.#findColumns(type));
    const columns = exportColumns(type, paths);
    const finder = given === undefined ? new ColumnFinder(type) : undefined;
    await output.write(`${paths.map(csvCell).join(',')}\r\n`);
    const [members, groups] = [membersAttribute(type), groupsAttribute(type)];
    const parts = {
      groups: columns.some(({ attribute }) => attribute === groups),
      members: columns.some(({ attribute }) => attribute === members),
    };
    let count = 0;
    for await (const resource of this.#withParts(type, parts)) {
      const document = JSON.parse(resource.body) as Record<string, unknown>;
      if (finder?.covers(document, paths) === false)
        throw new CommandError(
          'resources came meanwhile with attributes that no column is for',
          'Export again, or give --columns.',
        );
      document.meta = JSON.parse(metaText(resource, locationText(type, resource)));
      if (groups !== undefined && resource.groups !== undefined)
        document[groups.name] = this.#groups(resource.groups);
      for (const [index, column] of columns.entries()) {
        if (index > 0) await output.write(',');
        if (column.attribute === members) await this.#memberCell(output, column, resource);
        else await output.write(csvCell(cellOf(document, column)));
      }
      await output.write('\r\n');
      count++;
    }
    return count;
  }

  /** Written chunk by chunk: a group may be larger than what fits into memory. */
  async #memberCell(output: Output, column: Column, resource: FoundResource): Promise<void> {
    /** What is not written yet: of a single member it is not JSON. */
    let first: readonly unknown[] | undefined;
    let open = false;
    const write = (parts: readonly unknown[]): Promise<void> => {
      const json = JSON.stringify(parts.map((part) => part ?? null))
        .slice(1, -1)
        .replaceAll('"', '""');
      const text = `${open ? ',' : '"['}${json}`;
      open = true;
      return output.write(text);
    };
    for await (const chunk of memberParts(resource)) {
      const parts = partsOf(JSON.parse(`[${chunk}]`), column);
      if (parts.length === 0) continue;
      const isAlone = !column.ids && !open && first === undefined && parts.length === 1;
      if (isAlone) first = parts;
      else {
        await write([...(first ?? []), ...parts]);
        first = undefined;
      }
    }
    await output.write(open ? ']"' : csvCell(first === undefined ? undefined : partsText(first)));
  }

  /** The groups of a user, direct and indirect ones, as a GET shows them. */
  #groups(groups: readonly GroupReference[]): unknown {
    const endpoints = new Map(
      this.#store.registry.resourceTypes.map(({ name, endpoint }) => [name, endpoint]),
    );
    const part = groupsPart(groups, (name) => endpoints.get(name) ?? '');
    return (JSON.parse(`{${part.slice(1)}}`) as { readonly groups: unknown }).groups;
  }

  /** The columns that the resources there are need: found by reading them once. */
  async #findColumns(type: ResourceType): Promise<string[]> {
    const finder = new ColumnFinder(type);
    for await (const resource of this.#resources(type)) finder.add(JSON.parse(resource.body));
    const members = membersAttribute(type);
    return [...finder.paths(), ...(members === undefined ? [] : [members.path])];
  }

  async *#resources(type: ResourceType, groups = false): AsyncGenerator<FoundResource> {
    let after: Position | undefined;
    let done = 0;
    do {
      const page = await this.#store.list({
        tenant: this.#tenant,
        targets: [{ type, ...(this.#plan === undefined ? {} : { plan: this.#plan }) }],
        limit: pageSize,
        groups,
        ...(after === undefined ? {} : { after }),
      });
      yield* page.resources;
      done += page.resources.length;
      this.#progress.show(
        Math.min(1, done / Math.max(1, page.total)),
        `${done} of ${page.total} ${type.name}s`,
      );
      after = page.more ? page.last : undefined;
      // A read transaction lasts for a turn: another begins with the next page.
      await new Promise((resolve) => setImmediate(resolve));
    } while (after !== undefined);
  }

  /** Groups are read again with their members, so that each is one version whole; those that are gone are left out. */
  async *#withParts(
    type: ResourceType,
    { groups = false, members = false }: Parts,
  ): AsyncGenerator<FoundResource> {
    const rereads = members && membersAttribute(type) !== undefined;
    for await (const resource of this.#resources(type, groups)) {
      const { id } = resource;
      const found = rereads
        ? await this.#store.get({ tenant: this.#tenant, type, id, groups, members })
        : resource;
      if (found !== undefined) yield found;
    }
  }
}

/** @throws ColumnError for what no export has. */
export function exportColumns(type: ResourceType, paths: readonly string[]): Column[] {
  const columns = columnsOf(type, paths);
  const hidden = columns.find(({ attribute }) => isSecret(attribute));
  if (hidden !== undefined) throw new ColumnError(`${hidden.path} is kept as a hash only, and never shown`);
  return columns;
}

/** Of `meta.location`, as JSON text: it has no base, since a file is read anywhere. */
function locationText({ endpoint }: ResourceType, { id }: FoundResource): string {
  return JSON.stringify(`${endpoint}/${id}`);
}
