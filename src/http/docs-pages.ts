/** The documentation at /docs: a page a topic, and its Markdown at /docs/TOPIC.md. */
import { ScimError } from '../error.ts';
import type { HttpResponse } from './message.ts';
import { anybody, type Mount, mount, type Visit } from './mounts.ts';
import type { Documentation } from './options.ts';
import { escaped, htmlOf, type NavigationLink, pageHeaders, textResponse } from './page.ts';

const path = '/docs';

export function docsPages(docs: Documentation): Mount {
  return mount({
    path,
    below: true,
    route: '/docs',
    methods: ['GET', 'HEAD'],
    headers: pageHeaders,
    recorded: true,
    authenticate: anybody,
    async answer({ request }) {
      const name = request.path.slice(path.length + 1);
      if (name === '') return textResponse(request, 'text/html', contentsPage(docs, request.path));
      if (name.endsWith('.md')) {
        const text = docs.markdown(name.slice(0, -3));
        if (text !== undefined) return textResponse(request, 'text/markdown', text);
      }
      const article = await docs.article(name);
      if (article === undefined) throw new ScimError(404, undefined, `There is no page ${request.path}`);
      const inner = article.headings.map(({ id, text }) => ({ href: `#${id}`, text }));
      const title = docs.topics.find((topic) => topic.name === name)?.title ?? name;
      const navigation = navigationOf(docs, '', name, inner);
      const links = linksTo('./', '../');
      const html = htmlOf({ title: `${title} · scimd`, links, navigation, main: article.html });
      return textResponse(request, 'text/html', html);
    },
    refuse(error, visit) {
      return error instanceof ScimError && error.status === 404 ? missing(docs, visit) : undefined;
    },
  });
}

function missing(docs: Documentation, { request }: Visit): HttpResponse {
  const depth = request.path.slice(path.length + 1).split('/').length - 1;
  const up = '../'.repeat(depth);
  const main = `<h1>There is no such page</h1>
<p><code>${escaped(request.path)}</code> is no page of the documentation.</p>`;
  const navigation = navigationOf(docs, up === '' ? './' : up);
  const links = linksTo(up === '' ? './' : up, `../${up}`);
  return textResponse(
    request,
    'text/html',
    htmlOf({ title: 'No such page · scimd', links, navigation, main }),
    404,
  );
}

function contentsPage(docs: Documentation, asked: string): string {
  // Links are relative, so that they hold where a proxy serves all of this below a path of its own.
  const to = asked.endsWith('/') ? '' : 'docs/';
  const groups = Map.groupBy(docs.topics, ({ group }) => group);
  const parts = [...groups].map(([group, topics]) => {
    const items = topics.map(
      ({ name, title, summary }) =>
        `<dt><a href="${to}${name}">${escaped(title)}</a></dt>\n<dd>${escaped(summary)}</dd>`,
    );
    return `<h2>${escaped(group)}</h2>\n<dl>\n${items.join('\n')}\n</dl>`;
  });
  const main = `<h1>Documentation of scimd</h1>
<p>The same pages are in the program: <code>scimd docs</code>.</p>
${parts.join('\n')}`;
  return htmlOf({
    title: 'Documentation · scimd',
    links: linksTo(to === '' ? './' : 'docs', to === '' ? '../' : './'),
    main,
  });
}

function linksTo(docs: string, front: string): readonly NavigationLink[] {
  return [
    { href: docs, text: 'scimd: documentation' },
    { href: front, text: 'This server' },
  ];
}

function navigationOf(
  { topics }: Documentation,
  to: string,
  current?: string,
  inner: readonly NavigationLink[] = [],
): ReadonlyMap<string, readonly NavigationLink[]> {
  const groups = Map.groupBy(topics, ({ group }) => group);
  return new Map(
    [...groups].map(([group, members]) => [
      group,
      members.map(({ name, title }) => ({
        href: to + name,
        text: title,
        isCurrent: name === current,
        inner: name === current ? inner : [],
      })),
    ]),
  );
}
