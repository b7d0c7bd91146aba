/**
 * What one endpoint is to get, and in which order. Reads on from its position in the change record, keeps the order of
 * each subject, lets different subjects overtake each other, and puts leavers first, behind earlier events of the same
 * person only. Knows nothing of connections.
 */
import type { Endpoint, Progress, StoredDelivery } from '../../store/outbox.ts';
import {
  comparePositions,
  type Position,
  parsePosition,
  positionBefore,
  positionText,
  start,
} from '../position.ts';
import type { Records } from '../reader.ts';
import type { LaneSource } from './lane-source.ts';
import { type Answer, succeeded } from './management.ts';
import { type Carried, type Message, messageOf, sentId } from './message.ts';
import { OpenMessages } from './open-messages.ts';
import { disableAfter, nextTry } from './schedule.ts';
import type { SharedPages } from './shared-pages.ts';
import { Unstored } from './unstored.ts';

export interface LaneTools {
  readonly sourceOf: (endpoint: Endpoint) => LaneSource;
  readonly records: Records;
  readonly leaversBehind: SharedPages['leaversBehind'];
  /** Resolves when all that was read by now is on the disk. */
  readonly durable?: () => Promise<void>;
}

/** Events that are read ahead, and records of one person that are read together. */
const windowSize = 200;
const scanSize = 500;
/** After so many failures in a row only one new message is tried within {@link probeEvery} milliseconds. */
const fewFailures = 3;
const probeEvery = 60_000;
/** With so many failed messages no new ones are begun, but for leavers. */
const mostOpen = 1000;

export class Lane {
  endpoint: Endpoint;
  /** Messages that are sent right now. */
  inFlight = 0;
  /** When the last of them began, by the clock that never jumps. */
  lastBegun = 0;
  readonly #tools: LaneTools;
  #source: LaneSource;
  /** Up to here all is read. */
  #cursor: Position;
  #atEnd = false;
  /** Read, and not begun. */
  #window: Carried[] = [];
  /** By event id: read, and neither delivered nor put into the outbox. The first is where the position stands. */
  readonly #unfinished = new Map<string, Position>();
  /** By event id: taken out of turn, before it was read. */
  readonly #ahead = new Map<string, 'pending' | 'done'>();
  /** By person: events that go first. */
  readonly #chains = new Map<string, Carried[]>();
  /** By person: up to which number the access by groups is told already, by the leaver's event. */
  readonly #told = new Map<string, number>();
  #scanned: number;
  /** Whose events are being looked for, to go first. */
  readonly #pulled = new Set<string>();
  readonly #busy = new Set<string>();
  readonly #open = new OpenMessages();
  #proven = false;
  #failures = 0;
  #failingSince: number | undefined;
  #isDisabled = false;
  #probeAt = 0;
  readonly #unstored: Unstored;

  constructor(endpoint: Endpoint, open: readonly StoredDelivery[], tools: LaneTools) {
    this.endpoint = endpoint;
    this.#tools = tools;
    this.#source = tools.sourceOf(endpoint);
    this.#cursor = parsePosition(endpoint.position) ?? start;
    this.#scanned = this.#cursor.sequence;
    if (endpoint.failingSince !== undefined) this.#failingSince = Date.parse(endpoint.failingSince);
    this.#unstored = new Unstored(endpoint.id, endpoint.position);
    this.addOpen(open);
  }

