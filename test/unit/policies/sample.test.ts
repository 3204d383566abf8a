import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { ReloadOutcome } from '../../../src/admin/deps.ts';
import { type RequestView, requestTraffic } from '../../../src/call/stage.ts';
import { configOf } from '../../../src/cli/run.ts';
import { jsonSchema } from '../../../src/config/json-schema.ts';
import { fileOfConfig, type LoadResult, loadConfig } from '../../../src/config/load.ts';
import { referencePage } from '../../../src/config/reference.ts';
import { makeTable, tableOf } from '../../../src/config/table.ts';
import { Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { policies as builtIn } from '../../../src/policies/list.ts';
import { definePolicy, routeLabels } from '../../../src/policies/policy.ts';
import { checkSafeRegex } from '../../../src/routing/safe-regex.ts';
import { headerName } from '../../../src/schema/names.ts';
import { formatProblem } from '../../../src/schema/problem.ts';
import { duration, name, text } from '../../../src/schema/scalar-type.ts';
import { key, optionalSection, type Value } from '../../../src/schema/shape.ts';
import { addNote } from '../../../src/telemetry/call-record.ts';
import { rig } from '../../e2e/rig.ts';
import type { ConfigShape } from '../../support/sidecar.ts';

/** A policy that Outrigger does not have: it stamps requests, and sends those with a header to another cluster. */
const stamp = definePolicy({
  key: 'stamp',
  schema: optionalSection(
    { doc: 'Stamps the requests of the route.', example: '{ header: x-stamp }' },
    {
      header: key(headerName, { required: true, doc: 'The header that holds the stamp.' }),
      value: key(text(), { default: 'sample', doc: 'What the stamp says.' }),
      validFor: key(duration(), { default: '2s', doc: 'How long the stamp is valid.' }),
      elsewhere: key(name, { doc: 'The cluster for requests that have a stamp already.' }),
    },
  ),
  check({ header }, { problem }) {
    if (header === 'host') problem('.header', '"host" cannot hold a stamp; write another header');
  },
  clusters: ({ elsewhere }) => [{ path: '.elsewhere', name: elsewhere }],
  metrics: (registry) =>
    registry.counter({ name: 'outrigger.stamps', unit: '{request}', help: 'Requests that got a stamp.' }),
  compile({ header, value, validForMs, elsewhere }, { metrics, cluster }) {
    const field = new Field(header, `${value};${validForMs}`);
    const other = elsewhere === undefined ? null : cluster(elsewhere);
    return {
      policy: 'stamp',
      appliesTo: requestTraffic,
      request(request: RequestView) {
        if (other !== null && request.requestHead.get(header) !== undefined) {
          request.useCluster(other);
          return null;
        }
        metrics.bind(routeLabels(request)).add(1);
        addNote(request.record, { policy: 'stamp', text: `stamped ${header}` });
        request.useHead(new HeaderBlock([field], request.outgoing));
        return null;
      },
    };
  },
});

const policies = [...builtIn, stamp] as const;
/** The types of the configuration have the key of the policy, though no file in src/ knows it. */
const table = makeTable(policies);
type SampleConfig = Value<typeof table>;

function load(text: string): LoadResult {
  return loadConfig({
    flags: { config: 'f.yaml' },
    env: {},
    checkRegex: checkSafeRegex,
    readFile: () => ({ value: Buffer.from(text) }),
    policies,
  });
}
const fileWith = (stampText: string): string => `listeners:
  - name: in
    listen: 127.0.0.1:0
    routes:
      - name: all
        cluster: main
        stamp: ${stampText}
clusters:
  - { name: main, endpoints: [{ address: 127.0.0.1:1 }] }
  - { name: other, endpoints: [{ address: 127.0.0.1:2 }] }
`;
const problemsOf = (stampText: string): string[] =>
  (load(fileWith(stampText)).problems ?? []).map(formatProblem);

describe('a policy is one folder: one that only this test declares', () => {
  it('has a typed configuration with its defaults, and is written out and read back', () => {
    const { config } = load(fileWith('{ header: x-stamp }'));
    const route = (config as SampleConfig).listeners[0].routes[0];
    expect(route.stamp).to.deep.equal({
      header: 'x-stamp',
      value: 'sample',
      validForMs: 2000,
      elsewhere: undefined,
    });
    const file = JSON.stringify(fileOfConfig(config!, tableOf(policies)));
    expect(file).to.include('"stamp":{"header":"x-stamp","value":"sample","validFor":"2s"}');
    expect(load(file).config).to.deep.equal(config);
  });

  it('is on the reference page and in the JSON Schema, and on neither without it', () => {
    const page = referencePage(table);
    expect(page).to.include(
      '#### `listeners[].routes[].stamp`\n\nStamps the requests of the route. Not set by default.',
    );
    expect(page).to.include('| `value` | text | `sample` | What the stamp says. |');
    expect(page).to.include('| `header` | header name | **required** | The header that holds the stamp. |');
    const schema = JSON.stringify(jsonSchema(table));
    expect(schema).to.include('"description":"How long the stamp is valid."');
    expect(referencePage()).not.to.include('stamp');
    expect(JSON.stringify(jsonSchema())).not.to.include('stamp');
  });

  it('has its mistakes shown with their places: of the schema, of its check, of a wrong key', () => {
    expect(problemsOf('{ header: "x stamp" }')).to.have.length(1);
    expect(problemsOf('{ header: "x stamp" }')[0]).to.match(
      /^f\.yaml:7:26 listeners\[0\]\.routes\[0\]\.stamp\.header: "x stamp" is not a header name; write /,
    );
    expect(problemsOf('{ header: host }')).to.deep.equal([
      'f.yaml:7:26 listeners[0].routes[0].stamp.header: "host" cannot hold a stamp; write another header',
    ]);
    expect(problemsOf('{ header: a, valu: x }')[0]).to.match(
      /^f\.yaml:7:\d+ .*did you mean value\?|write value/,
    );
    expect(problemsOf('{ value: x }')[0]).to.match(/stamp\.header: is missing/);
  });

  it('has its references to clusters checked and counted', () => {
    expect(problemsOf('{ header: a, elsewhere: othr }')).to.deep.equal([
      'f.yaml:7:40 listeners[0].routes[0].stamp.elsewhere: "othr" is not the name of a cluster; write other',
    ]);
    const warnings = (stampText: string) => load(fileWith(stampText)).warnings.map(({ message }) => message);
    expect(warnings('{ header: a }')).to.deep.equal(['"other" is used by no listener']);
    expect(warnings('{ header: a, elsewhere: other }')).to.deep.equal([]);
  });

  it('is unknown where the list does not have it', () => {
    const without = loadConfig({
      flags: { config: 'f.yaml' },
      env: {},
      checkRegex: checkSafeRegex,
      readFile: () => ({ value: Buffer.from(fileWith('{ header: a }')) }),
    });
    expect(without.problems?.map(formatProblem)[0]).to.match(
      /^f\.yaml:7:9 listeners\[0\]\.routes\[0\]\.stamp: .*known/,
    );
  });
});

describe('a policy that only this test declares, in a sidecar', () => {
  const { sidecar, defer } = rig();

  /** An HTTP/1.1 replica that says which it is and what stamp it got. */
  async function replica(own: string): Promise<string> {
    const server = createServer((request, response) => {
      response.end(`${own} ${request.headers['x-stamp'] ?? 'none'}`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    defer(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async function stamping(stampConfig: object) {
    const addresses = { main: await replica('main'), other: await replica('other') };
    const shape = (own: object): ConfigShape => ({
      admin: { listen: '127.0.0.1:0' },
      drain: { grace: '2s', goawayDelay: '0s' },
      listeners: [
        { name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'main', stamp: own }] },
      ],
      clusters: Object.entries(addresses).map(([cluster, address]) => ({
        name: cluster,
        protocol: 'http1',
        endpoints: [{ address }],
      })),
    });
    let next = shape(stampConfig);
    const proxy = await sidecar(next, {
      policies,
      load: () => ({
        config: configOf(next, policies),
        file: undefined,
        placeOf: () => ({ file: 'f.yaml', line: 1, column: 1 }),
        warnings: [],
      }),
    });
    const ask = async (headers: Record<string, string> = {}): Promise<string> =>
      (await fetch(`http://${proxy.target()}/`, { headers: { connection: 'close', ...headers } })).text();
    return {
      proxy,
      ask,
      reload(own: object): Promise<ReloadOutcome> {
        next = shape(own);
        return proxy.app.reload('the test');
      },
    };
  }

  it('acts on requests, counts them, notes what it did, and sends some to the cluster it names', async () => {
    const { proxy, ask } = await stamping({ header: 'x-stamp', elsewhere: 'other' });
    expect(await ask()).to.equal('main sample;2000');
    expect(await ask({ 'x-stamp': 'mine' })).to.equal('other mine');
    expect(proxy.calls().map(({ notes }) => notes.map(({ text }) => text))).to.deep.equal([
      ['stamped x-stamp'],
      [],
    ]);
    const metrics = await (await fetch(`${proxy.adminUrl}/metrics`)).text();
    expect(metrics).to.include('outrigger_stamps_total{outrigger_listener="in",outrigger_route="all"} 1');
    const dump = await (await fetch(`${proxy.adminUrl}/config_dump`)).text();
    expect(dump).to.match(/validFor: 2s/);
  });

  it('is part of what a reload compares: another value is applied, the same keeps the routes', async () => {
    const { proxy, ask, reload } = await stamping({ header: 'x-stamp' });
    expect(await reload({ header: 'x-stamp' })).to.deep.include({ ok: true, changes: [] });
    expect(await reload({ header: 'x-stamp', value: 'new' })).to.deep.include({
      ok: true,
      changes: ['changed listener in'],
    });
    expect(await ask()).to.equal('main new;2000');
    expect(proxy.app.config.listeners[0].routes[0]).to.have.nested.property('stamp.value', 'new');
  });
});
