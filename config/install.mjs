// `make` runs this before whatever needs packages: it installs what package-lock.json names, once, and sees to a Node that
// can run the sources. It must run on the Node of a fresh machine (20 or later) with nothing installed, so it is plain
// JavaScript. Without network it is content with a node_modules that fits the lock file.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');
const modules = join(root, 'node_modules');
const ownNode = join(modules, '.bin', 'node');
/** `engines.node` of package.json: the first whose type stripping and whose OpenTelemetry support the sources need. */
const neededMajor = 22;
const neededMinor = 18;

/** npm runs by the machine's own Node: the one in node_modules may be about to be replaced. */
const path = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => resolve(folder) !== join(modules, '.bin'))
  .join(delimiter);

/** Runs npm and resolves with how it ended and what it wrote to standard error; calls `tick` with the seconds so far. */
function npm(args, tick) {
  // Progress is ours: npm's is a spinner without a figure, and fills the log of a CI system with its frames.
  const child = spawn('npm', [...args, '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'], {
    cwd: root,
    env: { ...process.env, PATH: path },
    // What npm says on success ("added 109 packages") is no news.
    stdio: ['ignore', 'ignore', 'pipe'],
    shell: process.platform === 'win32',
  });
  const startedMs = Date.now();
  const timer = setInterval(() => tick(Math.round((Date.now() - startedMs) / 1000)), 1000);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  return new Promise((resolve) => {
    const end = (result) => {
      clearInterval(timer);
      resolve({ ...result, stderr, seconds: Math.max(1, Math.round((Date.now() - startedMs) / 1000)) });
    };
    child.once('error', (error) => end({ error, status: null }));
    child.once('close', (status) => end({ error: undefined, status }));
  });
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), 'utf8')).packages ?? {};
  } catch {
    return {};
  }
}

/** The packages of the lock file that every platform needs: places in node_modules, with the version. */
const needed = Object.entries(packagesOf('package-lock.json')).filter(
  ([place, { optional }]) => place !== '' && !optional,
);

/** Whether node_modules holds all of them, in their versions. */
function isInstalled() {
  const installed = packagesOf('node_modules/.package-lock.json');
  return needed.every(([place, { version }]) => installed[place]?.version === version);
}

function runsSources(node) {
  const { status, stdout } = spawnSync(node, ['--version'], { encoding: 'utf8', env: { PATH: path } });
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(status === 0 ? stdout : '') ?? [];
  return Number(major) > neededMajor || (Number(major) === neededMajor && Number(minor) >= neededMinor);
}

/** Where somebody watches, one line is rewritten each second; a log gets a new line now and then. */
const isWatched = process.stderr.isTTY === true && !process.env.CI && process.env.TERM !== 'dumb';
const logEverySeconds = 15;
let rewriting = false;

function say(text) {
  process.stderr.write(`${rewriting ? '\r\x1b[K' : ''}${text}\n`);
  rewriting = false;
}

function progress(text, seconds) {
  if (isWatched) process.stderr.write(`\r\x1b[K${text}`);
  else if (seconds % logEverySeconds === 0) say(text);
  rewriting = isWatched;
}

function fail(text) {
  say(`install: ${text}`);
  process.exit(1);
}

let fresh = false;
if (!isInstalled()) {
  say(`Installing ${needed.length} packages with npm: once, and again after package-lock.json changes.`);
  // No package's install script runs but the one below: it is the only one that is needed, and where it fails
  // (a platform that its package does not serve) a newer Node of the machine's own will do.
  const { error, status, stderr, seconds } = await npm(['ci', '--ignore-scripts'], (seconds) => {
    const there = needed.filter(([place]) => existsSync(join(root, place, 'package.json'))).length;
    progress(`  ${there} of ${needed.length} packages, ${seconds} s`, seconds);
  });
  if (error !== undefined)
    fail(`npm cannot be run (${error.message}); install Node 20 or later, which brings it`);
  if (status !== 0) {
    say(stderr.trimEnd());
    fail('npm ci failed, for the reason above; make needs the package registry this once');
  }
  say(`  installed in ${seconds} s`);
  fresh = true;
}
const machineNodeWillDo = runsSources('node');
if (!runsSources(ownNode) && (fresh || !machineNodeWillDo)) {
  say(`Fetching the Node that runs the sources: this machine's own is ${process.version}.`);
  const { stderr, seconds } = await npm(['rebuild', 'node', '--ignore-scripts=false'], (seconds) =>
    progress(`  fetching, ${seconds} s`, seconds),
  );
  if (runsSources(ownNode)) say(`  fetched in ${seconds} s`);
  if (!runsSources(ownNode)) {
    const place = `${process.platform}-${process.arch}`;
    if (!machineNodeWillDo) {
      say(stderr);
      fail(
        `no Node ${neededMajor}.${neededMinor} or later: the machine's own is ${process.version}, and that of the package ` +
          `"node" could not be had for ${place}, for the reason above; install a newer Node, then run make again`,
      );
    }
    say(`The package "node" could not be had for ${place}; the machine's own Node will do.`);
  }
}
