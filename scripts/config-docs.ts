/**
 * Writes what derives from tables in the sources: src/ops/scim.config.schema.json, and the tables of settings,
 * tolerances, commands, exit statuses and log fields in src/docs.
 * `npm run generate:config`; with --check it only says, by its exit code, whether both are up to date.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { toJsonSchema } from '@valibot/to-json-schema';
import { exitStatus, moreText } from '../src/cli/command.ts';
import { commands } from '../src/cli/commands.ts';
import { logFields } from '../src/ops/log-fields.ts';
import {
  choicesOf,
  environmentName,
  fileVariableName,
  flagName,
  kindOf,
  type OptionName,
  optionNames,
  optionOf,
} from '../src/ops/options.ts';
import { definitionForms } from '../src/scim/definition-forms.ts';
import { toleranceSummaries } from '../src/scim/tolerance-summaries.ts';
import { type ToleranceName, tolerances } from '../src/scim/tolerances.ts';

interface ObjectSchema {
  [keyword: string]: unknown;
  type: 'object';
  properties: Record<string, unknown>;
  additionalProperties: false;
}

const object = (more: object = {}): ObjectSchema => ({
  ...more,
  type: 'object',
  properties: {},
  additionalProperties: false,
});

function jsonSchema(): object {
  const root = object({
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'scimd configuration',
    allowComments: true,
    allowTrailingCommas: true,
  });
  root.properties.$schema = { type: 'string' };
  for (const name of optionNames) {
    const [group, member] = name.split('.') as [string, string?];
    if (member === undefined) root.properties[group] = property(name);
    else {
      root.properties[group] ??= object();
      (root.properties[group] as ObjectSchema).properties[member] = property(name);
    }
  }
  for (const [name, form] of Object.entries(definitionForms)) {
    const { $schema: _, ...schema } = toJsonSchema(form, { typeMode: 'input' });
    root.properties[name] = { description: definitionHelp[name as keyof typeof definitionForms], ...schema };
  }
  return root;
}

const definitionHelp = {
  schemas: 'Schemas of your own (RFC 7643 §7); indexed keeps an index for filters and sorting',
  resourceTypes:
    'New resource types (RFC 7643 §6); an entry with the name of a standard type adds its schemaExtensions',
  roles:
    'Roles by their names: groups is a SCIM filter of the groups that give it, keep and seats are how many active people must and may have it',
  entitlements: 'Entitlements by their names, with the same rules as roles',
} as const;

function property(name: OptionName): object {
  const { type, default: value } = optionOf(name);
  // Code checks the rest, such as what an address range is.
  const { $schema: _, ...schema } = toJsonSchema(type, { ignoreActions: ['check'] });
  return { description: description(name), ...schema, ...(value === undefined ? {} : { default: value }) };
}

/** The help text with the rest of the story. */
function description(name: OptionName): string {
  const { help, detail } = optionOf(name);
  const choices = choicesOf(name);
  return [choices ? `${help}: ${choices.join(', ')}` : help, detail]
    .filter((part) => part !== undefined)
    .join('; ');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function settingsTable(): string {
  const rows = optionNames.map((name) => {
    const { default: value } = optionOf(name);
    const variable = environmentName(name);
    const inFile = fileVariableName(name);
    return [
      `\`${name}\``,
      description(name),
      value === undefined ? '' : `\`${kindOf(name) === 'string' ? value : JSON.stringify(value)}\``,
      `\`--${flagName(name)}\``,
      inFile === undefined ? `\`${variable}\`` : `\`${variable}\`, \`${inFile}\``,
    ];
  });
  return table(['Setting', 'What it does', 'Default', 'Flag', 'Environment'], rows);
}

/** Each tolerance with the providers whose tokens have it; a generic token has all. */
function tolerancesTable(): string {
  const rows = (Object.keys(tolerances) as ToleranceName[]).map((name) => {
    const summary = toleranceSummaries[name];
    const { providers } = tolerances[name];
    return [`\`${name}\``, summary.replaceAll('|', '\\|'), providers.join(', ')];
  });
  return table(['Tolerance', 'What is accepted', 'Tokens with `--idp`'], rows);
}

/** Each command with what stands after its name, its own flags, and the settings that it takes as flags. */
function commandsTable(): string {
  const rows = commands.map(({ name, summary, operand, flags = {}, settings = [], json }) => {
    const placeholder = operand?.choices?.join('|') ?? operand?.placeholder;
    const usage = [
      `scimd ${name}`,
      operand?.required === false ? `[${placeholder}]` : placeholder,
      operand && moreText(operand),
    ];
    const words = [
      ...Object.entries(flags).map(([flag, { placeholder: value }]) =>
        value === undefined ? `--${flag}` : `--${flag} ${value}`,
      ),
      ...(settings.length === optionNames.length ? [] : settings.map((setting) => `--${flagName(setting)}`)),
      ...(settings.length === 0 ? [] : ['--config']),
      ...(json ? ['--json'] : []),
    ];
    const flagsOf = words.map((word) => `\`${word}\``);
    if (settings.length === optionNames.length) flagsOf.unshift('every setting');
    return [`\`${usage.filter((word) => word !== undefined).join(' ')}\``, summary, flagsOf.join(', ')].map(
      (cell) => cell.replaceAll('|', '\\|'),
    );
  });
  return table(['Command', 'What it does', 'Flags'], rows);
}

const exitStatuses: Readonly<Record<keyof typeof exitStatus, string>> = {
  done: 'done',
  failed:
    'failed: standard error says what and, in one more line, what to do; also a `doctor` that found faults, a `healthcheck` of a server that is not ready, and a server that was forced to stop',
  usage: 'the command line or the configuration is wrong',
  unread: 'whoever read the output stopped before its end, as in `scimd user list | head -1`',
};

function exitStatusTable(): string {
  const rows = Object.entries(exitStatuses).map(([name, text]) => [
    String(exitStatus[name as keyof typeof exitStatus]),
    text.replaceAll('|', '\\|'),
  ]);
  return table(['Exit status', 'When'], rows);
}

function logFieldsTable(): string {
  return table(
    ['Log field', 'What it says'],
    Object.entries(logFields).map(([name, text]) => [`\`${name}\``, text]),
  );
}

/** A page with its table, between the two lines that name it. */
function page(file: string, name: string, write: () => string): (text: string) => string {
  const [begin, end] = [`<!-- ${name}: written by npm run generate:config -->`, `<!-- /${name} -->`];
  return (text) => {
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`${file} needs the lines ${begin} and ${end}`);
    return `${text.slice(0, from)}${begin}\n\n${write()}\n\n${text.slice(to)}`;
  };
}

