import { parseArgs } from 'node:util';
import { freeAddresses, type SidecarProcess, startSidecar } from '../support/sidecar-process.ts';
import {
  absence,
  absentFromClient,
  type CaseName,
  caseNames,
  directFailure,
  failsDirectly,
  isCaseOfServer,
} from './case-list.ts';
import { type ClientName, clientNames, type ServerName, serverNames } from './languages.ts';
import { negativeCases, runNegative } from './negative.ts';
import { clientOf, type Installed, install, serverOf } from './peers.ts';
import { type RunningServer, runCases, startServer, type Verdict } from './run-cases.ts';

/**
 * gRPC interop: the clients of four languages through the sidecar to the servers of four languages, every standard case;
 * and a server that breaks off. `--client go --server java --case ping_pong` choose, and may be given again; `--direct`
 * leaves the sidecar out. A case that fails through the sidecar is run again without it, to tell whose failure it is.
 */

const help = `usage: test/interop/run [--client NAME] [--server NAME] [--case NAME] [--direct]
clients  ${clientNames.join(' ')}
servers  ${serverNames.join(' ')} misbehaving
cases    ${[...caseNames, ...negativeCases].join(' ')}
`;

/** Many waits, little work: two pairs at a time use the machine better than one. */
const pairsAtOnce = 2;

const totals = { passed: 0, failed: 0 };

interface Chosen {
  readonly clients: readonly ClientName[];
  readonly servers: readonly ServerName[];
  readonly cases: readonly CaseName[];
  readonly negative: readonly string[];
  readonly direct: boolean;
}

function choose(): Chosen {
  const many = { type: 'string', multiple: true } as const;
  const one = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    options: { client: many, server: many, case: many, direct: one, help: one },
  });
  if (values.help) {
    process.stdout.write(help);
    process.exit(0);
  }
  const among = <Name extends string>(what: string, names: readonly Name[], wanted?: readonly string[]) => {
    const unknown = wanted?.find((name) => !(names as readonly string[]).includes(name));
    if (unknown === undefined) return names.filter((name) => wanted?.includes(name) ?? true);
    process.stderr.write(`there is no ${what} "${unknown}"\n${help}`);
    process.exit(2);
  };
  const clients = among('client', clientNames, values.client);
  const servers = among('server', [...serverNames, 'misbehaving' as const], values.server);
  const cases = among('case', [...caseNames, ...negativeCases], values.case);
  return {
    clients,
    servers: serverNames.filter((name) => servers.includes(name)),
    cases: caseNames.filter((name) => cases.includes(name)),
    negative:
      clients.includes('go') && servers.includes('misbehaving')
        ? negativeCases.filter((name) => cases.includes(name))
        : [],
    direct: values.direct,
  };
}

interface Upstream {
  readonly name: ServerName;
  readonly server: RunningServer;
  /** Null with `--direct`. */
  readonly sidecar: SidecarProcess | null;
  readonly concurrent: number;
}

