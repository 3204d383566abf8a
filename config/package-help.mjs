// After `tsc`: the manual page and the completion scripts, as the built program prints them, go to dist/ too.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const dist = resolve(import.meta.dirname, '../dist');
const outputs = {
  'man/outrigger.1': ['man'],
  'completions/outrigger.bash': ['completion', 'bash'],
  'completions/_outrigger': ['completion', 'zsh'],
  'completions/outrigger.fish': ['completion', 'fish'],
};
for (const [name, args] of Object.entries(outputs)) {
  const file = join(dist, name);
  mkdirSync(resolve(file, '..'), { recursive: true });
  writeFileSync(file, execFileSync(process.execPath, [join(dist, 'main.js'), ...args]));
}
