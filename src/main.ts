#!/usr/bin/env node
import { commands } from './cli/commands.ts';
import { run } from './cli/run.ts';
import { serveCommand } from './cli/serve.ts';
import { processTerminal } from './ops/terminal.ts';

const argv = process.argv.slice(2);
// A server starts without the table of all commands, which knows much of what they do.
const table = /^(?:serve$|-(?!-?(?:h|help|v|version)$))/.test(argv[0] ?? 'serve') ? [serveCommand] : commands;
// No top-level await: the entry of a single executable is a CommonJS script.
void run(table, argv, processTerminal()).then((status) => {
  // What is still buffered is written first: pipes are asynchronous on some systems.
  process.stdout.write('', () => process.stderr.write('', () => process.exit(status)));
});
