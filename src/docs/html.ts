/** A page of the documentation as HTML. */
import { Marked, Renderer, type Token, type Tokens } from 'marked';

export interface Heading {
  readonly id: string;
  readonly text: string;
}

export interface Article {
  readonly html: string;
  /** Of the second level. */
  readonly headings: readonly Heading[];
}

export function articleOf(markdown: string): Article {
  const anchors = new Anchors();
  const headings: Heading[] = [];
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth }) {
        const text = plainText(tokens);
        const id = anchors.of(text);
        const inner = this.parser.parseInline(tokens);
        if (depth === 1) return `<h1>${inner}</h1>\n`;
        if (depth === 2) headings.push({ id, text });
        return `<h${depth} id="${id}"><a href="#${id}">${inner}</a></h${depth}>\n`;
      },
      link({ href, tokens }) {
        return `<a href="${pageOf(href)}">${this.parser.parseInline(tokens)}</a>`;
      },
      table(token: Tokens.Table) {
        // A wide table scrolls by itself, by keyboard too.
        return `<div class="table" tabindex="0">${Renderer.prototype.table.call(this, token)}</div>\n`;
      },
      code(token: Tokens.Code) {
        return Renderer.prototype.code.call(this, token).replace('<pre>', '<pre tabindex="0">');
      },
      codespan(token: Tokens.Codespan) {
        // Not broken at a hyphen, as `--flag` would be, unless it is too long for a line.
        const isWord = token.text.length <= 32 && !token.text.includes(' ');
        const code = Renderer.prototype.codespan.call(this, token);
        return isWord ? code.replace('<code>', '<code class="word">') : code;
      },
      html({ text }) {
        if (!/^\s*<!--[\s\S]*-->\s*$/.test(text)) throw new Error(`HTML in the documentation: ${text}`);
        return '';
      },
    },
  });
  return { html: marked.parse(markdown, { async: false }), headings };
}

/** Pages link to one another as files, so that the links also work where the files are shown. */
function pageOf(href: string): string {
  return href.replace(/^([a-z-]+)\.md(?=#|$)/, '$1');
}

/** Names for headings as code hosts make them. */
export class Anchors {
  readonly #used = new Map<string, number>();

  of(heading: string): string {
    const name = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');
    const before = this.#used.get(name) ?? 0;
    this.#used.set(name, before + 1);
    return before === 0 ? name : `${name}-${before}`;
  }
}

/** The words, without their form. */
export function plainText(tokens: readonly Token[]): string {
  return tokens
    .map((token) => {
      if ('tokens' in token && token.tokens !== undefined) return plainText(token.tokens);
      if (token.type === 'html') return '';
      return 'text' in token ? String(token.text) : '';
    })
    .join('');
}
