/** What is reported of documents that were rebuilt for another configuration. */
import type { MigratedDocument } from '../../scim/migrate-document.ts';
import type { OpeningNotice } from '../store.ts';

/** What a rebuild found in the documents that a person should know, gathered over its batches. */
type Matter = 'missing' | 'invalid' | 'unknown';

/** By `missing emails.value`; as JSON it is kept with the position of a rebuild. */
export type Findings = Readonly<
  Record<string, { readonly resources: number; readonly ids: readonly string[] }>
>;

const matters = ['missing', 'invalid', 'unknown'] as const satisfies readonly Matter[];

/** As many ids are told as a person would look at. */
const mostIds = 10;

export function withFindings(before: Findings, id: string, migrated: MigratedDocument): Findings {
  let findings = before;
  for (const matter of matters) {
    for (const path of new Set(migrated[matter])) {
      const known = findings[`${matter} ${path}`] ?? { resources: 0, ids: [] };
      const ids = known.ids.length < mostIds ? [...known.ids, id] : known.ids;
      findings = { ...findings, [`${matter} ${path}`]: { resources: known.resources + 1, ids } };
    }
  }
  return findings;
}

export function noticesOf(findings: Findings, type: string): OpeningNotice[] {
  return Object.entries(findings).map(([key, { resources, ids }]) => {
    const [matter, path] = key.split(' ', 2) as [Matter, string];
    return { kind: matter, type, path, resources, ids };
  });
}
