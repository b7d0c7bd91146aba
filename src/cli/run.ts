/** Runs one command line and turns whatever goes wrong into a message and an exit status. */
import { ruleWarnings } from '../directory/access-rules.ts';
import { DirectoryError } from '../directory/directory-error.ts';
import { CommandError, UsageError, unchanged } from '../ops/command-error.ts';
import { ConfigurationError } from '../ops/configuration-error.ts';
import { escapeControls } from '../ops/escape-controls.ts';
import { fileAdvice, fileReason, isSystemError } from '../ops/file-error.ts';
import { type DefinitionsChecked, type RegistryDefinitions, readSettings } from '../ops/settings.ts';
import { OutputError, type Terminal } from '../ops/terminal.ts';
import { readAccessRules } from '../query/access-rules.ts';
import { configuredRegistry, DefinitionError } from '../scim/custom-schemas.ts';
import { requireRuntime } from '../store/sqlite/connection.ts';
import { StoreError } from '../store/store-error.ts';
import { parseArguments, selectCommand } from './arguments.ts';
import { type Command, exitStatus } from './command.ts';
import { commandHelp, groupHelp, programHelp } from './help.ts';

export async function run(
  commands: readonly Command[],
  argv: readonly string[],
  terminal: Terminal,
): Promise<number> {
  try {
    requireRuntime();
    const status = await dispatch(commands, argv, terminal);
    await terminal.written();
    return status;
  } catch (error) {
    return report(error, argv.includes('--json'), terminal);
  }
}

async function dispatch(
  commands: readonly Command[],
  argv: readonly string[],
  terminal: Terminal,
): Promise<number> {
  // The habits of other programs.
  if (argv[0] === '--version' || argv[0] === '-v')
    return dispatch(commands, ['version', ...argv.slice(1)], terminal);
  if (argv[0] === '--help' || argv[0] === '-h') {
    terminal.print(programHelp(commands));
    return exitStatus.done;
  }
  const selection = selectCommand(commands, argv);
  if ('group' in selection) {
    const { group, rest } = selection;
    if (!rest.includes('--help') && !rest.includes('-h'))
      throw new UsageError(`scimd ${group} needs a command`, group);
    terminal.print(groupHelp(commands, group));
    return exitStatus.done;
  }
  const { command, rest } = selection;
  const parsed = parseArguments(command, rest);
  if (parsed.help) {
    terminal.print(commandHelp(command));
    return exitStatus.done;
  }
  // Whatever is made of a database, and the database itself, is its owner's alone to read; init writes for others too.
  if (command.settings?.includes('database')) process.umask(process.umask() | 0o077);
  const settings = () =>
    readSettings({
      flags: parsed.settings,
      environment: terminal.environment,
      folder: terminal.folder,
      checkDefinitions,
      ...(parsed.config === undefined ? {} : { file: parsed.config }),
    });
  const { operand, more, flags, json } = parsed;
  try {
    return await command.run({ operand, more, flags, json, terminal, commands, settings });
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(error.message, command.name, error.advice) : error;
  }
}

function checkDefinitions(definitions: RegistryDefinitions): DefinitionsChecked {
  try {
    const registry = configuredRegistry(definitions);
    return { problems: [], warnings: ruleWarnings(readAccessRules(definitions, registry), registry) };
  } catch (error) {
    if (error instanceof DefinitionError) return { problems: error.problems, warnings: [] };
    throw error;
  }
}

function report(error: unknown, json: boolean, terminal: Terminal): number {
  if (error instanceof OutputError && error.unread) return exitStatus.unread;
  const { message, advice, status } = explain(error);
  if (json) {
    const problems = error instanceof ConfigurationError ? { problems: error.problems } : {};
    terminal.note(
      JSON.stringify({ error: { message, ...(advice === undefined ? {} : { advice }), ...problems } }),
    );
  } else {
    terminal.note(`scimd: ${escapeControlsInLines(message)}`);
    if (advice !== undefined) terminal.note(escapeControlsInLines(advice));
  }
  return status;
}

/** Errors may quote what others have sent; those of filters and of the configuration have lines of their own. */
function escapeControlsInLines(text: string): string {
  return text.split('\n').map(escapeControls).join('\n');
}

function explain(error: unknown): { message: string; advice?: string | undefined; status: number } {
  if (error instanceof UsageError)
    return {
      message: error.message,
      advice: error.advice ?? `See: scimd ${error.command === undefined ? '' : `${error.command} `}--help`,
      status: exitStatus.usage,
    };
  if (error instanceof ConfigurationError) return { message: error.message, status: exitStatus.usage };
  if (error instanceof CommandError || error instanceof StoreError || error instanceof OutputError)
    return { message: error.message, advice: error.advice, status: exitStatus.failed };
  if (error instanceof DirectoryError)
    return { message: error.message, advice: unchanged(error.message), status: exitStatus.failed };
  // System errors are expected: show path and reason, not a stack.
  if (isSystemError(error)) {
    const { path, dest = path } = error;
    const where = path === undefined ? '' : `${dest === path ? path : `${path} to ${dest}`}: `;
    return { message: where + fileReason(error), advice: fileAdvice(error), status: exitStatus.failed };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { message: `unexpected error: ${message}`, status: exitStatus.failed };
}
