/** The CycloneDX bill of materials: npm's own, and what is no npm package. */
import manifest from '../../package.json' with { type: 'json' };
import { type ThirdParty, thirdParty } from '../../src/cli/third-party.ts';
import { npm } from './node-executables.ts';

interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}

interface Bill {
  metadata: { component: { 'bom-ref': string; name: string } };
  components: readonly Component[];
  dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/** All that the program is made of; fails when something that is inside would be missing. */
export function billOfMaterials(inside: readonly ThirdParty[], notFromNpm: readonly ThirdParty[]): string {
  const bill: Bill = JSON.parse(npm(['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application']));
  // npm takes the folder's name.
  bill.metadata.component.name = manifest.name;
  // For npm all but better-sqlite3 is for development, since it is bundled.
  const installed = new Set(thirdParty().map(nameAndVersion));
  const packages = bill.components.filter((each) => installed.has(nameAndVersion(each))).map(asRequired);
  const refs = new Set([bill.metadata.component, ...packages].map((each) => each['bom-ref']));
  bill.components = [...packages, ...notFromNpm.map(component)];
  bill.dependencies = bill.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((each) => refs.has(each)) }));
  const listed = new Set(bill.components.map(nameAndVersion));
  const missing = inside.filter((each) => !listed.has(nameAndVersion(each)));
  if (missing.length > 0)
    throw new Error(`inside, but no dependency: ${missing.map(({ name }) => name).join(', ')}`);
  return `${JSON.stringify(bill, null, 2)}\n`;
}

/** Without npm's mark of what is for development only. */
function asRequired({ properties = [], ...component }: Component): Component {
  const others = properties.filter(({ name }) => name !== 'cdx:npm:package:development');
  return { ...component, properties: others };
}

function nameAndVersion({ name, version }: { readonly name: string; readonly version: string }): string {
  return `${name}@${version}`;
}

function component({ name, version, license }: ThirdParty): Component & Record<string, unknown> {
  const id = name.toLowerCase();
  return {
    'bom-ref': `${id}@${version}`,
    type: name === 'Node.js' ? 'platform' : 'library',
    name,
    version,
    scope: 'required',
    purl: `pkg:generic/${id}@${version}`,
    licenses: [{ license: { id: license } }],
  };
}
