import type { Node } from 'typescript/unstable/ast';
import {
  isImportDeclaration,
  isNoSubstitutionTemplateLiteral,
  isStringLiteral,
  isTemplateExpression,
} from 'typescript/unstable/ast/is';
import type { Finding } from './finding.ts';
import { type CheckedFile, lineOf, walk } from './program.ts';
import type { TextFile } from './words.ts';

interface Term {
  readonly pattern: RegExp;
  /** What to write instead. */
  readonly write: string;
}

const term = (pattern: string, write: string): Term => ({
  pattern: new RegExp(`\\b(?:${pattern})\\b`, 'i'),
  write,
});

/**
 * Words of our own that readers do not know, with those that they do: what users read (messages, errors, help, pages and
 * docs) has the terms of Envoy, the gRFCs, the RFCs and Kubernetes, one for each thing. Names in code are
 * judged by `identifiers.ts`.
 *
 * Two rows of the glossary need a reader: "call" is right for gRPC and wrong for the web, and "glitches" is HAProxy's term
 * and stays.
 */
export const glossary: readonly Term[] = [
  term('mend(?:s|ed|ing)?', 'fix; in an error "use …", "write …" or "did you mean …?"'),
  term('tell|tells|told|telling', 'report, notify, log or show'),
  term('octets?', 'byte'),
  term('fields?', 'header, or metadata for gRPC'),
  term('fits?|fitting', 'match'),
  term('the calls of one client', 'requests from one client'),
  term('by lot', 'at random'),
  term('seldom', 'rarely, or with increasing intervals'),
  term('in a row', 'consecutive'),
  term('on purpose', 'injected'),
  term('makes? (?:no )?trouble', 'injects faults'),
  term('verdict round', 'inverts the match'),
  term('left out for a while', 'ejected'),
  term('on trial', 'probing (half-open)'),
  term('be had', 'available or unavailable'),
  term('so many', 'the number'),
  term('anew', 'again, rebuilt or reloaded'),
  term('in force', 'applied or active'),
  term('elsewhere', 'on another endpoint'),
  term('try|tries|tried|trying', 'attempt or retry'),
  term('client (?:gave|gives) up', 'the client cancelled'),
  term('cuts?|cutting', 'terminated'),
  term('says (?:so|why)|said so', 'the log contains a warning; the reason is shown'),
  term('wants?|wanted|asks? for|asked for', 'require'),
  term('look|looks|looked|looking', 'check'),
  term('sparing(?:ly)?', 'rate-limited'),
  term('lends?|lent|lending', 'acquire'),
  term('deaf', 'detached'),
];

/** Texts that hold such a word for a reason. */
export const allowed: readonly { readonly text: RegExp; readonly reason: string }[] = [
  { text: /look-(?:around|ahead|behind)/i, reason: 'the name of a thing in regular expressions' },
  { text: /look(?:ed|s|ing)? up|look-ups?/i, reason: 'the word for what DNS and tables do' },
  { text: /`[^`]*`/, reason: 'code in prose: a key, a command or a metric, which keeps its name' },
  { text: /errors in a row/, reason: 'a label value of a metric, which keeps its name' },
];

/** Findings in every text of `src/` that has more than one word: single words are names and keys. */
export function checkSourceTexts(files: readonly CheckedFile[]): Finding[] {
  const findings: Finding[] = [];
  for (const file of files) {
    if (!file.path.startsWith('src/')) continue;
    walk(file.ast, (node) => {
      const text = textOf(node);
      if (text === undefined || !/\S\s+\S/.test(text)) return;
      for (const found of wordsIn(text))
        findings.push({ file: file.path, line: lineOf(file, node), ...found });
    });
  }
  return findings;
}

/** The text of a literal, with `…` for what is filled in. Parts of a template are judged with it. */
function textOf(node: Node): string | undefined {
  if (isTemplateExpression(node))
    return [node.head.text, ...node.templateSpans.map((span) => span.literal.text)].join('…');
  if (isNoSubstitutionTemplateLiteral(node)) return node.text;
  if (!isStringLiteral(node)) return undefined;
  return node.parent !== undefined && isImportDeclaration(node.parent) ? undefined : node.text;
}

/** Pages and documents: prose outside of code. `docs/configuration.md` is made from texts of `src/`. */
export function checkDocuments(files: readonly TextFile[]): Finding[] {
  const findings: Finding[] = [];
  for (const { path, text } of files) {
    if (!isRead(path)) continue;
    let inCode = false;
    linesOf(path, text).forEach((line, index) => {
      if (/^\s*```/.test(line)) inCode = !inCode;
      else if (!inCode)
        for (const found of wordsIn(line)) findings.push({ file: path, line: index + 1, ...found });
    });
  }
  return findings;
}

/** Made of texts in `src/`, which are checked there; in the pages of xDS, "field" is the term of Protocol Buffers. */
const generatedTables: ReadonlySet<string> = new Set([
  'docs/configuration.md',
  'docs/xds-fields.md',
  'docs/tasks/xds.md',
]);

function isRead(path: string): boolean {
  if (path === 'README.md' || path === 'examples/README.md') return true;
  if (path.startsWith('src/admin/dashboard/')) return /\.(?:html|js)$/.test(path);
  return /^docs\/.*\.md$/.test(path) && !generatedTables.has(path);
}

/** Of a script only its texts, line by line: comments are for contributors. */
function linesOf(path: string, text: string): string[] {
  const lines = text.split('\n');
  if (!path.endsWith('.js')) return lines;
  return lines.map((line) => {
    if (/^\s*(?:\/\/|\/?\*)/.test(line)) return '';
    return (line.match(/'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*"/g) ?? [])
      .map((quoted) => quoted.slice(1, -1))
      .filter((quoted) => quoted.includes(' '))
      .join(' | ');
  });
}

function wordsIn(text: string): { rule: string; message: string }[] {
  let rest = text;
  for (const { text: pattern } of allowed) rest = rest.replaceAll(new RegExp(pattern, 'gi'), '');
  return glossary.flatMap(({ pattern, write }) => {
    const found = pattern.exec(rest);
    return found === null ? [] : [{ rule: 'glossary', message: `"${found[0]}": write ${write}` }];
  });
}
