import { posix } from 'node:path';
import type { Finding } from '../check/finding.ts';
import { anchorsOf, proseLines } from './slug.ts';

/** A link or an image of a page, outside of code. */
export interface Link {
  readonly line: number;
  readonly text: string;
  readonly target: string;
}

/** Matches `[text](target)`; the text may contain code, an image and line breaks, but no empty line. */
const linkPattern =
  /\[((?:`[^`\n]*`|!\[[^\]]*\]\([^)]*\)|(?!\n\n)[^\]`])*)\]\(([^()\s]+(?:\([^()\s]*\))?)\)/g;

export function linksOf(markdown: string): Link[] {
  const links: Link[] = [];
  rewriteLinks(markdown, (link) => {
    links.push(link);
    const image = /^!\[[^\]]*\]\(([^)]*)\)$/.exec(link.text);
    if (image !== null) links.push({ ...link, text: '', target: image[1] });
    return null;
  });
  return links;
}

/** Replaces each link outside of fenced code by what `rewrite` returns; null keeps it. */
export function rewriteLinks(markdown: string, rewrite: (link: Link) => string | null): string {
  const prose = new Set(proseLines(markdown).map(({ line }) => line));
  let out = '';
  let part: string[] = [];
  let partLine = 1;
  const flush = (): void => {
    const text = part.map((line) => `${line}\n`).join('');
    out += text.replaceAll(linkPattern, (all, words, target, offset) => {
      const line = partLine + text.slice(0, offset).split('\n').length - 1;
      return isInCode(text, offset) ? all : (rewrite({ line, text: words, target }) ?? all);
    });
    part = [];
  };
  const lines = markdown.split('\n');
  lines.forEach((line, i) => {
    if (prose.has(i + 1)) {
      if (part.length === 0) partLine = i + 1;
      part.push(line);
      return;
    }
    flush();
    out += `${line}\n`;
  });
  flush();
  return out.slice(0, -1);
}

/** Whether an offset is within inline code of its line. */
function isInCode(text: string, offset: number): boolean {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  return (text.slice(lineStart, offset).split('`').length - 1) % 2 === 1;
}

export interface Page {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
}

export const isOutside = (target: string): boolean => /^[a-z][a-z+.-]*:/i.test(target);

/** Returns the path in the repository that a link of a page leads to, without a slash at its end. */
export function pathOf(page: string, target: string): string {
  const [path] = target.split('#');
  if (path === '') return page;
  return posix.normalize(posix.join(posix.dirname(page), decodeURI(path))).replace(/\/$/, '');
}

/** Reports links of documents that lead to no file, folder or heading. `exists` takes a path from the root of the repository. */
export function checkLinks(pages: readonly Page[], exists: (path: string) => boolean): Finding[] {
  const anchors = new Map(pages.map(({ path, text }) => [path, anchorsOf(text)]));
  return pages.flatMap((page) =>
    linksOf(page.text).flatMap(({ line, target }) => {
      if (isOutside(target)) return [];
      const path = pathOf(page.path, target);
      const anchor = target.split('#')[1];
      const anchored = anchor === undefined || (anchors.get(path)?.has(anchor) ?? true);
      const isThere = exists(path);
      if (isThere && anchored) return [];
      const message = isThere
        ? `${path} has no heading for #${anchor}`
        : `the link to ${target} leads to no file of the repository`;
      return [{ file: page.path, line, rule: 'dead-link', message }];
    }),
  );
}
