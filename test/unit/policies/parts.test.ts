import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { requestTraffic } from '../../../src/call/stage.ts';
import type { LoadResult } from '../../../src/config/load.ts';
import { loadWithParts } from '../../../src/config/load-parts.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { policies as builtIn } from '../../../src/policies/list.ts';
import type { PolicyPart } from '../../../src/policies/parts.ts';
import { definePolicy } from '../../../src/policies/policy.ts';
import { checkSafeRegex } from '../../../src/routing/safe-regex.ts';
import { formatProblem } from '../../../src/schema/problem.ts';
import { number, text } from '../../../src/schema/scalar-type.ts';
import { key, optionalSection, section } from '../../../src/schema/shape.ts';
import { rig } from '../../e2e/rig.ts';

/** What there is outside of the configuration, by name. */
const outside = new Map<string, string>();

interface GreetingPart extends PolicyPart {
  readonly text: string;
}

/** A policy whose headers are loaded from outside. */
const greeting = definePolicy({
  key: 'greeting',
  schema: optionalSection(
    { doc: 'Greets.', example: '{ from: a }' },
    { from: key(text(), { required: true, doc: 'Whose greeting.' }) },
  ),
  async load({ from }, { problem, warning, read }): Promise<GreetingPart | null> {
    await Promise.resolve();
    const found = outside.get(from);
    if (found === undefined) {
      problem('.from', `"${from}" greets nobody; write another name`);
      return null;
    }
    if (found === 'typed')
      read(
        section({ doc: '' }, { count: key(number({ min: 1, max: 9 }), { default: 1, doc: '' }) }),
        { count: 10 },
        '.from',
      );
    if (found === '') warning('.from', 'greets without a word');
    return { version: found, files: [`/greetings/${from}`], text: found };
  },
  compile(_config, { part }) {
    const { text: value } = part as GreetingPart;
    return ['x-first', 'x-second'].map((name) => ({
      policy: 'greeting',
      appliesTo: requestTraffic,
      request(request) {
        request.useHead(new HeaderBlock([new Field(name, value)], request.outgoing));
        return null;
      },
    }));
  },
});
const policies = [...builtIn, greeting];

function load(from: string, address = '127.0.0.1:1'): Promise<LoadResult> {
  const file = `admin: { listen: "127.0.0.1:0" }
drain: { grace: 2s, goawayDelay: 0s }
listeners:
  - name: in
    listen: 127.0.0.1:0
    routes: [{ name: all, cluster: web, greeting: { from: ${from} } }]
clusters:
  - { name: web, protocol: http1, endpoints: [{ address: "${address}" }] }
`;
  return loadWithParts({
    flags: { config: 'f.yaml' },
    env: {},
    checkRegex: checkSafeRegex,
    clock: systemClock,
    policies,
    readFile: () => ({ value: Buffer.from(file) }),
  });
}

describe('what a policy loads from outside', () => {
  const { sidecar, defer } = rig();
  afterEach(() => outside.clear());

  it('is a problem of the configuration, with its place, where it cannot be loaded', async () => {
    const { problems } = await load('nobody');
    expect(problems?.map(formatProblem)).to.deep.equal([
      'f.yaml:6:59 listeners[0].routes[0].greeting.from: "nobody" greets nobody; write another name',
    ]);
  });

  it('may be checked by another schema, and may be warned of', async () => {
    outside.set('a', 'typed');
    expect((await load('a')).problems?.map(formatProblem)).to.deep.equal([
      'f.yaml:6:59 listeners[0].routes[0].greeting.from.count: 10 is above 9; write a whole number from 1 to 9',
    ]);
    outside.set('a', '');
    const { warnings, problems } = await load('a');
    expect(problems).to.equal(undefined);
    expect(warnings.map(({ message }) => message)).to.deep.equal(['greets without a word']);
  });

  it('reaches the stages, of which there may be several, and a reload compares it', async () => {
    const server = createServer((request, response) => {
      response.end(`${request.headers['x-first']} ${request.headers['x-second']}`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    defer(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    outside.set('a', 'hello');
    const first = (await load('a', address)) as Extract<LoadResult, { readonly problems?: undefined }>;
    const proxy = await sidecar(
      { listeners: [], clusters: [] },
      { policies, config: first.config, parts: first.parts, load: () => load('a', address) },
    );
    const ask = async (): Promise<string> =>
      (await fetch(`http://${proxy.target()}/`, { headers: { connection: 'close' } })).text();
    expect(await ask()).to.equal('hello hello');
    expect(proxy.app.policyFiles()).to.deep.equal(['/greetings/a']);
    expect(await proxy.app.reload('the test')).to.deep.include({ ok: true, changes: [] });
    outside.set('a', 'good day');
    expect(await proxy.app.reload('the test')).to.deep.include({
      ok: true,
      changes: ['changed listener in'],
    });
    expect(await ask()).to.equal('good day good day');
    outside.delete('a');
    const refused = await proxy.app.reload('the test');
    expect(refused.ok ? '' : refused.problems[0]).to.match(/greets nobody/);
    expect(await ask()).to.equal('good day good day');
  });
});
