/** The past and the proof in an embedder's process: what the commands of scimd docs audit answer. */
import type { KeyObject } from 'node:crypto';
import manifest from '../../package.json' with { type: 'json' };
import { operator } from '../directory/caller.ts';
import { Directory, type DirectoryOptions } from '../directory/directory.ts';
import type { TenantName } from '../events/reader.ts';
import type { ResourceType } from '../scim/registry.ts';
import type { ChainHead, ChainReport } from '../store/chain.ts';
import type { Actor } from '../store/change.ts';
import type { Store } from '../store/store.ts';
import { type AccessQuery, type AccessRow, accessReport } from './access.ts';
import { type DiffQuery, type DiffRow, diffReport } from './diff.ts';
import { evidence, readPublicKey, readSigningKey, verifyEvidence } from './evidence.ts';
import type { ReportFormat, Verified } from './evidence-form.ts';
import { type LeaverRow, type LeaversQuery, leaversReport } from './leavers.ts';
import { type OrphanRow, type OrphansQuery, orphansReport } from './orphans.ts';
import type { Report } from './report.ts';
import { type SeatsRow, seatsReport } from './seats.ts';
import { type HistoryRow, historyReport } from './timeline.ts';

/** `default` unless given. */
interface OfTenant {
  readonly tenant?: string;
}

/** A resource by its id; a User unless `type` says otherwise. */
interface OfResource extends OfTenant {
  readonly id: string;
  readonly type?: string;
}

/** How a report becomes a file. */
export interface EvidenceOptions {
  /** What was asked, in your words. */
  readonly query: string;
  readonly author: string;
  readonly format: ReportFormat;
  /** An ed25519 private key in PEM form that signs it. */
  readonly signKey?: string;
}

/**
 * Who had access when, and the proof. Moments are times or numbers of changes. Throws a HistoryError that says why where
 * something cannot be answered, such as a time from which changes are kept no longer.
 */
export interface ScimdHistory {
  /** Every change of one resource, also of a deleted one. */
  of(id: string, options?: OfTenant): Promise<Report<HistoryRow>>;
  access(query?: AccessQuery & OfTenant): Promise<Report<AccessRow>>;
  diff(query: DiffQuery & OfTenant): Promise<Report<DiffRow>>;
  /** `sla` in milliseconds. */
  leavers(query: LeaversQuery & OfTenant): Promise<Report<LeaverRow>>;
  orphans(query: OrphansQuery & OfTenant): Promise<Report<OrphanRow>>;
  seats(query?: { readonly at?: Date | number } & OfTenant): Promise<Report<SeatsRow>>;
  /** Checks the chain of the change record; `head` is what it answered earlier, to be compared with. */
  verify(options?: OfTenant & { readonly head?: ChainHead }): Promise<ChainReport>;
  /** The text of a file that proves itself. */
  evidence<Row extends object>(report: Report<Row>, options: EvidenceOptions): string;
  /** Checks such a text, and that the owner of the public key (PEM) signed it. Throws an EvidenceError that says what is wrong. */
  verifyEvidence(text: string, publicKey?: string): Verified;
  /**
   * Brings a deleted resource back, with its id, groups and members; through the hooks, and recorded. Throws a
   * DirectoryError: `not-found`, `present`, `taken`.
   */
  restore(resource: OfResource): Promise<void>;
  /** Takes everything about a resource out of what is stored, its past included. Throws a DirectoryError `not-found`. */
  erase(resource: OfResource): Promise<void>;
}

/** `numberOf` answers a tenant's number by its name, and throws where there is none. */
export function embeddedHistory(
  store: Store,
  numberOf: (tenant: string) => Promise<number>,
  actor: Actor,
  options: DirectoryOptions,
): ScimdHistory {
  const directory = new Directory(store, options);
  const tenantOf = async ({ tenant: name = 'default' }: OfTenant = {}): Promise<TenantName> => ({
    name,
    number: await numberOf(name),
  });
  const typeNamed = (name = 'User'): ResourceType => {
    const type = store.registry.resourceTypes.find((each) => each.name === name);
    if (type === undefined) throw new RangeError(`there is no resource type ${name}`);
    return type;
  };
  const callerIn = async (of: OfTenant) => operator((await tenantOf(of)).number, actor, 'strict');
  return {
    of: async (id, of) => historyReport(store, await tenantOf(of), id),
    access: async (query = {}) => accessReport(store, await tenantOf(query), query),
    diff: async (query) => diffReport(store, await tenantOf(query), query),
    leavers: async (query) => leaversReport(store, await tenantOf(query), query),
    orphans: async (query) => orphansReport(store, await tenantOf(query), query),
    seats: async (query = {}) => seatsReport(store, await tenantOf(query), query),
    async verify({ head, ...of } = {}) {
      const { number: tenant } = await tenantOf(of);
      return store.past.verify({ tenant, ...(head === undefined ? {} : { expected: head }) });
    },
    evidence(report, { query, author, format, signKey }) {
      const key: KeyObject | undefined = signKey === undefined ? undefined : readSigningKey(signKey);
      return evidence(report, format, { query, author, version: `scimd ${manifest.version}`, key });
    },
    verifyEvidence: (text, publicKey) =>
      verifyEvidence(text, publicKey === undefined ? undefined : readPublicKey(publicKey)),
    async restore({ id, type, ...of }) {
      await directory.restore(await callerIn(of), typeNamed(type), id);
    },
    async erase({ id, type, ...of }) {
      await directory.erase(await callerIn(of), typeNamed(type), id);
    },
  };
}
