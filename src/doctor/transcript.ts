/** Exchanges as they are shown: without secrets, and without the data of people who are not the visit's own. */
import { CommandError } from '../ops/command-error.ts';
import type { RoundTrip } from '../scim-client.ts';
import { membersOf, resourcesOf } from './expect.ts';

const hidden = '[hidden]';
/** A shorter secret is hidden as a whole word only: its letters are in every other word too. */
const shortSecret = 16;
/** The longest body that a report takes over. */
const longestBody = 4000;
const shownHeaders = ['content-type', 'location', 'etag', 'www-authenticate', 'retry-after'] as const;

export interface Transcript {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly answer?: unknown;
  readonly milliseconds?: number;
  readonly failure?: string;
}

export class Secrecy {
  readonly #secrets: readonly RegExp[];
  readonly #mark: string;

  constructor(secrets: readonly (string | undefined)[], mark: string) {
    // In JSON text a secret may be escaped.
    const forms = secrets.flatMap((secret) =>
      secret === undefined || secret === '' ? [] : [secret, JSON.stringify(secret).slice(1, -1)],
    );
    this.#secrets = [...new Set(forms)].map((form) => {
      const literal = form.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
      return form.length >= shortSecret
        ? new RegExp(literal, 'gu')
        : new RegExp(`(?<![\\p{L}\\p{N}_])${literal}(?![\\p{L}\\p{N}_])`, 'gu');
    });
    this.#mark = mark;
  }

  /** Without the secrets. */
  text(text: string): string {
    return this.#secrets.reduce((safe, secret) => safe.replace(secret, hidden), text);
  }

  /** An error that the server may have put our secret into. */
  error(error: unknown): unknown {
    return error instanceof CommandError
      ? new CommandError(this.text(error.message), error.advice, { cause: error.cause })
      : error;
  }

  transcript({ request, answer, failure }: RoundTrip): Transcript {
    const { method, path, body } = request;
    const sent = {
      method,
      path: this.text(path),
      ...(body === undefined ? {} : { body: this.#inside(body) }),
    };
    if (answer === undefined) return { ...sent, failure: this.text(failure?.message ?? 'no answer') };
    const headers = shownHeaders.flatMap((name) => {
      const value = answer.headers.get(name);
      return value === null ? [] : [[name, this.text(value)]];
    });
    return {
      ...sent,
      status: answer.status,
      headers: Object.fromEntries(headers),
      ...(answer.text === '' ? {} : { answer: this.#answer(answer.json, answer.text) }),
      milliseconds: answer.milliseconds,
    };
  }

  /** The same at any depth. The names of a transcript's own members stay, whatever the secret is. */
  #inside(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((element) => this.#inside(element));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [this.text(name), this.#inside(member)]),
    );
  }

  #answer(json: unknown, text: string): unknown {
    const shown = this.#inside(json === undefined ? text : this.#withoutOthers(json));
    const written = typeof shown === 'string' ? shown : JSON.stringify(shown);
    if (written.length <= longestBody) return shown;
    return `${written.slice(0, longestBody)}… (${written.length} characters)`;
  }

  #withoutOthers(json: unknown): unknown {
    const resources = resourcesOf(json);
    const isPerson = (resource: unknown) =>
      'userName' in membersOf(resource) || 'displayName' in membersOf(resource);
    const ours = (resource: unknown) => !isPerson(resource) || JSON.stringify(resource).includes(this.#mark);
    if (resources.every(ours)) return json;
    const Resources = resources.map((resource) =>
      ours(resource) ? resource : { id: membersOf(resource).id, '…': 'not of this visit' },
    );
    return { ...membersOf(json), Resources };
  }
}
