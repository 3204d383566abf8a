import type { Finding } from './finding.ts';

/** A tracked file of any kind. */
export interface TextFile {
  readonly path: string;
  readonly text: string;
}

interface WordRule {
  readonly rule: string;
  readonly pattern: RegExp;
  readonly message: string;
}

/** Words are put together from halves, so that this file does not hold what it looks for. */
const half = (...parts: string[]): string => parts.join('');

const wordRules: readonly WordRule[] = [
  {
    rule: 'unfinished',
    pattern: new RegExp(`\\b(?:${half('TO', 'DO')}|${half('FIX', 'ME')})\\b`),
    message: 'finish it, or file an issue and leave the code without a note',
  },
  {
    rule: 'machine-path',
    pattern: new RegExp(
      `(?<![\\w.:/-])/(?:${half('wo', 'rk')}/|${half('ro', 'ot')}/|home/[\\w.-]+/|Users/[\\w.-]+/)`,
    ),
    message: 'a path of one machine; write it from the root of the repository',
  },
  {
    rule: 'registry-host',
    pattern: new RegExp(
      [
        half('registry.', 'npmjs'),
        half('registry.', 'yarnpkg'),
        half('files.', 'pythonhosted'),
        half('pypi', '.org'),
        half('proxy.', 'golang'),
        half('static.', 'crates'),
        half('deb.', 'debian'),
        half('repo1?.', 'maven'),
        half('"resol', 'ved":'),
      ].join('|'),
    ),
    message: 'names where a package came from; leave that to the settings of the machine that installs',
  },
];

/** Words that no tracked file may hold: notes of unfinished work, paths of a machine, hosts of package registries. */
export function checkWords(files: readonly TextFile[]): Finding[] {
  const findings: Finding[] = [];
  for (const { path, text } of files) {
    text.split('\n').forEach((line, index) => {
      for (const { rule, pattern, message } of wordRules) {
        const found = pattern.exec(line);
        if (found !== null)
          findings.push({ file: path, line: index + 1, rule, message: `"${found[0]}": ${message}` });
      }
    });
  }
  return findings;
}
