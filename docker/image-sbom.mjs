// Writes the software bill of materials of the image, CycloneDX: what npm says of the packages, with Node and the Debian packages
// that docker/system-files.sh copied. node image-sbom.mjs NPM_SBOM ROOT
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [npmSbom, root] = process.argv.slice(2);
const sbom = JSON.parse(readFileSync(npmSbom, 'utf8'));
const version = process.version.slice(1);
const node = {
  type: 'platform',
  'bom-ref': `node@${version}`,
  name: 'node',
  version,
  purl: `pkg:generic/node@${version}`,
  licenses: [{ license: { id: 'MIT' } }],
};
const records = join(root, 'var/lib/dpkg/status.d');
const debian = readdirSync(records).map((name) => {
  const text = readFileSync(join(records, name), 'utf8');
  const field = (key) => new RegExp(`^${key}: (.*)$`, 'm').exec(text)?.[1] ?? '';
  const version = `${name}@${encodeURIComponent(field('Version'))}?arch=${field('Architecture')}`;
  const purl = ['pkg:deb', 'debian', version].join('/');
  return { type: 'library', 'bom-ref': purl, name, version: field('Version'), purl };
});
// npm names it after the folder that it runs in, and takes it for a library.
Object.assign(sbom.metadata.component, { type: 'application', name: 'outrigger' });
sbom.components.push(node, ...debian);
const folder = join(root, 'usr/share/sbom');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'outrigger.cdx.json'), `${JSON.stringify(sbom, null, 1)}\n`);
