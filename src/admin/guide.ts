/** The documentation's page on a provider, with this server's own address put in: what is done before, and the token, is left out. */
import type { Documentation } from '../http/options.ts';

const example = 'https://id.example.com/scim/v2';
/** Sections that say what the page has done already. */
const done = /^<h2 id="(?:before-you-begin|make-a-token)/;

/** HTML; undefined where there is no page on the provider. */
export async function guideFor(docs: Documentation, idp: string, base: string): Promise<string | undefined> {
  const article = await docs.article(idp);
  if (article === undefined || !providersWithGuide.has(idp)) return undefined;
  const sections = article.html
    .split(/(?=<h2 )/)
    .slice(1)
    .filter((section) => !done.test(section));
  return sections
    .join('')
    .replaceAll(example, base.replace(/[&<>"']/g, ''))
    .replaceAll('href="', 'href="/docs/')
    .replaceAll('href="/docs/#', 'href="#')
    .replace(/href="\/docs\/(https?:)/g, 'href="$1');
}

const providersWithGuide = new Set(['okta', 'entra', 'onelogin', 'jumpcloud', 'google', 'ping']);
