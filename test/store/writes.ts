/** Single commands given to a store, each as a unit of its own. */
import { differenceOf } from '../../src/scim/difference.ts';
import type { ResourceType } from '../../src/scim/registry.ts';
import type {
  CreateCommand,
  DeleteCommand,
  Document,
  Outcome,
  Refusal,
  Result,
  Store,
  StoredResource,
  Unit,
  UpdateCommand,
  WriteContext,
} from '../../src/store/store.ts';

/** The `document` of an update command. */
export function changeOf(
  type: ResourceType,
  before: Document,
  after: Document,
): NonNullable<UpdateCommand['document']> {
  return { before, after, difference: differenceOf(type, before, after) };
}

type Single<C> = Omit<C, 'kind'> & Pick<Unit, 'tenant' | 'base'> & Pick<WriteContext, 'actor'>;

/** The store refused a command that the test expected it to carry out. */
export class RefusedWrite extends Error {
  override readonly name = 'RefusedWrite';
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(JSON.stringify(refusal));
    this.refusal = refusal;
  }
}

/** Of a resource that is not there, or has another version. */
export type Version = { readonly outcome: 'missing' | 'conflict' };

async function only<C extends CreateCommand | UpdateCommand | DeleteCommand>(
  store: Store,
  kind: C['kind'],
  { tenant, base, actor, ...command }: Single<C>,
): Promise<Result | Version> {
  const unit = {
    tenant,
    context: { actor },
    ...(base === undefined ? {} : { base }),
    commands: [{ kind, ...command } as unknown as C],
  };
  const [outcome] = await store.commit([unit]);
  switch (outcome?.outcome) {
    case 'done':
      return outcome.results[0] as Result;
    case 'missing':
    case 'conflict':
      return { outcome: outcome.outcome };
    case 'taken':
    case 'present':
    case 'invalid-id':
    case 'unmatched':
    case 'guarded':
      throw new RefusedWrite(outcome);
    default:
      throw outcome?.error;
  }
}

/** The resource of a unit that creates one. */
export function createdBy(outcome: Outcome | undefined): StoredResource {
  if (outcome?.outcome === 'done' && outcome.results[0] !== undefined && 'resource' in outcome.results[0])
    return outcome.results[0].resource;
  throw new Error(`nothing was created: ${JSON.stringify(outcome)}`);
}

export async function create(store: Store, command: Single<CreateCommand>): Promise<StoredResource> {
  const result = await only<CreateCommand>(store, 'create', command);
  if ('resource' in result) return result.resource;
  throw new Error(result.outcome);
}

export async function update(store: Store, command: Single<UpdateCommand>): Promise<Result | Version> {
  return only<UpdateCommand>(store, 'update', command);
}

export async function remove(store: Store, command: Single<DeleteCommand>): Promise<Result | Version> {
  return only<DeleteCommand>(store, 'delete', command);
}
