/**
 * An index for `co`: for each resource the three-character pieces of its texts, over all indexed attributes together.
 * It finds what may hold the needle; the exact test is made beside it.
 */
import type { TextIndex } from '../sql/dialect.ts';

/** Pieces of a needle that are looked up: more find hardly less. */
const mostPieces = 16;

/** What to ask the index for: texts that have all pieces of the needle; undefined if it is too short. */
function matchOf(needle: string): string | undefined {
  const characters = [...needle];
  const pieces = new Set<string>();
  for (let at = 0; at + 3 <= characters.length && pieces.size < mostPieces; at++)
    pieces.add(characters.slice(at, at + 3).join(''));
  // FTS5 reads a text up to NUL.
  if (pieces.size === 0 || needle.includes('\0')) return undefined;
  return [...pieces].map((piece) => `"${piece.replaceAll('"', '""')}"`).join(' AND ');
}

export const trigramIndex: TextIndex = {
  match: matchOf,
  condition: (rid) => `${rid} IN (SELECT rowid FROM trigram WHERE trigram MATCH ?)`,
  count: 'SELECT count(*) FROM (SELECT 1 FROM trigram WHERE trigram MATCH ? LIMIT ?)',
};
