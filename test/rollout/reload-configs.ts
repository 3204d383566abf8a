const policies = ['least_request', 'round_robin', 'random'];

/** The i-th of many configurations for the same replicas: each changes something of what may change. */
export function reloadConfig(
  i: number,
  { listen, second }: { readonly listen: string; readonly second: string },
  addresses: readonly string[],
): object {
  const endpoints = addresses.map((address, n) => ({ address, weight: 1 + ((i + n) % 3) }));
  const hello = {
    name: `hello-${i % 4}`,
    match: { path: '/helloworld.Greeter/SayHello' },
    cluster: 'greeter',
    timeout: `${20 + (i % 5)}s`,
  };
  const all = { name: 'all', cluster: i % 3 === 0 ? 'others' : 'greeter' };
  const routes = i % 2 === 0 ? [hello, all] : [all];
  const limits = { maxConcurrentStreams: 1024 + (i % 3) };
  const listeners = [{ name: 'in', listen, limits, routes }];
  if (i % 4 < 2) listeners.push({ name: 'second', listen: second, limits, routes });
  // Every tenth makes the cluster anew; the others change it as it runs.
  const health = { interval: i % 20 < 10 ? '5s' : '4s' };
  const clusters = [
    { name: 'greeter', endpoints, balancer: { policy: policies[i % 3] }, health },
    { name: 'others', endpoints: i % 5 === 0 ? endpoints.slice(1) : endpoints },
  ];
  return { listeners, clusters };
}

/** Broken in one way or another, each of which a configuration must be refused for. */
export function brokenConfig(i: number): string {
  const ways = [
    '{ "listeners": [',
    '',
    'listeners: []\nclusters: []\n',
    'listeners: [{ name: in, listen: 127.0.0.1:1, routes: [{ name: all, cluster: nobody }] }]\nclusters: [{ name: greeter, endpoints: [] }]\n',
    'listeners: [{ nmae: in }]\n',
  ];
  return ways[i % ways.length];
}
