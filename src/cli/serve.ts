/** scimd serve. */
import { setTimeout as wait } from 'node:timers/promises';
import { adminMounts } from '../admin/index.ts';
import { Connections } from '../directory/connections.ts';
import { Retention } from '../directory/retention.ts';
import type { Delivery } from '../events/webhook/delivery.ts';
import type { ExchangeLog } from '../http/exchange-log.ts';
import type { HttpOptions, Log, RunningServer } from '../http/options.ts';
import { ConfigurationError } from '../ops/configuration-error.ts';
import { createLog } from '../ops/log.ts';
import { createMetrics, type Metrics } from '../ops/metrics.ts';
import { optionNames, type Settings } from '../ops/options.ts';
import type { SettingsInForce } from '../ops/settings.ts';
import type { OutputError, Terminal } from '../ops/terminal.ts';
import { withoutPassword } from '../store/open.ts';
import type { Store } from '../store/store.ts';
import { applyConfiguredRules } from './access-rules.ts';
import { adminOptions } from './admin.ts';
import { type Command, exitStatus, type Invocation } from './command.ts';
import { deliver } from './deliver.ts';
import { exchangeLogOf } from './exchange-log.ts';
import { giveWayToServer } from './few-processors.ts';
import { ensureFirstToken } from './first-token.ts';
import { limitHeaps } from './heap-limits.ts';
import { listen } from './listen.ts';
import { openForServing } from './open-store.ts';
import { type Apply, reloader } from './reload.ts';
import { scheduleBackups } from './scheduled-backups.ts';
import { type ServiceManager, serviceManager } from './service-manager.ts';
import { startProblems } from './start-check.ts';
import { StoredStateReader } from './stored-state.ts';
import { watchLag } from './watch-lag.ts';
import { welcome } from './welcome.ts';

export const serveCommand: Command = {
  name: 'serve',
  summary: 'Serve SCIM over HTTP (the default)',
  settings: optionNames,
  json: true,
  example: 'scimd serve --host 0.0.0.0 --trusted-proxies 10.0.0.0/8',
  run: serve,
};

async function serve({ settings, json, terminal }: Invocation): Promise<number> {
  const start = settings();
  const { settings: inForce, warnings, file } = start;
  const log = createLog(inForce, { isTTY: terminal.errorIsTerminal, color: terminal.color });
  const signals = stopSignals(terminal);
  const listening = Promise.withResolvers<Apply>();
  const apply: Apply = async (next) => (await listening.promise)(next);
  const opened = Promise.withResolvers<Store>();
  const rules = async (next: SettingsInForce): Promise<void> =>
    applyConfiguredRules(next, await opened.promise, log);
  if (!attached(terminal)) process.on('SIGHUP', reloader(start, settings, apply, rules, log));
  const problems = await startProblems(start);
  if (problems.length > 0) throw new ConfigurationError(problems);
  for (const warning of warnings) log.warn({}, warning);
  const store = await openForServing(start, signals.stop, terminal, log);
  if (store === undefined) return exitStatus.done;
  opened.resolve(store);
  let stopBackups = (): void => {};
  let delivery: Delivery | undefined;
  const retention = new Retention(store, {
    days: inForce.changes.retentionDays,
    onError: (error) => log.error({ err: error }, 'old changes could not be removed'),
  });
  const connections = new Connections(store, {
    silentHours: inForce.connections.silentHours,
    onError: (error) => log.error({ err: error }, 'the connections could not be looked at'),
  });
  let stopWatching = (): void => {};
  let exchangeLog: ExchangeLog | undefined;
  try {
    await rules(start);
    const state: State = { ready: 'starting' };
    const metrics = inForce.metrics ? await metricsOf(store, inForce.database) : undefined;
    stopBackups = scheduleBackups(inForce, metrics, log);
    const manager = serviceManager(terminal.environment, (error) =>
      log.warn({ err: error }, 'systemd cannot be notified: is systemd-notify installed?'),
    );
    exchangeLog = exchangeLogOf(inForce, store, log);
    const mounts = adminMounts(adminOptions(start, store, exchangeLog));
    const pages: HttpOptions['pages'] = (asked, baseUrl) => delivery?.pages(asked, baseUrl);
    const beside = { exchangeLog, mounts, pages };
    const server = await listen(inForce, store, log, () => state.ready, metrics, beside, connections);
    listening.resolve(server.apply);
    giveWayToServer();
    limitHeaps();
    delivery = deliver(start, store, log);
    retention.start();
    connections.start();
    stopWatching = watchLag(store, metrics, log);
    log.info({ url: server.url, database: withoutPassword(inForce.database), config: file }, 'started');
    try {
      // Only now: had the server not come up, the token would have been made without anybody seeing it.
      const first = await ensureFirstToken(store, inForce.bootstrapToken, log);
      if (state.ready === 'starting') state.ready = true;
      const secret = first.made ? first.secret : undefined;
      // In one piece, so that whoever waits for the address has the token too.
      if (json) terminal.print(JSON.stringify({ listening: server.url, token: secret }));
      else if (isPartOfLog(inForce, terminal)) terminal.print(logLine(server.url, secret));
      else {
        const more = first.made ? `\n${welcome(inForce.baseUrl ?? server.url, secret)}` : '';
        terminal.print(`listening on ${server.url}${more}`);
      }
      // No reason not to serve.
      terminal.written().catch(({ message }: OutputError) => {
        log.warn(
          { reason: message },
          first.made
            ? `${notShown('the address and the first token were')}; create another: scimd token create`
            : notShown('the address was'),
        );
      });
      manager.ready(`listening on ${server.url}`);
    } catch (error) {
      await server.close();
      throw error;
    }
    return await untilStopped(server, inForce, state, manager, signals, terminal, log);
  } finally {
    stopBackups();
    stopWatching();
    await Promise.race([Promise.all([delivery?.stop(), exchangeLog?.stop()]), signals.force]);
    retention.stop();
    connections.stop();
    await Promise.race([store.close(), signals.force.then(() => wait(patience))]);
  }
}

