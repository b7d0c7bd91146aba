/** SCIMMY with its routers on express, as its own documentation puts them together: users and groups in memory. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import SCIMMY from 'scimmy';
import SCIMMYRouters from 'scimmy-routers';

type Stored = Record<string, unknown> & { readonly id: string };

interface Asked {
  readonly id?: string;
  readonly filter?: { match(values: readonly Stored[]): Stored[] };
}

function handlersOf(stored: Map<string, Stored>, resourceType: string, unique: string | undefined) {
  const found = (id: string): Stored => {
    const resource = stored.get(id);
    if (resource === undefined) throw new SCIMMY.Types.Error(404, undefined as never, `no ${id}`);
    return resource;
  };
  return {
    egress({ id, filter }: Asked): unknown {
      if (id !== undefined) return found(id);
      const all = [...stored.values()];
      return filter === undefined ? all : filter.match(all);
    },
    ingress({ id }: Asked, instance: object): unknown {
      const given = JSON.parse(JSON.stringify(instance)) as Record<string, unknown>;
      const before = id === undefined ? undefined : found(id);
      const isTaken = (other: Stored): boolean =>
        unique !== undefined &&
        other.id !== id &&
        String(other[unique]).toLowerCase() === String(given[unique]).toLowerCase();
      if ([...stored.values()].some(isTaken))
        throw new SCIMMY.Types.Error(409, 'uniqueness', `${unique} is taken`);
      const now = new Date().toISOString();
      const created = (before?.meta as { created?: string } | undefined)?.created ?? now;
      const resource: Stored = {
        ...given,
        id: id ?? randomUUID(),
        meta: { resourceType, created, lastModified: now },
      };
      stored.set(resource.id, resource);
      return resource;
    },
    degress({ id = '' }: Asked): void {
      found(id);
      stored.delete(id);
    },
  };
}

export interface ScimmyServer {
  readonly base: string;
  /** How many resources there are. */
  size(): number;
  close(): void;
}

export async function startScimmy(token: string): Promise<ScimmyServer> {
  const [users, groups] = [new Map<string, Stored>(), new Map<string, Stored>()];
  const type = (
    declared: typeof SCIMMY.Resources.User,
    stored: Map<string, Stored>,
    unique?: string,
  ): void => {
    const { egress, ingress, degress } = handlersOf(stored, declared.name, unique);
    SCIMMY.Resources.declare(declared)
      .egress(egress as never)
      .ingress(ingress as never)
      .degress(degress as never);
  };
  type(SCIMMY.Resources.User, users, 'userName');
  type(SCIMMY.Resources.Group as unknown as typeof SCIMMY.Resources.User, groups);
  const application = express();
  application.use(
    '/scim',
    new SCIMMYRouters({
      type: 'bearer',
      handler: ({ headers }: { readonly headers: Readonly<Record<string, unknown>> }) => {
        if (headers.authorization !== `Bearer ${token}`) throw new Error('who are you?');
        return 'doctor';
      },
    } as never) as never,
  );
  const server = application.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}/scim`,
    size: () => users.size + groups.size,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
