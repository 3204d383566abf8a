import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { connectGreeter } from '../../support/greeter-client.ts';
import { type Greeter, startGreeter } from '../../support/greeter-server.ts';
import { freeAddresses } from '../../support/sidecar-process.ts';
import { type Checks, exitForMissing, expectThat, startChecks, until } from '../checks.ts';
import { compose } from './compose.ts';
import { Engine, type Installed, installed } from './engine.ts';

/**
 * The container image: built from docker/Dockerfile with buildah, and run with podman and runc, without capabilities, with a memory
 * limit and a read-only root file system.
 */
const calls = 300;
const readyPatienceMs = 60_000;
const imageMiBMax = 170;
const run = `${process.pid}`;
const image = `localhost/outrigger:test-${run}`;

interface ImageFacts {
  readonly Size: number;
  readonly User: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly Healthcheck?: { readonly Test: readonly string[] };
}

async function sources({ check }: Checks, { base, tools }: Installed): Promise<void> {
  await check('hadolint has no finding in docker/Dockerfile', async () => {
    const { status, stdout, stderr } = spawnSync(join(tools, 'bin/hadolint'), ['docker/Dockerfile'], {
      encoding: 'utf8',
    });
    expectThat(status === 0, stdout + stderr);
  });
  await check('the base image has the version of Node that the tests run with', async () => {
    const { node } = JSON.parse(readFileSync('package.json', 'utf8')).devDependencies as { node: string };
    expectThat(base.includes(`/node:${node}-`), `package.json has ${node}, the Dockerfile ${base}`);
  });
}

async function facts({ check }: Checks, engine: Engine): Promise<void> {
  const found = await engine.inspect<ImageFacts>('image', image);
  await check(`the image is smaller than ${imageMiBMax} MiB`, async () => {
    const size = found.Size / 2 ** 20;
    process.stdout.write(`  size    ${size.toFixed(0)} MiB\n`);
    expectThat(size < imageMiBMax, `it has ${size.toFixed(0)} MiB`);
  });
  await check('it has a numeric user, labels and a health check', async () => {
    expectThat(found.User === '1000:1000', `the user is ${found.User}`);
    const { version, license } = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, string>;
    const label = (name: string): string | undefined => found.Labels[`org.opencontainers.image.${name}`];
    expectThat(label('version') === version, `the version is ${label('version')}`);
    expectThat(label('licenses') === license, `the licence is ${label('licenses')}`);
    expectThat(/^[0-9a-f]{40}$|^unknown$/.test(label('revision') ?? ''), `${label('revision')}`);
    expectThat(/^\d{4}-\d\d-\d\dT[\d:]{8}Z$/.test(label('created') ?? ''), `${label('created')}`);
    expectThat(found.Healthcheck?.Test[0] === 'CMD', `${JSON.stringify(found.Healthcheck)}`);
  });
}

async function files({ check }: Checks, engine: Engine): Promise<void> {
  const folder = await engine.mount(image);
  const list = spawnSync('find', ['.', '-path', './outrigger', '-prune', '-o', '-type', 'f', '-print'], {
    cwd: folder,
    encoding: 'utf8',
  }).stdout.split('\n');
  await check(
    'outside of the program there are Node and its libraries, and nothing else to start',
    async () => {
      const known =
        /^\.\/(usr\/local\/(bin\/node|LICENSE)|(usr\/)?lib(64)?\/.*\.so(\.\d+)*|(etc|var\/lib\/dpkg|usr\/share)\/.*)$/;
      const other = list.filter((file) => file !== '' && !known.test(file));
      expectThat(other.length === 0, other.join(' '));
      expectThat(list.includes('./usr/local/bin/node'), 'Node is not there');
    },
  );
  await check('the bill of materials names the packages of npm, Node and the C library', async () => {
    const sbom = JSON.parse(readFileSync(join(folder, 'usr/share/sbom/outrigger.cdx.json'), 'utf8')) as {
      readonly bomFormat: string;
      readonly metadata: { readonly component: { readonly name: string } };
      readonly components: ReadonlyArray<{ readonly name: string; readonly version: string }>;
    };
    expectThat(
      sbom.bomFormat === 'CycloneDX' && sbom.metadata.component.name === 'outrigger',
      sbom.bomFormat,
    );
    const names = new Map(sbom.components.map(({ name, version }) => [name, version]));
    const lock = JSON.parse(readFileSync('package.json', 'utf8')).dependencies as Record<string, string>;
    for (const [name, version] of Object.entries({ ...lock, node: process.version.slice(1) }))
      expectThat(names.get(name) === version, `${name} is ${names.get(name)}, not ${version}`);
    expectThat(names.has('libc6'), 'libc6 is missing');
    expectThat(!names.has('mocha'), 'it has packages of the tests');
  });
}

async function untilReady(admin: string): Promise<void> {
  await until('the sidecar is ready', readyPatienceMs, async () => {
    const reply = await fetch(`http://${admin}/ready`).catch(() => null);
    await reply?.text();
    return reply?.status === 200;
  });
}

async function callReplicas(listener: string, replicas: readonly Greeter[]): Promise<void> {
  const before = replicas.map((replica) => replica.calls);
  const client = connectGreeter(listener);
  try {
    const results = await Promise.all(Array.from({ length: calls }, () => client.sayHello('x')));
    const failed = results.filter(({ code }) => code !== 0);
    expectThat(failed.length === 0, `${failed.length} failed, the first with ${failed[0]?.details}`);
    const shares = replicas.map((replica, i) => replica.calls - before[i]);
    expectThat(
      Math.min(...shares) >= calls / replicas.length / 2,
      `the replicas got ${shares.join(', ')} calls`,
    );
  } finally {
    client.close();
  }
}

