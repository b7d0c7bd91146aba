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
}

interface Module {
  /** By local name: where it is declared. */
  readonly known: Map<string, { readonly file: string; readonly name: string }>;
  /** By the name that importers use. */
  readonly exported: Map<string, { readonly file: string; readonly name: string }>;
}

const comments = /\/\*[\s\S]*?\*\//g;
const text = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g;

/** The text of a .d.ts for the entry. */
export function typesInOneFile(entry: string): string {
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
      if (from !== undefined) {
        const other = join(dirname(file), from.replace(/\.ts$/, '.d.ts'));
        const target = load(other);
        const listed =
          names === undefined
            ? [...target.exported.keys()].map((name) => [name, name] as const)
            : names.split(',').flatMap((each) => {
                const [, name, alias] = /^\s*(?:type )?(\w+)(?: as (\w+))?\s*$/.exec(each) ?? [];
                return name === undefined ? [] : [[name, alias ?? name] as const];
              });
        for (const [name, local] of listed) {
          const found = target.exported.get(name);
          if (found === undefined) throw new Error(`${other} exports no ${name}`);
          (clause === 'import' ? module.known : module.exported).set(local, found);
        }
        continue;
      }
      if (code === 'export {};') continue;
      const [, isExported, kind, name] =
        /^(export )?(?:declare )?(function|const|class|interface|type) (\w+)/.exec(code) ?? [];
      if (kind === undefined || name === undefined) throw new Error(`${file}: not understood: ${code}`);
      const place = { file, name };
      module.known.set(name, place);
      if (isExported !== undefined) module.exported.set(name, place);
      declarations.set(`${file} ${name}`, {
        ...place,
        comment,
        code: code.replace(/^(?:export )?(?:declare )?/, ''),
      });
    }
    return module;
  };
  const { exported } = load(entry);
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
    const { file, name, comment, code } = declarations.get(key)!;
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
