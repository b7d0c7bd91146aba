/** A page of the documentation for a terminal. */
import { Lexer, type Token, type Tokens } from 'marked';

/** `width` is the terminal's, in characters. */
export function plainOf(markdown: string, width: number): string {
  const parts = new Lexer().lex(markdown).map((token) => block(token, width));
  return parts.filter((part) => part !== '').join('\n\n');
}

function block(token: Token, width: number): string {
  switch (token.type) {
    case 'heading':
      return token.depth === 1
        ? inline(token.tokens).toUpperCase()
        : `${'#'.repeat(token.depth - 1)} ${inline(token.tokens)}`;
    case 'code':
      return indented(token.text, '    ');
    case 'list':
      return list(token as Tokens.List, width);
    case 'table':
      return table(token as Tokens.Table, width);
    case 'blockquote':
      return indented(blocks(token.tokens, width - 2), '  ');
    case 'paragraph':
    case 'text':
      return wrapped(inline(token.tokens), width);
    default:
      return '';
  }
}

function blocks(tokens: readonly Token[] = [], width: number): string {
  return tokens
    .map((token) => block(token, width))
    .filter((part) => part !== '')
    .join('\n');
}

/** Words as they are written in a shell or a file, and links to other pages as the command that shows them. */
function inline(tokens: readonly Token[] = []): string {
  return tokens
    .map((token) => {
      if (token.type === 'codespan') return token.text;
      if (token.type === 'html') return '';
      if (token.type === 'link') {
        const topic = /^([a-z-]+)\.md/.exec(token.href)?.[1];
        const text = inline(token.tokens);
        if (topic !== undefined) return `${text} (scimd docs ${topic})`;
        return token.href.startsWith('#') || token.href === text ? text : `${text} (${token.href})`;
      }
      if ('tokens' in token && token.tokens !== undefined) return inline(token.tokens);
      return 'text' in token ? unescaped(String(token.text)) : '';
    })
    .join('')
    .replace(/\s+/g, ' ');
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };

function unescaped(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (whole, name: string) => entities[name] ?? whole);
}

function list({ items, ordered, start }: Tokens.List, width: number): string {
  return items
    .map((item, index) => {
      const mark = ordered ? `${Number(start) + index}. ` : '- ';
      const inner = indented(blocks(item.tokens, width - mark.length), ' '.repeat(mark.length));
      return mark + inner.trimStart();
    })
    .join('\n');
}

/** In columns where they fit; else each row by itself, with the names of its columns. */
function table({ header, rows }: Tokens.Table, width: number): string {
  const titles = header.map((cell) => inline(cell.tokens));
  const cells = rows.map((row) => row.map((cell) => inline(cell.tokens)));
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  if (widths.reduce((sum, each) => sum + each + 2, 0) <= width) {
    const line = (row: readonly string[]): string =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd();
    return [line(titles), line(widths.map((each) => '-'.repeat(each))), ...cells.map(line)].join('\n');
  }
  return cells
    .map(([first = '', ...rest]) => {
      const others = rest.flatMap((cell, index) => {
        if (cell === '') return [];
        const title = titles.length > 2 ? `${titles[index + 1]}: ` : '';
        return [indented(wrapped(title + cell, width - 4), '    ')];
      });
      return [first, ...others].join('\n');
    })
    .join('\n');
}

function wrapped(text: string, width: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join('\n');
}

function indented(text: string, by: string): string {
  return text.replace(/^(?=.)/gm, by);
}
