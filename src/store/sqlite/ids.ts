/** UUIDv7 (RFC 9562 §5.7): unique without asking, and later ones sort behind earlier ones, so indexes grow at their end. */
import { randomFillSync } from 'node:crypto';

const pool = new Uint8Array(8 * 512);
let unused = 0;

/** Eight random bytes, drawn from the system in larger lots. */
function random(): bigint {
  if (unused === 0) {
    randomFillSync(pool);
    unused = pool.length;
  }
  unused -= 8;
  return new DataView(pool.buffer, unused, 8).getBigUint64(0);
}

/** A source of ids that grow strictly, also within one millisecond and when the clock goes back. */
export function uuidV7Source(now: () => number): () => string {
  let milliseconds = 0;
  let count = 0;
  return () => {
    const time = now();
    const bits = random();
    if (time > milliseconds) {
      milliseconds = time;
      count = Number(bits >> 62n) << 9;
    } else if (++count > 0xfff) {
      milliseconds++;
      count = 0;
    }
    const head = milliseconds.toString(16).padStart(12, '0');
    const tail = ((bits & 0x3fff_ffff_ffff_ffffn) | 0x8000_0000_0000_0000n).toString(16);
    const middle = (0x7000 | count).toString(16);
    return `${head.slice(0, 8)}-${head.slice(8)}-${middle}-${tail.slice(0, 4)}-${tail.slice(4)}`;
  };
}
