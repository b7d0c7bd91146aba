/** Preparation of user names and passwords (RFC 8265), so that one person has one name however it is typed. */
import { ScimError } from '../error.ts';
import { mapWidth } from './comparison.ts';

/** RFC 8265 §4.2 OpaqueString: any blank is U+0020, NFC, nothing unassigned or controlling, not empty. */
export function preparePassword(password: string): string {
  const prepared = password.replace(/[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g, ' ').normalize('NFC');
  if (prepared === '') throw new ScimError(400, 'invalidValue', 'password must not be empty');
  if (/[\p{Cc}\p{Cn}\p{Cs}]/u.test(prepared)) {
    throw new ScimError(
      400,
      'invalidValue',
      'password holds a control or an unassigned character (RFC 8265 §4.2)',
    );
  }
  return prepared;
}

/** Letters and digits of the IdentifierClass (RFC 8264 §9.1), and the exceptions that it allows (§9.6). */
const identifierCharacter =
  /^[\p{Ll}\p{Lu}\p{Lo}\p{Nd}\p{Lm}\p{Mn}\p{Mc}\u00df\u03c2\u06fd\u06fe\u0f0b\u3007\u00b7\u0375\u05f3\u05f4\u30fb\u200c\u200d]$/u;
const disallowed = /[\u0640\u07fa\u302e\u302f\u3031-\u3035\u303b\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb]/u;
const ignorable = /(?![\u200c\u200d])\p{Default_Ignorable_Code_Point}/u;

/**
 * Refuses what RFC 8265 §3.3 (UsernameCaseMapped) does not allow in a user name: symbols, compatibility
 * characters, nothing at all. Parts are parted by single blanks (§3.1). The name is stored as it was sent.
 */
export function checkUserName(userName: string): void {
  if (/^[\x21-\x7e]+$/.test(userName)) return;
  if (userName.trim() === '') throw new ScimError(400, 'invalidValue', 'userName must not be empty');
  const mapped = mapWidth(userName).normalize('NFC');
  for (const character of mapped) {
    const code = character.codePointAt(0) as number;
    if (code >= 0x20 && code <= 0x7e) continue;
    const fine =
      identifierCharacter.test(character) &&
      !disallowed.test(character) &&
      !ignorable.test(character) &&
      character.normalize('NFKC') === character;
    if (!fine) {
      throw new ScimError(
        400,
        'invalidValue',
        `userName must not hold U+${code.toString(16).toUpperCase().padStart(4, '0')} (RFC 8265 §3.3)`,
      );
    }
  }
}
