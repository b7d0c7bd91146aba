/**
 * The published types of one entry as one file: what its exports refer to and nothing else, under names of their own. It
 * understands what tsc writes of this code, and refuses what it does not.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Declaration {
  readonly file: string;
  readonly name: string;
  /** With its docstring, without `export` and `declare`. */
  readonly comment: string;
  readonly code: string;
  /** Overloads of the same name. */
  readonly more: Declaration[];
}

interface Module {
  /** By local name: where it is declared. */
  readonly known: Map<string, { readonly file: string; readonly name: string }>;
  /** By the name that importers use. */
  readonly exported: Map<string, { readonly file: string; readonly name: string }>;
}

interface Types {
  readonly modules: ReadonlyMap<string, Module>;
  /** By file and name. */
  readonly declarations: ReadonlyMap<string, Declaration>;
  /** What the entry exports. */
  readonly exported: Module['exported'];
}

const comments = /\/\*[\s\S]*?\*\//g;
const text = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g;

function readTypes(entry: string): Types {
  const modules = new Map<string, Module>();
  const declarations = new Map<string, Declaration>();
  const load = (file: string): Module => {
    const before = modules.get(file);
    if (before !== undefined) return before;
    const module: Module = { known: new Map(), exported: new Map() };
    modules.set(file, module);
    for (const { comment, code } of statementsOf(readFileSync(file, 'utf8'))) {
      const [, clause, names, from] =
        /^(import|export)(?: type)? (?:\{([\s\S]*?)\}|\*) from '([^']+)';$/.exec(code) ?? [];
      // Of a package, whose types are its own.
      if (from !== undefined && !from.startsWith('.')) continue;
      if (from !== undefined) {
        const other = join(dirname(file), from.replace(/\.ts$/, '.d.ts'));
        const target = load(other);
        const listed =
          names === undefined
            ? [...target.exported.keys()].map((name) => [name, name] as const)
            : renamings(names);
        for (const [name, local] of listed) {
          const found = target.exported.get(name);
          if (found === undefined) throw new Error(`${other} exports no ${name}`);
          (clause === 'import' ? module.known : module.exported).set(local, found);
        }
        continue;
      }
      const [, own] = /^export (?:type )?\{([\s\S]*)\};$/.exec(code) ?? [];
      if (own !== undefined) {
        for (const [name, alias] of renamings(own)) {
          const found = module.known.get(name);
          if (found === undefined) throw new Error(`${file} declares no ${name}`);
          module.exported.set(alias, found);
        }
        continue;
      }
      const [, isExported, kind, name] =
        /^(export )?(?:declare )?(?:abstract )?(function|const|class|interface|type) (\w+)/.exec(code) ?? [];
      if (kind === undefined || name === undefined) throw new Error(`${file}: not understood: ${code}`);
      const place = { file, name };
      module.known.set(name, place);
      if (isExported !== undefined) module.exported.set(name, place);
      const key = `${file} ${name}`;
      const declaration = {
        ...place,
        comment,
        code: code.replace(/^(?:export )?(?:declare )?/, ''),
        more: [],
      };
      const first = declarations.get(key);
      if (first === undefined) declarations.set(key, declaration);
      else first.more.push(declaration);
    }
    return module;
  };
  return { exported: load(entry).exported, modules, declarations };
}

/** `a, type b as c` */
function renamings(names: string): (readonly [name: string, alias: string])[] {
  return names.split(',').flatMap((each) => {
    const [, name, alias] = /^\s*(?:type )?(\w+)(?: as (\w+))?\s*$/.exec(each) ?? [];
    return name === undefined ? [] : [[name, alias ?? name] as const];
  });
}

/** What an entry exports. */
export interface Exported {
  readonly name: string;
  readonly kind: 'function' | 'const' | 'class' | 'interface' | 'type';
  /** From its name on, as it is declared. */
  readonly code: string;
  /** The docstring as running text; empty if there is none. */
  readonly words: string;
}

/** What the declarations of an entry export, in their order. */
export function exportsOf(entry: string): Exported[] {
  const { exported, declarations } = readTypes(entry);
  return [...exported].flatMap(([name, place]) => {
    const first = declarations.get(`${place.file} ${place.name}`)!;
    return [first, ...first.more].map(({ code, comment, name: declared }) => {
      const at = code.indexOf(declared);
      return {
        name,
        kind: code.slice(0, at).trim() as Exported['kind'],
        code: `${name}${code.slice(at + declared.length)}`,
        words: wordsOf(comment),
      };
    });
  });
}