async function startUpstream(name: ServerName, { paths }: Installed, direct: boolean): Promise<Upstream> {
  const [address] = await freeAddresses(1);
  const { command, concurrent } = serverOf(name, paths);
  const port = portOf(address);
  const server = await startServer(command(port), port);
  try {
    return { name, server, concurrent, sidecar: direct ? null : await startSidecar([address]) };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Those of the cases that both have. */
function casesOf(client: ClientName, server: ServerName, cases: readonly CaseName[]): CaseName[] {
  return cases.filter((name) => isCaseOfServer(server, name) && absence(client, name) === null);
}

/** Runs all chosen cases of one client against one server, and says how they went. */
async function runPair(
  clientName: ClientName,
  upstream: Upstream,
  { cases }: Chosen,
  { paths }: Installed,
): Promise<void> {
  const { name: serverName, server, sidecar, concurrent } = upstream;
  const wanted = cases.filter((name) => isCaseOfServer(serverName, name));
  const present = casesOf(clientName, serverName, cases);
  const startedMs = Date.now();
  const client = clientOf(clientName, paths);
  const port = sidecar === null ? server.port : portOf(sidecar.listener);
  const verdicts = await runCases(client, port, concurrent, present);
  const lines: string[] = [];
  let [passed, failed, known] = [0, 0, 0];
  for (const name of present) {
    const verdict = verdicts.get(name) ?? null;
    const expected = directFailure(clientName, serverName, name);
    if (expected !== null && verdict !== null && expected.says.test(verdict)) known++;
    else if (expected === null && verdict === null) passed++;
    else {
      failed++;
      const direct = sidecar === null ? '' : await directly(name);
      lines.push(`  FAILED  ${name}: ${verdict ?? 'it passes, but is listed as one that cannot'}${direct}\n`);
    }
  }
  totals.passed += passed;
  totals.failed += failed;
  const more = [
    known > 0 ? `${known} fail as they do directly` : '',
    present.length < wanted.length ? `${wanted.length - present.length} not in this client` : '',
    `${((Date.now() - startedMs) / 1000).toFixed(1)} s`,
  ];
  const pair = `${clientName} → ${serverName}`.padEnd(20);
  process.stdout.write(
    `${pair} passed ${passed}, failed ${failed} (${more.filter(Boolean).join('; ')})\n${lines.join('')}`,
  );

  async function directly(name: CaseName): Promise<string> {
    const again: Verdict = (await runCases(client, server.port, concurrent, [name])).get(name) ?? null;
    return again === null ? ' [without the sidecar it passes]' : ` [without the sidecar: ${again}]`;
  }
}

/** When the clients have gone, nothing of theirs may be left, and the sidecar ends well. */
async function closeUpstream({ name, server, sidecar }: Upstream): Promise<void> {
  if (sidecar !== null) {
    const left = await callsLeft(sidecar);
    const carried = await callsCarried(sidecar);
    const code = await sidecar.stop();
    if (left === 0 && code === 0 && carried > 0) totals.passed++;
    else {
      totals.failed++;
      process.stdout.write(
        `FAILED  the sidecar of ${name} carried ${carried} calls, has ${left} left and ended with ${code}: ${sidecar.log()}\n`,
      );
    }
  }
  await server.stop();
}

const settlePatienceMs = 5000;

async function callsLeft({ adminUrl }: SidecarProcess): Promise<number> {
  const untilMs = Date.now() + settlePatienceMs;
  for (;;) {
    const reply = await fetch(`${adminUrl}/clusters?format=json`);
    const clusters = (await reply.json()) as Array<{ endpoints: Array<{ active: number }> }>;
    const active = clusters
      .flatMap(({ endpoints }) => endpoints)
      .reduce((sum, endpoint) => sum + endpoint.active, 0);
    if (active === 0 || Date.now() > untilMs) return active;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Calls that ended, in whatever way: /clusters leaves out those that say nothing of the endpoint, as cancelled ones. */
async function callsCarried({ adminUrl }: SidecarProcess): Promise<number> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const counts = text.matchAll(/^rpc_server_call_duration_seconds_count\{.*\} (\d+)/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

async function runMatrix(chosen: Chosen, installed: Installed): Promise<void> {
  const here = (name: string) => !installed.missing.has(name);
  const clients = chosen.clients.filter(here);
  const servers = chosen.servers
    .filter(here)
    .filter((server) => clients.some((client) => casesOf(client, server, chosen.cases).length > 0));
  const starts = await Promise.allSettled(
    servers.map((name) => startUpstream(name, installed, chosen.direct)),
  );
  const upstreams = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  for (const [i, start] of starts.entries()) {
    if (start.status === 'fulfilled') continue;
    totals.failed++;
    process.stdout.write(`FAILED  the server ${servers[i]}: ${(start.reason as Error).message}\n`);
  }
  const pairs = clients
    .flatMap((client) => upstreams.map((upstream) => ({ client, upstream })))
    .filter(({ client, upstream }) => casesOf(client, upstream.name, chosen.cases).length > 0);
  const worker = async () => {
    for (let pair = pairs.shift(); pair !== undefined; pair = pairs.shift())
      await runPair(pair.client, pair.upstream, chosen, installed);
  };
  await Promise.all(Array.from({ length: pairsAtOnce }, worker));
  for (const upstream of upstreams) await closeUpstream(upstream);
}

function explain({ clients, servers, cases }: Chosen): void {
  const has = (names: readonly string[], chosen: readonly string[]) =>
    names.some((name) => chosen.includes(name));
  for (const entry of absentFromClient)
    if (has(entry.clients, clients) && has(entry.cases, cases))
      process.stdout.write(
        `not run: ${entry.cases.join(', ')} by ${entry.clients.join(', ')}: ${entry.reason}\n`,
      );
  for (const entry of failsDirectly)
    if (has(entry.clients, clients) && has(entry.servers, servers) && has(entry.cases, cases))
      process.stdout.write(
        `fail directly too: ${entry.cases.join(', ')} by ${entry.clients.join(', ')} with ${entry.servers.join(', ')}: ${entry.reason}\n`,
      );
}

async function main(): Promise<number> {
  const chosen = choose();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const installed = await install(new Set([...chosen.clients, ...chosen.servers]));
  for (const [language, why] of installed.missing) {
    const inCi = process.env.CI === 'true';
    if (inCi) totals.failed++;
    process.stdout.write(`${inCi ? 'FAILED' : 'skipped'}  ${language}: ${why}\n`);
  }
  await runMatrix(chosen, installed);
  const go = installed.paths.get('go');
  for (const name of go === undefined ? [] : chosen.negative) {
    const why = await runNegative(name, go ?? '', chosen.direct);
    totals[why === null ? 'passed' : 'failed']++;
    process.stdout.write(
      why === null ? `go → misbehaving      ${name} passed\n` : `FAILED  ${name}: ${why}\n`,
    );
  }
  explain(chosen);
  process.stdout.write(`${totals.passed} passed, ${totals.failed} failed\n`);
  return totals.failed === 0 ? 0 : 1;
}

process.exit(await main());
