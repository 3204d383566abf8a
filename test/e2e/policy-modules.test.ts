import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import type { LoadResult } from '../../src/config/load.ts';
import { loadWithParts } from '../../src/config/load-parts.ts';
import { systemClock } from '../../src/core/clock.ts';
import { checkSafeRegex } from '../../src/routing/safe-regex.ts';
import { formatProblem } from '../../src/schema/problem.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

type Loaded = Extract<LoadResult, { readonly problems?: undefined }>;

const stageOf = (hooks: string, more = '') => `
import { definePolicy, Field, HeaderBlock, key, number, requestTraffic, section } from 'outrigger/policy';
${more}
export default definePolicy({
  key: 'mine',
  schema: section({ doc: 'Mine.' }, { limit: key(number({ min: 1, max: 9 }), { default: 1, doc: 'How many.' }) }),
  compile: ({ limit }) => ({ policy: 'mine', appliesTo: requestTraffic, ${hooks} }),
});
`;

describe('policies of the user’s own', () => {
  const { sidecar, greeter, client, defer } = rig();
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'outrigger-modules-'));
    mkdirSync(join(folder, 'allowed'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  function load(file: object | string): Promise<LoadResult> {
    if (typeof file === 'object') write('outrigger.yaml', JSON.stringify(file));
    return loadWithParts({
      flags: { config: typeof file === 'string' ? file : join(folder, 'outrigger.yaml') },
      env: {},
      checkRegex: checkSafeRegex,
      clock: systemClock,
    });
  }
  const fileWith = (
    policies: readonly object[],
    address = '127.0.0.1:1',
    modules: object = { allow: true },
  ) => ({
    admin: { listen: '127.0.0.1:0' },
    drain: { grace: '2s', goawayDelay: '0s' },
    modules,
    listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'web', policies }] }],
    clusters: [{ name: 'web', protocol: 'http1', endpoints: [{ address }] }],
  });
  const problemsOf = async (policies: readonly object[], modules?: object): Promise<string[]> =>
    ((await load(fileWith(policies, undefined, modules))).problems ?? []).map((problem) =>
      formatProblem(problem).replaceAll(folder, '.'),
    );

  async function running(policies: readonly object[], modules?: object) {
    const web = createServer((request, response) => response.end(`${request.headers['x-mine'] ?? 'none'}`));
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
    defer(() => {
      web.closeAllConnections();
      return new Promise((done) => web.close(done));
    });
    const file = fileWith(policies, `127.0.0.1:${(web.address() as AddressInfo).port}`, modules);
    const { config, parts } = (await load(file)) as Loaded;
    const proxy = await sidecar({}, { config, parts, load: () => load(file) });
    const ask = async (path = '/', headers: Record<string, string> = {}): Promise<string> => {
      const reply = await fetch(`http://${proxy.target()}${path}`, {
        headers: { connection: 'close', ...headers },
      });
      return `${reply.status} ${(await reply.text()).trim()}`;
    };
    const metrics = async (): Promise<string> => (await fetch(`${proxy.adminUrl}/metrics`)).text();
    return { proxy, ask, metrics };
  }

  it('are loaded where the configuration allows it, and else refused with place and fix', async () => {
    write('mine.ts', stageOf(''));
    write('allowed/mine.ts', stageOf(''));
    const off = await problemsOf([{ module: './mine.ts' }], {});
    expect(off).to.have.length(1);
    expect(off[0]).to.match(
      /^\.\/outrigger\.yaml:1:\d+ listeners\[0\]\.routes\[0\]\.policies\[0\]\.module: "\.\/mine\.ts" cannot be loaded, because modules are off; write modules: \{ allow: true \}/,
    );
    const only = { allow: ['./allowed'] };
    expect((await problemsOf([{ module: './mine.ts' }], only))[0]).to.include(
      'is outside the directories of modules.allow, ./allowed;',
    );
    expect((await problemsOf([{ module: './allowed/../mine.ts' }], only))[0]).to.include('is outside');
    expect(await problemsOf([{ module: './allowed/mine.ts' }], only)).to.deep.equal([]);
  });

  it('that cannot be loaded are problems with the reason, and so is a wrong config', async () => {
    write('throws.ts', 'throw new Error("not today");');
    write('empty.ts', 'export const a = 1;');
    write('mine.ts', stageOf(''));
    const found = await problemsOf([
      { module: './missing.ts' },
      { module: './throws.ts' },
      { module: './empty.ts' },
      { module: './mine.ts', config: { limit: 10 } },
      { module: './mine.ts', config: { limt: 1 } },
    ]);
    expect(found.map((text) => text.replace(/^\S+ listeners\[0\]\.routes\[0\]\.policies/, ''))).to.deep.equal(
      [
        '[0].module: "./missing.ts" cannot be loaded: there is no such file; write its path from .',
        '[1].module: "./throws.ts" cannot be loaded: not today',
        '[2].module: "./empty.ts" has no policy as its default export; write export default definePolicy({ key, schema, compile })',
        '[3].config.limit: 10 is above 9; write a whole number from 1 to 9',
        '[4].config.limt: "limt" is not a known key; write limit',
      ],
    );
  });

  it('act on requests, may wait for a promise, and a reload takes a changed file, or refuses it', async () => {
    const adding = (value: string) =>
      stageOf(`async request(request) {
        await Promise.resolve();
        request.useHead(new HeaderBlock([new Field('x-mine', '${value}' + limit)], request.outgoing));
        return null;
      }`);
    write('mine.ts', adding('first'));
    const { proxy, ask } = await running([{ module: './mine.ts', config: { limit: 3 } }]);
    expect(await ask()).to.equal('200 first3');
    write('mine.ts', adding('second'));
    expect(await proxy.app.reload('the test')).to.deep.include({
      ok: true,
      changes: ['changed listener in'],
    });
    expect(await ask()).to.equal('200 second3');
    write('mine.ts', 'throw new Error("not today");');
    const refused = await proxy.app.reload('the test');
    expect(refused.ok ? '' : refused.problems[0]).to.match(/policies\[0\]\.module: .* not today/);
    expect(await ask()).to.equal('200 second3');
  });

  it('fail one request by an exception, a late decision or a wrong value; others go on', async () => {
    write(
      'mine.ts',
      stageOf(
        `request({ requestHead }) {
          if (requestHead.path === '/throw') throw new Error('the secret reason');
          if (requestHead.path === '/reject') return Promise.reject(new Error('rejected'));
          if (requestHead.path === '/late') return new Promise(() => {});
          if (requestHead.path === '/wrong') return { kind: 'nothing' };
          return null;
        },
        reply({ requestHead }, head) {
          if (requestHead.path === '/reply') throw new Error('in the reply');
          return requestHead.path === '/malformed'
            ? new HeaderBlock([...head.allFields, new Field('x-a', 'b\\r\\nx-c: d')])
            : head;
        }`,
      ),
    );
    const { proxy, ask, metrics } = await running([{ module: './mine.ts' }], {
      allow: true,
      timeout: '50ms',
    });
    for (const path of ['/throw', '/reject', '/late', '/wrong', '/reply', '/malformed']) {
      const answer = await ask(path);
      expect(answer, path).to.match(
        /^500 policy mine failed in its (request|reply) hook; .*\[policy_failed\] \(call \S+\)$/,
      );
      expect(answer).not.to.include('secret');
    }
    expect(await ask('/fine')).to.equal('200 none');
    expect(proxy.log.join('')).to.include('the secret reason');
    const text = await metrics();
    expect(text).to.match(/policy_module_failures_total\{[^}]*hook="request"[^}]*failure="exception"\} 2/);
    expect(text).to.match(/policy_module_failures_total\{[^}]*hook="request"[^}]*failure="timeout"\} 1/);
    expect(text).to.match(/policy_module_failures_total\{[^}]*hook="reply"[^}]*failure="exception"\} 4/);
    expect(text).to.match(/policy_module_duration_seconds_count\{[^}]*hook="request"[^}]*\} 7/);
  });

  it('that are slow are warned of, with increasing intervals', async () => {
    write(
      'mine.ts',
      stageOf(
        'request() { const end = performance.now() + 5; while (performance.now() < end); return null; }',
      ),
    );
    const { proxy, ask } = await running([{ module: './mine.ts' }], { allow: true, slow: '1ms' });
    for (let i = 0; i < 3; i++) await ask();
    const warnings = proxy.log.filter((line) => line.includes('a policy module is slow'));
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.match(/module=\.\/mine\.ts hook=request ms=\d+ times=1/);
  });

  it('of examples/policies: a header that must be there, and a bound for each tenant, for gRPC calls', async () => {
    const replica = await greeter();
    const path = resolve(import.meta.dirname, '../../examples/policies/outrigger.yaml');
    const example = (await load(path)) as Loaded;
    expect(example.problems ?? []).to.deep.equal([]);
    const config = {
      ...example.config,
      admin: { ...example.config.admin, listen: { kind: 'tcp', host: '127.0.0.1', port: 0 } as const },
      listeners: example.config.listeners.map((listener) => ({
        ...listener,
        listen: { kind: 'tcp', host: '127.0.0.1', port: 0 } as const,
      })),
      clusters: example.config.clusters.map((cluster) => ({
        ...cluster,
        endpoints: cluster.endpoints.map((endpoint) => ({
          ...endpoint,
          address: {
            kind: 'tcp',
            host: '127.0.0.1',
            port: Number(replica.address.split(':')[1]),
          } as const,
        })),
      })),
    };
    const proxy = await sidecar({}, { config, parts: example.parts });
    const caller = client(proxy.target());
    const metadata = [
      ['x-api-key', 'k'],
      ['x-tenant', 'ada'],
    ] as const;
    expect((await caller.sayHello('x')).code).to.equal(7);
    expect((await caller.sayHello('x', { metadata })).code).to.equal(0);
    const held = [1, 2].map(() => caller.openServerStream({ options: { hold: true } }, { metadata }));
    await until(
      () => replica.active === 2,
      () => `${replica.active} calls run`,
    );
    expect((await caller.sayHello('x', { metadata })).code).to.equal(8);
    const other = [['x-api-key', 'k']] as const;
    expect((await caller.sayHello('x', { metadata: other })).code).to.equal(0);
    for (const { call } of held) {
      call.on('error', () => {});
      call.cancel();
    }
    await until(
      () => replica.active === 0,
      () => `${replica.active} calls run`,
    );
    expect((await caller.sayHello('x', { metadata })).code).to.equal(0);
  });
});
