/**
 * Tells systemd how it stands (sd_notify(3)): ready, reloading, stopping, still alive. Node has no datagram sockets of
 * the kind that systemd listens on; systemd's own systemd-notify has.
 */
import { execFile } from 'node:child_process';

export interface ServiceManager {
  ready(status: string): void;
  stopping(): void;
}

const none: ServiceManager = { ready() {}, stopping() {} };

/** Notifies systemd; does nothing unless it started the process with Type=notify. */
export function serviceManager(
  environment: Readonly<Record<string, string | undefined>>,
  onError: (error: Error) => void,
): ServiceManager {
  if (!environment.NOTIFY_SOCKET) return none;
  let complained = false;
  const notify = (...states: string[]): void => {
    execFile('systemd-notify', [`--pid=${process.pid}`, ...states], { timeout: 5000 }, (error) => {
      if (error === null || complained) return;
      complained = true;
      onError(error);
    });
  };
  let watchdog: NodeJS.Timeout | undefined;
  return {
    ready(status) {
      notify('--ready', `--status=${status}`);
      const microseconds = Number(environment.WATCHDOG_USEC);
      // Twice as often as it must be (sd_watchdog_enabled(3)). A blocked event loop sends nothing, and is restarted.
      if (microseconds > 0) watchdog = setInterval(notify, microseconds / 2000, 'WATCHDOG=1').unref();
    },
    stopping() {
      clearInterval(watchdog);
      notify('STOPPING=1');
    },
  };
}
