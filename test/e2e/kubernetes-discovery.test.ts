import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { startSidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

/** What test/real/kubernetes-discovery cannot show on a machine without Go: status, metrics and readiness of a sidecar. */
describe('Kubernetes discovery of a sidecar', () => {
  const { greeter, client, defer } = rig();
  let server: Server;
  let dir: string;
  let deny = true;
  const watches = new Set<ServerResponse>();

  beforeEach(async () => {
    deny = true;
    dir = mkdtempSync(join(tmpdir(), 'outrigger-kubeconfig-'));
    server = createServer((asked, reply) => {
      if (deny) {
        reply.writeHead(403);
        reply.end(JSON.stringify({ message: 'User "system:serviceaccount:shop:sidecar" cannot list' }));
      } else {
        expect(asked.url).to.match(
          /^\/apis\/discovery.k8s.io\/v1\/namespaces\/shop\/endpointslices\?.*watch=1/,
        );
        watches.add(reply);
        reply.write(lineOf([]));
        reply.write(listed);
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    defer(async () => {
      server.closeAllConnections();
      server.close();
      rmSync(dir, { recursive: true, force: true });
      watches.clear();
    });
  });

  const listed = `${JSON.stringify({
    type: 'BOOKMARK',
    object: { metadata: { resourceVersion: '5', annotations: { 'k8s.io/initial-events-end': 'true' } } },
  })}\n`;

  function lineOf(ports: readonly number[], type = 'ADDED'): string {
    const object = {
      metadata: { name: 'greeter-a', resourceVersion: '4' },
      addressType: 'IPv4',
      ports: ports.map((port) => ({ name: 'grpc', port, protocol: 'TCP' })),
      endpoints: ports.map(() => ({ addresses: ['127.0.0.1'], conditions: { ready: true } })),
    };
    return `${JSON.stringify({ type, object })}\n`;
  }

  it('shows what is wrong and what to run, and goes on once it is well', async () => {
    const replica = await greeter();
    const kubeconfig = join(dir, 'config');
    const cluster = { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
    writeFileSync(
      kubeconfig,
      JSON.stringify({
        clusters: [{ name: 'c', cluster }],
        contexts: [{ name: 'c', context: { cluster: 'c', namespace: 'shop' } }],
        'current-context': 'c',
      }),
    );
    const proxy = await startSidecar({
      listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'greeter' }] }],
      clusters: [
        {
          name: 'greeter',
          health: 'none',
          discovery: { kubernetes: { service: 'greeter', port: 'grpc', kubeconfig } },
        },
      ],
    });
    defer(() => proxy.stop());
    const textOf = async (path: string) => (await fetch(`${proxy.adminUrl}${path}`)).text();
    const said = () => proxy.log.join('\n');
    const command =
      /denies access to EndpointSlices \(403 Forbidden\); run `kubectl create role .* --serviceaccount=shop:sidecar/;
    await until(async () => command.test(await textOf('/clusters')), said);
    expect(await textOf('/ready'))
      .to.match(/^not ready/)
      .and.match(command);
    expect(await textOf('/metrics')).to.match(
      /^outrigger_cluster_discovery_failing\{outrigger_cluster="greeter"\} 1$/m,
    );
    expect(proxy.log.join('\n')).to.match(command);

    // A service without pods is an answer: the sidecar is ready, and says that it can reach nobody.
    deny = false;
    await until(async () => (await textOf('/ready')).startsWith('ready, but degraded'), said);
    expect(await textOf('/ready')).to.match(
      /Kubernetes service shop\/greeter, port grpc: it has no endpoints/,
    );

    for (const watch of watches) watch.write(lineOf([replica.port], 'MODIFIED'));
    await until(async () => (await textOf('/ready')) === 'ready\n', said);
    expect((await client(proxy.target()).sayHello('x')).code).to.equal(0);
    const metrics = await textOf('/metrics');
    expect(metrics).to.match(/^outrigger_cluster_discovery_failing\{outrigger_cluster="greeter"\} 0$/m);
    expect(metrics).to.match(/^outrigger_cluster_discovery_age_seconds\{outrigger_cluster="greeter"\} \d/m);
    expect(await textOf('/clusters')).to.match(
      /Kubernetes service shop\/greeter, port grpc; 1 of 1 endpoint usable/,
    );
  });
});
