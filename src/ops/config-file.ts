/**
 * Reads scim.config.json into one value for each option, each with its place, and the definitions of schemas and
 * resource types as they stand there. Comments are allowed.
 */
import { readFileSync } from 'node:fs';
import {
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';
import { nearest, suggestion } from '../nearest.ts';
import { type OptionName, optionGroups, optionNames } from './options.ts';

/** The file's name in the current folder. */
export const configFileName = 'scim.config.json';

/**
 * The keys of SCIM definitions (RFC 7643 §6, §7) and of rules of access: only the file can contain them; src/scim and
 * src/query check them.
 */
export const definitionNames = ['schemas', 'resourceTypes', 'roles', 'entitlements'] as const;

export type DefinitionName = (typeof definitionNames)[number];

/** The values of the keys of definitions, unchecked. */
export type Definitions = Readonly<Partial<Record<DefinitionName, unknown>>>;

export interface ConfigFile {
  readonly values: ReadonlyMap<OptionName, unknown>;
  readonly definitions: Definitions;
  /** `scim.config.json:3:5`, where the path leads, or as far as it leads. */
  place(path: readonly (string | number)[]): string;
  /** What is wrong with the file itself: syntax, unknown and repeated keys. */
  readonly problems: readonly string[];
}

/** Throws the file system's error if the file cannot be read. */
export function readConfigFile(path: string): ConfigFile {
  return parseConfigFile(path, readFileSync(path, 'utf8').replace(/^\uFEFF/, ''));
}

function parseConfigFile(path: string, text: string): ConfigFile {
  const at = (offset: number) => {
    const before = text.slice(0, offset);
    return `${path}:${before.split('\n').length}:${offset - before.lastIndexOf('\n')}`;
  };
  const problems: string[] = [];
  const values = new Map<OptionName, unknown>();
  const definitions: Partial<Record<DefinitionName, unknown>> = {};
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  for (const error of errors)
    problems.push(`${at(error.offset)}: not JSON: ${readable(printParseErrorCode(error.error))}`);
  if (errors.length === 0) {
    if (root?.type === 'object') collect(root, '');
    else problems.push(`${at(root?.offset ?? 0)}: must contain a JSON object`);
  }
  return {
    values,
    definitions,
    problems,
    place(path) {
      for (let length = path.length; length > 0; length--) {
        const node = root && findNodeAtLocation(root, path.slice(0, length));
        if (node !== undefined) return at(node.offset);
      }
      return at(0);
    },
  };

  function collect(object: Node, prefix: string): void {
    const seen = new Set<string>();
    for (const property of object.children ?? []) {
      const [key, value] = property.children as [Node, Node];
      const name = prefix + key.value;
      if (seen.has(name)) problems.push(`${at(key.offset)}: ${name} is set twice`);
      else if (key.value.includes('.') && isOption(name))
        problems.push(`${at(key.offset)}: a dot in the name ${name} is a level: ${nested(name)}`);
      else if (isOption(name)) values.set(name, getNodeValue(value));
      else if (isDefinition(name)) {
        definitions[name] = getNodeValue(value);
        refuseRepetitions(value, name);
      } else if (optionGroups.includes(name)) {
        if (value.type === 'object') collect(value, `${name}.`);
        else problems.push(`${at(value.offset)}: ${name} must be an object, such as ${example(name)}`);
      } else if (name !== '$schema')
        problems.push(`${at(key.offset)}: unknown setting "${name}"${meant(name, key.value)}`);
      seen.add(name);
    }
  }

  function refuseRepetitions(node: Node, path: string): void {
    const seen = new Set<string>();
    for (const [index, child] of (node.children ?? []).entries()) {
      if (child.type !== 'property') refuseRepetitions(child, `${path}.${index}`);
      else {
        const [key, value] = child.children as [Node, Node];
        const name = `${path}.${key.value}`;
        if (seen.has(name)) problems.push(`${at(key.offset)}: ${name} is set twice`);
        seen.add(name);
        refuseRepetitions(value, name);
      }
    }
  }
}

const isOption = (name: string): name is OptionName => (optionNames as string[]).includes(name);
const isDefinition = (name: string): name is DefinitionName =>
  (definitionNames as readonly string[]).includes(name);

/** An unknown `filterDepth` at the top is near `limits.filterDepth` too. */
function meant(name: string, key: string): string {
  const direct = suggestion(name, [...optionNames, ...optionGroups, ...definitionNames]);
  if (direct !== '') return direct;
  const member = nearest(
    key,
    optionNames.map((option) => option.slice(option.indexOf('.') + 1)),
  );
  return member === undefined
    ? ''
    : `, did you mean "${optionNames.find((option) => option.endsWith(member))}"?`;
}

function example(group: string): string {
  const member = optionNames.find((option) => option.startsWith(`${group}.`)) ?? '';
  return `{ "${member.slice(group.length + 1)}": … }`;
}

/** `{ "limits": { "bodyBytes": … } }` */
const nested = (option: OptionName): string =>
  option.split('.').reduceRight((inner, level) => `{ ${JSON.stringify(level)}: ${inner} }`, '…');

/** `CloseBraceExpected` is `close brace expected`. */
const readable = (code: string) => code.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter}`).toLowerCase();
