/** How much of an attack is made: a little in each test run, all of it by `npm run test:hostile`. */
const isLong = process.env.SCIMD_HOSTILE === 'long';

export function extent<T>(short: T, long: T): T {
  return isLong ? long : short;
}
