/** File system errors in words. */

const reasons: Readonly<Record<string, readonly [reason: string, advice: string]>> = {
  ENOENT: ['no such file or folder', 'Check the path.'],
  ENOTDIR: ['part of its path is not a folder', 'Check the path.'],
  EISDIR: ['it is a folder, not a file', 'Give the path of a file.'],
  EACCES: ['this account may not use it', 'Let the account that runs scimd read and write there.'],
  EPERM: ['this account may not use it', 'Let the account that runs scimd read and write there.'],
  EROFS: ['its volume is mounted read-only', 'Give a place that can be written.'],
  ENOSPC: ['no space is left on its volume', 'Free space there.'],
  EDQUOT: ['the quota of this account is used up', 'Free space there.'],
  EMFILE: ['too many files are open', 'Raise the limit of open files: ulimit -n.'],
  ENFILE: ['too many files are open', 'Close other programs, or raise the limit of the system.'],
  ENAMETOOLONG: ['its name is too long', 'Give a shorter path.'],
  ELOOP: ['its symbolic links form a loop', 'Check the path.'],
  EIO: ['the disk reports an error', 'Check the disk and the system log.'],
};

/** Is it an error that the operating system answered? */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException & { readonly dest?: string } {
  return error instanceof Error && /^E[A-Z0-9]+$/.test((error as NodeJS.ErrnoException).code ?? '');
}

/** `no such file or folder (ENOENT)`; of other errors what they say. */
export function fileReason(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const [reason] = reasons[code] ?? [];
  return reason === undefined ? message : `${reason} (${code})`;
}

export function fileAdvice(error: unknown): string | undefined {
  return reasons[(error as NodeJS.ErrnoException).code ?? '']?.[1];
}
