import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { status } from '@grpc/grpc-js';
import { allowedLicenses } from '../../check/licenses.ts';
import { checkLinks } from '../../docs/links.ts';
import { connectGreeter } from '../../support/greeter-client.ts';
import { startGreeter } from '../../support/greeter-server.ts';
import { freeAddresses } from '../../support/sidecar-process.ts';
import { type Checks, exitForMissing, expectThat, startChecks, until } from '../checks.ts';
import { dependenciesOf, type Installed, install, root, run, succeed, writeConsumer } from './package.ts';

/** The npm package as a user gets it: what is in it, what comes with it, and that it runs on the Nodes that it allows. */

const here = fileURLToPath(new URL('.', import.meta.url));
const mebibyte = 1024 * 1024;
/** Bounds, a quarter above what they were when they were set. */
const packedBytesMax = 1.35 * mebibyte;
const installedBytesMax = 50 * mebibyte;
const packagesMax = 75;
const startPatienceMs = 60_000;

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const mib = (bytes: number): string => `${(bytes / mebibyte).toFixed(1)} MiB`;

/** Path of the oldest Node that the package allows. */
function oldNode(): string {
  const { stdout } = spawnSync(`${here}install`, ['node'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = stdout.trim().split('\n');
  const missing = lines.find((line) => line.startsWith('missing '));
  if (missing !== undefined) exitForMissing(missing);
  return lines.find((line) => line.startsWith('have node '))!.slice('have node '.length);
}

async function checkContents({ check }: Checks, installed: Installed): Promise<void> {
  const paths = new Set(installed.files.map(({ path }) => path));
  const exists = (path: string): boolean =>
    paths.has(path) || [...paths].some((file) => file.startsWith(`${path}/`));
  await check('it holds no tests, no sources and no declarations that nobody can reach', async () => {
    const unwanted = [...paths].filter((path) =>
      /^(?:test|src|config)\/|\.map$|\.test\.[cm]?[jt]s$|\.tgz$/.test(path),
    );
    expectThat(unwanted.length === 0, unwanted.join(', '));
    expectThat(!exists('dist/cli/run.d.ts'), 'dist/cli/run.d.ts is there');
  });
  await check(
    'it holds all that README.md links to, and other pages lack only results of tests',
    async () => {
      const pages = [...paths]
        .filter((path) => path.endsWith('.md'))
        .map((path) => ({ path, text: readFileSync(join(installed.package, path), 'utf8') }));
      const dead = checkLinks(pages, exists).filter(
        ({ file, message }) => file === 'README.md' || !message.includes('test/balance-sim/results/'),
      );
      expectThat(dead.length === 0, dead.map(({ file, message }) => `${file}: ${message}`).join(', '));
    },
  );
  await check('it holds the files that package.json names, the completions and the notices', async () => {
    const { bin, main, types, man, exports } = JSON.parse(
      readFileSync(join(installed.package, 'package.json'), 'utf8'),
    );
    const named = [main, types, man, ...Object.values(bin), ...Object.values(exports).flatMap(pathsIn)];
    const others = [
      'LICENSE',
      'README.md',
      'CHANGELOG.md',
      'dist/completions/_outrigger',
      'protos/greeter.proto',
    ];
    const lacking = [...named, ...others].filter((path) => !exists(path.replace(/^\.\//, '')));
    expectThat(lacking.length === 0, lacking.join(', '));
  });
}

function pathsIn(target: unknown): string[] {
  return typeof target === 'string' ? [target] : Object.values(target as Record<string, string>);
}

async function checkWeight({ check }: Checks, installed: Installed): Promise<void> {
  const { packages, bytes } = dependenciesOf(installed);
  const { packedBytes } = installed;
  await check(
    `${mib(packedBytes)} packed; installed ${mib(bytes)} in ${packages.length} further packages`,
    async () => {
      expectThat(packedBytes <= packedBytesMax, `the limit is ${mib(packedBytesMax)} packed`);
      expectThat(bytes <= installedBytesMax, `the limit is ${mib(installedBytesMax)} installed`);
      expectThat(packages.length <= packagesMax, `the limit is ${packagesMax} packages`);
    },
  );
  const licenses = [...new Set(packages.map(({ license }) => license))].sort();
  await check(`licences: ${licenses.join(', ')}`, async () => {
    const wrong = packages.filter(({ license }) => !allowedLicenses.has(license));
    expectThat(wrong.length === 0, wrong.map(({ name, license }) => `${name}: ${license}`).join(', '));
  });
}

/** Option of Node that has the program write the names of Node's own modules that it loaded to a file as it ends. */
function reportModules(file: string): string {
  const code = `import { writeFileSync } from 'node:fs';
process.on('exit', () => writeFileSync(${JSON.stringify(file)}, process.moduleLoadList.join()));`;
  return `--import=data:text/javascript,${encodeURIComponent(code)}`;
}

/**
 * `outrigger run` in front of a replica, with a call through it. Returns how long it took to be ready, milliseconds, and the modules of
 * Node that it loaded.
 */
async function callThroughProgram(
  { folder }: Installed,
  node: string,
): Promise<{ readonly readyMs: number; readonly modules: string }> {
  const greeter = await startGreeter();
  const [listen, admin] = await freeAddresses(2);
  const file = join(folder, 'outrigger.yaml');
  const modulesFile = join(folder, 'modules.txt');
  const config = {
    admin: { listen: admin },
    listeners: [{ name: 'in', listen, routes: [{ name: 'all', cluster: 'greeter' }] }],
    clusters: [{ name: 'greeter', endpoints: [{ address: greeter.address }] }],
    drain: { delay: '0s' },
  };
  writeFileSync(file, JSON.stringify(config));
  const startedMs = performance.now();
  const child = spawn(join(folder, 'node_modules/.bin/outrigger'), ['run', '--config', file], {
    cwd: folder,
    stdio: 'ignore',
    env: {
      ...process.env,
      PATH: [dirname(node), process.env.PATH].join(delimiter),
      NODE_OPTIONS: reportModules(modulesFile),
    },
  });
  const exit = once(child, 'exit');
  const client = connectGreeter(listen);
  try {
    await until('the sidecar is ready', startPatienceMs, async () => {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
      return (await fetch(`http://${admin}/ready`).catch(() => null))?.status === 200;
    });
    const readyMs = performance.now() - startedMs;
    const { code, details } = await client.sayHello('you');
    expectThat(code === status.OK && greeter.calls === 1, `the call ended with ${code}: ${details}`);
    child.kill('SIGTERM');
    const [exitCode] = await exit;
    expectThat(exitCode === 0, `it ended with ${exitCode}`);
    return { readyMs, modules: readFileSync(modulesFile, 'utf8') };
  } finally {
    client.close();
    child.kill('SIGKILL');
    await exit;
    await greeter.kill();
  }
}

async function checkOn(node: string, checks: Checks, installed: Installed): Promise<void> {
  const cwd = installed.folder;
  const name = `Node ${succeed(node, ['--version'], { cwd }).trim()}`;
  const { check } = checks;
  await check(`${name}: npx outrigger --version`, async () => {
    const stdout = succeed('npx', ['--no-install', 'outrigger', '--version'], { cwd, node });
    expectThat(stdout.startsWith(`outrigger ${version} (node ${name.slice('Node v'.length)},`), stdout);
  });
  await check(`${name}: outrigger man prints the page of the package`, async () => {
    const page = readFileSync(join(installed.package, 'dist/man/outrigger.1'), 'utf8');
    expectThat(succeed('npx', ['--no-install', 'outrigger', 'man'], { cwd, node }) === page, 'it differs');
  });
  let readyMs = 0;
  let modules = '';
  await check(`${name}: outrigger run forwards a call and drains`, async () => {
    ({ readyMs, modules } = await callThroughProgram(installed, node));
  });
  await check(`${name}: it loads the HTTP server of Node without its WebSocket client`, async () => {
    expectThat(modules.includes('NativeModule _http_server'), 'the modules that it loaded are not known');
    expectThat(!modules.includes('/undici/'), 'undici is loaded');
  });
  process.stdout.write(`          ready after ${Math.round(readyMs)} ms\n`);
  await check(`${name}: startSidecar in a test of the consumer`, async () => {
    const { status: code, stdout } = run(node, ['--test', 'embed.test.ts'], { cwd, node });
    expectThat(code === 0 && /^# pass 1$|ℹ pass 1$/m.test(stdout), stdout);
  });
  await check(`${name}: a policy module of the consumer loads`, async () => {
    const stdout = succeed(
      'npx',
      ['--no-install', 'outrigger', 'validate', '--config', 'policies/outrigger.yaml'],
      {
        cwd,
        node,
      },
    );
    expectThat(stdout.includes('is valid'), stdout);
  });
}

/** Without the packages in npm's cache there is nothing to test: the test uses no registry. */
function installOrSkip(): Installed {
  try {
    return install();
  } catch (error) {
    if (String(error).includes('ENOTCACHED'))
      exitForMissing('npm has not cached the dependencies; run test/real/packaging/install');
    throw error;
  }
}

const node22 = oldNode();
const checks = startChecks();
const installed = installOrSkip();
try {
  await checkContents(checks, installed);
  await checkWeight(checks, installed);
  writeConsumer(installed);
  await checks.check('TypeScript accepts a consumer, declarations of libraries included', async () => {
    succeed(join(root, 'node_modules/.bin/tsc'), ['-p', '.', '--pretty', 'false'], { cwd: installed.folder });
  });
  for (const node of [node22, process.execPath]) await checkOn(node, checks, installed);
} finally {
  installed.remove();
}
process.exitCode = checks.close();
