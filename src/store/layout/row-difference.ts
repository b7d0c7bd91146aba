/** What differs between the index rows of a document before a change and behind it. */
import type { ElementRow, UniqueRow } from './index-rows.ts';

export interface RowDifference<Row> {
  readonly gone: readonly Row[];
  readonly added: readonly Row[];
}

function sameElement(a: ElementRow, b: ElementRow): boolean {
  return (
    a.value === b.value &&
    a.number === b.number &&
    a.type === b.type &&
    a.display === b.display &&
    a.primary === b.primary &&
    a.rest === b.rest
  );
}

/** A row that changes goes, and comes anew in its place. */
export function elementDifference(
  before: readonly ElementRow[],
  after: readonly ElementRow[],
): RowDifference<ElementRow> {
  const added: ElementRow[] = [];
  const gone: ElementRow[] = [];
  const stale = new Map(before.map((row) => [`${row.attribute} ${row.ordinal}`, row]));
  for (const row of after) {
    const place = `${row.attribute} ${row.ordinal}`;
    const old = stale.get(place);
    stale.delete(place);
    if (old !== undefined && sameElement(old, row)) continue;
    if (old !== undefined) gone.push(old);
    added.push(row);
  }
  return { gone: [...gone, ...stale.values()], added };
}

export function uniqueDifference(
  before: readonly UniqueRow[],
  after: readonly UniqueRow[],
): RowDifference<UniqueRow> {
  const isIn = (rows: readonly UniqueRow[], row: UniqueRow): boolean =>
    rows.some(({ attribute, key }) => attribute === row.attribute && key === row.key);
  return {
    gone: before.filter((row) => !isIn(after, row)),
    added: after.filter((row) => !isIn(before, row)),
  };
}
