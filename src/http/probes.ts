/** What watches the server asks it, beside SCIM: /healthz, /readyz, /metrics at the root. */

import { StoreError } from '../store/store-error.ts';
import { type Authenticate, insufficientScope } from './authenticate.ts';
import type { HttpRequest, HttpResponse } from './message.ts';
import type { HttpOptions } from './options.ts';
import { errorResponse, methodNotAllowed } from './responses.ts';

const none = new Map<string, string>();

/** Answers a probe; undefined for any other request. */
export function probes(
  options: HttpOptions,
  authenticate: Authenticate,
  clock: () => Date,
): (request: HttpRequest) => Promise<HttpResponse> | undefined {
  const answers = new Map<string, (request: HttpRequest) => Promise<HttpResponse>>([
    ['/healthz', async () => text(200, 'ok\n')],
    ['/readyz', async () => readiness(options)],
  ]);
  const { metrics } = options;
  if (metrics !== undefined) {
    answers.set('/metrics', async (request) => {
      // Metrics tell how many people there are and when they come and go: not for everybody.
      const { principal } = await authenticate(request, none, clock());
      if (principal.scope !== 'admin')
        throw insufficientScope('Metrics need a token with the scope admin', 'admin');
      return text(200, await metrics(), 'text/plain; version=0.0.4; charset=utf-8');
    });
  }
  return (request) => {
    const answer = answers.get(request.path);
    if (answer === undefined) return undefined;
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return Promise.resolve(errorResponse(methodNotAllowed(request, ['GET', 'HEAD'])));
    }
    return answer(request).catch(errorResponse);
  };
}

/** 503 while it stops, and while the database cannot be read or written. */
async function readiness(options: HttpOptions): Promise<HttpResponse> {
  if (options.isReady?.() === false) return text(503, 'stopping\n');
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
  return {
    status,
    headers: ['Content-Type', type, 'Cache-Control', 'no-store', 'X-Content-Type-Options', 'nosniff'],
    body,
  };
}
