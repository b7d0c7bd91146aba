/**
 * The command line from source: `npm start` and `npm run scimd`. npm runs a script in the project's folder; paths on the
 * command line, and scim.config.json, are those of the folder in which npm was called (INIT_CWD).
 */
const { INIT_CWD } = process.env;
if (INIT_CWD !== undefined) {
  // What is started from here, such as a scheduled backup, finds the loader from that folder too.
  process.execArgv = process.execArgv.map((word) => (word === 'tsx' ? import.meta.resolve('tsx') : word));
  process.chdir(INIT_CWD);
}
await import('../src/main.ts');

export {};
