import type { FoundResource } from './store.ts';

/** The members of a resource part by part: JSON objects with commas between them. Closes the reader, if there is one. */
export async function* memberParts({ members }: FoundResource): AsyncGenerator<string> {
  if (members === undefined || members === '') return;
  if (typeof members === 'string') {
    yield members;
    return;
  }
  try {
    for (let part = await members.next(); part !== undefined; part = await members.next()) yield part;
  } finally {
    members.close();
  }
}
