/** Turns the words after `scimd` into a command and its checked arguments. */
import { parseArgs } from 'node:util';
import { suggestion } from '../nearest.ts';
import { UsageError } from '../ops/command-error.ts';
import { flagName, kindOf, type OptionName } from '../ops/options.ts';
import type { Command, Flag } from './command.ts';

export interface Arguments {
  readonly help: boolean;
  readonly json: boolean;
  readonly operand: string | undefined;
  readonly more: readonly string[];
  readonly flags: ReadonlyMap<string, string>;
  readonly settings: ReadonlyMap<OptionName, readonly string[]>;
  readonly config: string | undefined;
}

export type Selection =
  | { readonly command: Command; readonly rest: readonly string[] }
  /** The words name a group of commands only: `scimd token`. */
  | { readonly group: string; readonly rest: readonly string[] };

/** What is looked for, and why it is not there. */
const absent: Readonly<Record<string, string>> = {
  'group deactivate': 'SCIM groups have no `active` (RFC 7643 §4.2); their users do',
};

/** The command that the first words name; without any it is `serve`. */
export function selectCommand(commands: readonly Command[], argv: readonly string[]): Selection {
  const [first, second] = argv;
  if (first === undefined || first.startsWith('-')) return { command: find('serve')!, rest: argv };
  const whole = find(first);
  if (whole !== undefined) return { command: whole, rest: argv.slice(1) };
  const members = commands.filter(({ name }) => name.startsWith(`${first} `));
  if (members.length === 0) {
    const words = commands.map(({ name }) => name.split(' ')[0]!);
    throw new UsageError(`unknown command "${first}"${suggestion(first, words, 'scimd ')}`);
  }
  if (second === undefined || second.startsWith('-')) return { group: first, rest: argv.slice(1) };
  const member = find(`${first} ${second}`);
  if (member !== undefined) return { command: member, rest: argv.slice(2) };
  const words = members.map(({ name }) => name.slice(first.length + 1));
  const why = absent[`${first} ${second}`];
  const hint = why === undefined ? suggestion(second, words, `scimd ${first} `) : `: ${why}`;
  throw new UsageError(`unknown command "${first} ${second}"${hint}`, first);

  function find(name: string): Command | undefined {
    return commands.find((command) => command.name === name);
  }
}

/** What a flag's word is to the command. */
type Meaning =
  | { readonly kind: 'help' }
  | { readonly kind: 'json' }
  | { readonly kind: 'config' }
  | { readonly kind: 'flag'; readonly name: string; readonly flag: Flag }
  | { readonly kind: 'setting'; readonly name: OptionName; readonly negated: boolean };

/** The flags that a command knows, by their words without the dashes. */
function meanings(command: Command): Map<string, Meaning> {
  const known = new Map<string, Meaning>([['help', { kind: 'help' }]]);
  if (command.json) known.set('json', { kind: 'json' });
  if (command.settings) known.set('config', { kind: 'config' });
  for (const name of command.settings ?? []) {
    known.set(flagName(name), { kind: 'setting', name, negated: false });
    if (kindOf(name) === 'boolean')
      known.set(`no-${flagName(name)}`, { kind: 'setting', name, negated: true });
  }
  for (const [name, flag] of Object.entries(command.flags ?? {}))
    known.set(name, { kind: 'flag', name, flag });
  return known;
}

function takesValue(meaning: Meaning): boolean {
  if (meaning.kind === 'setting') return kindOf(meaning.name) !== 'boolean';
  return meaning.kind === 'config' || (meaning.kind === 'flag' && meaning.flag.placeholder !== undefined);
}

