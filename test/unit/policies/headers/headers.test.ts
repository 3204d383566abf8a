import { expect } from 'chai';
import { shownFileOfConfig } from '../../../../src/config/load.ts';
import { HeaderBlock } from '../../../../src/core/header-block.ts';
import type { Raw } from '../../../../src/schema/scalar-type.ts';
import { answer, retryPolicy } from '../../call/attempt-policies.ts';
import { callRig, type FakeStream, failure, grpcHead, httpHead, replyHead } from '../../call/call-rig.ts';
import { configOf, minimal, problemsOf } from '../../config/support.ts';

type Section = { readonly [operation: string]: Raw };
const policies = (headers: Readonly<Record<string, Section>>) => ({ headers });

/** Names and values of the fields that are no pseudo-headers. */
const fieldsOf = (head: HeaderBlock): Array<readonly [string, string]> =>
  head.allFields.filter(({ name }) => !name.startsWith(':')).map(({ name, value }) => [name, value] as const);

function sent(request: Section, head: HeaderBlock = httpHead()): Array<readonly [string, string]> {
  const rig = callRig({ policies: policies({ request }) });
  rig.call(head);
  return fieldsOf(rig.order[0].heads[0]);
}

const withFields = (...fields: ReadonlyArray<readonly [string, string]>): HeaderBlock =>
  new HeaderBlock([...httpHead().allFields, ...HeaderBlock.of(...fields).allFields]);

/** The reply of an endpoint reaches the client. */
function reply(to: FakeStream, head: HeaderBlock, end = false): void {
  to.receiver!.head(head, end);
}

