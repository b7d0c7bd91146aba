/** What is read once for all endpoints of a tenant, which are mostly at the same position: events, and who leaves behind them. */
import { isLeaver } from '../change-record.ts';
import { type Position, positionText } from '../position.ts';
import type { EventPage, EventReader, Records, TenantName } from '../reader.ts';

/** Events in one page. */
const pageSize = 100;
/** Milliseconds: `data` of an event is as it was then at the earliest. */
const keptFor = 250;
const mostPages = 50;
/** Records that are looked at together for leavers. */
const scanSize = 500;

/** The leavers among records behind a number. */
export interface LeaverLook {
  readonly leavers: readonly { readonly person: string; readonly sequence: number }[];
  /** The last number that was looked at. */
  readonly upTo: number;
  readonly more: boolean;
}

export class SharedPages {
  readonly #reader: EventReader;
  readonly #records: Records;
  readonly #pages = new Map<
    string,
    { readonly at: number; readonly wakes: number; readonly page: Promise<EventPage>; reads: number }
  >();
  /** The last one of each tenant. */
  readonly #looks = new Map<
    number,
    { readonly after: number; readonly wakes: number; readonly look: Promise<LeaverLook> }
  >();
  readonly #readersOf: (tenant: number) => number;
  #wakes = 0;

  /** `readersOf`: how many read a tenant's pages. */
  constructor(reader: EventReader, records: Records, readersOf: (tenant: number) => number) {
    this.#reader = reader;
    this.#records = records;
    this.#readersOf = readersOf;
  }

  /** There may be something new. */
  wake(): void {
    this.#wakes++;
  }

  /** The next events behind a position, of whatever type; a few are left for the next page. */
  read(tenant: TenantName, after: Position): Promise<EventPage> {
    const key = `${tenant.number} ${positionText(after)}`;
    const now = performance.now();
    const known = this.#pages.get(key);
    if (known !== undefined && now - known.at < keptFor) {
      // What all have is kept for no collection of garbage to move.
      if (++known.reads >= this.#readersOf(tenant.number)) this.#pages.delete(key);
      // Behind the last page of then there may be one now.
      return known.wakes === this.#wakes ? known.page : known.page.then((page) => ({ ...page, more: true }));
    }
    const page = this.#reader.read(tenant, after, { limit: pageSize });
    // What nobody is given any more is kept for no collection of garbage to move.
    for (const [other, { at }] of this.#pages) {
      if (now - at < keptFor && this.#pages.size < mostPages) break;
      this.#pages.delete(other);
    }
    this.#pages.delete(key);
    if (this.#readersOf(tenant.number) === 1) return page;
    this.#pages.set(key, { at: now, wakes: this.#wakes, page, reads: 1 });
    page.then(
      // What is empty now is not a moment later.
      ({ made }) => made.length === 0 && this.#pages.delete(key),
      () => this.#pages.delete(key),
    );
    return page;
  }

  /** Who leaves behind a number. What comes later is told by the next {@link wake}. */
  leaversBehind(tenant: number, after: number): Promise<LeaverLook> {
    const known = this.#looks.get(tenant);
    if (known?.after === after && known.wakes === this.#wakes) return known.look;
    const look = this.#look(tenant, after);
    this.#looks.set(tenant, { after, wakes: this.#wakes, look });
    look.catch(() => this.#looks.delete(tenant));
    return look;
  }

  async #look(tenant: number, after: number): Promise<LeaverLook> {
    const records = await this.#records({ tenant, after, limit: scanSize });
    return {
      leavers: records.filter(isLeaver).map(({ id, sequence }) => ({ person: id, sequence })),
      upTo: records.at(-1)?.sequence ?? after,
      more: records.length === scanSize,
    };
  }
}
