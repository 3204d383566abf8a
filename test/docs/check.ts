import type { Finding } from '../check/finding.ts';
import type { TextFile } from '../check/words.ts';
import { checkLinks } from './links.ts';
import { generatedPages } from './pages.ts';

/** Reports generated pages that are out of date, and links between documents that lead nowhere. `make check` runs it. */
export function checkGuide(tracked: readonly TextFile[], exists: (path: string) => boolean): Finding[] {
  if (tracked.length === 0) return []; // outside of a git work tree
  const documents = tracked.filter(({ path }) => path.endsWith('.md'));
  return [...checkGenerated(tracked), ...checkLinks(documents, exists)];
}

function checkGenerated(tracked: readonly TextFile[]): Finding[] {
  const texts = new Map(tracked.map(({ path, text }) => [path, text]));
  return Object.entries(generatedPages).flatMap(([file, page]) => {
    if (texts.get(file) === page()) return [];
    const message = 'is not what the code generates; run: node test/docs/main.ts --pages';
    return [{ file, line: 1, rule: 'generated', message }];
  });
}
