// `make release`: what is published, in release/: the npm package, its bill of materials (CycloneDX, dependencies of production
// only) and the checksums of both. The package is built and packed twice: the same sources must give the same bytes.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const out = join(root, 'release');

function npm(...args) {
  return execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

function sha256(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** Builds dist/ from nothing and packs it. */
function pack() {
  const [facts] = JSON.parse(npm('pack', '--json', '--silent', '--pack-destination', out));
  return { ...facts, file: join(out, facts.filename) };
}

/** `name@version` of what is installed with the package. */
function productionPackages() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const installed = Object.entries(packages).filter(([place, { dev }]) => place !== '' && !dev);
  return new Set(
    installed.map(([place, { version }]) => `${place.replace(/^.*node_modules\//, '')}@${version}`),
  );
}

/**
 * The bill of npm, without packages for development: with `--omit=dev` npm also leaves out those that both need. Two runs give the
 * same: the time of the run, a random number and the name of this folder are not in it.
 */
function billOfMaterials(name) {
  const bill = JSON.parse(
    npm('sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only'),
  );
  const own = bill.metadata.component['bom-ref'];
  const kept = productionPackages();
  const isKept = (ref) => ref === own || kept.has(ref);
  delete bill.serialNumber;
  delete bill.metadata.timestamp;
  bill.metadata.component.name = name;
  bill.components = bill.components.filter((component) => isKept(component['bom-ref']));
  bill.dependencies = bill.dependencies
    .filter(({ ref }) => isKept(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(isKept) }));
  if (bill.components.length !== kept.size)
    throw new Error(`the bill has ${bill.components.length} packages, package-lock.json ${kept.size}`);
  return bill;
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out);
const first = pack();
const sum = sha256(first.file);
renameSync(first.file, `${first.file}.first`);
const { file, filename, name, version, size, unpackedSize, entryCount } = pack();
if (sha256(file) !== sum) {
  process.stderr.write(`release: two builds differ; compare ${filename} and ${filename}.first in release/\n`);
  process.exit(1);
}
rmSync(`${file}.first`);
const bill = billOfMaterials(name);
const billName = `${name}-${version}.cdx.json`;
writeFileSync(join(out, billName), `${JSON.stringify(bill, null, 2)}\n`);
const sums = [filename, billName].map((one) => `${sha256(join(out, one))}  ${one}\n`);
writeFileSync(join(out, 'SHA256SUMS'), sums.join(''));
const kib = (bytes) => `${Math.round(bytes / 1024)} KiB`;
process.stdout.write(
  `release/${filename}: ${kib(size)}, unpacked ${kib(unpackedSize)} in ${entryCount} files; ${bill.components.length} packages of production\n${sums.join('')}`,
);
