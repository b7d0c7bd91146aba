/** GET /: what this is, and where SCIM is. To anybody, so nothing of tenants, people or the version. */
import type { BaseUrl } from './base-url.ts';
import { anybody, type Mount, mount } from './mounts.ts';
import { escaped, htmlOf, pageHeaders, prefersHtml, textResponse } from './page.ts';

export function frontPage(baseOf: BaseUrl, hasDocs: boolean): Mount {
  return mount({
    path: '',
    route: '/',
    methods: ['GET', 'HEAD'],
    headers: pageHeaders,
    recorded: true,
    authenticate: anybody,
    answer({ request }) {
      const base = baseOf(request);
      if (prefersHtml(request)) return textResponse(request, 'text/html', frontHtml(base, hasDocs));
      const about = {
        name: 'scimd',
        description: 'A SCIM 2.0 server (RFC 7643, RFC 7644)',
        scim: base,
        serviceProviderConfig: `${base}/ServiceProviderConfig`,
        ...(hasDocs ? { documentation: '/docs' } : {}),
      };
      return textResponse(request, 'application/json', `${JSON.stringify(about, null, 2)}\n`);
    },
  });
}

function frontHtml(base: string, hasDocs: boolean): string {
  const documentation = hasDocs
    ? `<dt><a href="docs">Documentation</a></dt>
<dd>How to connect Okta, Entra ID and others, and how to run scimd.</dd>`
    : '';
  return htmlOf({
    title: 'scimd',
    links: [{ href: './', text: 'scimd' }, ...(hasDocs ? [{ href: 'docs', text: 'Documentation' }] : [])],
    main: `<h1>This is a SCIM 2.0 server</h1>
<p>Identity providers create, change and remove users and groups here. They are given this address, and a token:</p>
<pre tabindex="0"><code>${escaped(base)}</code></pre>
<dl>
${documentation}
<dt><a href="${escaped(base)}/ServiceProviderConfig">ServiceProviderConfig</a></dt>
<dd>What this server supports, for programs (RFC 7643 §5). Everything else needs a token.</dd>
</dl>`,
  });
}
