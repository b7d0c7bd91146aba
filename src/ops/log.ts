/** The process's log on standard error: JSON lines, or readable ones on a terminal. */
import { type DestinationStream, type Logger, pino } from 'pino';
import { readableLine } from './log-line.ts';
import { logOutput } from './log-output.ts';
import { redaction } from './redact.ts';

interface LogSettings {
  readonly logLevel: string;
  readonly logFormat: 'auto' | 'json' | 'pretty';
  readonly logPersonalData: boolean;
}

export interface LogTarget {
  readonly isTTY: boolean;
  readonly color: boolean;
  /** Absent: standard error. */
  readonly write?: (text: string) => unknown;
}

export function createLog(settings: LogSettings, target: LogTarget): Logger & { readonly redacts: true } {
  const redact = redaction({ personalData: settings.logPersonalData });
  const log = pino(
    {
      level: settings.logLevel,
      // pid and hostname are the service manager's to say.
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => redact(fields) as Record<string, unknown>,
      },
      // Errors were described by redact already.
      serializers: { err: (error) => error },
      hooks: {
        // Messages, which formatters do not see; an error given alone would become one.
        logMethod(args, method) {
          const safe = args.map((arg) => (typeof arg === 'string' ? redact(arg) : arg));
          const [first] = safe as unknown[];
          if (first instanceof Error)
            safe.splice(0, 1, { err: first } as never, redact(first.message) as never);
          method.apply(this, safe as typeof args);
        },
      },
    },
    destinationOf(settings, target),
  );
  return Object.assign(log, { redacts: true } as const);
}

function destinationOf({ logFormat }: LogSettings, { isTTY, color, write }: LogTarget): DestinationStream {
  const pretty = logFormat === 'pretty' || (logFormat === 'auto' && isTTY);
  const form = pretty ? (line: string) => readableLine(line, color) : (line: string) => line;
  const put = write ?? (isTTY ? onTerminal : logOutput((lines) => form(lossNotice(lines))));
  return { write: (line) => void put(form(line)) };
}

/** At once: notes of the command line come between the lines. */
function onTerminal(text: string): void {
  process.stderr.write(text);
}

function lossNotice(lines: number): string {
  const time = new Date().toISOString();
  const msg = 'log lines were dropped: the log destination was full or too slow';
  return `${JSON.stringify({ level: 'warn', time, lines, msg })}\n`;
}
