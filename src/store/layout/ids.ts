/** UUIDv7 (RFC 9562 §5.7): unique without asking, and later ones sort behind earlier ones, so indexes grow at their end. */
import { randomBytes } from 'node:crypto';

/** Random digits that one id takes, in base 16. */
const length = 16;
let pool = '';
let used = 0;

/** Drawn from the system in larger lots. */
function randomDigits(): string {
  if (used + length > pool.length) {
    pool = randomBytes(256 * length).toString('hex');
    used = 0;
  }
  used += length;
  return pool.slice(used - length, used);
}

/** A source of ids that grow strictly, also within one millisecond and when the clock goes back. */
export function uuidV7Source(now: () => number): () => string {
  let milliseconds = 0;
  let count = 0;
  let head = '';
  return () => {
    const time = now();
    const digits = randomDigits();
    // Of the first digit, two bits are where the count begins and two are random.
    const first = Number.parseInt(digits.slice(0, 1), 16);
    if (time > milliseconds) {
      milliseconds = time;
      count = (first >> 2) << 9;
      head = headOf(milliseconds);
    } else if (++count > 0xfff) {
      milliseconds++;
      count = 0;
      head = headOf(milliseconds);
    }
    const middle = (0x7000 | count).toString(16);
    const variant = (8 | (first & 3)).toString(16);
    return `${head}-${middle}-${variant}${digits.slice(1, 4)}-${digits.slice(4, 16)}`;
  };
}

function headOf(milliseconds: number): string {
  const digits = milliseconds.toString(16).padStart(12, '0');
  return `${digits.slice(0, 8)}-${digits.slice(8)}`;
}
