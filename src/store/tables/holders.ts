/** Who has what through groups, over the embedder's tables: what `holderSql` asks of scimd's own. */
import { parseFilter } from '../../../grammar/index.ts';
import { bindFilter } from '../../query/bind.ts';
import type { HolderSql } from '../sql/grants.ts';
import type { Steps as StoreSteps } from '../sql/steps.ts';
import type { Tenant } from '../store.ts';
import {
  databaseSql,
  type SqlDatabase,
  type SqlRow,
  type SqlValue,
  type Statement,
  type Steps,
  statement,
} from './database.ts';
import type { MappedTable } from './mapping.ts';
import { type MappedMembers, type Memberships, nestedIn } from './memberships.ts';
import { idText } from './names.ts';
import type { Reading, ServedType } from './reading.ts';

type Parameters = readonly (string | number | boolean | null)[];
type Question = (parameters: Parameters) => Steps<readonly (readonly unknown[])[]>;

/** Names of what is asked, which stand where a store of scimd's own has statements. */
const names: HolderSql = {
  tenantName: 'holders tenantName',
  tenants: 'holders tenants',
  ofTenant: 'holders ofTenant',
  holders: 'holders holders',
  count: 'holders count',
  countDirect: 'holders countDirect',
  isPerson: 'holders isPerson',
  countWithout: 'holders countWithout',
  peopleIn: 'holders peopleIn',
  through: 'holders through',
  groupsAmong: 'holders groupsAmong',
  groups: 'holders groups',
};

/** By the tenant, twice. */
const activePeople = 'holders activePeople';

const value = (of: SqlValue): Statement => statement('?', of);

/** Text and statements as one statement. */
function compose(texts: TemplateStringsArray, ...parts: readonly (string | Statement)[]): Statement {
  const parameters: SqlValue[] = [];
  const all = texts.map((text, index) => {
    const part = parts[index];
    if (part === undefined || typeof part === 'string') return text + (part ?? '');
    parameters.push(...part.parameters);
    return text + part.text;
  });
  return { text: all.join(''), parameters };
}

/** Names of tenants, which are known when they were loaded. */
export interface KnownTenants {
  readonly name: (tenant: number) => string;
  readonly load: () => Steps<readonly Tenant[]>;
}

export class Holders {
  readonly sql = names;
  readonly activePeople = activePeople;
  readonly #reading: Reading;
  readonly #memberships: Memberships;
  readonly #types: readonly ServedType[];
  readonly #isSqlite: boolean;
  readonly #join: string;
  readonly #questions: ReadonlyMap<string, Question>;
  /** A condition on the row `p`. */
  #isActive: Statement | undefined;

