import { posix } from 'node:path';

/** What is wrong with a built site. */
export interface SiteProblem {
  readonly file: string;
  readonly message: string;
}

/** Reads a file of the site as text; undefined where there is none. */
export type ReadSite = (path: string) => string | undefined;

const url = '(?:https?:)?//[^\\s"\'`)>]+';
/** Attributes and calls by which a page loads something, by file type. Links that a reader follows load nothing. */
const loads: Readonly<Record<string, readonly RegExp[]>> = {
  '.html': [
    new RegExp(
      `<(?:img|script|iframe|source|video|audio|embed|input)\\b[^>]*?\\s(?:src|srcset|poster)=["']?(${url})`,
      'g',
    ),
    new RegExp(`<link\\b(?![^>]*rel=["']?(?:canonical|author|license))[^>]*?\\shref=["']?(${url})`, 'g'),
    new RegExp(`<(?:object|form|use)\\b[^>]*?\\s(?:data|action|href)=["']?(${url})`, 'g'),
    new RegExp(`url\\(\\s*["']?(${url})`, 'g'),
  ],
  '.css': [new RegExp(`url\\(\\s*["']?(${url})`, 'g'), new RegExp(`@import\\s+["'](${url})`, 'g')],
  '.js': [/["'`](https?:\/\/[^\s"'`]+)/g],
  '.svg': [
    new RegExp(`\\s(?:xlink:)?href=["'](${url})`, 'g'),
    new RegExp(`url\\(\\s*["']?(${url})`, 'g'),
    new RegExp(`@import\\s+["'](${url})`, 'g'),
  ],
};
/** Names of XML namespaces, which nothing loads. */
const namespaces = /^http:\/\/www\.w3\.org\//;

/** Reports what a file of the site would load from another server. */
export function outsideAssets(path: string, text: string): SiteProblem[] {
  const patterns = loads[posix.extname(path)] ?? [];
  return patterns.flatMap((pattern) =>
    [...text.matchAll(pattern)]
      .filter(([, target]) => !namespaces.test(target))
      .map(([, target]) => ({ file: path, message: `loads ${target} from another server` })),
  );
}

/** Reports the links of a page that lead to no file, or to no element with their id. */
export function deadLinks(path: string, html: string, read: ReadSite): SiteProblem[] {
  const problems: SiteProblem[] = [];
  for (const [, quoted] of html.matchAll(/\s(?:href|src)="([^"]*)"/g)) {
    const target = quoted.replaceAll('&amp;', '&');
    if (/^(?:[a-z][a-z+.-]*:|\/\/)/i.test(target) || target === '') continue;
    const [file, anchor] = target.split('#');
    const place = file.split('?')[0];
    const to = place === '' ? path : posix.normalize(posix.join(posix.dirname(path), decodeURI(place)));
    const text = to === path ? html : read(to);
    if (text === undefined) problems.push({ file: path, message: `links to ${to}, which does not exist` });
    else if (anchor && to.endsWith('.html') && !idsOf(text).has(decodeURIComponent(anchor)))
      problems.push({ file: path, message: `links to #${anchor}, which ${to} does not have` });
  }
  return problems;
}

const ids = new Map<string, Set<string>>();

function idsOf(html: string): Set<string> {
  let found = ids.get(html);
  if (found === undefined) {
    found = new Set([...html.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id));
    ids.set(html, found);
  }
  return found;
}
