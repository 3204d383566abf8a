import { posix } from 'node:path';
import { isOutside, type Link, pathOf, rewriteLinks } from './links.ts';

/** A page of the site and where it comes from. */
export interface SitePage {
  /** From the root of the repository. */
  readonly source: string;
  /** In the site, with `.md`. */
  readonly path: string;
  readonly text: string;
}

/** The pages from outside docs/, by their path in the repository. */
const others: Readonly<Record<string, string>> = {
  'examples/README.md': 'examples/index.md',
  'CHANGELOG.md': 'project/changelog.md',
  'SECURITY.md': 'project/security.md',
  'ARCHITECTURE.md': 'project/architecture.md',
  'CONTRIBUTING.md': 'project/contributing.md',
  'test/balance-sim/results/README.md': 'project/balance-simulation.md',
};

/** Returns where a file of the repository is on the site; null where it is not a page of it. */
export function sitePathOf(source: string): string | null {
  if (Object.hasOwn(others, source)) return others[source];
  if (source === 'docs' || source === 'docs/README.md') return 'index.md';
  if (source === 'examples') return others['examples/README.md'];
  if (/^docs\/.*\.md$/.test(source)) return source.slice('docs/'.length);
  const example = /^examples\/([\w-]+)\.yaml$/.exec(source);
  return example === null ? null : `examples/${example[1]}.md`;
}

/** Returns where a picture is on the site; null for other files. */
export function assetPathOf(source: string): string | null {
  if (!/\.(?:png|svg)$/.test(source)) return null;
  return source.startsWith('docs/') ? source.slice('docs/'.length) : `project/${posix.basename(source)}`;
}

/** Makes a page of the site from a file of the repository. */
export function stage(source: string, text: string): SitePage {
  const path = sitePathOf(source)!;
  if (source.endsWith('.yaml')) return { source, path, text: examplePage(source, text) };
  return { source, path, text: rewriteLinks(text, (link) => siteLink(source, path, link)) };
}

/** A link to a page or a picture leads there. A link to any other file of the repository becomes plain text. */
function siteLink(source: string, from: string, { text, target }: Link): string | null {
  if (isOutside(target)) return null;
  const path = pathOf(source, target);
  const anchor = target.includes('#') ? target.slice(target.indexOf('#')) : '';
  if (path === source) return `[${text}](${anchor})`;
  const to = sitePathOf(path) ?? assetPathOf(path) ?? sitePathOf(`${path}/README.md`);
  if (to === null || path === 'docs/policies') return text;
  return `[${text}](${posix.relative(posix.dirname(from), to)}${anchor})`;
}

/** The opening comment of an example as text, then the whole file. */
function examplePage(source: string, yaml: string): string {
  const lines = yaml.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('#'));
  const opening = lines.slice(0, end).map((line) => line.replace(/^# ?/, ''));
  const gap = opening.indexOf('');
  const commands = opening.slice(gap + 1);
  return [
    `# ${posix.basename(source)}`,
    '',
    ...opening.slice(0, gap),
    '',
    ...(gap < 0 ? [] : ['```text', ...commands, '```', '']),
    '```yaml',
    ...lines.slice(end),
    '```',
    '',
  ].join('\n');
}
