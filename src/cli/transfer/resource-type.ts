/** The resource types by which --type names them. */
import { suggestion } from '../../nearest.ts';
import type { Registry, ResourceType } from '../../scim/registry.ts';
import { UsageError } from '../command.ts';

export function resourceTypeNamed(registry: Registry, name: string): ResourceType {
  const type = registry.resourceTypes.find((each) => each.name === name);
  if (type !== undefined) return type;
  const names = registry.resourceTypes.map((each) => each.name);
  throw new UsageError(`--type must be one of ${names.join(', ')}, not "${name}"${suggestion(name, names)}`);
}
