/** Help, all from the table of commands and the table of settings. Each fits a screen of 24 lines. */
import { suggestion } from '../nearest.ts';
import { UsageError } from '../ops/command-error.ts';
import {
  choicesOf,
  environmentName,
  flagName,
  kindOf,
  type OptionName,
  optionGroups,
  optionNames,
  optionOf,
} from '../ops/options.ts';
import { columns } from '../ops/terminal.ts';
import { type Command, exitStatus, type Invocation, moreText } from './command.ts';

const screenWidth = 80;

/** Two columns, the second one wrapped where the screen ends. */
function described(rows: readonly (readonly [word: string, text: string])[]): string {
  const left = Math.max(...rows.map(([word]) => word.length));
  const fitting = new RegExp(`.{1,${screenWidth - left - 4}}(?=[ ]|$)`, 'g');
  return columns(
    rows.flatMap(([word, text]) =>
      (text.match(fitting) ?? [text]).map((line, index) => [index === 0 ? word : '', line.trimStart()]),
    ),
    '  ',
  );
}

/** What the commands that share a first word are about. */
const groups: Readonly<Record<string, string>> = {
  admin: 'Sign in at /admin',
  token: 'Create and revoke bearer tokens',
  stream: 'Security event tokens',
  webhook: 'Webhooks',
  tenant: 'Separate sets of users and groups',
  user: 'Users by hand',
  group: 'Groups by hand',
  roles: 'Roles from groups, by rules',
  guard: 'Many who lose access at once',
  config: 'Check and print the configuration',
};

/** Listed together in one line of the overview. */
const minor = new Set([
  ...['admin', 'init', 'docs', 'healthcheck', 'completion', 'licenses', 'version', 'help'],
]);

/** Others that share a line: what moves data and stops writes; who had access when, and the proof. */
const sharing = [
  ['export', 'import', 'backup', 'restore', 'copy', 'migrate', 'pause', 'resume', 'explain'],
  ['history', 'access', 'diff', 'leavers', 'orphans', 'seats', 'verify'],
] as const;
const shared: ReadonlySet<string> = new Set(sharing.flat());

/** scimd help [COMMAND]. */
export function printHelp({ operand, commands, terminal }: Invocation): number {
  terminal.print(helpOn(commands, operand));
  return exitStatus.done;
}

function helpOn(commands: readonly Command[], topic: string | undefined): string {
  if (topic === undefined) return programHelp(commands);
  if (topic === 'settings') return settingsHelp();
  const command = commands.find(({ name }) => name === topic);
  if (command !== undefined) return commandHelp(command);
  if (optionGroups.includes(topic)) return settingsHelp(topic);
  if (topic in groups) return groupHelp(commands, topic);
  const topics = [...commands.map(({ name }) => name), ...Object.keys(groups), 'settings', ...optionGroups];
  throw new UsageError(`no help on "${topic}"${suggestion(topic, topics, 'scimd help ')}`);
}

export function programHelp(commands: readonly Command[]): string {
  const rows = new Map<string, { members: string[]; text: string }>();
  for (const { name, summary, operand } of commands) {
    const [word = '', member] = name.split(' ');
    const row = rows.get(word) ?? { members: [...(operand?.choices ?? [])], text: groups[word] ?? summary };
    if (member !== undefined) row.members.push(member);
    rows.set(word, row);
  }
  const lines = [...rows].filter(([word]) => !minor.has(word) && !shared.has(word));
  const others = [...rows].filter(([word]) => minor.has(word));
  return `scimd: a SCIM 2.0 server, from identity providers into one SQLite file

Usage: scimd [COMMAND] [FLAGS]
${columns(
  lines.map(([word, { members, text }]) => [
    word,
    members.length === 0 ? text : fitting(members.join('|'), text),
  ]),
  '  ',
)}
${sharing.map((words) => `  ${words.join(', ')}`).join('\n')}
  ${others
    .map(
      ([
        word,
        {
          members: [member],
        },
      ]) => (word === 'admin' ? `${word} ${member}` : word),
    )
    .join(', ')}
"scimd help COMMAND" explains a command, "scimd help settings" the settings.
Exit status: 0 done, 1 failed, 2 wrong usage or configuration.
Example:
  scimd serve --port 8099 --database :memory:`;
}

