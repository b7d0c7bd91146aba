/** SIGHUP: takes over the settings that can change while the server runs, and says which cannot. */
import type { Logger } from 'pino';
import { definitionNames } from '../ops/config-file.ts';
import { type OptionName, optionNames, optionOf } from '../ops/options.ts';
import { ConfigurationError, type SettingsInForce } from '../ops/settings.ts';

/** Compares with what is in force and applies the difference. A wrong configuration changes nothing. */
export function reloader(start: SettingsInForce, read: () => SettingsInForce, log: Logger): () => void {
  let inForce = start;
  return () => {
    try {
      const next = read();
      const changed = optionNames.filter(
        (name) => JSON.stringify(next.values.get(name)) !== JSON.stringify(inForce.values.get(name)),
      );
      const reloadable = (name: OptionName) => optionOf(name).reloadable === true;
      log.level = next.settings.logLevel;
      log.info({ changed: changed.filter(reloadable), config: next.file }, 'configuration read again');
      const defined = definitionNames.filter(
        (name) => JSON.stringify(next.definitions[name]) !== JSON.stringify(inForce.definitions[name]),
      );
      const waiting = [...changed.filter((name) => !reloadable(name)), ...defined];
      if (waiting.length > 0) log.warn({ settings: waiting }, 'these settings change at the next start only');
      inForce = next;
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      log.error({ problems: error.problems }, 'the configuration is wrong; all settings stay as they were');
    }
  };
}