/** With what is stored, looked at when they are read. */
async function metricsOf(store: Store, database: string): Promise<Metrics> {
  const metrics = createMetrics();
  const isFile = database !== ':memory:' && !/^postgres(?:ql)?:/.test(database);
  const reader = new StoredStateReader(store, isFile ? database : undefined);
  await reader.start();
  return {
    ...metrics,
    async text() {
      // Of a database that cannot be read the others are told all the same.
      await reader.refresh(metrics.stored).catch(() => {});
      return metrics.text();
    },
  };
}

/** Milliseconds that a forced stop waits for the database to be closed, which it need not be. */
const patience = 300;

const notShown = (what: string) => `standard output could not be written: ${what} not shown`;

/** Whoever reads JSON lines from the first one on gets nothing else. */
function isPartOfLog({ logFormat }: Settings, { errorIsTerminal, oneOutput }: Terminal): boolean {
  return logFormat === 'json' || (logFormat === 'auto' && oneOutput === true && !errorIsTerminal);
}

/** As the lines of the log are, but whole: the token is shown once. */
function logLine(url: string, token: string | undefined): string {
  const time = new Date().toISOString();
  return JSON.stringify({ level: 'info', time, url, token, msg: `listening on ${url}` });
}

/** What /readyz answers. */
interface State {
  ready: boolean | 'starting';
}

/** A hang-up from a terminal means that it was closed; elsewhere it tells a service to reload its settings. */
function attached(terminal: Terminal): boolean {
  return terminal.interactive || terminal.errorIsTerminal;
}

interface Signals {
  /** The first, which stops the server in order. */
  readonly stop: Promise<string>;
  /** The second, which waits for nothing. */
  readonly force: Promise<string>;
}

/** Signals within these milliseconds count as one: a supervisor may signal the whole group, and npm forwards its own. */
const sameMoment = { sameSignal: 100, another: 1000 };

/** From the very start, so that a signal during start-up is not lost either. */
function stopSignals(terminal: Terminal): Signals {
  const [stop, force] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  let first: { readonly signal: string; readonly at: number } | undefined;
  const arrive = (signal: string): void => {
    const at = performance.now();
    if (first === undefined) {
      first = { signal, at };
      stop.resolve(signal);
    } else if (at - first.at > (signal === first.signal ? sameMoment.sameSignal : sameMoment.another))
      force.resolve(signal);
  };
  for (const signal of ['SIGTERM', 'SIGINT', ...(attached(terminal) ? ['SIGHUP'] : [])])
    process.on(signal, arrive);
  if (terminal.environment.npm_lifecycle_event !== undefined) watchParent(arrive);
  return { stop: stop.promise, force: force.promise };
}

/** npm passes signals to a shell that does not pass them on: the shell's end is all that the server sees of them. */
function watchParent(arrive: (signal: string) => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    arrive('end of npm');
  }, 200).unref();
}

/**
 * Not ready any more, so that balancers turn away; then no new connection; running requests end first, for as long
 * as they are given. A second signal does not wait for them.
 */
async function untilStopped(
  server: RunningServer,
  { shutdown }: Settings,
  state: State,
  manager: ServiceManager,
  { stop, force }: Signals,
  terminal: Terminal,
  log: Log,
): Promise<number> {
  log.info({ signal: await stop }, 'stopping');
  if (terminal.errorIsTerminal) terminal.note('stopping; once more to force');
  const forced = force.then((signal) => {
    log.warn({ signal }, 'forced to stop');
    return exitStatus.failed;
  });
  state.ready = false;
  server.drain();
  manager.stopping();
  const closed = wait(shutdown.drainSeconds * 1000)
    .then(() => server.close(shutdown.graceSeconds))
    .then(() => {
      log.info({}, 'stopped');
      return exitStatus.done;
    });
  return Promise.race([closed, forced]);
}
