/** Whether an answer of 2xx has done what the request says: the places where servers lose values in silence. */
import type { Flow } from './check.ts';
import { bodies } from './integrity-bodies.ts';
import { memberships } from './integrity-members.ts';
import { attributes } from './integrity-users.ts';

export const integrity: Flow = {
  name: 'integrity',
  title: 'Nothing is lost behind a 2xx',
  checks: [...bodies, ...attributes, ...memberships],
};
