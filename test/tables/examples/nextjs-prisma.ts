import { createScimd, type PrismaSql, sql } from '../../../src/index.ts';
import { Group, User } from './map.ts';

/** For `app/scim/v2/[...path]/route.ts`: `export const { GET, POST, PUT, PATCH, DELETE } = await routes(prisma);` */
export async function routes(prisma: PrismaSql) {
  const scimd = await createScimd({ store: sql(prisma, { User, Group }) });
  const answer = (request: Request): Promise<Response> => scimd.fetch(request);
  return { scimd, GET: answer, POST: answer, PUT: answer, PATCH: answer, DELETE: answer };
}
