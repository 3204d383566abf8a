import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isInstalled } from '../bench/machine.ts';
import { type SidecarProcess, startSidecar } from '../support/sidecar-process.ts';
import { type Checks, exitForMissing, expectThat, startChecks, until } from './checks.ts';
import { aFollower, etcdctl, etcdEnv, type Member, startEtcd } from './etcd-cluster.ts';

/**
 * etcd behind the sidecar: a real gRPC server and its own client, with long streams in both directions (watch, lease
 * keep-alive), values of a megabyte, and a member that is killed and comes back. `--direct` leaves the sidecar out, to
 * see whether a failure is its doing.
 */
const direct = process.argv.includes('--direct');
const callsToSpread = 45;
const callsAfterLoss = 30;
const membersMin = 3;

for (const tool of ['etcd', 'etcdctl'])
  if (!isInstalled(tool))
    exitForMissing(`${tool} is not installed (Debian packages etcd-server and etcd-client)`);

interface Setting {
  readonly members: readonly Member[];
  /** Where etcdctl goes. */
  readonly target: string;
  readonly sidecar: SidecarProcess | null;
}

async function keysAndValues({ check }: Checks, { target }: Setting): Promise<void> {
  await check('put and get', async () => {
    await etcdctl(target, ['put', 'greeting', 'hällo wörld']);
    const value = await etcdctl(target, ['get', 'greeting', '--print-value-only']);
    expectThat(value === 'hällo wörld\n', `the value is ${JSON.stringify(value)}`);
  });
  await check('a value of 1 MiB', async () => {
    const large = 'v'.repeat(1 << 20);
    await etcdctl(target, ['put', 'large'], large);
    const value = await etcdctl(target, ['get', 'large', '--print-value-only']);
    expectThat(value === `${large}\n`, `it came back with ${value.length} characters`);
  });
  await check('a range in order', async () => {
    for (const n of [3, 1, 2]) await etcdctl(target, ['put', `range/${n}`, `v${n}`]);
    const text = await etcdctl(target, ['get', 'range/', '--prefix']);
    expectThat(text === 'range/1\nv1\nrange/2\nv2\nrange/3\nv3\n', `it is ${JSON.stringify(text)}`);
  });
  await check('a transaction that compares', async () => {
    const text = await etcdctl(
      target,
      ['txn'],
      'value("range/1") = "v1"\n\nput range/1 changed\n\nget range/2\n\n',
    );
    expectThat(text.startsWith('SUCCESS'), `it says ${JSON.stringify(text)}`);
    const value = await etcdctl(target, ['get', 'range/1', '--print-value-only']);
    expectThat(value === 'changed\n', `the value is ${JSON.stringify(value)}`);
  });
  await check('an error with its message', async () => {
    const failed = await etcdctl(target, ['lease', 'timetolive', 'not-hex']).then(
      () => '',
      (error: Error) => error.message,
    );
    expectThat(failed.includes('bad lease ID'), `it says ${JSON.stringify(failed)}`);
    const unknown = await etcdctl(target, ['lease', 'revoke', '1234']).then(
      () => '',
      (error: Error) => error.message,
    );
    expectThat(unknown.includes('requested lease not found'), `it says ${JSON.stringify(unknown)}`);
  });
}

async function leases({ check }: Checks, { target }: Setting): Promise<void> {
  await check('a lease: grant, keep-alive, time to live, revoke', async () => {
    const granted = await etcdctl(target, ['lease', 'grant', '60']);
    const id = /lease ([0-9a-f]+) granted with TTL\(60s\)/.exec(granted)?.[1] ?? '';
    expectThat(id !== '', `grant says ${JSON.stringify(granted)}`);
    await etcdctl(target, ['put', 'leased', 'for a while', `--lease=${id}`]);
    const kept = await etcdctl(target, ['lease', 'keep-alive', '--once', id]);
    expectThat(
      kept.includes(`lease ${id} keepalived with TTL(60)`),
      `keep-alive says ${JSON.stringify(kept)}`,
    );
    const left = await etcdctl(target, ['lease', 'timetolive', id, '--keys']);
    expectThat(
      /granted with TTL\(60s\), remaining\((5\d|60)s\)/.test(left),
      `it says ${JSON.stringify(left)}`,
    );
    expectThat(left.includes('leased'), `its keys are ${JSON.stringify(left)}`);
    await etcdctl(target, ['lease', 'revoke', id]);
    const gone = await etcdctl(target, ['get', 'leased']);
    expectThat(gone === '', `the key is still there: ${JSON.stringify(gone)}`);
  });
  await check('a keep-alive stream outlives the lease it keeps', async () => {
    const granted = await etcdctl(target, ['lease', 'grant', '2']);
    const id = /lease ([0-9a-f]+)/.exec(granted)?.[1] ?? '';
    await etcdctl(target, ['put', 'kept', 'alive', `--lease=${id}`]);
    const stream = follow(target, ['lease', 'keep-alive', id]);
    await until(
      'four answers to the keep-alive',
      15_000,
      async () => stream.text().split('keepalived').length > 4,
    );
    expectThat((await etcdctl(target, ['get', 'kept'])) !== '', 'the key expired under its keep-alive');
    stream.end();
    await until('the key expires', 15_000, async () => (await etcdctl(target, ['get', 'kept'])) === '');
  });
}

