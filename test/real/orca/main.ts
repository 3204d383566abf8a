import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { greeterConfig, ready, type Sidecar, startSidecar } from '../../support/sidecar.ts';
import { exitForMissing, expectThat, startChecks, until } from '../checks.ts';

/** Load reports on streams (`loadReports.outOfBand`) from servers with the OpenRcaService of grpc-go. */

const patienceMs = 15_000;
const installScript = fileURLToPath(new URL('install', import.meta.url));

/** The path of the server; builds it where that is possible. */
function serverProgram(): string {
  const { stdout } = spawnSync(installScript, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const line = (stdout ?? '').trim();
  const [what, , ...rest] = line.split(' ');
  return what === 'have' ? rest.join(' ') : exitForMissing(line);
}

interface Server {
  readonly address: string;
  readonly process: ChildProcess;
}

async function startServer(program: string, utilization: number): Promise<Server> {
  const process = spawn(program, [String(utilization)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: process.stdout });
  const [address] = (await once(lines, 'line')) as [string];
  return { address, process };
}

const endpointOf = (sidecar: Sidecar, { address }: Server) => sidecar.endpoint(address);

async function main(): Promise<number> {
  const program = serverProgram();
  const checks = startChecks();
  const servers = [await startServer(program, 0.2), await startServer(program, 0.8)];
  const balancer = { policy: 'weighted_round_robin', weightedRoundRobin: { blackoutPeriod: '0s' } };
  const sidecar = await startSidecar(greeterConfig(servers, { balancer, loadReports: { outOfBand: {} } }));
  try {
    await ready(sidecar);
    await checks.check('each server reports its load on a stream, at once', async () => {
      await until('a report of each', patienceMs, async () =>
        servers.every((server) => endpointOf(sidecar, server).reportStream?.isReporting === true),
      );
    });
    await checks.check(
      'the values are those that the server set, and give the weights of gRFC A58',
      async () => {
        for (const [i, utilization] of [0.2, 0.8].entries()) {
          const { report } = endpointOf(sidecar, servers[i]);
          const seen = [
            report?.utilization,
            report?.requestsPerSecond,
            report?.errorsPerSecond,
            report?.weight,
          ];
          const weight = 200 / (utilization + 2 / 200);
          expectThat(
            JSON.stringify(seen) === JSON.stringify([utilization, 200, 2, weight]),
            `reported ${JSON.stringify(seen)}`,
          );
        }
      },
    );
    await checks.check('a stream holds up no graceful end of a server', async () => {
      const ended = once(servers[0].process, 'exit');
      servers[0].process.kill('SIGTERM');
      await until('its end', patienceMs, async () => servers[0].process.exitCode !== null);
      const [code] = await ended;
      expectThat(code === 0, `exit code ${code}`);
    });
  } finally {
    await sidecar.stop();
    for (const { process } of servers) process.kill('SIGKILL');
  }
  return checks.close();
}

process.exitCode = await main();