/** Many commands leave no room to say what they are about. */
function fitting(members: string, text: string): string {
  const whole = `${members}: ${text}`;
  return whole.length <= screenWidth - 11 ? whole : members;
}

export function groupHelp(commands: readonly Command[], group: string): string {
  const members = commands.filter(({ name }) => name.startsWith(`${group} `));
  return `${groups[group] ?? group}

Usage: scimd ${group} COMMAND [FLAGS]

Commands:
${described(members.map(({ name, summary }) => [name.slice(group.length + 1), summary]))}

Example:
  ${members[0]?.example}`;
}

export function commandHelp(command: Command): string {
  const { name, summary, operand, flags = {}, settings = [], json, example } = command;
  const required = Object.entries(flags).filter(([, flag]) => flag.required);
  const usage = [
    `scimd ${name}`,
    operand && (operand.required ? operand.placeholder : `[${operand.placeholder}]`),
    operand && moreText(operand),
    ...required.map(([flag, { placeholder }]) => `--${flag} ${placeholder}`),
    '[FLAGS]',
  ];
  const shown = settings.length > 3 ? settings.filter((setting) => optionOf(setting).common) : settings;
  const rows: (readonly [string, string])[] = [
    ...Object.entries(flags).map(([flag, { placeholder, help, default: value }]): [string, string] => [
      placeholder ? `--${flag} ${placeholder}` : `--${flag}`,
      value === undefined ? help : `${help} [${value}]`,
    ]),
    ...shown.map((setting): [string, string] => [settingFlag(setting), settingHelp(setting)]),
    ...(settings.length > 0 ? ([['--config FILE', 'Configuration file [scim.config.json]']] as const) : []),
    ...(json ? ([['--json', 'Print JSON']] as const) : []),
    ['--help', 'Print this'],
  ];
  const more =
    shown.length < settings.length
      ? '\n"scimd help settings" lists all settings; each is a flag here too.\n'
      : '';
  // The server does by itself what the command does once.
  const automatic = optionNames.filter((setting) => setting.startsWith(`${name}.`));
  const settingRows = automatic.map((setting): [string, string] => [
    settingFlag(setting),
    settingHelp(setting),
  ]);
  const ofServer =
    automatic.length === 0 ? '' : `\nOn a schedule, with scimd serve:\n${described(settingRows)}\n`;
  return `${summary}

Usage: ${usage.filter((part) => part !== undefined).join(' ')}

Flags:
${described(rows)}
${more}${ofServer}
Example:
  ${example}`;
}

/** Rows that leave room on a screen for what stands around them. */
const mostSettings = 16;

/** Settings with their flags, or one group of them; the environment variable follows from the flag. */
function settingsHelp(group?: string): string {
  const names = optionNames.filter((name) =>
    group === undefined ? !name.includes('.') : name.startsWith(`${group}.`),
  );
  const [first] = names as [OptionName];
  const left = names.length - mostSettings;
  const shown = left > 1 ? names.slice(0, mostSettings) : names;
  const groups = `More: ${optionGroups.join('|')}`.replace(/^(.{60,78}\|)(?=.{3})/, '$1\n  ');
  const others = left > 1 ? `${left} more: scimd docs settings\n` : '';
  return `Flag over environment over scim.config.json over [default].
--${flagName(first)} is ${environmentName(first)} in the environment and${group === undefined ? ' ' : '\n'}"${first.slice(first.indexOf('.') + 1)}" in the file${group === undefined ? '' : `, inside "${group}"`}.

${described(shown.map((name) => [settingFlag(name), settingHelp(name)]))}
${group === undefined ? `${groups}\n` : others}Example:
  ${environmentName(first)}=${optionOf(first).default} scimd serve --${flagName(names[1] ?? first)} ${optionOf(names[1] ?? first).default}`;
}

function settingFlag(name: OptionName): string {
  const { placeholder, secret } = optionOf(name);
  if (kindOf(name) === 'boolean') return `--[no-]${flagName(name)}`;
  return `--${flagName(name)} ${secret ? 'FILE' : (placeholder ?? 'N')}`;
}

function settingHelp(name: OptionName): string {
  const { help, default: value } = optionOf(name);
  const text = choicesOf(name)?.join(', ') ?? help;
  const known =
    value === undefined || (Array.isArray(value) && value.length === 0) || kindOf(name) === 'boolean';
  return known ? text : `${text} [${value}]`;
}
