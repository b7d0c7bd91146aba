/** For which systems there are binaries. Names are those of Node.js's releases. */
export interface Target {
  readonly name: string;
  readonly os: 'linux' | 'darwin' | 'win';
  readonly arch: 'x64' | 'arm64';
  /** The file in dist. */
  readonly output: string;
}

function target(os: Target['os'], arch: Target['arch']): Target {
  const name = `${os}-${arch}`;
  return { name, os, arch, output: `dist/scimd-${name}${os === 'win' ? '.exe' : ''}` };
}

/** Made when none is named. */
export const usual: readonly Target[] = [
  target('linux', 'x64'),
  target('linux', 'arm64'),
  target('win', 'x64'),
];

/** Made when named. */
const more: readonly Target[] = [target('win', 'arm64'), target('darwin', 'x64'), target('darwin', 'arm64')];

export function named(name: string): Target {
  const all = [...usual, ...more];
  const found = all.find((each) => each.name === name);
  if (found === undefined)
    throw new Error(`no target ${name}; there are ${all.map((each) => each.name).join(', ')}`);
  return found;
}

const platforms = { linux: 'linux', darwin: 'darwin', win: 'win32' } as const;

/** As `process.platform` says it, and with it the names of better-sqlite3's prebuilt addons. */
export function platformOf({ os }: Target): NodeJS.Platform {
  return platforms[os];
}

/** The one that runs on this system. */
export const here: Target = named(
  `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`,
);
