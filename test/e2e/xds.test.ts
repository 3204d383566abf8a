import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { JsonObject } from '../../src/reflection/json.ts';
import type { ResourceKind } from '../../src/xds/resource.ts';
import { connectGreeter, type GreeterClient } from '../support/greeter-client.ts';
import { type Greeter, startGreeter } from '../support/greeter-server.ts';
import { freeAddresses, type SidecarProcess, startConfigured } from '../support/sidecar-process.ts';
import { until } from '../support/until.ts';
import { ControlPlane } from '../support/xds-control-plane.ts';
import { startXdsServer, type XdsServer } from '../support/xds-server.ts';
import { runCommand } from '../unit/cli/support.ts';
import { encodeResource } from '../unit/xds/translate/support.ts';

/** What `/xds` says. */
interface Status {
  readonly connected: boolean;
  readonly applied: boolean;
  readonly kinds: ReadonlyArray<{
    readonly kind: string;
    readonly version: string;
    readonly lastNack: string;
  }>;
}

const managerUrl =
  'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

function listener(name: string, address: string): JsonObject {
  const [host, port] = address.split(':');
  const manager = {
    '@type': managerUrl,
    stat_prefix: name,
    rds: { route_config_name: 'routes', config_source: { ads: {}, resource_api_version: 'V3' } },
  };
  return {
    name,
    address: { socket_address: { address: host, port_value: Number(port) } },
    filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
  };
}

function routes(route: JsonObject): JsonObject {
  return {
    name: 'routes',
    virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route }] }],
  };
}

function endpoints(addresses: readonly string[]): JsonObject {
  const lb_endpoints = addresses.map((address) => {
    const [host, port] = address.split(':');
    return { endpoint: { address: { socket_address: { address: host, port_value: Number(port) } } } };
  });
  return { cluster_name: 'greeter', endpoints: [{ lb_endpoints }] };
}

