/** Preparation of user names and passwords (RFC 8265), so that one person has one name however it is typed. */
import { ScimError } from '../error.ts';
import { lowerCase, mapWidth } from './comparison.ts';
import { outOfContext, satisfiesBidiRule } from './precis-rules.ts';

/** What no PRECIS class has: exceptions, old Hangul jamo and ignorable code points (RFC 8264 §9.6, §9.9, §9.13). */
const disallowed = /[\u0640\u07fa\u302e\u302f\u3031-\u3035\u303b\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb]/u;
const ignorable = /(?![\u200c\u200d])\p{Default_Ignorable_Code_Point}/u;

/** Letters and digits of the IdentifierClass (RFC 8264 §9.1), and the exceptions that it allows (§9.6). */
const identifierCharacter =
  /^[\p{Ll}\p{Lu}\p{Lo}\p{Nd}\p{Lm}\p{Mn}\p{Mc}\u00df\u03c2\u06fd\u06fe\u0f0b\u3007\u00b7\u0375\u05f3\u05f4\u30fb\u200c\u200d]$/u;

function refused(detail: string): ScimError {
  return new ScimError(400, 'invalidValue', detail);
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}`;
}

/** RFC 8265 §4.2 OpaqueString: any blank is U+0020, NFC, nothing outside the FreeformClass, not empty. */
export function preparePassword(password: string): string {
  const prepared = password.replace(/[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g, ' ').normalize('NFC');
  if (prepared === '') throw refused('password must not be empty');
  if (/[\p{Cc}\p{Cn}\p{Cs}\p{Co}]/u.test(prepared) || disallowed.test(prepared) || ignorable.test(prepared)) {
    throw refused('password contains a control, ignorable or unassigned character (RFC 8265 §4.2)');
  }
  return prepared;
}

/**
 * Refuses what RFC 8265 §3.3 (UsernameCaseMapped) does not allow in a user name: symbols, compatibility
 * characters, mixed directions, nothing at all. Parts are parted by blanks (§3.1). The name is stored as it was
 * sent.
 */
export function checkUserName(userName: string): void {
  if (/^[\x21-\x7e]+$/.test(userName)) return;
  const mapped = mapWidth(userName);
  if (mapped.trim() === '') throw refused('userName must not be empty');
  if (mapped.startsWith(' ') || mapped.endsWith(' '))
    throw refused('userName must not begin or end with a blank (RFC 8265 §3.1)');
  for (const character of mapped) {
    if (!isAllowed(character))
      throw refused(`userName must not contain ${codePoint(character)} (RFC 8265 §3.3)`);
  }
  for (const part of lowerCase(mapped).normalize('NFC').split(/ +/)) {
    const misplaced = outOfContext(part);
    if (misplaced !== undefined)
      throw refused(
        `userName must not contain ${codePoint(misplaced)} in this position (RFC 5892 appendix A)`,
      );
    if (!labelsOf(part).every(satisfiesBidiRule))
      throw refused('userName mixes right-to-left and left-to-right text (RFC 5893 §2)');
  }
}

function isAllowed(character: string): boolean {
  if (/^[\x20-\x7e]$/.test(character)) return true;
  return (
    identifierCharacter.test(character) &&
    !disallowed.test(character) &&
    !ignorable.test(character) &&
    character.normalize('NFKC') === character
  );
}

/** An address is judged as its parts are where they come from: the local part, and each label of the domain. */
function labelsOf(part: string): string[] {
  const at = part.lastIndexOf('@');
  const labels = at === -1 ? [part] : [part.slice(0, at), ...part.slice(at + 1).split('.')];
  return labels.filter((label) => label !== '');
}
