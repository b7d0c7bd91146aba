/**
 * Style and script of the page, each under the hash of its content, so that a browser keeps them. The only place that reads
 * and builds them: bundling replaces `./built.ts` by what it made.
 */
import { createHash } from 'node:crypto';
import { built } from './built.ts';

export interface Asset {
  readonly name: string;
  readonly type: string;
  readonly body: string;
}

let made: { readonly css: Asset; readonly js: Asset } | undefined;

function named(ending: string, type: string, body: string): Asset {
  const hash = createHash('sha256').update(body).digest('base64url').slice(0, 12);
  return { name: `page-${hash}.${ending}`, type, body };
}

export function assets(): { readonly css: Asset; readonly js: Asset } {
  made ??= {
    css: named('css', 'text/css; charset=utf-8', built().css),
    js: named('js', 'text/javascript; charset=utf-8', built().js),
  };
  return made;
}

export const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="#0a58ca"/><path d="M11 5.5C10 4 6 4 6 6s5 2 5 4-4 2.5-5.5.8" fill="none" stroke="#fff" stroke-width="1.6" stroke-linecap="round"/></svg>';
