import { mkdirSync } from 'node:fs';
import { launchPeer, serving } from '../child-process.ts';
import { generate } from '../generate.ts';
import { otherCore, proxyCore, type Replicas } from '../measure.ts';
import { outriggerWith } from '../peers/outrigger.ts';
import { freePorts } from '../ports.ts';
import type { Alone } from '../report.ts';
import type { Scenario } from '../scenarios.ts';
import { measureUdp, udpBenchMissing } from '../udp/measure.ts';
import { measureLongStream, startStreamServer } from './long-stream.ts';
import { loadCalls, measureIdle, measureMemory } from './memory.ts';
import { buildPrograms } from './programs.ts';
import { measureSmallContainer, smallContainerMissing } from './small-container.ts';
import { measureStart } from './start.ts';

/** Of each of its scenarios: how many runs in turn, and how long each is. */
const [udpRounds, udpSeconds] = [5, 3];

const light: Scenario = {
  name: 'light',
  protocol: 'grpc',
  connections: 10,
  inFlight: 10,
  messageBytes: 25,
  firstCalls: 0,
};

/** What has no peer to stand beside: each on a process of its own. `dir` is for its configuration. */
export async function measureAlone(
  replicas: Replicas,
  collector: number,
  dir: string,
  say: (text: string) => void,
): Promise<Alone[]> {
  const { cert, key, ports } = replicas;
  const programs = buildPrograms(dir);
  const withProxy = async (
    file: string,
    upstream: readonly number[],
    measure: (pid: number, port: number, own: string) => Promise<Alone[]>,
  ) => {
    const [peer] = outriggerWith({ command: [process.execPath, file] });
    const [listen, admin] = await freePorts(2);
    const own = `${dir}/alone-${listen}`;
    mkdirSync(own);
    const launch = peer.prepare(own, { listen, admin, collector, replicas: upstream, cert, key });
    const program = launchPeer(launch, proxyCore);
    try {
      await serving(launch, listen, program, peer.name);
      return await measure(program.pid, listen, own);
    } finally {
      await program.stop();
    }
  };
  const some = (port: number, own: string) => generate(light, port, loadCalls, otherCore, own);
  const idle = (file: string) =>
    withProxy(file, ports, (pid, port, own) => measureIdle(pid, () => some(port, own)));
  const { built, sources } = programs;
  const rows = await idle(built);
  rows.push(
    ...(await idle(sources)).map(({ what, measured }) => ({ what: `${what}, from the sources`, measured })),
  );
  rows.push(
    ...(await withProxy(built, ports, (pid, port, own) => measureMemory(pid, port, () => some(port, own)))),
  );
  const server = await startStreamServer();
  try {
    const long = (pid: number, port: number) => measureLongStream(pid, port).then((row) => [row]);
    rows.push(...(await withProxy(built, [server.port], long)));
  } finally {
    await server.close();
  }
  rows.push(...(await measureStart(programs, ports[0])));
  const udpMissing = udpBenchMissing();
  if (udpMissing === '') rows.push(...(await measureUdp(dir, udpRounds, udpSeconds, () => {})));
  else say(`without UDP: ${udpMissing}`);
  const smallMissing = smallContainerMissing();
  if (smallMissing === '')
    rows.push(...(await measureSmallContainer([process.execPath, built], replicas, collector, dir)));
  else say(`without a small container: ${smallMissing}`);
  for (const { what, measured } of rows) say(`${what}: ${measured}`);
  return rows;
}