describe('policies/headers', () => {
  it('sets, adds, appends and removes headers of requests', () => {
    const head = withFields(
      ['x-a', '1'],
      ['x-b', '1'],
      ['x-b', '2'],
      ['x-c', '1'],
      ['x-d', '1'],
      ['x-d', '2'],
    );
    const request = {
      remove: ['X-A'],
      set: { 'X-B': 'new' },
      add: { 'x-c': '2', 'x-e': '1' },
      append: { 'x-d': '3', 'x-f': '1' },
    };
    expect(sent(request, head)).to.deep.equal([
      ['x-c', '1'],
      ['x-d', '1'],
      ['x-d', '2, 3'],
      ['x-b', 'new'],
      ['x-c', '2'],
      ['x-e', '1'],
      ['x-f', '1'],
    ]);
  });

  it('leaves the head of the client as an encoder knows it, where only headers are added', () => {
    const rig = callRig({ policies: policies({ request: { set: { 'x-a': '1' }, add: { 'x-b': '2' } } }) });
    const head = httpHead();
    rig.call(head);
    expect(rig.order[0].heads[0].base).to.equal(head);
    expect(rig.order[0].heads[0].fields.map(({ repeated }) => repeated)).to.deep.equal([true, true]);
  });

  it('fills in variables; those of the endpoint differ from attempt to attempt', () => {
    const rig = callRig({
      endpoints: 2,
      attemptPolicy: retryPolicy(),
      policies: policies({
        request: { set: { 'x-client': '{client.address}:{client.port}', 'x-to': '{cluster} {endpoint}' } },
      }),
    });
    rig.call(grpcHead(['x-to', 'forged']));
    rig.order[0].receiver!.head(replyHead('200', ['grpc-status', '14']), true);
    rig.clock.advance(1000);
    answer(rig.order[1]);
    const heads = rig.order.map(({ heads }) => heads[0]);
    expect(heads.map((head) => head.all('x-client'))).to.deep.equal([['127.0.0.9:9'], ['127.0.0.9:9']]);
    const { attempts } = rig.settled[0];
    expect(heads.map((head) => head.all('x-to'))).to.deep.equal(
      attempts.map(({ endpoint }) => [`greeter ${endpoint}`]),
    );
    expect(attempts[0].endpoint).not.to.equal(attempts[1].endpoint);
  });

  it('a client cannot forge a header whose value is not known', () => {
    const head = withFields(['x-identity', 'spiffe://td/admin']);
    expect(sent({ set: { 'x-identity': '{client.identity}' } }, head)).to.deep.equal([]);
    expect(sent({ add: { 'x-identity': '{client.identity}' } })).to.deep.equal([]);
  });

  it('credentials never enter a compression table', () => {
    const rig = callRig({
      policies: policies({ request: { set: { authorization: 'Bearer a', 'x-a': '1' } } }),
    });
    rig.call(httpHead());
    const added = rig.order[0].heads[0].fields;
    expect(added.map(({ sensitive, repeated }) => [sensitive, repeated])).to.deep.equal([
      [true, false],
      [false, true],
    ]);
  });

  it('changes the head and the trailers of gRPC replies', () => {
    const rig = callRig({
      policies: policies({
        reply: { set: { 'x-by': '{endpoint}' }, remove: ['server'] },
        replyTrailers: { set: { 'x-route': '{route}' } },
      }),
    });
    const client = rig.call(grpcHead());
    reply(rig.order[0], replyHead('200', ['server', 'a']));
    rig.order[0].receiver!.trailers(HeaderBlock.of(['grpc-status', '0'], ['x-route', 'other']));
    expect(fieldsOf(client.heads[0])).to.deep.equal([
      ['content-type', 'application/grpc'],
      ['x-by', '10.0.0.1:1000'],
    ]);
    expect(fieldsOf(client.trailersBlock!)).to.deep.equal([
      ['grpc-status', '0'],
      ['x-route', 'hello'],
    ]);
  });

  it('a gRPC reply of trailers only gets both, a web reply only those of its head', () => {
    const both = policies({ reply: { set: { 'x-a': '1' } }, replyTrailers: { set: { 'x-b': '2' } } });
    const rig = callRig({ policies: both });
    const call = rig.call(grpcHead());
    reply(rig.order[0], replyHead('200', ['grpc-status', '5']), true);
    expect([call.heads[0].get('x-a'), call.heads[0].get('x-b')]).to.deep.equal(['1', '2']);
    const web = rig.call(httpHead());
    reply(rig.order[1], HeaderBlock.of([':status', '200']), true);
    expect(fieldsOf(web.heads[0])).to.deep.equal([['x-a', '1']]);
  });

  it("changes Outrigger's own errors, which have no endpoint", () => {
    const rig = callRig({
      policies: {
        ...policies({
          reply: { set: { 'x-by': '{endpoint}', 'x-route': '{route}' }, remove: ['x-outrigger-error'] },
        }),
        fault: { abort: { percent: 100 } },
      },
    });
    for (const head of [grpcHead(), httpHead()]) {
      const [given] = rig.call(head).heads;
      expect([given.get('x-route'), given.get('x-by'), given.get('x-outrigger-error')]).to.deep.equal([
        'hello',
        undefined,
        undefined,
      ]);
    }
  });

  it('changes the trailers with which Outrigger ends a gRPC reply that has begun', () => {
    const rig = callRig({ policies: policies({ replyTrailers: { set: { 'x-route': '{route}' } } }) });
    const client = rig.call(grpcHead());
    reply(rig.order[0], replyHead());
    rig.order[0].receiver!.failed(failure('closed', 0));
    expect(client.trailersBlock!.get('grpc-status')).to.equal('14');
    expect(client.trailersBlock!.get('x-route')).to.equal('hello');
  });

  it('costs nothing on the hooks that it does not use', () => {
    const rig = callRig({ policies: policies({ reply: { set: { 'x-a': '1' } } }) });
    const head = httpHead();
    rig.call(head);
    expect(rig.order[0].heads[0]).to.equal(head);
  });

  it('the trailers of a web reply are changed as well', () => {
    const rig = callRig({ policies: policies({ replyTrailers: { append: { 'x-sum': 'b' } } }) });
    const client = rig.call(httpHead());
    reply(rig.order[0], HeaderBlock.of([':status', '200']));
    rig.order[0].receiver!.trailers(HeaderBlock.of(['x-sum', 'a']));
    expect(fieldsOf(client.trailersBlock!)).to.deep.equal([['x-sum', 'a, b']]);
  });
});

