/** Requests of all kinds at once, as fast as a server answers. */
import { Connection, encode, type Request } from './client.ts';
import { outsiders, patchOf, userDocument, userId, userName } from './data.ts';
import type { ServerProcess } from './server-process.ts';

const connections = 32;

/** The request of that number: of twenty, six read a person, four look for one, four change one, three create, three list. */
function request(number: number, users: number): Request {
  // Far from one another, so that none is read twice in a row.
  const someone = 1 + ((number * 7919) % users);
  const kind = number % 20;
  if (kind < 6) return { method: 'GET', path: `/Users/${userId(someone)}` };
  if (kind < 10)
    return {
      method: 'GET',
      path: `/Users?filter=${encodeURIComponent(`userName eq "${userName(someone)}"`)}`,
    };
  if (kind < 14) {
    const body = patchOf({ op: 'replace', path: 'active', value: number % 40 < 20 });
    return { method: 'PATCH', path: `/Users/${userId(someone)}`, body };
  }
  if (kind < 17) return { method: 'POST', path: '/Users', body: userDocument(users + outsiders + number) };
  return { method: 'GET', path: `/Users?startIndex=${someone}&count=100` };
}

/** Resolves after so many seconds, to the number of requests. @throws Error where a request fails. */
export async function mixedLoad({ target }: ServerProcess, users: number, seconds: number): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let number = 0;
  const oneAfterTheOther = async (): Promise<void> => {
    const connection = await Connection.open(target);
    try {
      while (performance.now() < end) {
        const next = request(++number, users);
        const status = await connection.send(encode(target, next));
        if (status >= 300) throw new Error(`${next.method} ${next.path} answered ${status}`);
      }
    } finally {
      connection.close();
    }
  };
  await Promise.all(Array.from({ length: connections }, oneAfterTheOther));
  return number;
}
