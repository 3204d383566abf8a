import { type Checks, expectThat, until } from '../checks.ts';
import { namedClient } from './client.ts';
import { ControlPlaneProcess, type Document } from './control-plane.ts';

/** A hundred clients on one control plane: how long a change takes to all of them, and whether they herd after a restart. */

const clientsCount = 100;
const downMs = 5_000;
/** Clients of the fleet that may come within one tenth of a second. Without jitter all of them do. */
const perTenthMax = 40;
const patienceMs = 60_000;

function document(version: string): Document {
  return { version, clusters: [{ name: `v${version}`, type: 'STATIC', connect_timeout: '1s' }] };
}

export async function checkFleet(checks: Checks, program: string): Promise<void> {
  const plane = new ControlPlaneProcess(program);
  await plane.start(document('1'));
  const fleet = Array.from({ length: clientsCount }, (_, i) => {
    const one = namedClient({ server: plane.address, node: { ...emptyNode, id: `node-${i}` } });
    one.client.subscribe('cluster', 'all');
    one.client.start();
    return one;
  });
  const allHold = (version: string) =>
    until(`all hold version ${version}`, patienceMs, async () =>
      fleet.every(({ held }) => held('cluster') === `v${version}`),
    );
  await checks.check(`a change reaches ${clientsCount} clients`, async () => {
    await allHold('1');
    const from = plane.events.length;
    await plane.serve(document('2'));
    const servedAtMs = plane.events.slice(from).find(({ event }) => event === 'serves')?.ms ?? 0;
    await allHold('2');
    const acks = () => plane.requests(from).filter(({ version }) => version === '2');
    await until('all ACKs', patienceMs, async () => acks().length >= clientsCount);
    const times = acks().map(({ ms }) => ms - servedAtMs);
    process.stdout.write(`          the last ACK came after ${Math.max(...times)} ms\n`);
  });
  await checks.check(
    `${clientsCount} clients come back after a restart of the control plane, and not all at once`,
    async () => {
      await plane.kill();
      await until('all notice', patienceMs, async () =>
        fleet.every(({ client }) => !client.status.connected),
      );
      await new Promise((resolve) => setTimeout(resolve, downMs));
      const from = plane.events.length;
      await plane.start(document('3'));
      await allHold('3');
      const listensMs = plane.events.slice(from).find(({ event }) => event === 'listens')?.ms ?? 0;
      const opened = plane.events
        .slice(from)
        .filter(({ event }) => event === 'opened')
        .map(({ ms }) => ms - listensMs)
        .sort((a, b) => a - b);
      const most = mostWithin(opened, 100);
      const median = opened[Math.floor(opened.length / 2)];
      process.stdout.write(
        `          after ${downMs / 1000} s without it: median ${median} ms, last ${opened.at(-1)} ms, at most ${most} within 100 ms\n`,
      );
      expectThat(most <= perTenthMax, `${most} clients came within 100 ms`);
    },
  );
  for (const { client } of fleet) client.stop();
  await plane.kill();
}

const emptyNode = { id: '', cluster: '', locality: { region: '', zone: '', subZone: '' }, metadata: {} };

/** The most of sorted times that lie within a window of this length. */
function mostWithin(times: readonly number[], windowMs: number): number {
  return Math.max(...times.map((start) => times.filter((ms) => ms >= start && ms < start + windowMs).length));
}
