import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CaseName } from './case-list.ts';
import type { ClientName, ServerName } from './languages.ts';

/** The languages' interop clients and servers, each as the commands that run it. */

const here = fileURLToPath(new URL('.', import.meta.url));
const installedByScript = ['go', 'java', 'ruby'] as const;

export type Command = readonly [program: string, ...args: string[]];

export interface Client {
  /** Commands that run these cases between them, and answer for each as run-cases.ts reads it. */
  commands(port: number, concurrent: number, cases: readonly CaseName[]): CaseRun[];
}

/** One process and the cases it runs; a process that runs a single one tells by its exit code alone. */
export interface CaseRun {
  readonly command: Command;
  readonly cases: readonly CaseName[];
  readonly byExitCode: boolean;
}

export interface Server {
  command(port: number): Command;
  /** Calls at once in concurrent_large_unary. */
  readonly concurrent: number;
}

/** The Java programs end soon, so they are not worth optimizing. */
const java = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m'];

const goSoak = (iterations: number, threads: number, latencyMs: number): string[] => [
  '-test_case=rpc_soak',
  `-soak_iterations=${iterations}`,
  `-soak_num_threads=${threads}`,
  `-soak_per_iteration_max_acceptable_latency_ms=${latencyMs}`,
  '-soak_overall_timeout_seconds=40',
];

function goCase(name: CaseName, concurrent: number): string[] {
  if (name === 'rpc_soak') return goSoak(100, 1, 5000);
  if (name === 'concurrent_large_unary') return goSoak(1000, concurrent, 20_000);
  return [`-test_case=${name}`];
}

/** `paths` is where the install script says things are. */
export function clientOf(name: ClientName, paths: ReadonlyMap<string, string>): Client {
  const path = paths.get(name) ?? '';
  const together = (program: string, ...args: string[]): Client => ({
    commands: (port, concurrent, cases) => [
      { command: [program, ...args, `${port}`, `${concurrent}`, ...cases], cases, byExitCode: false },
    ],
  });
  const clients: Record<ClientName, () => Client> = {
    go: () => ({
      commands: (port, concurrent, cases) =>
        cases.map((one) => ({
          command: [`${path}/client/client`, ...goAddress(port), ...goCase(one, concurrent)],
          cases: [one],
          byExitCode: true,
        })),
    }),
    java: () => together('java', ...java, '-cp', `${path}/*`, `${here}java/RunCases.java`),
    ruby: () => together('ruby', `${here}ruby/run_cases.rb`, path),
    node: () => together(process.execPath, `${here}node/client.ts`),
  };
  return clients[name]();
}

/** The Go and Java servers listen on every interface and cannot be told otherwise; their ports are chosen at random. */
export function serverOf(name: ServerName, paths: ReadonlyMap<string, string>): Server {
  const path = paths.get(name) ?? '';
  const javaServer = 'io.grpc.testing.integration.TestServiceServer';
  const servers: Record<ServerName, Server> = {
    go: { command: (port) => [`${path}/server/server`, `-port=${port}`], concurrent: 100 },
    java: {
      command: (port) => [
        'java',
        ...java,
        '-cp',
        `${path}/*`,
        javaServer,
        `--port=${port}`,
        '--use_tls=false',
      ],
      concurrent: 100,
    },
    ruby: { command: (port) => ['ruby', `${here}ruby/run_server.rb`, path, `${port}`], concurrent: 50 },
    node: { command: (port) => [process.execPath, `${here}node/server.ts`, `${port}`], concurrent: 100 },
    compressing: {
      command: (port) => [process.execPath, `${here}node/compressing-server.ts`, `${port}`],
      concurrent: 100,
    },
  };
  return servers[name];
}

/** The clients of the negative cases. */
export function negativeCommand(path: string, port: number, name: string): Command {
  // As in gRPC's own runner, padding is a case of the ordinary client: it has to notice nothing.
  if (name === 'data_frame_padding')
    return [`${path}/client/client`, ...goAddress(port), '-test_case=large_unary'];
  return [`${path}/http2/http2`, ...goAddress(port), `-test_case=${name}`];
}

function goAddress(port: number): string[] {
  return ['-server_host=127.0.0.1', `-server_port=${port}`];
}

export interface Installed {
  readonly paths: ReadonlyMap<string, string>;
  /** Why a language cannot take part. */
  readonly missing: ReadonlyMap<string, string>;
}

/** Runs the install script for those of the languages that need it. */
export async function install(languages: ReadonlySet<string>): Promise<Installed> {
  const wanted = installedByScript.filter((language) => languages.has(language));
  const paths = new Map<string, string>();
  const missing = new Map<string, string>();
  if (wanted.length === 0) return { paths, missing };
  const child = spawn(`${here}install`, wanted, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    const [, verdict, language, rest] = /^(have|missing) (\w+) (.*)$/.exec(line) ?? [];
    (verdict === 'have' ? paths : missing).set(language, rest);
  }
  await exit;
  return { paths, missing };
}
