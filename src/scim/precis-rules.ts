/**
 * The rules of PRECIS that look at more than one character: the Bidi Rule (RFC 5893 §2) and the contextual rules
 * (RFC 5892 appendix A). Each answers what a text breaks, or undefined.
 */

/** Letters of right-to-left scripts: whatever stands in these blocks is R or AL (UAX 9). */
const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const arabicNumber = /[\u0660-\u0669\u{10d30}-\u{10d39}\u{10d40}-\u{10d49}]/u;
const europeanNumber = /[0-9\u06f0-\u06f9]/;
const neutral = /[\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e\u00b7\u0375\u30fb\u200c\u200d]/;

type Direction = 'R' | 'L' | 'AN' | 'EN' | 'neutral' | 'mark';

/** The Bidi_Class of a character that user names can contain, as far as the rule distinguishes classes. */
function directionOf(character: string): Direction {
  if (/\p{Mn}/u.test(character)) return 'mark';
  if (arabicNumber.test(character)) return 'AN';
  if (europeanNumber.test(character)) return 'EN';
  if (neutral.test(character)) return 'neutral';
  return rightToLeft.test(character) ? 'R' : 'L';
}

/** Does the text, if any of it runs right to left, satisfy the six conditions of RFC 5893 §2? */
export function satisfiesBidiRule(text: string): boolean {
  if (!rightToLeft.test(text)) return true;
  const directions = Array.from(text, directionOf);
  const last = directions.findLast((direction) => direction !== 'mark');
  const has = (direction: Direction) => directions.includes(direction);
  if (directions[0] === 'R')
    return !has('L') && (last === 'R' || last === 'EN' || last === 'AN') && !(has('EN') && has('AN'));
  return directions[0] === 'L' && !has('R') && !has('AN') && (last === 'L' || last === 'EN');
}

/** Characters with Canonical_Combining_Class Virama, behind which the invisible joiners have a meaning. */
const virama =
  /[\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d3b\u0d3c\u0d4d\u0dca\u0e3a\u0eba\u0f84\u1039\u103a\u1714\u1715\u1734\u17d2\u1a60\u1b44\u1baa\u1bab\u1bf2\u1bf3\u2d7f\ua806\ua82c\ua8c4\ua953\ua9c0\uaaf6\uabed\u{10a3f}\u{11046}\u{11070}\u{1107f}\u{110b9}\u{11133}\u{11134}\u{111c0}\u{11235}\u{112ea}\u{1134d}\u{113ce}-\u{113d0}\u{11442}\u{114c2}\u{115bf}\u{1163f}\u{116b6}\u{1172b}\u{11839}\u{1193d}\u{1193e}\u{119e0}\u{11a34}\u{11a47}\u{11a99}\u{11c3f}\u{11d44}\u{11d45}\u{11d97}\u{11f41}\u{11f42}\u{1612f}]/u;
/** Letters that join on: the zero-width non-joiner between two of them changes how they look. */
const cursive =
  /(?=\p{L})[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mandaic}\p{Script=Nko}\p{Script=Mongolian}\p{Script=Phags_Pa}\p{Script=Manichaean}\p{Script=Hanifi_Rohingya}\p{Script=Sogdian}\p{Script=Adlam}]/u;

type ContextRule = (before: string, after: string, text: string) => boolean;

/** RFC 5892 appendix A; `before` and `after` are the neighbours, empty at the ends. */
const contextRules: Readonly<Record<string, ContextRule>> = {
  '\u200c': (before, after) => virama.test(before) || (cursive.test(before) && cursive.test(after)),
  '\u200d': (before) => virama.test(before),
  '\u00b7': (before, after) => before === 'l' && after === 'l',
  '\u0375': (_before, after) => /\p{Script=Greek}/u.test(after),
  '\u05f3': (before) => /\p{Script=Hebrew}/u.test(before),
  '\u05f4': (before) => /\p{Script=Hebrew}/u.test(before),
  '\u30fb': (_before, _after, text) => /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u.test(text),
};

/** The first character that stands where its contextual rule does not allow it. `text` is case-mapped. */
export function outOfContext(text: string): string | undefined {
  const characters = [...text];
  const misplaced = characters.find((character, index) => {
    const rule = contextRules[character];
    return rule !== undefined && !rule(characters[index - 1] ?? '', characters[index + 1] ?? '', text);
  });
  if (misplaced !== undefined) return misplaced;
  // Appendix A.8 and A.9: the two sets of Arabic-Indic digits look alike and do not mix.
  const mixed = /[\u0660-\u0669]/.test(text) && /[\u06f0-\u06f9]/.exec(text);
  return mixed ? mixed[0] : undefined;
}
