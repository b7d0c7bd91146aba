#!/usr/bin/env node
import { commands } from './cli/commands.ts';
import { run } from './cli/run.ts';
import { processTerminal } from './ops/terminal.ts';

// No top-level await: the entry of a single executable is a CommonJS script.
void run(commands, process.argv.slice(2), processTerminal()).then((status) => {
  // What is still buffered is written first: pipes are asynchronous on some systems.
  process.stdout.write('', () => process.stderr.write('', () => process.exit(status)));
});
