import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { virtualEnv } from '../support/virtual-env.ts';
import { commandsPage } from './commands-page.ts';
import { linksOf, pathOf } from './links.ts';
import { type NavigationSection, readNavigation } from './navigation.ts';
import { generatedPages } from './pages.ts';
import { deadLinks, outsideAssets, type SiteProblem } from './site-check.ts';
import { assetPathOf, type SitePage, sitePathOf, stage } from './stage.ts';

/**
 * `make docs`: builds the user guide from docs/, the examples and the documents of the project into site/, and checks that the
 * pages load nothing from other servers and have no dead link. With `--pages` it only writes the generated pages of docs/.
 *
 * Sphinx with MyST and Furo is the generator: it reads the Markdown that GitHub shows, with the same anchors; its search works
 * from a file:// address; its pages load nothing from other servers; and it needs no package of npm, so that a first
 * `make demo` does not install it. test/docs/requirements.txt pins it, in a cache outside of the repository.
 */

const root = fileURLToPath(new URL('../../', import.meta.url));
const staging = join(root, '.cache/docs');
const site = join(root, 'site');

if (process.argv.includes('--pages')) writeGeneratedPages();
else build();

function writeGeneratedPages(): void {
  for (const [path, page] of Object.entries(generatedPages)) writeFileSync(join(root, path), page());
}

function build(): void {
  const { bin, missing } = virtualEnv('docs', join(root, 'test/docs/requirements.txt'));
  if (bin === undefined) {
    console.error(`docs: ${missing}`);
    process.exitCode = 1;
    return;
  }
  writeGeneratedPages();
  const pages = sourcesOf().map((source) => stage(source, readFileSync(join(root, source), 'utf8')));
  pages.push(stage('docs/commands.md', commandsPage()));
  writeStaging(pages);
  rmSync(site, { recursive: true, force: true });
  const args = [
    '-W',
    '--keep-going',
    '-q',
    '-b',
    'html',
    '-c',
    join(root, 'test/docs'),
    '-d',
    join(staging, '.doctrees'),
  ];
  const sphinx = spawnSync(`${bin}/sphinx-build`, [...args, join(staging, 'pages'), site], {
    encoding: 'utf8',
  });
  process.stdout.write(sphinx.stdout + sphinx.stderr.replaceAll(`${staging}/pages/`, ''));
  const problems = sphinx.status === 0 ? checkSite() : [];
  for (const { file, message } of problems) console.error(`site/${file}: ${message}`);
  if (sphinx.status !== 0 || problems.length > 0) process.exitCode = 1;
  else
    console.log(`docs: ${pages.length} pages without an outside asset or a dead link; open site/index.html`);
}

/** Everything that becomes a page, by path in the repository. */
function sourcesOf(): string[] {
  const documents = filesBelow('docs').filter((path) => path.endsWith('.md'));
  const examples = filesBelow('examples').filter((path) => sitePathOf(path) !== null);
  const others = ['CHANGELOG.md', 'SECURITY.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md'];
  return [...documents, ...examples, ...others, 'test/balance-sim/results/README.md'];
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => posix.join(folder, name.replaceAll('\\', '/')))
    .filter((path) => statSync(join(root, path)).isFile())
    .sort();
}

/** Pages and the pictures that they show, where Sphinx reads them. */
function writeStaging(pages: readonly SitePage[]): void {
  rmSync(join(staging, 'pages'), { recursive: true, force: true });
  const navigation = readNavigation(
    readFileSync(join(root, 'docs/navigation.yaml'), 'utf8'),
    pages.map(({ path }) => path.replace(/\.md$/, '')).filter((page) => page !== 'index'),
  );
  for (const { source, path, text } of pages) {
    writeBelow(path, path === 'index.md' ? text + contents(navigation) : text);
    if (!existsSync(join(root, source))) continue;
    for (const { target } of linksOf(readFileSync(join(root, source), 'utf8'))) {
      const picture = pathOf(source, target);
      const to = assetPathOf(picture);
      if (to !== null && existsSync(join(root, picture))) copyBelow(picture, to);
    }
  }
}

function contents(navigation: readonly NavigationSection[]): string {
  return navigation
    .map(({ section, pages }) => {
      const lines = pages.map(({ page, title }) => (title === undefined ? page : `${title} <${page}>`));
      return `\n\`\`\`{toctree}\n:hidden:\n:caption: ${section}\n${lines.join('\n')}\n\`\`\`\n`;
    })
    .join('');
}

function writeBelow(path: string, text: string): void {
  const file = join(staging, 'pages', path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function copyBelow(source: string, path: string): void {
  const file = join(staging, 'pages', path);
  mkdirSync(dirname(file), { recursive: true });
  copyFileSync(join(root, source), file);
}

function checkSite(): SiteProblem[] {
  const files = readdirSync(site, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(site, name)).isFile(),
  );
  const texts = new Map(files.map((name) => [name, readFileSync(join(site, name), 'utf8')]));
  const read = (path: string): string | undefined => texts.get(path);
  return [...texts].flatMap(([name, text]) => [
    ...outsideAssets(name, text),
    ...(name.endsWith('.html') ? deadLinks(name, text, read) : []),
  ]);
}
