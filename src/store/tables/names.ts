/** Names that statements have in common. */
import { quoted } from './facts.ts';
import type { Column, MappedTable } from './mapping.ts';

/** The id as text. */
export function idText({ id }: MappedTable, alias: string): string {
  return id.fact.type === 'uuid' ? `CAST(${alias}.${id.sql} AS text)` : `${alias}.${id.sql}`;
}

/** The alias of what a statement is about: the base of its URLs. */
export const request = 'q';

/** The alias of the folded texts of a column: a condition that names it needs them. */
export function foldedTexts({ facts }: MappedTable, { name }: Column): string {
  return quoted(`folded ${facts.name}.${name}`);
}
