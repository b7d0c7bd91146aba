/** Pages, order and selected attributes of lists, asked of the three users of the filters. */
import type { Check, Expectation, Step, Visit } from './check.ts';
import {
  assigned,
  has,
  inOrder,
  list,
  membersOf,
  resourcesOf,
  should,
  status,
  that,
  unassigned,
} from './expect.ts';
import { everyone, ours } from './filters.ts';
import { get, pathOf, query, refusable } from './messages.ts';

/** A query of the three. */
function asking(
  parameters: Readonly<Record<string, string | number>>,
  ...expect: readonly Expectation[]
): Step {
  const path = (visit: Visit) => {
    for (const word of everyone) visit.made(word);
    return query('/Users', { filter: ours(visit), ...parameters });
  };
  return refusable(
    'The server does not take the filter "userName sw …" in order.',
    get(path, status(200), ...expect),
  );
}

/** The resources of all answers so far, each once. */
const eachOnce = that('each of the three once over all pages', (_json, answer, { answers }) => {
  const ids = [...answers, answer].flatMap(({ json }) => resourcesOf(json).map((each) => membersOf(each).id));
  const different = new Set(ids).size;
  return ids.length === 3 && different === 3 ? undefined : `${ids.length} Resources, ${different} different`;
});

export const lists: readonly Check[] = [
  {
    id: 'core-page',
    title: 'Pages of one show each user once, with numbers that agree',
    section: 'RFC 7644 §3.4.2.4',
    why: 'An import would miss people, or never end.',
    needs: ['filter'],
    steps: [
      asking(
        { startIndex: 1, count: 1 },
        list({ total: 3, items: 1 }),
        has('startIndex', 1),
        has('itemsPerPage', 1),
      ),
      asking({ startIndex: 2, count: 1 }, list({ total: 3, items: 1 }), has('startIndex', 2)),
      asking({ startIndex: 3, count: 10 }, list({ total: 3, items: 1 }), has('itemsPerPage', 1), eachOnce),
    ],
  },
  {
    id: 'core-page-beyond',
    title: 'A page beyond the end is empty, and still tells the total',
    section: 'RFC 7644 §3.4.2.4',
    why: 'Importing clients stop there; an error would fail the whole import.',
    needs: ['filter'],
    steps: [asking({ startIndex: 100, count: 10 }, list({ total: 3, items: 0 }))],
  },
  {
    id: 'core-page-count',
    title: 'count=0 gives the total only, and a negative count is 0',
    section: 'RFC 7644 §3.4.2.4',
    why: 'Clients count so without reading everybody.',
    needs: ['filter'],
    steps: [
      asking({ count: 0 }, list({ total: 3, items: 0 })),
      asking({ count: -1 }, list({ total: 3, items: 0 })),
    ],
  },
  {
    id: 'core-page-start',
    title: 'startIndex=0 is 1',
    section: 'RFC 7644 §3.4.2.4',
    why: 'Clients that count from 0 would miss the first page.',
    needs: ['filter'],
    steps: [asking({ startIndex: 0, count: 10 }, list({ total: 3, items: 3 }), should(has('startIndex', 1)))],
  },
  {
    id: 'core-sort',
    title: 'sortBy orders without regard to letter case, both ways',
    section: 'RFC 7644 §3.4.2.3',
    why: 'It is announced as supported.',
    needs: ['filter', 'sort'],
    steps: [
      asking({ sortBy: 'displayName', count: 10 }, list({ total: 3 }), inOrder('ada', 'bea', 'cyd')),
      asking(
        { sortBy: 'userName', sortOrder: 'descending', count: 10 },
        list({ total: 3 }),
        inOrder('cyd', 'bea', 'ada'),
      ),
    ],
  },
  {
    id: 'core-attributes',
    title: 'attributes= gives those, and always the id',
    section: 'RFC 7644 §3.9',
    why: 'Clients read large directories so.',
    steps: [
      get(
        pathOf('core user', '?attributes=userName'),
        status(200),
        assigned('id'),
        assigned('userName'),
        unassigned('emails'),
        unassigned('name'),
      ),
      get(
        pathOf('core user', '?attributes=name.familyName'),
        status(200),
        has('name', { familyName: 'Visit' }),
        {
          says: 'of name only familyName',
          judge: ({ json }) =>
            'givenName' in membersOf(membersOf(json).name) ? 'name.givenName as well' : undefined,
        },
      ),
    ],
  },
  {
    id: 'core-excluded-attributes',
    title: 'excludedAttributes= leaves those out, but never the id',
    section: 'RFC 7644 §3.9',
    why: 'Entra ID reads groups without their members so.',
    steps: [
      get(
        pathOf('core user', '?excludedAttributes=emails,id'),
        status(200),
        assigned('id'),
        assigned('userName'),
        unassigned('emails'),
      ),
    ],
  },
];
