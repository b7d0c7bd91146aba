/** Users with more than one value to lose, and the probes that PATCH them. */
import type { Step, Visit } from './check.ts';
import { status } from './expect.ts';
import { addressOf, enterpriseSchema, patch, pathOf, post, user, userSchema } from './messages.ts';
import { all, becomes, keepsValues, type Members, probe, type Wanted } from './probe.ts';

export const address = (visit: Visit, kind: string) => addressOf(visit, `integrity-${kind}`);
export const work = (visit: Visit): Members => ({ value: address(visit, 'work'), type: 'work' });
export const home = (visit: Visit): Members => ({ value: address(visit, 'home'), type: 'home' });
export const other = (visit: Visit): Members => ({ value: address(visit, 'other'), type: 'other' });

/** A user with more than one value to lose. */
function person(visit: Visit, name: string, more: Members = {}): Members {
  return user(visit, `integrity-${name}`, {
    nickName: 'Doc',
    title: 'Physician',
    emails: [{ ...work(visit), primary: true, display: 'At work' }, home(visit)],
    ...(visit.supports('enterprise')
      ? {
          schemas: [userSchema, enterpriseSchema],
          [enterpriseSchema]: {
            department: 'Surgery',
            employeeNumber: '701984',
            ...(name.startsWith('manager') ? { manager: { value: visit.stranger } } : {}),
          },
        }
      : {}),
    ...more,
  });
}

type Operation = (visit: Visit) => Members;

export interface Patched {
  /** Also the word and the address of its user. */
  readonly name: string;
  readonly operation: Operation;
  readonly wanted: Wanted;
  readonly should?: Wanted;
  readonly note?: Wanted;
  readonly more?: (visit: Visit) => Members;
}

export function onUser({ name, operation, wanted, should, note, more }: Patched): readonly Step[] {
  return probe(`integrity ${name}`, {
    make: post('/Users', (visit) => person(visit, name, more?.(visit)), status(201)),
    send: {
      method: 'PATCH',
      path: pathOf(`integrity ${name}`),
      body: (visit) => patch(operation(visit)),
      expect: [],
    },
    wanted,
    ...(should === undefined ? {} : { should }),
    ...(note === undefined ? {} : { note }),
  });
}

export const emails = (...wanted: readonly ((visit: Visit) => Members)[]): Wanted =>
  all(
    becomes('emails', (visit) => wanted.map((each) => each(visit))),
    keepsValues('emails'),
  );
export const withAddress =
  (address: (visit: Visit) => Members, value: string) =>
  (visit: Visit): Members => ({ ...address(visit), value: addressOf(visit, value) });