  /** Messages that are in the outbox: those of a server before, and those that are replayed. */
  addOpen(open: readonly StoredDelivery[]): void {
    for (const message of this.#open.add(open)) this.#unstored.remove(message);
  }

  /** The outbox is about to be read: what is not taken out of it yet, or is delivered meanwhile, is not to be added again. */
  expectOpen(): void {
    this.#open.expect(this.#unstored.removals());
  }

  reconfigure(endpoint: Endpoint): void {
    this.endpoint = endpoint;
    this.#source = this.#tools.sourceOf(endpoint);
  }

  isFailing(): boolean {
    return this.#failures >= fewFailures;
  }

  /** Was its last answer a failure? */
  hasFailed(): boolean {
    return this.#failures > 0 || this.#failingSince !== undefined;
  }

  /** Has it taken anything yet? */
  isProven(): boolean {
    return this.#proven;
  }

  /** There may be something new. */
  wake(): void {
    this.#atEnd = false;
  }

  /** Reads on, if there is room; finds leavers behind what is read. True if something came. */
  async fill(): Promise<boolean> {
    if (this.#atEnd) return false;
    this.#atEnd = true;
    let came = false;
    let isMore = true;
    if (this.#window.length < windowSize / 2) {
      const { carried, position, more } = await this.#source.read(
        this.#cursor,
        windowSize - this.#window.length,
      );
      if (carried.length > 0) await this.#tools.durable?.();
      for (const each of carried) this.#take(each);
      came = carried.length > 0 || comparePositions(position, this.#cursor) > 0;
      this.#cursor = position;
      this.#scanned = Math.max(this.#scanned, this.#cursor.unit === undefined ? position.sequence : 0);
      for (const [person, sequence] of this.#told)
        if (sequence <= position.sequence) this.#told.delete(person);
      isMore = more;
      if (more) {
        this.#atEnd = false;
        came = true;
      }
    } else this.#atEnd = false;
    // All that is behind the window has its leavers pulled ahead; those in it too.
    if (this.#window.length > 0) came = (await this.#findLeavers(isMore)) || came;
    return came;
  }

  #take(carried: Carried): void {
    const { id, sequence, unit } = carried;
    const state = this.#ahead.get(id);
    this.#ahead.delete(id);
    if (state === 'done') return;
    if (state === undefined && this.#isTold(carried)) return;
    this.#unfinished.set(id, positionBefore(sequence, unit));
    if (state === undefined) this.#window.push(carried);
  }

  /** A leaver's event, which went ahead, has said more than this one of a group of theirs. */
  #isTold({ isAccess, sequence, subject }: Carried): boolean {
    return isAccess && sequence < (this.#told.get(subject) ?? 0);
  }

  /** `beyond`: may there be records behind the window that nobody looked at? */
  async #findLeavers(beyond: boolean): Promise<boolean> {
    let came = false;
    for (const { leaver, subject, sequence } of this.#window)
      if (leaver) came = (await this.#pull(subject, sequence)) || came;
    while (beyond) {
      const { leavers, upTo, more } = await this.#tools.leaversBehind(this.endpoint.tenant, this.#scanned);
      for (const { person, sequence } of leavers) came = (await this.#pull(person, sequence)) || came;
      this.#scanned = upTo;
      if (!more) break;
    }
    return came;
  }

  /** Puts all of a person up to that change at the front. True if there was anything. */
  async #pull(person: string, upTo: number): Promise<boolean> {
    const isOf = ({ subject, sequence }: Carried): boolean => subject === person && sequence <= upTo;
    const pulled = this.#window.filter(isOf);
    this.#window = this.#window.filter((each) => !isOf(each));
    this.#pulled.add(person);
    try {
      let after = this.#cursor.sequence;
      for (let last = false; !last && after < upTo; ) {
        const { tenant } = this.endpoint;
        const records = await this.#tools.records({ tenant, id: person, after, limit: scanSize });
        last = records.length < scanSize;
        for (const record of records) {
          after = record.sequence;
          if (after > upTo) break;
          for (const carried of await this.#source.all(record)) {
            if (this.#ahead.has(carried.id)) continue;
            this.#ahead.set(carried.id, 'pending');
            pulled.push(carried);
          }
        }
      }
    } finally {
      this.#pulled.delete(person);
      // What was found goes on whether or not there was more.
      if (pulled.length > 0) this.#chains.set(person, [...(this.#chains.get(person) ?? []), ...pulled]);
    }
    if (upTo > this.#cursor.sequence) this.#told.set(person, upTo);
    return pulled.length > 0;
  }

  /** The message to be sent next, if there is one now. To be told to {@link settle} what became of it. */
  next(now: number): Message | undefined {
    if (this.#isDisabled) return undefined;
    const message = this.#retry(now) ?? this.#leaver() ?? this.#fresh(now);
    if (message === undefined) return undefined;
    if (this.isKept(message)) {
      this.#store(message, 0, true);
      this.#finish(message.carried);
    }
    for (const subject of message.subjects) this.#busy.add(subject);
    this.inFlight++;
    this.lastBegun = performance.now();
    return message;
  }

  /** Is it in the outbox before it is sent? Which events a batch has nothing else would tell after a crash. */
  isKept({ body }: Message): boolean {
    return this.endpoint.batch > 1 && body !== undefined;
  }

  /** When the next failed message is due; undefined if none is. */
  due(): number | undefined {
    const times = this.#open.due();
    if (this.isFailing() && this.#window.length > 0) times.push(this.#probeAt);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #retry(now: number): Message | undefined {
    const found = this.#open.take(now, this.#busy);
    if (found === undefined) return undefined;
    const { message: id, subjects, sequence, place, leaver, tries } = found;
    const body = this.#unstored.body(id);
    return { id, carried: [], subjects, sequence, place, leaver, mayEndAccess: true, body, tries };
  }

  #leaver(): Message | undefined {
    for (const [person, chain] of this.#chains) {
      if (this.#busy.has(person) || this.#pulled.has(person)) continue;
      if (this.#open.isOf(person)) {
        for (const carried of chain) this.#putBehind(carried);
        this.#chains.delete(person);
        continue;
      }
      const first = chain.shift();
      if (chain.length === 0) this.#chains.delete(person);
      if (first !== undefined) return messageOf([first], this.endpoint.batch > 1);
    }
    return undefined;
  }

  #fresh(now: number): Message | undefined {
    if (this.#window.length === 0 || this.#open.size >= mostOpen) return undefined;
    if (this.isFailing()) {
      // Unless the clock was set back meanwhile.
      if (now < this.#probeAt && this.#probeAt - now <= probeEvery) return undefined;
      this.#probeAt = now + probeEvery;
    }
    const blocked = new Set([...this.#busy, ...this.#pulled, ...this.#chains.keys()]);
    const taken: Carried[] = [];
    const left: Carried[] = [];
    for (const [index, carried] of this.#window.entries()) {
      const { subject } = carried;
      if (taken.length === this.endpoint.batch) {
        left.push(...this.#window.slice(index));
        break;
      }
      if (blocked.has(subject)) left.push(carried);
      else if (this.#open.isOf(subject)) this.#putBehind(carried);
      else {
        taken.push(carried);
        continue;
      }
      blocked.add(subject);
    }
    this.#window = left;
    const [first, ...rest] = taken;
    if (first === undefined) return undefined;
    return messageOf([first, ...rest], this.endpoint.batch > 1);
  }

  /** Waits in the outbox for earlier messages of its subject. */
  #putBehind(carried: Carried): void {
    this.#store(messageOf([carried], this.endpoint.batch > 1), 0);
    this.#finish([carried]);
  }

  #store(message: Message, next: number, inFlight = false): void {
    const { id, subjects, sequence, place, leaver, tries, body } = message;
    const stored = { message: id, sequence, place, subjects, leaver, tries, next };
    this.#open.put(stored, inFlight);
    if (body !== undefined) this.#unstored.put({ ...stored, body });
    else this.#unstored.retry({ message: id, tries, next });
  }

  #finish(carried: readonly Carried[]): void {
    for (const { id } of carried) {
      if (this.#unfinished.delete(id)) continue;
      if (this.#ahead.has(id)) this.#ahead.set(id, 'done');
    }
  }

  /** What became of a message. Answers why the endpoint is disabled, if it is from now on. */
  settle(message: Message, answer: Answer, at: Date): string | undefined {
    const now = at.getTime();
    this.#release(message);
    const tries = message.tries + 1;
    const { sequence } = message;
    const { status, error, body, milliseconds, clockDifference } = answer;
    this.#unstored.attempt({
      ...{ message: sentId(message.id), sequence, try: tries, at: at.toISOString(), milliseconds },
      ...(status === undefined ? {} : { status }),
      ...(error === undefined ? {} : { error }),
      answer: body,
      ...(clockDifference === undefined ? {} : { clockDifference }),
      ...(message.mayEndAccess ? {} : { endsNoAccess: true }),
    });
    // A token that the receiver cannot read will not be read the next time either (RFC 8935 §4).
    if (succeeded(answer) || answer.isRefused === true) {
      this.#succeed(message);
      return undefined;
    }
    return this.#fail({ ...message, tries }, answer, now);
  }

  /** It could not be sent, for a reason of ours; is no try. */
  postpone(message: Message, until: number): void {
    this.#release(message);
    this.#store(message, until);
    this.#finish(message.carried);
  }

  /** There is nothing to send any more: it was delivered or given up elsewhere. */
  abandon(message: Message): void {
    this.#release(message);
    this.#open.delete(message.id);
  }

  #release({ subjects }: Message): void {
    this.inFlight--;
    for (const subject of subjects) this.#busy.delete(subject);
  }

  #succeed(message: Message): void {
    this.#proven = true;
    if (this.#failures > 0 || this.#failingSince !== undefined) {
      // One that was down is there again: what waited for a later hour is sent now.
      if (this.isFailing()) this.#open.hurry();
      this.#failures = 0;
      this.#failingSince = undefined;
      this.#unstored.set({ failingSince: null });
    }
    this.#finish(message.carried);
    this.#forget(message);
  }

  #forget({ id }: Message): void {
    if (this.#open.delete(id)) this.#unstored.remove(id);
  }

  #fail(message: Message, { status, retryAfter }: Answer, now: number): string | undefined {
    this.#failures++;
    if (this.#failures === fewFailures) this.#probeAt = now + probeEvery;
    if (this.#failingSince === undefined) {
      this.#failingSince = now;
      this.#unstored.set({ failingSince: new Date(now).toISOString() });
    }
    const isGone = status === 410;
    const next = isGone ? 0 : nextTry(message.tries, now, retryAfter);
    if (next === undefined) this.#forget(message);
    else this.#store(message, next);
    this.#finish(message.carried);
    if (isGone) return this.#disable('it answered 410 Gone');
    if (now - this.#failingSince < disableAfter) return undefined;
    return this.#disable('nothing but failures for five days');
  }

  #disable(reason: string): string {
    this.#isDisabled = true;
    this.#unstored.set({ state: 'disabled', reason });
    return reason;
  }

  takeProgress(): Progress | undefined {
    return this.#unstored.take(positionText(this.#unfinished.values().next().value ?? this.#cursor));
  }

  /** It is in the outbox now, or could not be stored: then it comes with the next. */
  stored(progress: Progress, isStored: boolean): void {
    if (isStored) this.#unstored.stored(progress);
    else this.#unstored.giveBack(progress);
  }
}
