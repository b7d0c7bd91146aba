/** The documentation's table of contents. */
import { texts } from './texts.ts';

export interface Topic {
  /** As in `scimd docs TOPIC`, /docs/TOPIC and TOPIC.md. */
  readonly name: string;
  readonly group: string;
  /** The page's heading. */
  readonly title: string;
  /** The page's first sentence. */
  readonly summary: string;
}

const groups: Readonly<Record<string, readonly string[]>> = {
  'Get going': ['start', 'application', 'events', 'streams'],
  'Identity providers': ['okta', 'entra', 'onelogin', 'jumpcloud', 'google', 'ping', 'tolerances'],
  Operate: [
    'operating',
    'admin',
    'scale',
    'access',
    'audit',
    'credentials',
    'settings',
    'commands',
    'transfer',
    'schemas',
    'troubleshooting',
  ],
  Develop: ['filters', 'embedding', 'migrating', 'reference', 'server-reference'],
  Background: ['standard'],
};

/** In the order of reading. */
export const topics: readonly Topic[] = Object.entries(groups).flatMap(([group, names]) =>
  names.map((name) => ({ name, group, ...opening(name) })),
);

/** Every page begins with its title and a sentence that says what it is about. */
function opening(name: string): Pick<Topic, 'title' | 'summary'> {
  const [, title, first = ''] = /^# (.+)\n\n((?:.+\n)+)/.exec(textOf(name) ?? '') ?? [];
  const summary = /^.*?[.:](?= |$)/.exec(first.trim().replace(/\s+/g, ' '))?.[0];
  if (title === undefined || summary === undefined)
    throw new Error(`${name}.md does not begin as a page does`);
  return { title, summary: summary.replace(/:$/, '.').replace(/\[([^\]]+)\]\([^)]+\)|[`*]/g, '$1') };
}

/** The page's Markdown; undefined where there is no such topic. */
export function textOf(name: string): string | undefined {
  return Object.hasOwn(texts, name) ? texts[name] : undefined;
}
