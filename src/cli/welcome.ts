/** What to enter at the providers, printed with the first token. */
import { columns } from '../ops/terminal.ts';

export function welcome(url: string, secret: string | undefined): string {
  const token = secret === undefined ? 'the bootstrap token' : 'the token above';
  const local = /^https?:\/\/(127\.|localhost|\[::1\]|0\.0\.0\.0|\[::\])/.test(url);
  const elsewhere = url.startsWith('https:')
    ? 'They reach it by a name of its certificate only: give the address with --base-url.'
    : 'They reach it by HTTPS only: put a proxy or tunnel in front and give its address with --base-url.';
  return `${secret === undefined ? '' : `token (shown only now): ${secret}\n`}
Okta: Applications > your app > Provisioning > Integration
${columns(
  [
    ['SCIM connector base URL', url],
    ['Unique identifier field for users', 'userName'],
    ['Authentication Mode', 'HTTP Header'],
    ['Authorization: Bearer', token],
  ],
  '  ',
)}
Microsoft Entra ID: Enterprise applications > your app > Provisioning
${columns(
  [
    ['Tenant URL', url],
    ['Secret Token', token],
  ],
  '  ',
)}
${local ? `${elsewhere}\n` : ''}
Step by step: scimd docs okta, scimd docs entra
More tokens: scimd token create --name NAME`;
}
