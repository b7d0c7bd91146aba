/** Answers of the page: HTML, and the way to another page. */
import { ScimError } from '../error.ts';
import type { HttpRequest, HttpResponse } from '../http/message.ts';
import type { Html } from './html.ts';
import { root } from './layout.ts';

export function htmlResponse(page: Html, status = 200, headers: readonly string[] = []): HttpResponse {
  return {
    status,
    headers: ['Content-Type', 'text/html; charset=utf-8', 'Cache-Control', 'no-store', ...headers],
    body: page.toString(),
  };
}

export function redirect(to: string, headers: readonly string[] = []): HttpResponse {
  return { status: 303, headers: ['Location', to, 'Cache-Control', 'no-store', ...headers] };
}

/** An address of ours that somebody gave: never another site's. */
export function ownAddress(given: string | null | undefined): string {
  return given !== null && given !== undefined && /^\/admin(?:[/?][\x21-\x7e]*)?$/.test(given) ? given : root;
}

/** A part of a path. @throws ScimError 404. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw new ScimError(404, undefined, 'The address is not well-formed', { cause });
  }
}

export function queryOf({ search }: HttpRequest): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(search));
}
