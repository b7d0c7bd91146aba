/** Health, readiness and metrics endpoints at the root: /healthz, /readyz, /metrics. */
import { StoreError } from '../store/store-error.ts';
import { type Authenticate, insufficientScope } from './authenticate.ts';
import type { HttpResponse } from './message.ts';
import { anybody, type Mount, mount } from './mounts.ts';
import type { HttpOptions } from './options.ts';

const noQuery = new Map<string, string>();

const probe = {
  methods: ['GET', 'HEAD'],
  headers: ['Cache-Control', 'no-store', 'X-Content-Type-Options', 'nosniff'],
  recorded: false,
} as const;

export function probes(options: HttpOptions, authenticate: Authenticate): readonly Mount[] {
  const { metrics } = options;
  const open = [
    mount({ ...probe, path: '/healthz', authenticate: anybody, answer: () => text(200, 'ok\n') }),
    mount({ ...probe, path: '/readyz', authenticate: anybody, answer: () => readiness(options) }),
  ];
  if (metrics === undefined) return open;
  return [
    ...open,
    mount({
      ...probe,
      path: '/metrics',
      // Metrics tell how many people there are and when they come and go: not for everybody.
      async authenticate({ request, clock }) {
        const { principal } = await authenticate(request, noQuery, clock());
        if (principal.scope !== 'metrics' && principal.scope !== 'admin')
          throw insufficientScope('Metrics need a token with the scope metrics', 'metrics');
      },
      answer: async () => text(200, await metrics(), 'text/plain; version=0.0.4; charset=utf-8'),
    }),
  ];
}

/** 503 while it starts or stops, and while the database cannot be read or written. */
async function readiness(options: HttpOptions): Promise<HttpResponse> {
  const isReady = options.isReady?.() ?? true;
  if (isReady !== true) return text(503, isReady === 'starting' ? 'starting\n' : 'stopping\n');
  try {
    await options.store.checkReady();
    return text(200, 'ready\n');
  } catch (error) {
    options.log?.error({ err: error }, 'not ready: the database cannot be used');
    // The code says what is the matter, and nothing of what is stored.
    const code = error instanceof StoreError ? ` (${error.code})` : '';
    return text(503, `the database cannot be used${code}\n`);
  }
}

function text(status: number, body: string, type = 'text/plain; charset=utf-8'): HttpResponse {
  return { status, headers: ['Content-Type', type], body };
}
