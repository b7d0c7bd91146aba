/** The settings as options of the HTTP server, at the start and when they change. */
import type { Connections } from '../directory/connections.ts';
import { documentation } from '../docs/documentation.ts';
import type { HttpOptions, Log, RunningServer } from '../http/options.ts';
import { UnknownAttributeError } from '../http/sensitive.ts';
import { startServer } from '../http/server.ts';
import { CommandError } from '../ops/command-error.ts';
import type { Metrics } from '../ops/metrics.ts';
import type { Settings } from '../ops/options.ts';
import type { Store } from '../store/store.ts';
import { type Certificate, readCertificate, watchCertificate } from './certificate.ts';
import type { Apply } from './reload.ts';

/** How often the files of the certificate are looked at, in milliseconds. */
const certificateInterval = 10_000;

export interface Listening extends RunningServer {
  /** Applies other settings, as far as they can change. */
  readonly apply: Apply;
}

export async function listen(
  settings: Settings,
  store: Store,
  log: Log,
  isReady: () => boolean | 'starting',
  metrics: Metrics | undefined,
  { exchangeLog, mounts, pages }: Pick<HttpOptions, 'exchangeLog' | 'mounts' | 'pages'>,
  connections: Connections,
): Promise<Listening> {
  const { host, port, basePath } = settings;
  let inForce = settings;
  let certificate = readCertificate(settings);
  logCertificate(certificate, log);
  let server: RunningServer;
  try {
    server = await startServer({
      ...changeable(settings),
      ...(settings.admin.enabled ? { mounts } : {}),
      ...{ host, port, store, basePath, log, isReady, exchangeLog },
      ...(pages === undefined ? {} : { pages }),
      onDeadToken: (token, reason) => connections.failing(token, reason),
      ...(metrics === undefined
        ? {}
        : {
            ...{ observe: metrics.observe, metrics: metrics.text, onWrongToken: metrics.wrongToken },
            onGuard: metrics.guard,
          }),
      ...(certificate === undefined ? {} : { tls: certificate }),
    });
  } catch (error) {
    throw listenError(error, host, port);
  }
  const renew = async (next: Certificate): Promise<void> => {
    await server.reconfigure({ tls: next });
    certificate = next;
    logCertificate(next, log);
  };
  const unwatch =
    certificate === undefined
      ? () => {}
      : watchCertificate(
          () => certificate as Certificate,
          () => readCertificate(inForce),
          certificateInterval,
          (next) => void renew(next),
          (err) => log.error({ err }, 'the certificate is unchanged'),
        );
  return {
    ...server,
    async apply(next) {
      // With TLS or without it is decided at the start.
      const renewed = certificate === undefined ? undefined : readCertificate(next);
      await server.reconfigure({ ...changeable(next), mounts: next.admin.enabled ? mounts : undefined });
      inForce = next;
      if (renewed !== undefined) await renew(renewed);
      if ((certificate === undefined) !== (next.tls.certificateFile === undefined))
        log.warn({}, 'switching between HTTP and HTTPS takes effect after a restart');
    },
    close(graceSeconds) {
      unwatch();
      return server.close(graceSeconds);
    },
  };
}

function logCertificate(certificate: Certificate | undefined, log: Log): void {
  if (certificate === undefined) return;
  const { validTo } = certificate;
  if (Date.parse(validTo) < Date.now()) log.warn({ validTo }, 'the certificate has expired');
  else log.info({ validTo }, 'certificate in use');
}

/** What a running server can change. Every key is present, so that settings that were removed are cleared too. */
function changeable(settings: Settings): Partial<HttpOptions> {
  const { trustedProxies, publicDiscovery, sensitiveAttributes } = settings;
  const { limits, auth, docs } = settings;
  const { privateReceivers } = settings.changes;
  const { baseUrl, jwt, uniqueDisplayName, logPersonalData: recordAddresses, guard } = settings;
  const { issuer, ...rest } = jwt;
  return {
    ...{ trustedProxies, publicDiscovery, sensitiveAttributes, limits, basicAuth: auth.basic },
    ...{
      baseUrl,
      uniqueDisplayName,
      recordAddresses,
      privateReceivers,
      guard,
      docs: docs ? documentation : undefined,
    },
    tokenEndpoint: auth.tokenEndpoint ? { seconds: auth.accessTokenSeconds } : undefined,
    jwt: issuer === undefined ? undefined : { issuer, ...rest },
  };
}

function listenError(error: unknown, host: string, port: number): unknown {
  if (error instanceof UnknownAttributeError) {
    return new CommandError(error.message, 'Name attributes as filters do: emails, name.familyName.');
  }
  const advice: Readonly<Record<string, readonly [message: string, advice: string]>> = {
    EADDRINUSE: [
      `port ${port} on ${host} is in use`,
      'Stop the program that has it, or take another: --port PORT, or --port 0 for a free one.',
    ],
    EACCES: [
      `port ${port} may not be opened`,
      'Ports below 1024 need a privilege; take a higher one: --port 8080.',
    ],
    EADDRNOTAVAIL: [
      `${host} is not an address of this machine`,
      'Use 127.0.0.1, 0.0.0.0 for all, or one of its own.',
    ],
    ENOTFOUND: [`${host} cannot be resolved`, 'Give an IP address: --host 127.0.0.1.'],
  };
  const known = advice[(error as NodeJS.ErrnoException).code ?? ''];
  return known ? new CommandError(...known, { cause: error }) : error;
}
