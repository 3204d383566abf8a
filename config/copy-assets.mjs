// After `tsc`: what the sources read beside themselves and the compiler does not emit goes to dist/ too, or to where the
// first argument says.
import { cpSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
cpSync(join(root, 'src'), process.argv[2] ?? join(root, 'dist'), {
  recursive: true,
  // Folders have no extension; a dot in one would be a surprise anyway.
  filter: (source) => extname(source) !== '.ts',
});