/** `docker run IMAGE run --config FILE`; the address of the health check is in the file. */
async function withFile(
  checks: Checks,
  engine: Engine,
  replicas: readonly Greeter[],
  dir: string,
): Promise<void> {
  const { check } = checks;
  const name = `outrigger-file-${run}`;
  const [listen, admin] = await freeAddresses(2);
  const config = {
    admin: { listen: admin },
    listeners: [{ name: 'in', listen, routes: [{ name: 'all', cluster: 'all' }] }],
    clusters: [{ name: 'all', endpoints: replicas.map(({ address }) => ({ address })) }],
    drain: { delay: '1s', grace: '20s' },
  };
  writeFileSync(join(dir, 'outrigger.yaml'), stringify(config), { mode: 0o644 });
  // The command of the image names the file.
  await engine.start(name, image, { options: ['--volume', `${dir}:/etc/outrigger:ro`], args: [] });
  await check('it runs with a file, and balances calls over the replicas', async () => {
    await untilReady(admin);
    await callReplicas(listen, replicas);
  });
  await check('the health check follows admin.listen of the file', async () => {
    const { code, out } = await engine.checkHealth(name);
    expectThat(code === 0, out);
  });
  await check('commands run in the container', async () => {
    const { code, out } = await engine.podman('exec', name, 'outrigger', 'endpoints', '--admin', admin);
    expectThat(code === 0 && out.includes(replicas[0].address), out);
  });
  await drain(checks, engine, name, listen);
}

async function drain({ check }: Checks, engine: Engine, name: string, listen: string): Promise<void> {
  const client = connectGreeter(listen);
  const { call, result } = client.openBidi();
  const sendOne = async (): Promise<void> => {
    const reply = once(call, 'data');
    call.write({ payload: Buffer.from('x') });
    await reply;
  };
  await sendOne();
  const { code, out } = await engine.podman('kill', '--signal', 'TERM', name);
  await check('SIGTERM reaches the sidecar, and a container that drains is unhealthy', async () => {
    expectThat(code === 0, out);
    const health = await engine.checkHealth(name);
    expectThat(health.code !== 0, `the health check says: ${health.out}`);
  });
  await check('a call in flight goes on while it drains, and ends well', async () => {
    await sendOne();
    call.end();
    const { code, details } = await result;
    expectThat(code === 0, `the call ended with ${code} ${details}`);
  });
  await check('then the container exits with 0', async () => {
    const exit = await engine.wait(name);
    expectThat(exit === 0, `it exited with ${exit}: ${await engine.logs(name)}`);
  });
  client.close();
}

/** `docker run IMAGE run --from … --to …`; the address of the health check is a flag. */
async function withFlags({ check }: Checks, engine: Engine, replicas: readonly Greeter[]): Promise<void> {
  const name = `outrigger-flags-${run}`;
  const [listen, admin] = await freeAddresses(2);
  const to = replicas.flatMap(({ address }) => ['--to', address]);
  await engine.start(name, image, { args: ['run', '--from', listen, ...to, '--admin', admin] });
  await check('it runs with flags, and balances calls over the replicas', async () => {
    await untilReady(admin);
    await callReplicas(listen, replicas);
  });
  const { State } = await engine.inspect<{ readonly State: { readonly Pid: number } }>('container', name);
  await check('the process has the numeric user, no capability and no new privileges', async () => {
    const status = readFileSync(`/proc/${State.Pid}/status`, 'utf8');
    for (const line of [/^Uid:\t1000\t/m, /^CapEff:\t0+$/m, /^CapBnd:\t0+$/m, /^NoNewPrivs:\t1$/m])
      expectThat(line.test(status), `${line} is not in its status`);
  });
  await check('the health check follows --admin', async () => {
    const { code, out } = await engine.checkHealth(name);
    expectThat(code === 0, out);
  });
  await check(
    'a sidecar whose event loop stands still is unhealthy, and healthy again after it',
    async () => {
      process.kill(State.Pid, 'SIGSTOP');
      const stopped = await engine.checkHealth(name);
      process.kill(State.Pid, 'SIGCONT');
      expectThat(stopped.code !== 0, `the health check says: ${stopped.out}`);
      const { code, out } = await engine.checkHealth(name);
      expectThat(code === 0, out);
    },
  );
}

async function main(): Promise<number> {
  const found = installed();
  if ('missing' in found) exitForMissing(found.missing);
  const checks = startChecks();
  const dir = mkdtempSync(join(tmpdir(), 'outrigger-image-'));
  // The user of the container reads it.
  chmodSync(dir, 0o755);
  const engine = new Engine(found.store);
  // Containers are no children of this process and would outlive it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void engine.close().then(() => process.exit(130)));
  const replicas = await Promise.all(Array.from({ length: 3 }, () => startGreeter()));
  try {
    await sources(checks, found);
    await engine.build(image);
    await facts(checks, engine);
    await files(checks, engine);
    await withFile(checks, engine, replicas, dir);
    await withFlags(checks, engine, replicas);
    await compose(checks, engine, image, found.tools);
  } catch (error) {
    checks.failed('the run', (error as Error).message);
  } finally {
    await Promise.all(replicas.map((replica) => replica.kill()));
    rmSync(dir, { recursive: true, force: true });
    const left = await engine.close();
    await checks.check('no container and no image is left', async () => {
      expectThat(left.length === 0, left.join(', '));
    });
  }
  return checks.close();
}

process.exit(await main());
