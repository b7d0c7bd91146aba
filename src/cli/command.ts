import type { OptionName } from '../ops/options.ts';
import type { SettingsInForce } from '../ops/settings.ts';
import type { Terminal } from '../ops/terminal.ts';

/** A flag of one command. Settings are flags too, but are declared in the table of settings. */
export interface Flag {
  readonly help: string;
  /** Stands for the value in help; a flag without it is a switch. */
  readonly placeholder?: string;
  readonly choices?: readonly string[];
  /** For the help text; the command applies it. */
  readonly default?: string;
  readonly required?: true;
}

export interface Command {
  /** The words that call it: `token create`. */
  readonly name: string;
  readonly summary: string;
  /** What stands after the name. */
  readonly operand?: {
    readonly placeholder: string;
    readonly required: boolean;
    readonly choices?: readonly string[];
    /** Takes all following arguments as one string. */
    readonly words?: true;
    /** Takes further arguments, each by itself; or `one`, which is required. */
    readonly more?: { readonly placeholder: string; readonly required: boolean; readonly one?: true };
  };
  readonly flags?: Readonly<Record<string, Flag>>;
  /** The settings that it reads, and so accepts as flags; with any, it accepts `--config` too. */
  readonly settings?: readonly OptionName[];
  /** Has `--json`. */
  readonly json?: true;
  readonly example: string;
  /** Resolves to the exit status; throws a UsageError, a CommandError or a ConfigurationError. */
  run(invocation: Invocation): Promise<number> | number;
}

/** How the further arguments are written in a usage: `[PATH=VALUE…]`. */
export function moreText({ more }: NonNullable<Command['operand']>): string | undefined {
  if (more === undefined) return undefined;
  const several = more.one ? more.placeholder : `${more.placeholder}…`;
  return more.required ? several : `[${several}]`;
}

/** One call of a command, its arguments checked against its declaration. */
export interface Invocation {
  readonly operand: string | undefined;
  /** What stands behind the operand. */
  readonly more: readonly string[];
  /** Values of the command's own flags; a switch that was given has the value ''. */
  readonly flags: ReadonlyMap<string, string>;
  readonly json: boolean;
  readonly terminal: Terminal;
  readonly commands: readonly Command[];
  /** Reads the configuration, each time anew. */
  readonly settings: () => SettingsInForce;
}

/**
 * Exit statuses, as in `scimd --help`, and that of a command whose output was not read to its end, which shells report
 * for SIGPIPE.
 */
export const exitStatus = { done: 0, failed: 1, usage: 2, unread: 141 } as const;