  constructor(
    dialect: SqlDatabase['dialect'],
    reading: Reading,
    memberships: Memberships,
    types: readonly ServedType[],
    tenants: KnownTenants,
  ) {
    this.#reading = reading;
    this.#memberships = memberships;
    this.#types = types;
    this.#isSqlite = dialect === 'sqlite';
    this.#join = this.#isSqlite ? 'CROSS JOIN' : 'JOIN';
    this.#questions = new Map<string, Question>([
      [names.tenantName, ([tenant]) => known([[tenants.name(Number(tenant))]])],
      [names.tenants, () => tenantRows(tenants)],
      [names.ofTenant, ([tenant]) => rows(ofTenant(Number(tenant)))],
      [names.holders, (given) => rows(this.#holders(given))],
      [names.count, (given) => rows(counted(this.#holders(given), given[3]))],
      [names.countDirect, (given) => rows(counted(this.#direct(given), given[3]))],
      [names.isPerson, ([tenant, id]) => rows(this.#isPerson(Number(tenant), String(id)))],
      [names.countWithout, (given) => rows(counted(this.#without(given), given[5]))],
      [names.peopleIn, ([ids, tenant]) => rows(this.#peopleIn(Number(tenant), String(ids)))],
      [names.through, ([ids, tenant]) => rows(this.#through(Number(tenant), String(ids)))],
      [names.groupsAmong, ([ids, tenant]) => rows(this.#groupsAmong(Number(tenant), String(ids)))],
      [names.groups, ([tenant]) => this.#groups(Number(tenant))],
      [activePeople, ([tenant]) => rows(this.#activePeople(Number(tenant)))],
    ]);
  }

  /** Steps of the stores of scimd's own as steps over these tables. */
  *run<Result>(steps: StoreSteps<Result>): Steps<Result> {
    for (let step = steps.next(); ; ) {
      if (step.done) return step.value;
      const { text, parameters } = step.value;
      const question = this.#questions.get(text);
      const answered =
        question === undefined ? yield* rows({ text, parameters }) : yield* question(parameters);
      step = steps.next(answered);
    }
  }

  /** The groups that give something, with the people in them. */
  get #mapped(): MappedMembers | undefined {
    return this.#memberships.all.find(({ owner }) => owner.table.type.name === 'Group');
  }

  get #people(): ServedType {
    const people = this.#types.find(({ type }) => type.name === 'User');
    if (people === undefined) throw new Error('roles and the guard need a table of users');
    return people;
  }

  /** Present and, by the attribute `active`, active: a condition on the row `p`. */
  #active(tenant: number): Statement {
    const people = this.#people;
    const within = this.#reading.within(people, tenant, 'p');
    if (!people.type.attributes.has('active')) return within;
    this.#isActive ??= conditionOf(people, 'not (active eq false)', 'p');
    return compose`${within} AND (${this.#isActive})`;
  }

  /** The same of those who are not locked. */
  #free(tenant: number): Statement {
    const id = idText(this.#people.table, 'p');
    return compose`${this.#active(tenant)} AND NOT EXISTS (SELECT 1 FROM scimd_access_lock l WHERE l.tenant = ${value(tenant)} AND l.id = ${id})`;
  }

  /** The ids of a JSON array that the table can have, as a subquery. */
  #ids({ id }: MappedTable, text: string): Statement {
    const possible = (JSON.parse(text) as string[]).filter((each) => this.#reading.isPossible({ id }, each));
    const from = databaseSql[this.#isSqlite ? 'sqlite' : 'postgres'].jsonStrings('?', 'j');
    return statement(
      `(SELECT ${id.parameter.replace('?', 'j.value')} FROM ${from})`,
      JSON.stringify(possible),
    );
  }

  /** The groups that give it, by tenant, kind and name: rows of the table `g`. */
  #giving([tenant, kind, name]: Parameters, { owner }: MappedMembers): Statement {
    const { table } = owner;
    const within = this.#reading.within(this.#reading.served(table.type), Number(tenant), 'g');
    return compose`SELECT g.${table.row.sql} AS grp FROM scimd_access_grant a ${this.#join} ${table.facts.sql} g ON g.${table.id.sql} = ${table.id.parameter.replace('?', 'a.group_id')} AND ${within} WHERE a.tenant = ${value(Number(tenant))} AND a.kind = ${value(String(kind))} AND a.name = ${value(String(name))}`;
  }

  /** `down` has these groups, and those within them, unless an edge is left out. */
  #down(
    start: Statement,
    { facts, group, nested }: MappedMembers,
    except: Statement | string = '',
  ): Statement {
    if (nested === undefined) return compose`WITH down (grp) AS (${start})`;
    return compose`WITH RECURSIVE down (grp) AS (
  ${start}
  UNION SELECT m.${nested.sql} FROM down ${this.#join} ${facts.sql} m ON m.${group.sql} = down.grp WHERE m.${nested.sql} IS NOT NULL${except}
)`;
  }

  /** FROM and WHERE of the people `p` in the groups of `down`. */
  #inDown(tenant: number, { facts, group, member, people }: MappedMembers): Statement {
    const { table } = people;
    return compose`FROM down ${this.#join} ${facts.sql} m ON m.${group.sql} = down.grp ${this.#join} ${table.facts.sql} p ON p.${table.row.sql} = m.${member.sql} WHERE ${this.#free(tenant)}`;
  }

  #holders(given: Parameters): Statement {
    const mapped = this.#mapped;
    if (mapped === undefined) return nobody;
    const id = idText(mapped.people.table, 'p');
    return compose`${this.#down(this.#giving(given, mapped), mapped)} SELECT DISTINCT ${id} AS id ${this.#inDown(Number(given[0]), mapped)} ORDER BY 1`;
  }

  /** Direct members alone. */
  #direct(given: Parameters): Statement {
    const mapped = this.#mapped;
    if (mapped === undefined) return nobody;
    const id = idText(mapped.people.table, 'p');
    return compose`WITH down (grp) AS (${this.#giving(given, mapped)}) SELECT DISTINCT ${id} AS id ${this.#inDown(Number(given[0]), mapped)}`;
  }

  /** Without the members of one group that a JSON array names. */
  #without([tenant, kind, name, group, ids]: Parameters): Statement {
    const mapped = this.#mapped;
    if (mapped === undefined) return nobody;
    const { owner, people, nested } = mapped;
    const { table } = owner;
    const its = {
      text: `(SELECT o.${table.row.sql} FROM ${table.facts.sql} o WHERE o.${table.id.sql} = ${table.id.parameter})`,
      parameters: [table.id.bind(String(group))],
    };
    const groups = compose`SELECT o.${table.row.sql} FROM ${table.facts.sql} o WHERE o.${table.id.sql} IN ${this.#ids(table, String(ids))}`;
    const except =
      nested === undefined
        ? ''
        : compose` AND NOT (m.${mapped.group.sql} = ${its} AND m.${nested.sql} IN (${groups}))`;
    const start = this.#giving([tenant ?? 0, kind ?? '', name ?? ''], mapped);
    const id = idText(people.table, 'p');
    return compose`${this.#down(start, mapped, except)} SELECT DISTINCT ${id} AS id ${this.#inDown(Number(tenant), mapped)} AND NOT (m.${mapped.group.sql} = ${its} AND p.${people.table.id.sql} IN ${this.#ids(people.table, String(ids))})`;
  }

  /** Is it a person, and active? */
  #isPerson(tenant: number, id: string): Statement {
    const { table } = this.#people;
    if (!this.#reading.isPossible(table, id)) return statement('SELECT 0 AS is_user, 0 AS is_active');
    const own = { text: table.id.parameter, parameters: [table.id.bind(id)] };
    const active = compose`SELECT 1 AS is_user, 1 AS is_active FROM ${table.facts.sql} p WHERE p.${table.id.sql} = ${own} AND ${this.#active(tenant)}`;
    const present = compose`SELECT 1 AS is_user, 0 AS is_active FROM ${table.facts.sql} p WHERE p.${table.id.sql} = ${own} AND ${this.#reading.within(this.#people, tenant, 'p')}`;
    return compose`SELECT is_user, is_active FROM (${active} UNION ALL ${present} UNION ALL SELECT 0, 0) s ORDER BY is_user DESC, is_active DESC LIMIT 1`;
  }

  #peopleIn(tenant: number, ids: string): Statement {
    const { table } = this.#people;
    const direct = compose`SELECT ${idText(table, 'p')} AS id FROM ${table.facts.sql} p WHERE p.${table.id.sql} IN ${this.#ids(table, ids)} AND ${this.#free(tenant)}`;
    const mapped = this.#mapped;
    if (mapped === undefined) return direct;
    const { owner } = mapped;
    const within = this.#reading.within(this.#reading.served(owner.table.type), tenant, 'g');
    const start = compose`SELECT g.${owner.table.row.sql} AS grp FROM ${owner.table.facts.sql} g WHERE g.${owner.table.id.sql} IN ${this.#ids(owner.table, ids)} AND ${within}`;
    return compose`${this.#down(start, mapped)} SELECT id FROM (${direct} UNION SELECT ${idText(table, 'p')} AS id ${this.#inDown(tenant, mapped)}) s ORDER BY id`;
  }

  #through(tenant: number, ids: string): Statement {
    const mapped = this.#mapped;
    if (mapped === undefined) return nobody;
    const { owner, people, facts, group, member, nested } = mapped;
    const groups = compose`SELECT g.${owner.table.row.sql} AS grp FROM ${owner.table.facts.sql} g WHERE g.${owner.table.id.sql} IN ${this.#ids(owner.table, ids)}`;
    const joined = compose`SELECT m.${group.sql} AS grp FROM ${people.table.facts.sql} u ${this.#join} ${facts.sql} m ON m.${member.sql} = u.${people.table.row.sql} WHERE u.${people.table.id.sql} IN ${this.#ids(people.table, ids)}`;
    const start = compose`SELECT s.grp FROM (${groups} UNION ${joined}) s`;
    const up =
      nested === undefined
        ? compose`WITH up (grp) AS (${start})`
        : compose`WITH RECURSIVE up (grp) AS (${start} UNION SELECT m.${group.sql} FROM up ${nestedIn(this.#isSqlite ? 'sqlite' : 'postgres', facts, nested)})`;
    return compose`${up} SELECT DISTINCT a.kind, a.name FROM up ${this.#join} ${owner.table.facts.sql} g ON g.${owner.table.row.sql} = up.grp ${this.#join} scimd_access_grant a ON a.tenant = ${value(tenant)} AND a.group_id = ${idText(owner.table, 'g')}`;
  }

  #groupsAmong(tenant: number, ids: string): Statement {
    const mapped = this.#mapped;
    if (mapped === undefined) return nobody;
    const { table } = mapped.owner;
    const within = this.#reading.within(this.#reading.served(table.type), tenant, 'g');
    return compose`SELECT ${idText(table, 'g')} AS id FROM ${table.facts.sql} g WHERE g.${table.id.sql} IN ${this.#ids(table, ids)} AND ${within} LIMIT 1`;
  }

  /** Row (here the id again), id, document and whether it has members, of all groups of a tenant. */
  *#groups(tenant: number): Steps<readonly (readonly unknown[])[]> {
    const mapped = this.#mapped;
    if (mapped === undefined) return [];
    const served = this.#reading.served(mapped.owner.table.type);
    const within = this.#reading.within(served, tenant);
    const found =
      yield compose`SELECT ${this.#reading.columns(served)}, EXISTS (SELECT 1 FROM ${mapped.facts.sql} m WHERE m.${mapped.group.sql} = t.${served.table.row.sql}) AS has_members ${this.#reading.from(served)} WHERE ${within} ORDER BY ${idText(served.table, 't')}`;
    return found.map((row: SqlRow) => {
      const { resource } = this.#reading.toRow(served, row);
      return [resource.id, resource.id, resource.body, Boolean(row.has_members)];
    });
  }

  #activePeople(tenant: number): Statement {
    return compose`SELECT count(*) AS n FROM ${this.#people.table.facts.sql} p WHERE ${this.#active(tenant)}`;
  }
}

const nobody = statement('SELECT 1 AS id WHERE FALSE');

function ofTenant(tenant: number): Statement {
  return statement('SELECT group_id, kind, name FROM scimd_access_grant WHERE tenant = ?', tenant);
}

function conditionOf({ conditions, type }: ServedType, filter: string, alias: string): Statement {
  const { sql, parameters } = conditions.compile(bindFilter(parseFilter(filter), type), alias);
  return { text: sql, parameters };
}

/** How many rows there are, counted up to a number. */
function counted(of: Statement, most: Parameters[number] | undefined): Statement {
  return compose`SELECT count(*) AS n FROM (${of} LIMIT ${value(Number(most))}) c`;
}

/** The rows as stores of scimd's own have them: values in the order of their columns. */
function* rows(of: Statement): Steps<readonly (readonly unknown[])[]> {
  return (yield of).map((row: SqlRow) => Object.values(row));
}

// biome-ignore lint/correctness/useYield: what is known needs no statement.
function* known(answer: readonly (readonly unknown[])[]): Steps<readonly (readonly unknown[])[]> {
  return answer;
}

function* tenantRows(tenants: KnownTenants): Steps<readonly (readonly unknown[])[]> {
  return (yield* tenants.load()).map(({ number, name }) => [number, name]);
}
