/**
 * Draws grammar/railroad.svg from the rules that the parser really has: `tsx scripts/railroad.ts`.
 * Chevrotain ships its drawing code for browsers; it runs here without one, and the picture needs no network.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { FilterParser } from '../grammar/parser.ts';
import { createTokenTypes } from '../grammar/tokens.ts';

const OUTPUT = new URL('../grammar/railroad.svg', import.meta.url);

/** What Chevrotain's drawing code reads of a serialized production. */
interface Production {
  readonly type: string;
  readonly name?: string;
  readonly label?: string;
  readonly definition?: readonly Production[];
}

const terminal = (label: string): Production => ({ type: 'Terminal', name: label, label });
const named = (name: string): Production => ({ type: 'NonTerminal', name });
const option = (...definition: Production[]): Production => ({ type: 'Option', definition });
const rule = (name: string, ...definition: Production[]): Production => ({ type: 'Rule', name, definition });
const sequence = (...definition: Production[]): Production => ({ type: 'Alternative', definition });
const choice = (...definition: Production[]): Production => ({ type: 'Alternation', definition });
const many = (...definition: Production[]): Production => ({ type: 'Repetition', definition });

/** The words are cut by hand (grammar/lexer.ts), and so their rules are said here. */
const lexical: readonly Production[] = [
  rule('attrPath', option(terminal('URI'), terminal(':')), named('name'), option(named('subAttr'))),
  rule('subAttr', terminal('.'), named('name')),
  rule(
    'name',
    option(terminal('$')),
    terminal('A–Z a–z'),
    many(choice(terminal('A–Z a–z'), terminal('0–9'), terminal('- _ $'))),
  ),
  rule('compareOp', choice(...['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le'].map(terminal))),
  rule(
    'compValue',
    choice(
      sequence(terminal('string of JSON')),
      sequence(terminal('number of JSON')),
      sequence(terminal('true')),
      sequence(terminal('false')),
      sequence(terminal('null')),
    ),
  ),
];

const style = `
  text { font: 14px ui-monospace, monospace; text-anchor: middle; }
  text.rule { font-weight: bold; text-anchor: start; }
  path { stroke: #333; stroke-width: 2; fill: none; }
  rect { stroke: #333; stroke-width: 2; fill: #e4f2e7; }
  g.non-terminal rect { fill: #e3e9f8; }
  rect.page { fill: #fff; stroke: none; }
`;

/** The whole picture as SVG text: the parser's rules, then those of the words. */
export function railroad(): string {
  const { convertProductionToDiagram } = drawing();
  const rules = new FilterParser(createTokenTypes(), true).getSerializedGastProductions() as Production[];
  const order = ['path', 'disjunction', 'conjunction', 'term'];
  const parsed = order.map((name) => rules.find((candidate) => candidate.name === name)!);
  let y = 16;
  let width = 0;
  let body = '';
  for (const production of [...parsed, ...lexical]) {
    const drawn = withReferences(String(convertProductionToDiagram(production, production.name!)));
    const size = /width="([\d.]+)" height="([\d.]+)"/.exec(drawn)!;
    body += `<text class="rule" x="20" y="${y + 12}">${production.name}</text>\n`;
    const inner = drawn.slice(drawn.indexOf('>') + 1, drawn.lastIndexOf('</svg>')).trim();
    body += `<g transform="translate(0 ${y + 16})">\n${inner}\n</g>\n`;
    y += 16 + Number(size[2]) + 12;
    width = Math.max(width, Number(size[1]));
  }
  const open = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}">`;
  return `${open}\n<title>The grammar of SCIM filters and PATCH paths</title>\n<style>${style}</style>\n<rect class="page" width="100%" height="100%"/>\n${body}</svg>\n`;
}

/** Drops what the drawing code adds for its own browser page. */
function withReferences(svg: string): string {
  return svg.replace(/ (?:on\w+|\w*(?:Idx|RuleName|ruleName|tokenName|Name)|title|label)="[^"]*"/g, '');
}

interface Drawing {
  convertProductionToDiagram(production: Production, topRule: string): unknown;
}

function drawing(): Drawing {
  const entry = pathToFileURL(createRequire(import.meta.url).resolve('chevrotain'));
  const context = createContext({ railroad: {} });
  for (const file of ['vendor/railroad-diagrams.js', 'src/diagrams_builder.js']) {
    runInContext(readFileSync(new URL(`../../diagrams/${file}`, entry), 'utf8'), context);
  }
  return (context as unknown as { diagrams_builder: Drawing }).diagrams_builder;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(OUTPUT, railroad());
}
