/** Finds the offset of the first JSON syntax error, which V8 reports for some errors only. */

const token =
  /[ \t\n\r]*(?:(?<string>"[^"\\\0-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})[^"\\\0-\x1f]*)*")|(?<scalar>-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)|(?<mark>[[\]{}:,]))/y;

/** The offset of the first token that RFC 8259 does not allow; the text's length if it ends too early. */
export function errorOffset(text: string): number {
  const open: string[] = [];
  let expected = 'value';
  for (token.lastIndex = 0; ; ) {
    const from = token.lastIndex;
    const found = token.exec(text);
    if (found === null) return afterBlanks(text, from);
    const { string, mark } = found.groups as Partial<Record<string, string>>;
    const kind = mark ?? (string === undefined ? 'scalar' : 'string');
    if (!expects[expected]?.includes(kind)) return afterBlanks(text, from);
    if (kind === '{' || kind === '[') {
      open.push(kind);
      expected = kind === '{' ? 'first name' : 'first value';
    } else if (kind === ':') expected = 'value';
    else if (kind === ',') expected = open.at(-1) === '{' ? 'name' : 'value';
    else if (kind === 'string' && expected.endsWith('name')) expected = 'colon';
    else {
      if (kind === '}' || kind === ']') open.pop();
      expected = open.length === 0 ? 'end' : open.at(-1) === '{' ? 'after member' : 'after value';
    }
  }
}

function afterBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\n\r'.includes(text[at] as string)) at++;
  return at;
}

const value = ['string', 'scalar', '{', '['];

/** What may come next, by what was before. */
const expects: Readonly<Record<string, readonly string[]>> = {
  value,
  'first value': [...value, ']'],
  name: ['string'],
  'first name': ['string', '}'],
  colon: [':'],
  'after member': [',', '}'],
  'after value': [',', ']'],
  end: [],
};
