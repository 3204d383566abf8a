import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newAuthority } from '../../support/certificates.ts';
import { type Checks, exitForMissing, expectThat, startChecks, until } from '../checks.ts';
import { namedClient } from './client.ts';
import { ControlPlaneProcess, controlPlaneProgram, type Document } from './control-plane.ts';
import { checkFleet } from './fleet.ts';
import { checkResources } from './resources.ts';
import { checkSidecars } from './sidecars.ts';

/** The ADS client against go-control-plane, in the state of the world and with delta. */

const patienceMs = 15_000;

function document(version: string, clusters: readonly string[], connectTimeout = '1s'): Document {
  return {
    version,
    clusters: clusters.map((name) => ({ name, type: 'STATIC', connect_timeout: connectTimeout })),
  };
}

async function protocol(checks: Checks, program: string, delta: boolean): Promise<void> {
  const variant = delta ? 'delta' : 'state of the world';
  const plane = new ControlPlaneProcess(program);
  await plane.start(document('1', ['a', 'b']));
  const { client, held, refuse, received } = namedClient({ server: plane.address, delta });
  client.subscribe('cluster', 'all');
  client.start();
  const holds = (names: string) =>
    until(`the clusters ${names}, now ${held('cluster')}`, patienceMs, async () => held('cluster') === names);
  const lastRequest = () => plane.requests().at(-1);
  await checks.check(
    `${variant}: the client gets clusters, changes and removals, and acknowledges them`,
    async () => {
      await holds('a,b');
      await plane.serve(document('2', ['b', 'c']));
      await holds('b,c');
      await until('an ACK', patienceMs, async () => client.status.kinds[0].acks >= 2);
      expectThat(
        plane.requests().every(({ nack }) => nack === ''),
        'something was refused',
      );
    },
  );
  await checks.check(
    `${variant}: a refused cluster reaches the control plane as a reason; the rest is applied`,
    async () => {
      refuse.add('bad');
      await plane.serve(document('3', ['b', 'bad', 'd']));
      await holds('b,d');
      await until('the NACK', patienceMs, async () => (lastRequest()?.nack ?? '') !== '');
      expectThat(
        lastRequest()?.nack === 'cluster "bad": connect_timeout: is refused by this test',
        `reason: ${lastRequest()?.nack}`,
      );
      await plane.serve(document('4', ['b', 'd']));
      await until(
        'an ACK',
        patienceMs,
        async () => client.status.kinds[0].version !== '' && client.status.kinds[0].refused.length === 0,
      );
      await holds('b,d');
    },
  );
  await checks.check(
    `${variant}: after a restart of the control plane the client resumes, and gets only what changed`,
    async () => {
      await plane.kill();
      await until('the loss is noticed', patienceMs, async () => !client.status.connected);
      expectThat(held('cluster') === 'b,d', `holds ${held('cluster')}`);
      received.length = 0;
      await plane.start(document('4', ['b', 'd']));
      await until('connected again', patienceMs, async () => client.status.connected);
      await plane.serve(document('5', ['b', 'd', 'e']));
      await holds('b,d,e');
      expectThat(received.join() === 'e', `received again: ${received}`);
    },
  );
  client.stop();
  await plane.kill();
}

const pushes = 1000;

/** Each push waits until the one before is applied; then as many at once, of which the control plane skips some. */
async function manyPushes(checks: Checks, program: string, delta: boolean): Promise<void> {
  const plane = new ControlPlaneProcess(program);
  await plane.start(document('0', ['v0']));
  const { client, held, received } = namedClient({ server: plane.address, delta });
  client.subscribe('cluster', 'all');
  client.start();
  const variant = delta ? 'delta' : 'state of the world';
  await checks.check(`${variant}: each of ${pushes} pushes is applied and acknowledged`, async () => {
    await until('the first version', patienceMs, async () => held('cluster') === 'v0');
    const startMs = performance.now();
    for (let i = 1; i <= pushes; i++) {
      plane.push(document(String(i), [`v${i}`]));
      while (held('cluster') !== `v${i}` && performance.now() - startMs < patienceMs) await turn();
    }
    const ms = Math.round(performance.now() - startMs);
    process.stdout.write(`          ${pushes} pushes in ${ms} ms\n`);
    const { acks, nacks } = client.status.kinds[0];
    expectThat(received.length === pushes + 1, `${received.length} versions arrived`);
    expectThat(nacks === 0 && acks === received.length, `${acks} ACKs and ${nacks} NACKs`);
  });
  await checks.check(`${variant}: after ${pushes} pushes at once the client holds the last one`, async () => {
    for (let i = 1; i <= pushes; i++) plane.push(document(`${i}b`, [`b${i}`]));
    await until('the last version', patienceMs, async () => held('cluster') === `b${pushes}`);
    expectThat(client.status.kinds[0].nacks === 0, 'something was refused');
  });
  client.stop();
  await plane.kill();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function mutualTls(checks: Checks, program: string): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'outrigger-xds-'));
  const authority = newAuthority();
  const server = authority.issue(['control-plane.test']);
  const own = authority.issue(['sidecar']);
  const file = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  const ca = file('ca.pem', authority.cert);
  const plane = new ControlPlaneProcess(program, [
    ...['-cert', file('server.pem', server.cert), '-key', file('server.key', server.key), '-ca', ca],
  ]);
  await plane.start(document('1', ['a']));
  await checks.check('mutual TLS: both sides verify each other', async () => {
    const tls = {
      ca,
      cert: file('own.pem', own.cert),
      key: file('own.key', own.key),
      serverName: 'control-plane.test',
    };
    const { client, held } = namedClient({ server: plane.address, tls });
    client.subscribe('cluster', 'all');
    client.start();
    await until('a cluster', patienceMs, async () => held('cluster') === 'a');
    client.stop();
    const nobody = namedClient({ server: plane.address, tls: { ca, serverName: 'control-plane.test' } });
    nobody.client.subscribe('cluster', 'all');
    nobody.client.start();
    await until('a refusal', patienceMs, async () => nobody.client.status.lastError !== '');
    expectThat(nobody.held('cluster') === '', 'the control plane accepts a client without a certificate');
    nobody.client.stop();
  });
  await plane.kill();
  rmSync(dir, { recursive: true });
}

async function main(): Promise<number> {
  const program = controlPlaneProgram();
  if ('missing' in program) exitForMissing(program.missing);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const checks = startChecks();
  const sidecarsOnly = process.argv.includes('--fleet-only');
  const clients = [
    () => protocol(checks, program.path, false),
    () => protocol(checks, program.path, true),
    () => manyPushes(checks, program.path, false),
    () => manyPushes(checks, program.path, true),
    () => checkResources(checks, program.path, 'Envoy', false),
    () => checkResources(checks, program.path, 'Envoy', true),
    () => checkResources(checks, program.path, 'proxyless', false),
    () => checkResources(checks, program.path, 'proxyless', true),
    () => mutualTls(checks, program.path),
    () => checkFleet(checks, program.path),
  ];
  const parts = [
    ...(sidecarsOnly ? [] : clients),
    // Several minutes, most of them waits of a fleet that comes back.
    ...(process.argv.includes('--sidecars') ? [() => checkSidecars(checks, program.path)] : []),
  ];
  for (const part of parts) await part().catch((error: Error) => checks.failed('the run', error.message));
  return checks.close();
}

process.exit(await main());
