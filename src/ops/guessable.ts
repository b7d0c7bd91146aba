/** Detects secrets that can be guessed. */

/** Bits that a secret needs: with fewer, all can be tried. */
const enough = 60;
/** What is tried first. */
const tried = /change-?me|passw(?:or)?d|pa55word|let-?me-?in|qwert[yz]|admin|secret|default|example/gi;

/**
 * Can the secret be guessed? It is measured by how often each of its characters is there, behind whatever repeats or
 * counts: what is chosen at random passes from some 16 characters on.
 */
export function isGuessable(secret: string): boolean {
  const rest = secret.replace(tried, '').replace(/^(.{1,20}?)\1+(?=.{0,20}$)/, '$1');
  const characters = [...rest].filter((character, index, all) => {
    const step = character.charCodeAt(0) - (all[index - 1] ?? '').charCodeAt(0);
    return !(Math.abs(step) <= 1);
  });
  const counts = new Map<string, number>();
  for (const character of characters) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= count * Math.log2(count / characters.length);
  return bits < enough;
}
