/** One JSON log line as a reader wants it: `12:30:01.123 warn  message  key=value …`, a stack below it. */
import { escapeControls } from './escape-controls.ts';

const colors: Readonly<Record<string, string>> = { info: '32', warn: '33', error: '31' };

export function readableLine(line: string, color: boolean): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const paint = (code: string, text: string) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const stacks: string[] = [];
  const rest = Object.entries(fields).map(([key, value]) => {
    if (isError(value)) {
      stacks.push(...value.stack.split('\n').map((stackLine) => `\n    ${escapeControls(stackLine)}`));
      return '';
    }
    return `  ${paint('90', `${key}=`)}${typeof value === 'string' && /^[^\s"=\p{Cc}]+$/u.test(value) ? value : JSON.stringify(value)}`;
  });
  const word = String(level).padEnd(5);
  const head = `${paint('90', String(time).slice(11, 23))} ${paint(colors[String(level)] ?? '0', word)}`;
  const message = msg === undefined ? [] : [escapeControls(String(msg))];
  return `${[head, ...message].join(' ')}${rest.join('')}${stacks.join('')}\n`;
}

function isError(value: unknown): value is { stack: string } {
  return typeof (value as { stack?: unknown } | null)?.stack === 'string';
}
