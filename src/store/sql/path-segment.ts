/** An id as a segment of a URL, as `segmentOf` of the schemas has it: for `$ref` and `meta.location`. */

/** Characters that stand in a URL as they are (RFC 3986 §3.3), as both databases' patterns have them. */
const plain = '-0-9A-Za-z._~@:';

type Encode = (id: string) => string;

/** Every character's bytes, of which there are four at most. */
const sqlite: Encode = (id) => {
  const character = `substr(${id}, at, 1)`;
  const bytes = [3, 5, 7].map(
    (at) =>
      `CASE WHEN length(hex(${character})) > ${at} THEN '%' || substr(hex(${character}), ${at}, 2) ELSE '' END`,
  );
  return `(WITH RECURSIVE encoded (at, text) AS (
    SELECT 1, '' UNION ALL
    SELECT at + 1, text || CASE WHEN ${character} GLOB '[${plain}]' THEN ${character}
      ELSE '%' || substr(hex(${character}), 1, 2) || ${bytes.join(' || ')} END
    FROM encoded WHERE at <= length(${id})
  ) SELECT text FROM encoded ORDER BY at DESC LIMIT 1)`;
};

const postgres: Encode = (id) =>
  `(SELECT string_agg(CASE WHEN text ~ '[${plain}]' THEN text
    ELSE regexp_replace(upper(encode(convert_to(text, 'UTF8'), 'hex')), '(..)', '%\\1', 'g') END, '' ORDER BY at)
  FROM regexp_split_to_table(${id}, '') WITH ORDINALITY AS encoded (text, at))`;

/**
 * `id` is an expression of text. Our own ids and most others are of characters that need nothing; that an id is a UUID is seen
 * by SQLite at a twelfth of what its pattern takes.
 */
export function pathSegment(database: string, id: string): string {
  if (database === 'sqlite')
    return `CASE WHEN unhex(${id}, '-') IS NULL AND ${id} GLOB '*[^${plain}]*' THEN ${sqlite(id)} ELSE ${id} END`;
  const text = `CAST(${id} AS text)`;
  return `CASE WHEN ${text} ~ '[^${plain}]' THEN ${postgres(text)} ELSE ${text} END`;
}
