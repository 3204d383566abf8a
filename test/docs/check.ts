import type { Finding } from '../check/finding.ts';
import type { TextFile } from '../check/words.ts';
import { fencesOf } from './fences.ts';
import { checkLinks } from './links.ts';
import { generatedPages } from './pages.ts';

/** Reports generated pages that are out of date, and links between documents that lead nowhere. `make check` runs it. */
export function checkGuide(tracked: readonly TextFile[], exists: (path: string) => boolean): Finding[] {
  if (tracked.length === 0) return []; // outside of a git work tree
  const documents = tracked.filter(({ path }) => path.endsWith('.md'));
  return [...checkGenerated(tracked), ...checkLinks(documents, exists), ...documents.flatMap(checkCommands)];
}

/** A line that begins with a command. */
const command = /^(?:\w+=\S+ )*(?:outrigger|curl|make|npm|grpcurl|kubectl) /m;

/** Reports blocks of commands that are not marked with `sh`: no test would run them. */
export function checkCommands({ path, text }: TextFile): Finding[] {
  if (!path.startsWith('docs/') && !['README.md', 'examples/README.md'].includes(path)) return [];
  return fencesOf(text)
    .filter(({ language }) => ['bash', 'shell', 'console', ''].includes(language))
    .filter(({ language, text }) => language !== '' || command.test(text))
    .map(({ line }) => ({
      file: path,
      line,
      rule: 'commands',
      message:
        'mark a block of commands with sh, so that a test runs it (see CONTRIBUTING.md, "Write documentation")',
    }));
}

function checkGenerated(tracked: readonly TextFile[]): Finding[] {
  const texts = new Map(tracked.map(({ path, text }) => [path, text]));
  return Object.entries(generatedPages).flatMap(([file, page]) => {
    if (texts.get(file) === page()) return [];
    const message = 'is not what the code generates; run: node test/docs/main.ts --pages';
    return [{ file, line: 1, rule: 'generated', message }];
  });
}
