import { builtinModules } from 'node:module';
import type { Finding } from './finding.ts';
import { importsOf } from './imports.ts';
import type { CheckedFile } from './program.ts';

/**
 * Who may import whom: the table of ARCHITECTURE.md. `null` is anything. Files directly in `src/` and those in `src/runtime/`
 * are the wiring and may import anything; only they and `cli` may import them or `cli`.
 */
export const layers: Readonly<Record<string, readonly string[] | null>> = {
  core: [],
  transport: ['core'],
  http2: ['core', 'transport'],
  http1: ['core', 'transport'],
  tcp: ['core', 'transport'],
  udp: ['core'],
  routing: ['core', 'schema'],
  'load-report': ['core'],
  balancing: ['core', 'schema'],
  discovery: ['core', 'schema'],
  health: ['core', 'schema'],
  concurrency: ['core', 'schema', 'telemetry'],
  subsetting: ['core', 'schema', 'telemetry'],
  'balance-report': ['core', 'telemetry'],
  upstream: [
    'core',
    'load-report',
    'balancing',
    'discovery',
    'subsetting',
    'health',
    'transport',
    'http2',
    'http1',
  ],
  security: ['core'],
  telemetry: ['core'],
  reflection: ['core'],
  xds: ['core', 'schema', 'security', 'reflection', 'routing'],
  call: ['core', 'load-report', 'routing', 'telemetry', 'upstream', 'security'],
  policies: ['core', 'schema', 'routing', 'call', 'telemetry', 'upstream'],
  listeners: ['core', 'transport', 'http2', 'http1', 'tcp', 'udp', 'security', 'call'],
  schema: ['core'],
  config: [
    'core',
    'schema',
    'routing',
    'policies',
    'balancing',
    'discovery',
    'health',
    'concurrency',
    'subsetting',
  ],
  explain: ['core', 'schema', 'telemetry', 'routing', 'config', 'policies'],
  admin: ['core', 'telemetry', 'balance-report', 'explain'],
  tap: ['core', 'call', 'telemetry', 'upstream', 'reflection'],
  'replica-call': ['core', 'reflection'],
  'health-check': ['core', 'config'],
  cli: null,
  embed: null,
  runtime: null,
};

const rule = 'layers';

/**
 * The import table over `src/`, type-only imports included: they bind the readers of two folders to each other as much.
 * `packages` are the names that may be imported: the `dependencies` of package.json, not the development ones.
 */
export function checkLayers(files: readonly CheckedFile[], packages: ReadonlySet<string>): Finding[] {
  const findings: Finding[] = [];
  for (const file of files) {
    const from = layerOf(file.path);
    if (from === null) continue;
    if (from !== '' && !(from in layers))
      findings.push({
        file: file.path,
        line: 1,
        rule,
        message: `src/${from}/ is in no layer; add it to ARCHITECTURE.md and to test/check/layers.ts`,
      });
    for (const { specifier, path, line } of importsOf(file)) {
      const message =
        path === null
          ? packageProblem(specifier, packages)
          : (layerProblem(from, path) ?? policyProblem(file.path, path));
      if (message !== null) findings.push({ file: file.path, line, rule, message });
    }
  }
  return findings;
}

/** `http2` for `src/http2/frame.ts`, '' for `src/runtime/`, null outside `src/`. */
function layerOf(path: string): string | null {
  const parts = path.split('/');
  if (parts[0] !== 'src') return null;
  return parts.length > 2 ? parts[1] : '';
}

function layerProblem(from: string, path: string): string | null {
  const to = layerOf(path);
  if (to === null) return `src/ imports ${path}; the product may not depend on anything outside src/`;
  const may = from === '' ? null : layers[from];
  if (from === to || may === null || may === undefined) return null;
  if (to === '') return `src/${from}/ may not import ${path}, the wiring; have it handed in instead`;
  if (may.includes(to)) return null;
  const allowed = may.length === 0 ? 'nothing' : may.join(', ');
  return `src/${from}/ may import ${allowed}, not src/${to}/; move what both need to src/core/, or have it handed in by src/runtime/`;
}

/** Policies never import each other: what two of them share lies beside their folders. */
function policyProblem(from: string, path: string): string | null {
  const [own, other] = [policyOf(from), policyOf(path)];
  if (own === null || other === null || own === other) return null;
  return `the policy ${own} imports the policy ${other}; move what both need to src/policies/`;
}

/** `retry` for `src/policies/retry/policy.ts`; null for what is in no policy's folder. */
function policyOf(path: string): string | null {
  return /^src\/policies\/([^/]+)\//.exec(path)?.[1] ?? null;
}

function packageProblem(specifier: string, packages: ReadonlySet<string>): string | null {
  if (specifier.startsWith('node:')) return null;
  if (builtinModules.includes(specifier)) return `write "node:${specifier}" for the module of Node`;
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  return packages.has(name) ? null : `"${name}" is not among the dependencies of package.json`;
}

/** Import cycles anywhere, type-only imports included; each is found once, at the import that closes it. */
export function checkCycles(files: readonly CheckedFile[]): Finding[] {
  const imports = new Map(files.map((file) => [file.path, importsOf(file)]));
  const findings: Finding[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (name: string): void => {
    path.push(name);
    for (const { path: next, line } of imports.get(name) ?? []) {
      if (next === null || done.has(next) || !imports.has(next)) continue;
      const at = path.indexOf(next);
      if (at < 0) visit(next);
      else {
        const cycle = [...path.slice(at), next].join(' → ');
        findings.push({
          file: name,
          line,
          rule: 'cycles',
          message: `${cycle}; move what both ends need to a file of its own`,
        });
      }
    }
    path.pop();
    done.add(name);
  };
  for (const name of imports.keys()) if (!done.has(name)) visit(name);
  return findings;
}
