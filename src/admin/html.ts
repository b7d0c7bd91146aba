/** HTML as a template: whatever is put in is escaped, unless it is HTML already. */

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] as string);
}

/** Text that is HTML: made by {@link html} only. */
export class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

export type Part = Html | string | number | false | null | undefined | readonly Part[];

/** Every value is escaped, within quotes of an attribute too; nothing stands for undefined, null and false. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let result = texts[0] as string;
  for (const [index, part] of parts.entries()) result += shown(part) + texts[index + 1];
  return new Html(result);
}

function shown(part: Part): string {
  if (part === undefined || part === null || part === false) return '';
  if (part instanceof Html) return part.toString();
  if (typeof part === 'object') return part.map(shown).join('');
  return escaped(visible(String(part)));
}

/** Characters that turn text around, or that are not seen, are shown by their number: names are made by others. */
function visible(text: string): string {
  return text.replace(
    /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** HTML that is trusted: of the documentation in the program itself. */
export function trusted(text: string): Html {
  return new Html(text);
}
