/** The core of the standard (RFC 7643, RFC 7644), in the order in which things come into being. */
import type { Flow } from './check.ts';
import { discovery, unsupported } from './discovery.ts';
import { filters } from './filters.ts';
import { groups } from './groups.ts';
import { lists } from './lists.ts';
import { patching7644 } from './patches.ts';
import { users } from './users.ts';
import { versions } from './versions.ts';

export const core: Flow = {
  name: 'core',
  title: 'The core of the standard',
  checks: [
    ...discovery,
    ...users,
    ...unsupported,
    ...patching7644,
    ...filters,
    ...lists,
    ...versions,
    ...groups,
  ],
};