/** Members of an interface, or of a type or class that is written like one; none of others. */
export function membersOf({ kind, code }: Exported): { readonly code: string; readonly words: string }[] {
  const start = code.indexOf('{');
  if (start < 0 || (kind !== 'interface' && kind !== 'class')) return [];
  const found: { code: string; words: string }[] = [];
  let rest = code.slice(start + 1).trimStart();
  let words = '';
  while (rest !== '' && rest !== '}') {
    const documented = /^\/\*\*[\s\S]*?\*\/\s*/.exec(rest);
    if (documented !== null) {
      words = wordsOf(documented[0]);
      rest = rest.slice(documented[0].length);
      continue;
    }
    const member = rest.slice(0, endOf(rest));
    found.push({ code: member.replace(/;$/, ''), words });
    words = '';
    rest = rest.slice(member.length).trimStart();
  }
  return found;
}

function wordsOf(comment: string): string {
  return comment
    .replace(/^\s*\/\*\*|\*\/\s*$/g, '')
    .replace(/^\s*\*? ?/gm, '')
    .trim();
}

/** The text of a .d.ts for the entry. */
export function typesInOneFile(entry: string): string {
  const { modules, declarations, exported } = readTypes(entry);
  // First what is exported, under its own name; then what that refers to.
  const names = new Map<string, string>();
  const aliases: string[] = [];
  for (const [name, place] of exported) {
    const key = `${place.file} ${place.name}`;
    if (name === 'Error' || names.has(key)) aliases.push(`${names.get(key) ?? place.name} as ${name}`);
    else names.set(key, name);
  }
  const taken = new Set([...names.values(), 'Error']);
  const isPublic = new Set(names.keys());
  const written: string[] = [];
  for (const key of names.keys()) {
    const { file, name, comment, code, more } = declarations.get(key)!;
    if (more.length > 0) throw new Error(`${name} is declared twice`);
    const at = code.indexOf(name);
    const body = replaceNames(code.slice(at + name.length), (word) => {
      if (word === name) return names.get(key)!;
      const place = modules.get(file)!.known.get(word);
      if (place === undefined) return word;
      const target = `${place.file} ${place.name}`;
      let given = names.get(target);
      if (given === undefined) {
        given = place.name;
        for (let count = 2; taken.has(given); count++) given = `${place.name}${count}`;
        taken.add(given);
        names.set(target, given);
      }
      return given;
    });
    const kind = code.slice(0, at);
    const head = /^(?:function|const|class)/.test(kind) ? `declare ${kind}` : kind;
    const statement = `${head}${names.get(key)}${body}`.replace(/^( {4})+/gm, (blanks) =>
      '\t'.repeat(blanks.length / 4),
    );
    written.push(isPublic.has(key) ? `${comment}export ${statement}` : statement.replace(comments, ''));
  }
  return `${written.map(plainer).join('\n')}\nexport { ${aliases.map((alias) => `type ${alias}`).join(', ')} };\n`;
}

/** Docstrings without the asterisks at the beginning of lines, which nobody needs; objects of one member on one line. */
function plainer(declaration: string): string {
  return declaration
    .replace(comments, (comment) =>
      comment
        .replace(/^\t* \*(?!\/) ?/gm, '')
        .replace(/^(\/\*\*)\n/, '$1 ')
        .replace(/\n\t* \*\/$/, ' */'),
    )
    .replace(/\{\n\t+([^{}\n]*);\n\t*\}/g, '{ $1 }');
}

/** Top-level statements, each with the docstring before it. */
function statementsOf(source: string): { comment: string; code: string }[] {
  const found: { comment: string; code: string }[] = [];
  let comment = '';
  for (let rest = source.trimStart(); rest !== ''; rest = rest.trimStart()) {
    const documented = /^\/\*\*[\s\S]*?\*\/\s*/.exec(rest);
    if (documented !== null) {
      comment = documented[0];
      rest = rest.slice(comment.length);
      continue;
    }
    const code = rest.slice(0, endOf(rest));
    rest = rest.slice(code.length);
    found.push({ comment, code });
    comment = '';
  }
  return found;
}

/** A statement ends with a semicolon outside of brackets, a class or an interface with its brace. */
function endOf(rest: string): number {
  const isBlock = /^(?:export )?(?:declare )?(?:class|interface)/.test(rest);
  const blank = (match: string) => ' '.repeat(match.length);
  const bare = rest.replace(comments, blank).replace(text, blank);
  let depth = 0;
  for (let at = 0; at < bare.length; at++) {
    const character = bare[at]!;
    if ('({['.includes(character)) depth++;
    else if (')}]'.includes(character)) depth--;
    if (depth === 0 && (character === ';' || (isBlock && character === '}'))) return at + 1;
  }
  throw new Error(`no end: ${rest.slice(0, 80)}`);
}

/** Names in a declaration, not in its comments and texts, and not those of members. */
function replaceNames(code: string, rename: (word: string) => string): string {
  return code.replace(
    /\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|(?<![\w.$#])[A-Za-z_]\w*(?!\s*\??:(?!:))/g,
    (match) => (/^['"/]/.test(match) ? match : rename(match)),
  );
}
