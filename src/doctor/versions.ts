/** Versions of resources, for servers that announce them. */
import type { Check, Visit } from './check.ts';
import { error, header, should, status, that, valueAt } from './expect.ts';
import { get, making, pathOf, post, put, user } from './messages.ts';

/** The tag of the first answer of the check that had one. */
const tag = (visit: Visit) =>
  visit.answers.map(({ headers }) => headers.get('etag')).find((found) => found !== null) ?? '';

export const versions: readonly Check[] = [
  {
    id: 'core-etag',
    title: 'A version is given as ETag, and changes with the resource',
    section: 'RFC 7644 §3.14',
    why: 'It is announced as supported.',
    needs: ['etag'],
    steps: [
      making(
        'versioned',
        post('/Users', (visit) => user(visit, 'versioned'), status(201)),
      ),
      get(
        pathOf('versioned'),
        status(200),
        header('etag', /^(W\/)?"[^"]*"$/, 'an ETag header'),
        should(
          that('meta.version is the ETag', (json, { headers }) => {
            const version = valueAt(json, ['meta', 'version']);
            return version === headers.get('etag') ? undefined : `meta.version ${String(version)}`;
          }),
        ),
      ),
      {
        ...get(pathOf('versioned'), should(status(304))),
        headers: (visit) => ({ 'if-none-match': tag(visit) }),
      },
      put(pathOf('versioned'), (visit) => user(visit, 'versioned', { title: 'Second' }), status(200)),
      get(
        pathOf('versioned'),
        status(200),
        that('another ETag than before', (_json, { headers }, visit) =>
          headers.get('etag') === tag(visit) ? 'the same' : undefined,
        ),
      ),
    ],
  },
  {
    id: 'core-if-match',
    title: 'A change of an outdated version is refused with 412',
    section: 'RFC 7644 §3.14',
    why: 'Otherwise of two clients at work the one overwrites the other.',
    needs: ['etag'],
    steps: [
      get(pathOf('versioned'), status(200), header('etag', /./, 'an ETag header')),
      {
        ...put(pathOf('versioned'), (visit) => user(visit, 'versioned', { title: 'Third' }), status(200)),
        headers: (visit) => ({ 'if-match': tag(visit) }),
      },
      {
        ...put(pathOf('versioned'), (visit) => user(visit, 'versioned', { title: 'Fourth' }), ...error(412)),
        headers: (visit) => ({ 'if-match': tag(visit) }),
      },
    ],
  },
];
