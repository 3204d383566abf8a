import type { Node } from 'typescript/unstable/ast';
import { isIdentifier, isPrivateIdentifier } from 'typescript/unstable/ast/is';
import type { Finding } from './finding.ts';
import { type CheckedFile, lineOf, walk } from './program.ts';

/**
 * Words that no identifier of `src/` is made of, with what to write instead: the left column of the glossary, as far as one
 * word of a name can be judged without its sentence. `told` finds `told`, `toldMs` and `wasTold`.
 *
 * Some words of the glossary cannot be matched in names. `field` is the term of RFC 9110 in code, `try` a keyword, `call` the
 * term for gRPC. `going`, `lost`, `another`, `spread` and `stock` are common words, of which only the old names were wrong.
 */
const words: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'mend mends mended mending': 'fix',
    'tell tells telling told untold': 'report, notify, log or publish',
    'octet octets': 'byte',
    'fit fits fitting': 'match, or hasRoom',
    'seldom anew': 'a name for what is done again',
    elsewhere: 'another endpoint, or retry',
    'tries tried': 'attempts, or excluded endpoints',
    'cut cuts cutting cuttable': 'abort, terminate or truncate',
    'want wants wanted asks': 'require, expect or request',
    'look looks looked looking': 'check, poll or read',
    'sparing sparingly': 'rateLimited',
    'lend lent lends': 'acquire',
    deaf: 'detached',
    ours: 'local, or own with a noun',
    dismiss: 'stopAccepting',
    misbehaved: 'peerViolation',
    surroundings: 'context',
    'complaint complaints': 'Diagnostics',
    'ear hunger': 'a term of the field',
  }).flatMap(([forms, write]) => forms.split(' ').map((form) => [form, write] as const)),
);

/** Whole names that were replaced, and are not to come back. */
const names: ReadonlyMap<string, string> = new Map(
  Object.entries({
    HeldAttempt: 'BufferedAttempt',
    headCame: 'onHead',
    whyNot: 'retryDenial',
    giveBlockBack: 'BlockPool.release',
    letGo: 'retire',
    putOff: 'defer',
    Forwarding: 'RoutedRequest',
    Spelling: 'EncodedName',
    shareOut: 'distributeByPriority',
    takenBack: 'peerReset',
    sayGoaway: 'sendGoaway',
    AppParts: 'AppState',
    EndpointSnapshots: 'EndpointMetrics',
  }),
);

/** Names that hold such a word for a reason. */
export const allowedNames: ReadonlyMap<string, string> = new Map([
  ['lookUp', 'what DNS and tables do'],
  ['lookedUp', 'what DNS and tables do'],
  ['cut', 'a key of the report of a drain, which users read'],
  ['tries', "an option of Node's DNS resolver"],
]);

/** Returns a finding for each identifier of `src/`, once per file, that is or holds a word of the dialect. */
export function checkIdentifiers(files: readonly CheckedFile[]): Finding[] {
  const findings: Finding[] = [];
  for (const file of files) {
    if (!file.path.startsWith('src/')) continue;
    const seen = new Set<string>();
    walk(file.ast, (node: Node) => {
      if (!isIdentifier(node) && !isPrivateIdentifier(node)) return;
      const name = node.text.replace(/^#/, '');
      if (seen.has(name)) return;
      seen.add(name);
      const write = insteadOf(name);
      if (write !== undefined)
        findings.push({
          file: file.path,
          line: lineOf(file, node),
          rule: 'identifiers',
          message: `"${name}": write ${write}`,
        });
    });
  }
  return findings;
}

function insteadOf(name: string): string | undefined {
  if (allowedNames.has(name)) return undefined;
  const whole = names.get(name);
  if (whole !== undefined) return whole;
  for (const word of wordsOf(name)) {
    const write = words.get(word);
    if (write !== undefined) return write;
  }
  return undefined;
}

/** Splits `idleTimeoutMs`, `HTTPServer` and `max_fails` into words, in lower case. */
function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[ _$]/);
}
