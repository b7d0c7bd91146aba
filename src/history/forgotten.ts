/** What somebody who is to be forgotten has ever been called, for logs that name them. */
import type { TenantName } from '../events/reader.ts';
import { isObject } from '../scim/object.ts';
import type { ForgottenPerson } from '../store/exchanges.ts';
import type { Store } from '../store/store.ts';

/** Changes that are read together. */
const pageSize = 500;

/** Their userNames, externalIds and e-mail addresses, those of the past too. */
export async function forgottenPerson(
  store: Pick<Store, 'changes' | 'feed'>,
  { number: tenant }: Pick<TenantName, 'number'>,
  id: string,
): Promise<ForgottenPerson> {
  const texts = new Set<string>();
  const note = (path: string, value: unknown): void => {
    if (path === 'emails' && Array.isArray(value))
      for (const email of value) note('emails.value', isObject(email) ? email.value : undefined);
    else if (typeof value === 'string' && value !== '') texts.add(value);
  };
  const noteAll = (document: Readonly<Record<string, unknown>>): void => {
    for (const path of ['userName', 'externalId', 'emails']) note(path, document[path]);
  };
  for (const { resource } of (await store.feed.resources(tenant, [id])).values())
    noteAll(JSON.parse(resource.body) as Record<string, unknown>);
  for (let after = 0; ; ) {
    const changes = await store.changes({ tenant, id, after, limit: pageSize });
    for (const { sequence, edits, last } of changes) {
      after = sequence;
      if (last !== undefined) noteAll(last.document);
      for (const edit of edits)
        if (edit.omitted === undefined && ['userName', 'externalId', 'emails'].includes(edit.path))
          for (const value of [edit.from, edit.to]) note(edit.path, value);
    }
    if (changes.length < pageSize) return { tenant, id, texts: [...texts] };
  }
}
