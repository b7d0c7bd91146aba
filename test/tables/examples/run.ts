/** `run.ts bun|deno FILE`: the example of that runtime, examined by the doctor. Prints what it saw. */
import { doctor } from '../../../src/index.ts';

const [example, file = ''] = process.argv.slice(2);
const { start } = (await import(`./${example}.ts`)) as typeof import('./deno.ts');
const { scimd, fetch } = await start(file);
const { token } = await scimd.createToken({ name: 'doctor' });
const { passed, text } = await doctor(fetch, { token });
console.log(text);
await scimd.close();
process.exit(passed ? 0 : 1);
