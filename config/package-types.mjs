// After `tsc`: dist/ keeps the declarations that a user of the package can reach, a tenth of them, and imports in them end in
// `.js`, which every version of TypeScript resolves.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const dist = resolve(import.meta.dirname, '../dist');
/** The `types` of package.json's `exports`. */
const entries = ['index.d.ts', 'policy.d.ts'];

const specifier = /(\bfrom |\bimport\()(['"])(\.{1,2}\/[^'"]+)\.ts\2/g;
const reached = new Set();
const next = entries.map((entry) => join(dist, entry));
for (let file = next.pop(); file !== undefined; file = next.pop()) {
  if (reached.has(file)) continue;
  reached.add(file);
  const text = readFileSync(file, 'utf8');
  for (const [, , , path] of text.matchAll(specifier)) next.push(`${resolve(dirname(file), path)}.d.ts`);
  writeFileSync(file, text.replaceAll(specifier, '$1$2$3.js$2'));
}
for (const name of readdirSync(dist, { recursive: true })) {
  const file = join(dist, name);
  if (file.endsWith('.d.ts') && !reached.has(file)) rmSync(file);
}
