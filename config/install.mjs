// `make` runs this before whatever needs packages: it installs what package-lock.json names, once, and sees to a Node that
// can run the sources. It must run on the Node of a fresh machine (20 or later) with nothing installed, so it is plain
// JavaScript. Without network it is content with a node_modules that fits the lock file.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
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

function npm(args, stderr = 'inherit') {
  return spawnSync('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    env: { ...process.env, PATH: path },
    // What npm says on success ("added 109 packages") is no news; what it says of a failure goes to standard error.
    stdio: ['ignore', 'ignore', stderr],
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), 'utf8')).packages ?? {};
  } catch {
    return {};
  }
}

/** Whether node_modules holds every package of the lock file that this platform needs, in its version. */
function isInstalled() {
  const installed = packagesOf('node_modules/.package-lock.json');
  return Object.entries(packagesOf('package-lock.json')).every(
    ([name, { version, optional }]) => name === '' || optional || installed[name]?.version === version,
  );
}

function runsSources(node) {
  const { status, stdout } = spawnSync(node, ['--version'], { encoding: 'utf8', env: { PATH: path } });
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(status === 0 ? stdout : '') ?? [];
  return Number(major) > neededMajor || (Number(major) === neededMajor && Number(minor) >= neededMinor);
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

function fail(text) {
  say(`install: ${text}`);
  process.exit(1);
}

let fresh = false;
if (!isInstalled()) {
  say('Installing packages with npm; this is needed once and again after package-lock.json changes.');
  // No package's install script runs but the one below: it is the only one that is needed, and where it fails
  // (a platform that its package does not serve) a newer Node of the machine's own will do.
  const { error, status } = npm(['ci', '--ignore-scripts']);
  if (error !== undefined)
    fail(`npm cannot be run (${error.message}); install Node 20 or later, which brings it`);
  if (status !== 0) fail('npm ci failed, for the reason above; make needs the package registry this once');
  fresh = true;
}
const machineNodeWillDo = runsSources('node');
if (!runsSources(ownNode) && (fresh || !machineNodeWillDo)) {
  say('Fetching the Node that runs the sources.');
  const { stderr } = npm(['rebuild', 'node', '--ignore-scripts=false'], 'pipe');
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
