/** scimd docs. */
import { plainOf } from '../docs/plain.ts';
import { textOf, topics } from '../docs/topics.ts';
import { suggestion } from '../nearest.ts';
import { UsageError } from '../ops/command-error.ts';
import { columns } from '../ops/terminal.ts';
import { exitStatus, type Invocation } from './command.ts';

/** The widest line that reads well. */
const widest = 100;

export function printDocs({ operand, json, terminal }: Invocation): number {
  if (operand === undefined) {
    terminal.print(json ? JSON.stringify(topics) : contents());
    return exitStatus.done;
  }
  const text = textOf(operand);
  if (text === undefined) {
    const names = topics.map(({ name }) => name);
    throw new UsageError(`no page on "${operand}"${suggestion(operand, names, 'scimd docs ')}`);
  }
  const width = Math.min(process.stdout.columns ?? widest, widest);
  terminal.print(json ? JSON.stringify({ topic: operand, markdown: text }) : plainOf(text, width));
  return exitStatus.done;
}

function contents(): string {
  const groups = Map.groupBy(topics, ({ group }) => group);
  const parts = [...groups].map(
    ([group, members]) =>
      `${group}\n${columns(
        members.map(({ name, title }) => [name, title]),
        '  ',
      )}`,
  );
  return [...parts, 'Read one: scimd docs TOPIC. A server shows them at /docs.'].join('\n\n');
}
