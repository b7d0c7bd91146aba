/** What a write is to do with a stored resource, put together from what the request and the resource say. */
import type { Limits } from '../../grammar/index.ts';
import type { Patch } from '../query/patch.ts';
import { differenceOf } from '../scim/difference.ts';
import type { EdgePatch } from '../scim/patch-edges.ts';
import type { PathLimits } from '../scim/patch-request.ts';
import type { Attribute, ResourceType } from '../scim/registry.ts';
import type { Document } from '../scim/resource.ts';
import type { MemberEdit, UpdateCommand } from '../store/store.ts';

/** What a write is to do with a stored resource: nothing, if none of the parts is there. */
export type Change = Pick<UpdateCommand, 'operation' | 'document' | 'members' | 'credential'>;

/** Nothing if the documents are the same but for their order. */
export function documentChange(
  type: ResourceType,
  before: Document,
  after: Document,
): Pick<Change, 'document'> {
  if (before === after) return {};
  const difference = differenceOf(type, before, after);
  return difference.edits.length === 0 ? {} : { document: { before, after, difference } };
}

export function isEmpty({ document, members, credential }: Change): boolean {
  return document === undefined && members === undefined && credential === undefined;
}

export function credentialOf(
  password: string | null | undefined,
  hash: string | undefined,
): Pick<Change, 'credential'> {
  if (password === undefined) return {};
  return { credential: password === null ? null : (hash as string) };
}

export function memberEdit(edge: EdgePatch, members: Attribute, patch: Patch): MemberEdit {
  if (!('filter' in edge)) return edge;
  const { filter, ...rest } = edge;
  return { ...rest, plan: patch.plan(members, filter) };
}

/** To read a character of a path takes as long as to compare so many values. */
const comparedPerCharacter = 64;
/** Characters of a path that are no matter. */
const usualPath = 200;

/** Limits of paths under which the reading of long ones is spent from the budget of the request. */
export function spendingLimits(limits: Limits, spend: (values: number) => void): PathLimits {
  return {
    ...limits,
    beforePath({ length }) {
      const isRead = length > usualPath && length <= limits.characters;
      if (isRead) spend((length - usualPath) * comparedPerCharacter);
    },
  };
}
