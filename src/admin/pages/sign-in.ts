/** The pages before one is signed in. */
import { type Html, html } from '../html.ts';

export function signInPage({
  to,
  problem,
  isSafe,
}: {
  readonly to: string;
  readonly problem?: string | undefined;
  readonly isSafe: boolean;
}): Html {
  return html`<h1>Sign in</h1>
${problem === undefined ? '' : html`<p class="bad-box" role="alert">${problem}</p>`}
${isSafe ? '' : html`<p class="bad-box">A browser keeps nobody signed in over HTTP, but on this machine itself. Use HTTPS, or http://localhost.</p>`}
<form class="card fields" method="post" action="/admin/sign-in"><input type="hidden" name="to" value="${to}">
<div><label for="token">A token with the scope admin, or read</label><input id="token" name="token" type="password" required autocomplete="off" spellcheck="false"></div>
<div><button class="primary">Sign in</button></div></form>
<p></p><p class="muted">Whoever administers the machine gets in with a link: <code>scimd admin link</code> prints one that works once.</p>`;
}

export function enterPage(
  code: string,
  path: string,
  words: { readonly title: string; readonly text: string; readonly button: string },
): Html {
  return html`<h1>${words.title}</h1><p>${words.text}</p>
<form method="post" action="${path}"><input type="hidden" name="code" value="${code}"><button class="primary">${words.button}</button></form>`;
}

export function messagePage(title: string, text: string, more?: Html): Html {
  return html`<h1>${title}</h1><p>${text}</p>${more ?? ''}`;
}
