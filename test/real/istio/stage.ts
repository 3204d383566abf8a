import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CallSettings, connectGreeter, type GreeterClient } from '../../support/greeter-client.ts';
import type { Greeter } from '../../support/greeter-server.ts';
import { freeAddresses, type SidecarProcess, startConfigured } from '../../support/sidecar-process.ts';
import { until } from '../checks.ts';
import { host, type Mesh, meshOf, type Replica } from './mesh.ts';
import type { Pilot } from './pilot.ts';

export const patienceMs = 20_000;

/** How a sidecar gets its configuration: as Envoy without redirected connections, or as gRPC without a proxy. */
export type Flavour = 'sidecar' | 'proxyless';

export interface Stage {
  readonly flavour: Flavour;
  readonly pilot: Pilot;
  /** a and b are of v1, c of v2; d is of v1 and not in the mesh at first. */
  readonly greeters: Readonly<Record<'a' | 'b' | 'c' | 'd', Greeter>>;
  readonly replicas: readonly Replica[];
  readonly sidecar: SidecarProcess;
  readonly client: GreeterClient;
  /** Of the calls. */
  readonly authority: string;
  /** Replaces the mesh; resolves once the sidecar has applied it. */
  serve(mesh: Partial<Mesh>): Promise<void>;
  /** Replaces the mesh without waiting. */
  push(mesh: Partial<Mesh>): void;
}

export async function openStage(
  flavour: Flavour,
  pilot: Pilot,
  greeters: Stage['greeters'],
  dir: string,
): Promise<Stage> {
  const [address, local] = await freeAddresses(2);
  const port = Number(address.split(':')[1]);
  const { a, b, c } = greeters;
  const replicas: Replica[] = [
    { address: a.address, version: 'v1' },
    { address: b.address, version: 'v1' },
    { address: c.address, version: 'v2' },
  ];
  let version = 0;
  const push = (mesh: Partial<Mesh>) =>
    pilot.serve(meshOf(port, `version-${++version}-of-${flavour}`, { replicas, ...mesh }));
  push({});
  const metadata = flavour === 'proxyless' ? { GENERATOR: 'grpc' } : { INTERCEPTION_MODE: 'NONE' };
  const bootstrap = {
    xds_servers: [{ server_uri: pilot.address, channel_creds: [{ type: 'insecure' }] }],
    node: {
      id: `sidecar~127.0.0.9~${flavour}.default~default.svc.cluster.local`,
      metadata: { ...metadata, NAMESPACE: 'default', CLUSTER_ID: 'Kubernetes' },
    },
  };
  const file = join(dir, `${flavour}.json`);
  writeFileSync(file, JSON.stringify(bootstrap));
  const listeners = flavour === 'proxyless' ? [{ name: `${host}:${port}`, listen: local }] : [];
  const config = join(dir, `${flavour}.yaml`);
  writeFileSync(config, JSON.stringify({ xds: { bootstrap: file, listeners } }));
  const listen = flavour === 'proxyless' ? local : address;
  const sidecar = await startConfigured(config, listen);
  const authority = `${host}:${port}`;
  const client = connectGreeter(listen, { 'grpc.default_authority': authority });
  const applied = async (): Promise<boolean> => {
    const dump = await (await fetch(`${sidecar.adminUrl}/config_dump`)).text();
    return dump.includes(`version-${version}-of-${flavour}`);
  };
  const serve = async (mesh: Partial<Mesh>): Promise<void> => {
    push(mesh);
    // Routes come last, after the clusters and endpoints of the same push.
    await until(`version ${version} is applied`, patienceMs, applied);
  };
  return { flavour, pilot, greeters, replicas, sidecar, client, authority, serve, push };
}

/** What the calls ended with: the replica that answered, or the status. */
export async function callMany(
  { client }: Stage,
  count: number,
  settings?: CallSettings,
): Promise<Map<string, number>> {
  const results = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const { code, details, replies } = await client.sayHello('istio', settings);
    const result = code === 0 ? replies[0].replica : `${code} ${details}`;
    results.set(result, (results.get(result) ?? 0) + 1);
  }
  return results;
}

export function metadataOf(values: Readonly<Record<string, string>>): CallSettings {
  return { metadata: Object.entries(values) };
}

/** Resolves once a call ends with one of these, as after a change that is on its way. */
export async function reaches(
  stage: Stage,
  results: readonly string[],
  settings?: CallSettings,
): Promise<void> {
  let last = '';
  await until(`a call ends with ${results}`, patienceMs, async () => {
    [last] = [...(await callMany(stage, 1, settings)).keys()];
    return results.some((result) => last.startsWith(result));
  }).catch((error: Error) => {
    throw new Error(`${error.message}; the last one ended with ${last}`);
  });
}

/** The text of an endpoint of the admin API. */
export async function admin({ sidecar }: Stage, path: string): Promise<string> {
  return (await fetch(`${sidecar.adminUrl}${path}`)).text();
}
