/** Names that statements have in common. */
import type { MappedTable } from './mapping.ts';

/** The id as text. */
export function idText({ id }: MappedTable, alias: string): string {
  return id.fact.type === 'uuid' ? `CAST(${alias}.${id.sql} AS text)` : `${alias}.${id.sql}`;
}

/** The alias of what a statement is about: the base of its URLs. */
export const request = 'q';
