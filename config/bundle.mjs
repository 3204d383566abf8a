// After `tsc`: the modules in dist/ become the programs of the package and a few files that they share. Node resolves, reads and
// compiles each file on its own: a start from 630 files took 130 ms of CPU and 12 MiB more. Nothing is minified, so stack traces keep
// the names of functions. Packages of npm stay where npm installs them. The first argument is the folder, in place of dist/.
import { readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { build } from 'esbuild';

const dist = resolve(process.argv[2] ?? join(import.meta.dirname, '../dist'));
/** What is started or imported by its path: commands, threads, processes of the demo, the exports of package.json. */
const entries = [
  'main.js',
  'index.js',
  'policy.js',
  'cli/demo/child.js',
  'health-check/main.js',
  'replica-call/thread-main.js',
  'tap/decoder-main.js',
];

/**
 * A module that looks for files beside itself still finds them: to each one, `import.meta.url` is what it was before. The folder is
 * looked up at run time, because the package may be anywhere.
 */
const keepLocations = {
  name: 'keep-locations',
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]dist[/\\].*\.js$/ }, ({ path }) => {
      const own = relative(dist, path).replaceAll('\\', '/');
      const location = `(import.meta.url.slice(0, import.meta.url.lastIndexOf('/dist/') + 6) + ${JSON.stringify(own)})`;
      return { contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', location) };
    });
  },
};

/** What the program imports of `node:http`. A name that is missing here fails the build. */
const httpNames = ['createServer', 'request', 'STATUS_CODES'];
/**
 * An import of `node:http` reads each of its exports, and three of those load undici: 20 to 40 ms of CPU and 3 MiB in each start. The
 * module as an object loads it when somebody asks.
 */
const httpAsObject = {
  name: 'http-as-object',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:http$/ }, ({ path }) => ({ path, namespace: 'builtin' }));
    onLoad({ filter: /^/, namespace: 'builtin' }, ({ path }) => ({
      contents: `export const { ${httpNames.join(', ')} } = process.getBuiltinModule('${path}');`,
    }));
  },
};

const modules = readdirSync(dist, { recursive: true })
  .map((name) => join(dist, name))
  .filter((file) => file.endsWith('.js') && !file.includes(`${join('admin', 'dashboard')}`));

const { metafile } = await build({
  entryPoints: entries.map((entry) => join(dist, entry)),
  outdir: dist,
  outbase: dist,
  allowOverwrite: true,
  bundle: true,
  splitting: true,
  chunkNames: 'parts/[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node22',
  packages: 'external',
  metafile: true,
  logLevel: 'warning',
  plugins: [keepLocations, httpAsObject],
});

const written = new Set(Object.keys(metafile.outputs).map((file) => resolve(file)));
for (const file of modules) if (!written.has(file)) rmSync(file);
removeEmptyFolders(dist);

function removeEmptyFolders(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeEmptyFolders(join(folder, entry.name));
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}