async function losses({ check }: Checks, { target, members, sidecar }: Setting): Promise<void> {
  const watch = follow(target, ['watch', 'watched/', '--prefix']);
  const watched = async (key: string) => {
    await etcdctl(target, ['put', `watched/${key}`, `value of ${key}`]);
    await until(`the event of ${key}`, 15_000, async () =>
      watch.text().includes(`PUT\nwatched/${key}\nvalue of ${key}\n`),
    );
  };
  // A watch has begun when it answers to a first event; etcdctl does not tell.
  await check('a watch hears each put, in order', async () => {
    await until('the first event', 15_000, async () => {
      await etcdctl(target, ['put', 'watched/begin', 'x']);
      return watch.text().includes('watched/begin');
    });
    for (const key of ['one', 'two', 'three']) await watched(key);
    const order = [...watch.text().matchAll(/PUT\nwatched\/(one|two|three)\n/g)]
      .map(([, key]) => key)
      .join(' ');
    expectThat(order === 'one two three', `the order was ${order}`);
  });
  const lost = await aFollower(members);
  await check('after a member is killed every put and get still succeeds', async () => {
    await lost.kill();
    for (let i = 0; i < callsAfterLoss; i++) {
      await etcdctl(target, ['put', 'after', String(i)]);
      const value = await etcdctl(target, ['get', 'after', '--print-value-only']);
      expectThat(value === `${i}\n`, `call ${i} gave ${JSON.stringify(value)}`);
    }
  });
  await check('the watch goes on', async () => {
    await watched('after-the-loss');
  });
  if (sidecar !== null)
    await check('the member is used again once it is back', async () => {
      const before = (await sidecar.totals()).get(lost.address) ?? 0;
      lost.start();
      await until('a call to it', 30_000, async () => {
        await etcdctl(target, ['get', 'after']);
        return ((await sidecar.totals()).get(lost.address) ?? 0) > before;
      });
    });
  watch.end();
}

async function spread({ check }: Checks, { members, target, sidecar }: Setting): Promise<void> {
  if (sidecar === null) return;
  await check('calls are spread over the members', async () => {
    const before = await sidecar.totals();
    for (let i = 0; i < callsToSpread; i++) await etcdctl(target, ['get', 'greeting']);
    const after = await sidecar.totals();
    const counts = members.map(({ address }) => (after.get(address) ?? 0) - (before.get(address) ?? 0));
    // With a third each the chance of one below 4 of 45 is one in a thousand.
    expectThat(
      counts.length === membersMin && Math.min(...counts) >= 4,
      `the members got ${counts.join(', ')} calls`,
    );
  });
}

/** An etcdctl that streams until it is ended. */
function follow(target: string, args: readonly string[]): { text(): string; end(): void } {
  const child = spawn('etcdctl', [`--endpoints=${target}`, ...args], {
    env: etcdEnv as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  process.once('exit', () => child.kill('SIGKILL'));
  return { text: () => text, end: () => child.kill() };
}

async function main(): Promise<number> {
  const checks = startChecks();
  const dir = mkdtempSync(join(tmpdir(), 'outrigger-etcd-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  let members: Member[] = [];
  let sidecar: SidecarProcess | null = null;
  try {
    members = await startEtcd(dir);
    const addresses = members.map(({ address }) => address);
    sidecar = direct ? null : await startSidecar(addresses);
    const setting = { members, target: sidecar?.listener ?? addresses.join(','), sidecar };
    await keysAndValues(checks, setting);
    await leases(checks, setting);
    await spread(checks, setting);
    await losses(checks, setting);
    if (sidecar !== null) {
      const code = await sidecar.stop();
      await checks.check('the sidecar drains and ends with 0', async () =>
        expectThat(code === 0, `it ended with ${code}: ${sidecar?.log()}`),
      );
    }
  } catch (error) {
    checks.failed('the run', (error as Error).message);
  } finally {
    await sidecar?.stop();
    await Promise.all(members.map((member) => member.kill()));
  }
  return checks.close();
}

process.exit(await main());