const tables: readonly (readonly [file: string, name: string, write: () => string])[] = [
  ['src/docs/settings.md', 'settings', settingsTable],
  ['src/docs/tolerances.md', 'tolerances', tolerancesTable],
  ['src/docs/commands.md', 'commands', commandsTable],
  ['src/docs/commands.md', 'exit statuses', exitStatusTable],
  ['src/docs/operating.md', 'log fields', logFieldsTable],
];

/** As Biome formats it, so that the file passes the lint. */
function formatted(file: string, text: string): string {
  const biome = fileURLToPath(new URL('../node_modules/.bin/biome', import.meta.url));
  return execFileSync(biome, ['format', `--stdin-file-path=${file}`], {
    input: text,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'ignore'],
  });
}

const schemaFile = 'src/ops/scim.config.schema.json';
const files: readonly (readonly [file: string, write: (before: string) => string])[] = [
  [schemaFile, () => formatted(schemaFile, JSON.stringify(jsonSchema()))],
  ...tables.map(([file, name, write]) => [file, page(file, name, write)] as const),
];

for (const [file, write] of files) {
  const url = new URL(`../${file}`, import.meta.url);
  const before = existsSync(url) ? readFileSync(url, 'utf8') : '';
  const after = write(before);
  if (after === before) continue;
  if (process.argv.includes('--check')) {
    console.error(`${file} is not up to date: npm run generate:config`);
    process.exitCode = 1;
  } else {
    writeFileSync(url, after);
    console.log(`wrote ${file}`);
  }
}
