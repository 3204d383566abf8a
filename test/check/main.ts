import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { checkGuide } from '../docs/check.ts';
import { checkBanned } from './banned.ts';
import { checkExports } from './exports.ts';
import { type Finding, formatFinding } from './finding.ts';
import { checkDocuments, checkSourceTexts } from './glossary.ts';
import { checkIdentifiers } from './identifiers.ts';
import { checkCycles, checkLayers } from './layers.ts';
import { checkLengths } from './lengths.ts';
import { checkLicenses, type LockedPackages } from './licenses.ts';
import { findUntested } from './mirror.ts';
import { type CheckedFile, parseSamples, readProgram } from './program.ts';
import { checkWords, type TextFile } from './words.ts';

/** `make check`: everything about the sources that a program can judge. Exit code 1 where anything is wrong. */
const root = resolve(import.meta.dirname, '../..');

interface ToolRun {
  readonly ok: boolean;
  readonly output: string;
}

function run(command: string, args: readonly string[]): Promise<ToolRun> {
  return new Promise((done) => {
    execFile(command, args, { cwd: root, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}`.trim();
      done({ ok: error === null, output: error !== null && output === '' ? error.message : output });
    });
  });
}

/** Text files that git tracks. Outside a git work tree there are none to speak of. */
async function trackedFiles(): Promise<TextFile[]> {
  const { ok, output } = await run('git', ['ls-files', '-z']);
  if (!ok) return [];
  const files: TextFile[] = [];
  for (const path of output.split('\0')) {
    let text = '';
    try {
      text = readFileSync(resolve(root, path), 'utf8');
    } catch {
      continue; // tracked, and removed from the work tree
    }
    if (!text.includes('\0')) files.push({ path, text });
  }
  return files;
}

function packageNames(): Set<string> {
  const manifest = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>;
  };
  return new Set(Object.keys(manifest.dependencies ?? {}));
}

function lockedPackages(): LockedPackages {
  const lock = JSON.parse(readFileSync(resolve(root, 'package-lock.json'), 'utf8'));
  return (lock as { packages: LockedPackages }).packages;
}

async function ownRules(files: readonly CheckedFile[]): Promise<Finding[]> {
  const tracked = await trackedFiles();
  const page = tracked.filter(({ path }) => path.startsWith('src/') && path.endsWith('.js'));
  const scripts = parseSamples(Object.fromEntries(page.map(({ path, text }) => [path, text])));
  return [
    ...checkLayers(files, packageNames()),
    ...checkCycles(files),
    ...checkBanned(files),
    ...checkLengths(files),
    ...checkExports(files),
    ...checkWords(tracked),
    ...checkSourceTexts(files),
    ...checkDocuments(tracked),
    ...checkGuide(tracked, (path) => existsSync(resolve(root, path))),
    ...checkIdentifiers(files),
    ...checkLicenses(lockedPackages()),
    ...checkCycles(scripts),
    ...checkLengths(scripts),
    ...checkExports(scripts),
    ...checkIdentifiers(scripts),
  ];
}

const bin = resolve(root, 'node_modules/.bin');
const tools = {
  types: run(resolve(bin, 'tsc'), ['-p', '.', '--noEmit', '--pretty', 'false']),
  style: run(resolve(bin, 'biome'), [
    'check',
    '--config-path=config',
    '--error-on-warnings',
    '--no-errors-on-unmatched',
    'src',
    'test',
    'examples',
    'config/install.mjs',
    'config/copy-assets.mjs',
    'config/package-help.mjs',
    'config/package-types.mjs',
    'config/release.mjs',
    'package.json',
  ]),
};
const files = readProgram(root);
const findings = await ownRules(files);
const failures: string[] = [];
for (const [name, tool] of Object.entries(tools)) {
  const { ok, output } = await tool;
  if (ok) continue;
  failures.push(name);
  process.stdout.write(`${output}\n`);
}
for (const finding of findings) process.stdout.write(`${formatFinding(finding)}\n`);
for (const rule of new Set(findings.map((finding) => finding.rule))) failures.push(rule);
const untested = findUntested(files);
const listed = process.argv.includes('--untested') ? untested : untested.slice(0, 5);
if (untested.length > 0)
  process.stdout.write(`note: no test is near ${untested.length} files of src/: ${listed.join(', ')}${listed.length < untested.length ? ', … (ARGS=--untested lists all)' : ''}
`);
if (failures.length > 0) {
  if (failures.includes('style'))
    process.stdout.write('style: `make format` fixes what can be fixed without thought\n');
  process.stdout.write(`check: failed: ${failures.join(', ')}\n`);
  process.exitCode = 1;
} else
  process.stdout.write(
    'check: types, style, layers, cycles, banned globals, lengths, exports, words, the glossary of texts and identifiers, generated pages, links and licences are in order\n',
  );
