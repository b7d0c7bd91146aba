/** Completion scripts for bash, zsh and fish, written out from the table of commands so that a tab costs no process. */
import { choicesOf, flagName, kindOf, type OptionName, optionGroups, optionOf } from '../ops/options.ts';
import type { Command, Invocation } from './command.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;

export function completion({ operand, commands, terminal }: Invocation): number {
  const write = { bash, zsh, fish }[operand as (typeof shells)[number]];
  terminal.print(write(commands));
  return 0;
}

interface Word {
  readonly word: string;
  readonly help: string;
}

interface CompletedFlag {
  readonly flag: string;
  readonly help: string;
  /** The values to offer; `files` for file names, absent for a switch or free text. */
  readonly values?: readonly string[] | 'files';
  readonly takesValue: boolean;
}

/** First words of commands with what can follow them. */
function firstWords(commands: readonly Command[]): Map<string, Word[]> {
  const words = new Map<string, Word[]>();
  for (const { name, summary, operand } of commands) {
    const [first = '', second] = name.split(' ');
    const following = words.get(first) ?? [];
    if (second !== undefined) following.push({ word: second, help: summary });
    for (const word of operand?.choices ?? []) following.push({ word, help: summary });
    words.set(first, following);
  }
  words.set(
    'help',
    [...new Set([...words.keys(), 'settings', ...optionGroups])]
      .filter((word) => word !== 'help')
      .map((word) => ({ word, help: 'Explain' })),
  );
  return words;
}

function flagsOf(command: Command): CompletedFlag[] {
  const flags: CompletedFlag[] = Object.entries(command.flags ?? {}).map(
    ([flag, { help, placeholder, choices }]) => ({
      flag,
      help,
      takesValue: placeholder !== undefined,
      ...(choices ? { values: choices } : {}),
    }),
  );
  for (const name of command.settings ?? []) flags.push(...settingFlags(name));
  if (command.settings)
    flags.push({ flag: 'config', help: 'Configuration file', takesValue: true, values: 'files' });
  if (command.json) flags.push({ flag: 'json', help: 'Print JSON', takesValue: false });
  return [...flags, { flag: 'help', help: 'Print help', takesValue: false }];
}

function settingFlags(name: OptionName): CompletedFlag[] {
  const flag = flagName(name);
  const { help } = optionOf(name);
  if (kindOf(name) === 'boolean')
    return [flag, `no-${flag}`].map((word) => ({ flag: word, help, takesValue: false }));
  const values = name === 'database' || flag.endsWith('-file') ? 'files' : choicesOf(name);
  return [{ flag, help, takesValue: true, ...(values ? { values } : {}) }];
}

/** Single quotes, which all three shells read alike but for the quote itself. */
const quote = (text: string, quoteMark = `'\\''`) => `'${text.replaceAll("'", quoteMark)}'`;

/** Flags mean the same in every command, so their values need no look at the command. */
function flagValues(commands: readonly Command[]): {
  files: string[];
  free: string[];
  listed: [string, readonly string[]][];
} {
  const flags = new Map(commands.flatMap(flagsOf).map((flag) => [`--${flag.flag}`, flag]));
  const files: string[] = [];
  const free: string[] = [];
  const listed: [string, readonly string[]][] = [];
  for (const [word, { takesValue, values }] of flags) {
    if (!takesValue) continue;
    if (values === 'files') files.push(word);
    else if (values === undefined) free.push(word);
    else listed.push([word, values]);
  }
  return { files, free, listed };
}

/** What can stand at each place: a pattern over `<number of the word>:<first word>:<second word>`, counted from `from`. */
function places(commands: readonly Command[], from: number): [string, Word[]][] {
  const words = firstWords(commands);
  const firsts = [...words.keys()].map((word) => ({
    word,
    help:
      commands.find(({ name }) => name === word)?.summary ??
      `${words
        .get(word)
        ?.map((item) => item.word)
        .join(', ')}`,
  }));
  const flags = (command: Command): [string, Word[]] => {
    const [first, second = '*'] = command.name.split(' ');
    return [`*:${first}:${second}`, flagsOf(command).map(({ flag, help }) => ({ word: `--${flag}`, help }))];
  };
  return [
    [`${from}:*`, firsts],
    ...[...words]
      .filter(([, following]) => following.length > 0)
      .map(([first, following]): [string, Word[]] => [`${from + 1}:${first}:*`, following]),
    ...commands.map(flags),
  ];
}

function bash(commands: readonly Command[]): string {
  const { files, free, listed } = flagValues(commands);
  return `_scimd() {
  local current=\${COMP_WORDS[COMP_CWORD]} words=
  COMPREPLY=()
  case \${COMP_WORDS[COMP_CWORD-1]} in
${listed.map(([flag, values]) => `    ${flag}) words=${quote(values.join(' '))} ;;`).join('\n')}
    ${files.join('|')}) COMPREPLY=($(compgen -f -- "$current")); return ;;
    ${free.join('|')}) return ;;
    *)
      case $COMP_CWORD:\${COMP_WORDS[1]}:\${COMP_WORDS[2]} in
${places(commands, 1)
  .map(([pattern, words]) => `        ${pattern}) words=${quote(words.map(({ word }) => word).join(' '))} ;;`)
  .join('\n')}
      esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o filenames -F _scimd scimd`;
}

function zsh(commands: readonly Command[]): string {
  const { files, free, listed } = flagValues(commands);
  const described = ({ word, help }: Word) => quote(`${word}:${help}`);
  return `#compdef scimd
_scimd() {
  local -a offered
  case \${words[CURRENT-1]} in
${listed.map(([flag, values]) => `    ${flag}) compadd -- ${values.join(' ')}; return ;;`).join('\n')}
    ${files.join('|')}) _files; return ;;
    ${free.join('|')}) return ;;
  esac
  case $CURRENT:\${words[2]}:\${words[3]} in
${places(commands, 2)
  .map(([pattern, words]) => `    ${pattern}) offered=(${words.map(described).join(' ')}) ;;`)
  .join('\n')}
  esac
  _describe scimd offered
}
compdef _scimd scimd`;
}

function fish(commands: readonly Command[]): string {
  const text = (help: string) => quote(help, "\\'");
  const lines = ['complete -c scimd -f'];
  for (const [pattern, words] of places(commands, 1)) {
    const [place, first = ''] = pattern.split(':');
    const members = words.map(({ word }) => word).join(' ');
    if (place === '*') continue;
    const when =
      first === '*'
        ? '__fish_use_subcommand'
        : `__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${members}`;
    for (const { word, help } of words)
      lines.push(`complete -c scimd -n ${quote(when)} -a ${word} -d ${text(help)}`);
  }
  for (const command of commands)
    for (const { flag, help, takesValue, values } of flagsOf(command)) {
      const when = command.name
        .split(' ')
        .map((word) => `__fish_seen_subcommand_from ${word}`)
        .join('; and ');
      const value = !takesValue
        ? ''
        : values === 'files'
          ? ' -r -F'
          : values
            ? ` -x -a ${quote(values.join(' '))}`
            : ' -x';
      lines.push(`complete -c scimd -n ${quote(when)} -l ${flag}${value} -d ${text(help)}`);
    }
  return lines.join('\n');
}
