import { mkdirSync } from 'node:fs';
import { launchPeer, serving } from '../child-process.ts';
import { proxyCore, type Replicas } from '../measure.ts';
import { outrigger } from '../peers/outrigger.ts';
import { freePorts } from '../ports.ts';
import type { Alone } from '../report.ts';
import { measureLongStream, startStreamServer } from './long-stream.ts';
import { measureMemory } from './memory.ts';
import { measureStart } from './start.ts';

/** What has no peer to stand beside: each on a process of its own. `dir` is for its configuration. */
export async function measureAlone(
  replicas: Replicas,
  collector: number,
  dir: string,
  say: (text: string) => void,
): Promise<Alone[]> {
  const { cert, key, ports } = replicas;
  const withProxy = async (
    upstream: readonly number[],
    measure: (pid: number, port: number) => Promise<Alone[]>,
  ) => {
    const [listen, admin] = await freePorts(2);
    const own = `${dir}/alone-${listen}`;
    mkdirSync(own);
    const launch = outrigger.prepare(own, { listen, admin, collector, replicas: upstream, cert, key });
    const program = launchPeer(launch, proxyCore);
    try {
      await serving(launch, listen, program, outrigger.name);
      return await measure(program.pid, listen);
    } finally {
      await program.stop();
    }
  };
  const rows = await withProxy(ports, measureMemory);
  const server = await startStreamServer();
  try {
    rows.push(...(await withProxy([server.port], async (pid, port) => [await measureLongStream(pid, port)])));
  } finally {
    await server.close();
  }
  rows.push(...(await measureStart(ports[0], say)));
  for (const { what, measured } of rows) say(`${what}: ${measured}`);
  return rows;
}