describe('policies/headers, checked at load', () => {
  const said = (written: string): string[] =>
    problemsOf(minimal({ route: `, headers: ${written}` })).map((line) =>
      line.replace(/^f\.yaml:\d+:\d+ listeners\[0\]\.routes\[0\]\./, ''),
    );

  for (const name of [
    ':authority',
    ':path',
    'connection',
    'keep-alive',
    'proxy-connection',
    'transfer-encoding',
  ]
    .concat([
      'upgrade',
      'te',
      'trailer',
      'host',
      'content-length',
      'content-type',
      'expect',
      'http2-settings',
    ])
    .concat(['grpc-status', 'grpc-message', 'grpc-timeout', 'grpc-encoding', 'sec-websocket-key'])) {
    it(`refuses to change ${name}`, () => {
      for (const part of ['request', 'reply', 'replyTrailers'])
        for (const written of [
          `remove: ["${name}"]`,
          `set: { "${name}": a }`,
          `add: { "${name.toUpperCase()}": a }`,
        ])
          expect(said(`{ ${part}: { ${written} } }`), `${part} ${written}`)
            .to.have.length(1)
            .and.satisfy(([line]: string[]) => new RegExp(`"${name}"`, 'i').test(line));
    });
  }

  it('says why a name is refused', () => {
    expect(said('{ request: { remove: [Transfer-Encoding] } }')).to.deep.equal([
      'headers.request.remove: "transfer-encoding" says how the message is framed, which Outrigger does; leave it out',
    ]);
    expect(said('{ request: { set: { Host: a } } }')).to.deep.equal([
      'headers.request.set: "host" is the authority of the request; write rewrite: { authority: … } in the route',
    ]);
    expect(said('{ request: { set: { traceparent: a } } }')[0]).to.match(/which Outrigger writes/);
    expect(said('{ reply: { set: { traceparent: a } } }')).to.deep.equal([]);
    expect(said('{ reply: { set: { grpc-x: a } } }')[0]).to.match(/reserves "grpc-"/);
    expect(said('{ request: { remove: [grpc-accept-encoding] } }')).to.deep.equal([]);
  });

  it('a name is in one operation only', () => {
    expect(said('{ reply: { set: { x-a: b }, add: { X-A: c } } }')).to.deep.equal([
      'headers.reply.add: "x-a" is in set as well; write it in one of them',
    ]);
  });

  it('what is no list takes no comma', () => {
    for (const name of ['cookie', 'set-cookie', 'authorization', 'x-trace-bin'])
      expect(said(`{ reply: { append: { ${name}: YQ== } } }`)[0]).to.match(
        /is not a list .* write it under add/,
      );
  });

  it('values are sound, and no variable is unknown', () => {
    expect(said('{ request: { set: { x-a: "{client.adress}" } } }')).to.deep.equal([
      'headers.request.set: "{client.adress}" is not a variable; did you mean {client.address}?',
    ]);
    expect(said('{ request: { set: { x-a: "a\\r\\nb" } } }')[0]).to.match(/cannot be sent/);
    expect(said('{ request: { set: { x-a: "" } } }')[0]).to.match(
      /is empty; write a value, or the name under remove/,
    );
    expect(said('{ request: { set: { x-a-bin: "{route}" } } }')[0]).to.match(/is not base64/);
    expect(said('{ request: { set: { "x a": b } } }')[0]).to.match(/is not a name for headers/);
    expect(said('{}')[0]).to.match(/changes nothing/);
  });

  it('no problem shows a credential', () => {
    const lines = said('{ request: { set: { authorization: "Bearer hunter2 {x" } } }');
    expect(lines.join())
      .to.match(/begins no variable/)
      .and.not.include('hunter2');
  });

  it('a configuration that is shown hides credentials, and shows the rest', () => {
    const written = '{ request: { set: { authorization: Bearer hunter2, x-a: "1" } } }';
    const shown = JSON.stringify(shownFileOfConfig(configOf(minimal({ route: `, headers: ${written}` }))));
    expect(shown).to.include('"set":{"authorization":"•••","x-a":"1"}').and.not.include('hunter2');
  });

  it('takes an environment variable beside one of its own', () => {
    // Written so that nobody takes it for a forgotten template string.
    const name = `$\{NAME}`;
    const text = minimal({ route: `, headers: { request: { set: { x-a: "${name} {route}" } } }` });
    const { headers } = configOf(text, { env: { NAME: 'pod-7' } }).listeners[0].routes[0];
    expect(headers?.request?.set).to.deep.equal({ 'x-a': 'pod-7 {route}' });
  });
});
