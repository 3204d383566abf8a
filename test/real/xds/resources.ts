import { type Checks, expectThat, until } from '../checks.ts';
import { ControlPlaneProcess, type Document } from './control-plane.ts';
import { Follower } from './follower.ts';

/** Resources as go-control-plane writes them, from a listener down to endpoints, in the flavours of Envoy and of proxyless gRPC. */

const patienceMs = 15_000;
const ads = { ads: {}, resource_api_version: 'V3' };
const any = (type: string, more: object = {}) => ({ '@type': `type.googleapis.com/${type}`, ...more });
const router = {
  name: 'router',
  typed_config: any('envoy.extensions.filters.http.router.v3.Router'),
};
const managerType = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

function manager(filters: readonly object[]): object {
  return any(managerType, {
    stat_prefix: 'http',
    rds: { route_config_name: 'routes', config_source: ads },
    http_filters: [...filters, router],
  });
}

function listener(flavour: 'Envoy' | 'proxyless', filters: readonly object[] = []): object {
  if (flavour === 'proxyless') return { name: 'shop', api_listener: { api_listener: manager(filters) } };
  return {
    name: 'shop',
    address: { socket_address: { address: '127.0.0.1', port_value: 15001 } },
    filter_chains: [{ filters: [{ name: 'http', typed_config: manager(filters) }] }],
  };
}

function document(version: string, shop: object, port = 50051): Document {
  return {
    version,
    listeners: [shop],
    routes: [
      {
        name: 'routes',
        virtual_hosts: [
          {
            name: 'shop',
            domains: ['*'],
            routes: [
              { match: { prefix: '/orders.' }, route: { cluster: 'orders', timeout: '2s' } },
              { match: { prefix: '' }, route: { cluster: 'catalog' } },
            ],
          },
        ],
      },
    ],
    clusters: ['orders', 'catalog'].map((name) => ({
      name,
      type: 'EDS',
      eds_cluster_config: { eds_config: ads },
      lb_policy: 'LEAST_REQUEST',
    })),
    endpoints: ['orders', 'catalog'].map((name, i) => ({
      cluster_name: name,
      endpoints: [
        {
          locality: { zone: 'a' },
          load_balancing_weight: 1,
          lb_endpoints: [
            { endpoint: { address: { socket_address: { address: `10.0.0.${i + 1}`, port_value: port } } } },
          ],
        },
      ],
    })),
  };
}

const refusedFilter = {
  name: 'jwt',
  typed_config: any('envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication'),
};

export async function checkResources(
  checks: Checks,
  program: string,
  flavour: 'Envoy' | 'proxyless',
  delta: boolean,
): Promise<void> {
  const title = `${flavour}, ${delta ? 'delta' : 'state of the world'}`;
  const plane = new ControlPlaneProcess(program);
  await plane.start(document('1', listener(flavour)));
  const follower = new Follower(
    { server: plane.address, delta },
    flavour === 'proxyless' ? { shop: '127.0.0.1:15001' } : {},
  );
  const nacks = () => plane.requests().filter(({ nack }) => nack !== '');
  await checks.check(`${title}: a listener leads to routes, clusters and endpoints`, async () => {
    await until('endpoints', patienceMs, async () => follower.endpoints('orders') === '10.0.0.1:50051');
    await until('all endpoints', patienceMs, async () => follower.endpoints('catalog') === '10.0.0.2:50051');
    expectThat(nacks().length === 0, `refused: ${nacks()[0]?.nack}`);
    const { listeners, clusters, waiting, problems } = follower.assembly();
    expectThat(waiting.length + problems.length === 0, JSON.stringify([waiting, problems]));
    const [shop] = listeners;
    expectThat(shop?.listen === '127.0.0.1:15001', `listener: ${JSON.stringify(shop)}`);
    const targets = (shop.routes as ReadonlyArray<{ cluster: string }>).map(({ cluster }) => cluster);
    expectThat(targets.join() === 'orders,catalog', `routes: ${JSON.stringify(shop.routes)}`);
    const policies = clusters.map(({ balancer }) => (balancer as { policy: string }).policy);
    expectThat(policies.join() === 'least_request,least_request', `clusters: ${JSON.stringify(clusters)}`);
  });
  await checks.check(`${title}: endpoints change`, async () => {
    await plane.serve(document('2', listener(flavour), 50052));
    await until('new endpoints', patienceMs, async () => follower.endpoints('catalog') === '10.0.0.2:50052');
    expectThat(nacks().length === 0, `refused: ${nacks()[0]?.nack}`);
  });
  await checks.check(
    `${title}: a filter that is not supported is refused with its place; what worked stays`,
    async () => {
      await plane.serve(document('3', listener(flavour, [refusedFilter])));
      await until('a NACK', patienceMs, async () => nacks().length > 0);
      const { nack = '' } = nacks()[0];
      expectThat(/^listener "shop": .*\[0\].*: /.test(nack) && /jwt/i.test(nack), `reason: ${nack}`);
      process.stdout.write(`          ${nack}\n`);
      expectThat(follower.assembly().listeners.length === 1, 'the listener is gone');
    },
  );
  follower.client.stop();
  await plane.kill();
}
