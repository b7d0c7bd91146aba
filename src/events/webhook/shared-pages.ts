/** Events that are read once for all endpoints of a tenant, which are mostly at the same position. */
import { type Position, positionText } from '../position.ts';
import type { EventPage, EventReader, TenantName } from '../reader.ts';

/** Events in one page. */
const pageSize = 100;
/** Milliseconds: `data` of an event is as it was then at the earliest. */
const keptFor = 250;
const mostPages = 50;

export class SharedPages {
  readonly #reader: EventReader;
  readonly #pages = new Map<
    string,
    { readonly at: number; readonly wakes: number; readonly page: Promise<EventPage> }
  >();
  #wakes = 0;

  constructor(reader: EventReader) {
    this.#reader = reader;
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
    if (known !== undefined && now - known.at < keptFor)
      // Behind the last page of then there may be one now.
      return known.wakes === this.#wakes ? known.page : known.page.then((page) => ({ ...page, more: true }));
    const page = this.#reader.read(tenant, after, { limit: pageSize });
    this.#pages.delete(key);
    this.#pages.set(key, { at: now, wakes: this.#wakes, page });
    const [first] = this.#pages.keys();
    if (this.#pages.size > mostPages && first !== undefined) this.#pages.delete(first);
    page.then(
      // What is empty now is not a moment later.
      ({ made }) => made.length === 0 && this.#pages.delete(key),
      () => this.#pages.delete(key),
    );
    return page;
  }
}