const cluster: JsonObject = {
  name: 'greeter',
  type: 'EDS',
  eds_cluster_config: { eds_config: { ads: {}, resource_api_version: 'V3' } },
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

for (const delta of [false, true]) {
  describe(`a sidecar with a control plane, ${delta ? 'delta' : 'state of the world'}`, () => {
    let folder: string;
    let plane: ControlPlane;
    let server: XdsServer;
    let replicas: Greeter[];
    let sidecar: SidecarProcess;
    let client: GreeterClient;

    const send = (kind: ResourceKind, name: string, json: JsonObject): void =>
      plane.serve(kind, { [name]: encodeResource(kind, json) });
    const status = async (): Promise<Status> =>
      (await (await fetch(`${sidecar.adminUrl}/xds?format=json`)).json()) as Status;
    /** The name of the replica that answered a call, or why none did. */
    const answeredBy = async (): Promise<string> => {
      const before = replicas.map(({ calls }) => calls);
      const { code, details } = await client.sayHello('x', { deadlineMs: 10_000 });
      return code === 0 ? (replicas.find(({ calls }, i) => calls > before[i])?.name ?? 'nobody') : details;
    };

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'outrigger-xds-test-'));
      replicas = [await startGreeter({ name: 'one' }), await startGreeter({ name: 'two' })];
      plane = new ControlPlane(delta);
      server = await startXdsServer(plane);
      const [listen] = await freeAddresses(1);
      send('listener', 'out', listener('out', listen));
      send('route', 'routes', routes({ cluster: 'greeter' }));
      send('cluster', 'greeter', cluster);
      send('endpoint', 'greeter', endpoints([replicas[0].address]));
      const file = join(folder, 'outrigger.yaml');
      writeFileSync(file, JSON.stringify({ xds: { server: server.address, delta }, drain: { delay: '0s' } }));
      sidecar = await startConfigured(file, listen);
      client = connectGreeter(listen);
    });
    after(async () => {
      client?.close();
      await sidecar?.stop();
      server?.stop();
      await Promise.all((replicas ?? []).map((replica) => replica.stop()));
      rmSync(folder, { recursive: true });
    });

    it('is ready once listener, routes, cluster and endpoints are applied, and forwards calls', async () => {
      expect(await answeredBy()).to.equal('one');
      const { connected, applied, kinds } = await status();
      expect({ connected, applied }).to.deep.equal({ connected: true, applied: true });
      expect(kinds.map(({ kind }) => kind)).to.include.members(['listener', 'route', 'cluster', 'endpoint']);
    });

    it('names the resources and versions behind the configuration, a call and a request', async () => {
      const text = async (path: string): Promise<string> =>
        (await fetch(`${sidecar.adminUrl}${path}`)).text();
      expect(await answeredBy()).to.equal('one');
      const [, id] = /^\s*(\d+) /m.exec(await text('/traces')) ?? [];
      const named = [
        /^ *listener "out", version \S+$/m,
        /^ *route configuration "routes", version \S+$/m,
        /^ *cluster "greeter", version \S+$/m,
        /^ *endpoint assignment "greeter", version \S+$/m,
      ];
      const request = encodeURIComponent('helloworld.Greeter/SayHello');
      const dump = (await text('/config_dump')).replaceAll('#', '');
      const pages = [dump, await text(`/explain/${id}`), await text(`/explain?request=${request}`)];
      for (const page of pages) for (const line of named) expect(page).to.match(line);
      const { controlPlaneObjects } = JSON.parse(await text('/config_dump?format=json'));
      expect(controlPlaneObjects.map((one: { object: string }) => one.object)).to.deep.equal([
        'listener',
        'cluster',
      ]);
      expect(controlPlaneObjects[0].resources[0]).to.include({
        kind: 'listener',
        type: 'type.googleapis.com/envoy.config.listener.v3.Listener',
        name: 'out',
      });
      const live = JSON.parse(await text('/live.json'));
      expect(live.controlPlane).to.include({ server: server.address, connected: true, applied: true });
    });

    it('uses other endpoints without a reload', async () => {
      const reloads = async (): Promise<string> =>
        /^outrigger_config_reloads_total\S* (\d+)$/m.exec(
          await (await fetch(`${sidecar.adminUrl}/metrics`)).text(),
        )?.[0] ?? '';
      const before = await reloads();
      send('endpoint', 'greeter', endpoints([replicas[1].address]));
      await until(
        async () => (await answeredBy()) === 'two',
        () => 'the new endpoint gets no call',
      );
      expect(await reloads()).to.equal(before);
    });

    it('refuses routes that are wrong, says why, and goes on with those before', async () => {
      const answers = plane.answersOf('route').length;
      send(
        'route',
        'routes',
        routes({ cluster: 'greeter', prefix_rewrite: 'no-slash\u0000', timeout: '1s' }),
      );
      await until(
        async () => (await status()).kinds.find(({ kind }) => kind === 'route')?.lastNack !== '',
        () => 'the routes are not refused',
      );
      const { lastNack } = (await status()).kinds.find(({ kind }) => kind === 'route')!;
      expect(lastNack).to.contain('routes');
      expect(plane.answersOf('route').length).to.be.greaterThan(answers);
      expect(await answeredBy()).to.equal('two');
      const { out } = await runCommand(['check', '--admin', new URL(sidecar.adminUrl).host]);
      expect(out).to.match(
        /ok +control-plane: .* has been connected for .*; \d+ resources accepted, 1 refused/,
      );
      expect(out).to.match(/warning +control-plane: route "routes" was refused: virtual_hosts\[0\]/);
    });

    it('applies new routes while calls go on', async () => {
      send('route', 'routes', routes({ cluster: 'greeter', timeout: '5s' }));
      const dump = async (): Promise<string> => (await fetch(`${sidecar.adminUrl}/config_dump`)).text();
      await until(
        async () => /timeout: 5s/.test(await dump()),
        () => 'the routes are not applied',
      );
      expect(await answeredBy()).to.equal('two');
    });

    it('opens the other listeners when one cannot be bound, and says which', async () => {
      send('listener', 'taken', listener('taken', replicas[0].address));
      const text = async (): Promise<string> => (await fetch(`${sidecar.adminUrl}/xds`)).text();
      await until(
        async () => /listener taken: is not open/.test(await text()),
        () => 'the listener is not reported',
      );
      const [other] = await freeAddresses(1);
      send('listener', 'other', listener('other', other));
      await until(
        async () => (await (await fetch(`${sidecar.adminUrl}/listeners`)).text()).includes(other),
        () => 'the other listener is not opened',
      );
      expect(await answeredBy()).to.equal('two');
    });

    it('reloads nothing where the same comes again', async () => {
      const count = (): number => sidecar.log().split('reloaded: ').length;
      const before = count();
      const answers = plane.answersOf('route').length;
      send('route', 'routes', routes({ cluster: 'greeter', timeout: '5s' }));
      send('cluster', 'greeter', cluster);
      await until(
        () => delta || plane.answersOf('route').length > answers,
        () => 'the routes are not acknowledged',
      );
      expect(await answeredBy()).to.equal('two');
      expect(count()).to.equal(before);
      expect(sidecar.log()).not.to.contain('nothing has changed');
    });

    it('keeps everything when the control plane is gone, and says so', async () => {
      server.stop();
      await until(
        async () => !(await status()).connected,
        () => 'the loss is not noticed',
      );
      expect(await answeredBy()).to.equal('two');
      expect((await fetch(`${sidecar.adminUrl}/ready`)).status).to.equal(200);
    });
  });
}
