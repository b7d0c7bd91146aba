/** SIGHUP: reloads the settings that can change while the server runs, and says which need a restart. */
import type { Log } from '../http/options.ts';
import { definitionNames } from '../ops/config-file.ts';
import { ConfigurationError } from '../ops/configuration-error.ts';
import { type OptionName, optionNames, optionOf, type Settings } from '../ops/options.ts';
import type { SettingsInForce } from '../ops/settings.ts';

/** Applies settings; rejects, having changed nothing, when it cannot. */
export type Apply = (settings: Settings) => Promise<void>;

/** Definitions that need a restart; rules of roles do not. */
const restarting = definitionNames.filter((name) => name !== 'roles' && name !== 'entitlements');

/** Compares with what is in force and applies the difference. A wrong configuration changes nothing. */
export function reloader(
  start: SettingsInForce,
  read: () => SettingsInForce,
  apply: Apply,
  applyRules: (next: SettingsInForce) => Promise<void>,
  log: Log & { level: string },
): () => void {
  let inForce = start;
  const reload = async (): Promise<void> => {
    try {
      const next = read();
      for (const warning of next.warnings) log.warn({}, warning);
      const changed = optionNames.filter(
        (name) => JSON.stringify(next.values.get(name)) !== JSON.stringify(inForce.values.get(name)),
      );
      const reloadable = (name: OptionName) => optionOf(name).reloadable === true;
      await apply(next.settings);
      await applyRules(next);
      log.level = next.settings.logLevel;
      log.info({ changed: changed.filter(reloadable), config: next.file }, 'configuration read again');
      const defined = restarting.filter(
        (name) => JSON.stringify(next.definitions[name]) !== JSON.stringify(inForce.definitions[name]),
      );
      const waiting = [...changed.filter((name) => !reloadable(name)), ...defined];
      if (waiting.length > 0) log.warn({ settings: waiting }, 'these settings take effect after a restart');
      inForce = next;
    } catch (error) {
      const reason = error instanceof ConfigurationError ? { problems: error.problems } : { err: error };
      log.error(reason, 'the configuration is wrong; all settings stay as they were');
    }
  };
  // One after the other, also when signals come faster.
  let last = Promise.resolve();
  return () => {
    last = last.then(reload);
  };
}