export function parseArguments(command: Command, argv: readonly string[]): Arguments {
  const known = meanings(command);
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(
      [...known].map(([name, meaning]) => [
        name,
        { type: takesValue(meaning) ? 'string' : 'boolean', ...(name === 'help' ? { short: 'h' } : {}) },
      ]),
    ),
    allowPositionals: true,
    strict: false,
    tokens: true,
  });

  const operands: string[] = [];
  const flags = new Map<string, string>();
  const settings = new Map<OptionName, string[]>();
  let help = false;
  let json = false;
  let config: string | undefined;

  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value);
    if (token.kind !== 'option') continue;
    const meaning = known.get(token.name);
    if (meaning === undefined || !/^--|^-h$/.test(token.rawName)) throw unknownFlag(token.rawName);
    const value = textOf(token, meaning);
    if (meaning.kind === 'help') help = true;
    else if (meaning.kind === 'json') json = true;
    else if (isRepeated(meaning))
      throw new UsageError(`${token.rawName} has one value, but is given twice`, command.name);
    else if (meaning.kind === 'config') config = value;
    else if (meaning.kind === 'flag') flags.set(meaning.name, checked(meaning.name, meaning.flag, value));
    else settings.set(meaning.name, [...(settings.get(meaning.name) ?? []), value]);
  }
  if (!help) checkComplete();
  const operand = command.operand?.words ? operands.join(' ') || undefined : operands[0];
  return { help, json, operand, more: operands.slice(1), flags, settings, config };

  /** A second value would make the first one count for nothing. */
  function isRepeated(meaning: Meaning): boolean {
    if (meaning.kind === 'config') return config !== undefined;
    if (meaning.kind === 'flag') return takesValue(meaning) && flags.has(meaning.name);
    return meaning.kind === 'setting' && kindOf(meaning.name) !== 'array' && settings.has(meaning.name);
  }

  function unknownFlag(raw: string): UsageError {
    const hint = suggestion(raw.replace(/^-+/, ''), known.keys(), '--');
    return new UsageError(`unknown flag ${raw}${hint}`, command.name);
  }

  function textOf(
    token: { rawName: string; value?: string | undefined; inlineValue?: boolean | undefined },
    meaning: Meaning,
  ): string {
    const { rawName, value, inlineValue } = token;
    if (takesValue(meaning)) {
      if (value === undefined || (!inlineValue && value.startsWith('--')))
        throw new UsageError(`${rawName} needs a value`, command.name);
      return value;
    }
    if (meaning.kind === 'setting' && !meaning.negated) return value ?? 'true';
    if (value !== undefined) throw new UsageError(`${rawName} takes no value`, command.name);
    return meaning.kind === 'setting' ? 'false' : '';
  }

  function checked(name: string, { choices }: Flag, value: string): string {
    if (choices === undefined || choices.includes(value)) return value;
    throw new UsageError(
      `--${name} must be one of ${choices.join(', ')}, not "${value}"${suggestion(value, choices)}`,
      command.name,
    );
  }

  function checkComplete(): void {
    const { operand } = command;
    const [given, ...extra] = operands;
    if (operand === undefined && given !== undefined)
      throw new UsageError(`scimd ${command.name} takes no argument, but got "${given}"`, command.name);
    if (operand?.more?.required && extra.length === 0)
      throw new UsageError(`scimd ${command.name} needs ${operand.more.placeholder}`, command.name);
    const most = operand?.more?.one ? 1 : operand?.more === undefined && !operand?.words ? 0 : Infinity;
    if (operand && extra.length > most)
      throw new UsageError(
        `one ${(operand.more ?? operand).placeholder} only, but got "${extra[most]}" too`,
        command.name,
      );
    // Mostly a variable of a script that is not set.
    if (operand !== undefined && !operand.words && given === '')
      throw new UsageError(`scimd ${command.name}: ${operand.placeholder} is empty`, command.name);
    if (operand?.required && operands.join('') === '')
      throw new UsageError(`scimd ${command.name} needs ${operand.placeholder}`, command.name);
    if (given !== undefined && operand?.choices && !operand.choices.includes(given))
      throw new UsageError(
        `${operand.placeholder} must be one of ${operand.choices.join(', ')}, not "${given}"${suggestion(given, operand.choices)}`,
        command.name,
      );
    for (const [name, flag] of Object.entries(command.flags ?? {}))
      if (flag.required && !flags.get(name))
        throw new UsageError(`scimd ${command.name} needs --${name}`, command.name);
  }
}
