/** A recorded request, read once more as a server without tolerances reads it. Nothing is written. */
import { ScimFilterError } from '../../../grammar/index.ts';
import { operator } from '../../directory/caller.ts';
import { ScimError } from '../../error.ts';
import { Patch } from '../../query/patch.ts';
import { type Document, membersAttribute } from '../../scim/document.ts';
import { parseJson } from '../../scim/json.ts';
import { readPatchOp } from '../../scim/messages.ts';
import { membersPatches } from '../../scim/patch-members.ts';
import { checkNew, checkReplacement } from '../../scim/resource.ts';
import { toleratedFor } from '../../scim/tolerances.ts';
import type { WholeExchange } from '../../store/exchanges.ts';
import type { AdminParts } from './endpoint.ts';

export interface StrictReading {
  readonly outcome: 'accepted' | 'refused' | 'unknown';
  readonly reason: string;
}

const deepest = 64;

export async function strictReading(parts: AdminParts, exchange: WholeExchange): Promise<StrictReading> {
  const { type: typeName, method, sent, tenant, subject, search } = exchange;
  const type = parts.store.registry.resourceTypes.find(({ name }) => name === typeName);
  if (type === undefined || tenant === undefined)
    return {
      outcome: 'unknown',
      reason: 'Only requests for users, groups and other resources can be read again.',
    };
  const caller = operator(tenant, { kind: 'admin' }, 'strict');
  const strict = toleratedFor('strict');
  const stored = async (): Promise<Document> => {
    const found = subject === undefined ? undefined : await parts.directory.find(caller, type, subject);
    return found === undefined ? {} : (JSON.parse(found.body) as Document);
  };
  try {
    const filter = new URLSearchParams(search ?? '').get('filter');
    if (filter !== null) parts.directory.filters.plan(type, filter, false, strict);
    if (method === 'POST' || method === 'PUT' || method === 'PATCH') {
      if (sent === undefined || sent.endsWith('…') || sent.includes('[hidden'))
        return {
          outcome: 'unknown',
          reason: 'The body is not kept whole: it was too large, or has a secret in it.',
        };
      const body = parseJson(sent, deepest);
      if (method === 'POST') checkNew(type, body, strict);
      else if (method === 'PUT') checkReplacement(type, body, await stored(), strict);
      else {
        const operations = readPatchOp(body, type, strict);
        const attribute = membersAttribute(type);
        const members = attribute && { attribute, patches: membersPatches };
        new Patch(type, operations, subject ?? '', strict).apply(await stored(), { members });
      }
    }
    return { outcome: 'accepted', reason: 'A server without any tolerance takes this request too.' };
  } catch (error) {
    if (error instanceof ScimError || error instanceof ScimFilterError) {
      const kind = error.scimType === undefined ? '' : ` ${error.scimType}`;
      return { outcome: 'refused', reason: `400${kind}: ${error.message}` };
    }
    throw error;
  }
}
