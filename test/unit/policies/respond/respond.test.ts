import { expect } from 'chai';
import { type CallRig, callRig, expectOver, grpcHead, httpHead } from '../../call/call-rig.ts';
import { configOf, problemsOf } from '../../config/support.ts';

const closed = {
  status: 503,
  headers: { 'Retry-After': '120', 'set-cookie': 'a=b' },
  body: 'Größer\n',
  grpcStatus: 'unavailable',
  grpcMessage: 'until 14:00, größer',
};

function pairs(rig: CallRig, head: ReturnType<typeof httpHead>): Array<[string, string]> {
  return rig.call(head).heads[0].allFields.map(({ name, value }) => [name, value]);
}

describe('respond', () => {
  it('answers a web request with status, headers and body, and asks no endpoint', () => {
    const rig = callRig({ policies: { respond: closed } });
    const client = rig.call(httpHead());
    expect(client.heads[0].allFields.map(({ name, value }) => `${name}: ${value}`)).to.deep.equal([
      ':status: 503',
      'content-type: text/plain; charset=utf-8',
      'content-length: 9',
      'retry-after: 120',
      'set-cookie: a=b',
    ]);
    expect(client.body.toString('utf8')).to.equal('Größer\n');
    expect(client.said).to.deep.equal(['head 503', 'data 9 last']);
    expect(rig.order).to.have.length(0);
    expect(rig.settled[0]).to.include({ httpStatus: 503, error: '', endedBy: 'outrigger' });
    expect(rig.settled[0].notes).to.deep.equal([
      { policy: 'respond', text: 'answered with HTTP status 503' },
    ]);
    expectOver(rig);
  });

  it('answers a gRPC call with a status and no body', () => {
    const rig = callRig({ policies: { respond: closed } });
    const client = rig.call(grpcHead());
    expect(client.said).to.deep.equal(['head 200 end']);
    const [head] = client.heads;
    expect(
      ['content-type', 'grpc-status', 'grpc-message', 'retry-after'].map((name) => head.get(name)),
    ).to.deep.equal(['application/grpc', '14', 'until 14:00, gr%C3%B6%C3%9Fer', '120']);
    expect(rig.settled[0]).to.include({ grpcStatus: 14, httpStatus: 200 });
    expect(rig.settled[0].notes[0].text).to.equal('answered with gRPC status UNAVAILABLE');
    expectOver(rig);
  });

  it('maps the HTTP status to that of gRPC where none is written', () => {
    const codes = [200, 401, 403, 404, 429, 503].map((status) => {
      const rig = callRig({ policies: { respond: { status } } });
      return rig.call(grpcHead()).heads[0].get('grpc-status');
    });
    expect(codes).to.deep.equal(['2', '16', '7', '12', '14', '14']);
  });

  it('gives HEAD the length of the body and not the body', () => {
    const rig = callRig({ policies: { respond: { body: 'text', contentType: 'text/html' } } });
    const client = rig.call(httpHead('HEAD'));
    expect(client.said).to.deep.equal(['head 200 end']);
    expect(client.heads[0].get('content-length')).to.equal('4');
    expect(client.heads[0].get('content-type')).to.equal('text/html');
  });

  it('has neither type nor length without a body', () => {
    for (const status of [204, 404]) {
      const rig = callRig({ policies: { respond: { status } } });
      expect(pairs(rig, httpHead())).to.deep.equal([[':status', String(status)]]);
    }
  });

  it('does not wait for the body of the request', () => {
    const rig = callRig({ policies: { respond: closed } });
    const client = rig.call(httpHead('POST'), false);
    expect(client.said).to.deep.equal(['head 503', 'data 9 last']);
    client.receiver!.data(Buffer.alloc(100), 0, 100, true);
    expect(client.credit).to.equal(100);
    expectOver(rig);
  });

  it('comes after the rate limit', () => {
    const rig = callRig({ policies: { respond: closed, rateLimit: { requests: 1 } } });
    expect(rig.call(httpHead()).heads[0].status).to.equal(503);
    expect(rig.call(httpHead()).heads[0].status).to.equal(429);
  });
});

const file = (route: string): string => `listeners:
  - { name: in, listen: "127.0.0.1:15001", routes: [{ name: all, ${route} }] }
clusters: [{ name: greeter, endpoints: [{ address: "127.0.0.1:50051" }] }]
`;
const said = (respond: string): string =>
  problemsOf(file(`respond: ${respond}`))
    .join('\n')
    .replaceAll(/^f\.yaml:\d+:\d+ listeners\[0\]\.routes\[0\]\./gm, '');

describe('respond in a configuration', () => {
  it('is on with its defaults alone, without a cluster', () => {
    expect(configOf(file('respond: {}')).listeners[0].routes[0].respond).to.include({
      status: 200,
      contentType: 'text/plain; charset=utf-8',
    });
  });

  it('excludes a cluster', () => {
    expect(problemsOf(file('cluster: greeter, respond: {}'))[0]).to.match(
      /routes\[0\]\.cluster: "greeter" gets no request, because the route has respond; leave one of them out$/,
    );
  });

  it('refuses a body where the status has none', () => {
    for (const status of [204, 205, 304])
      expect(said(`{ status: ${status}, body: x }`)).to.equal(
        `respond.body: is for another status, since a reply of ${status} has no body; leave it out`,
      );
    expect(said('{ status: 204, body: "" }')).to.equal('');
  });

  it('refuses statuses, headers and types that no reply may have', () => {
    expect(said('{ status: 101 }')).to.match(/^respond\.status: 101 is below 200/);
    expect(said('{ grpcStatus: ok }')).to.match(/^respond\.grpcStatus: "ok" is not a gRPC status/);
    expect(said('{ headers: { Transfer-Encoding: chunked } }')).to.match(
      /"Transfer-Encoding" is set by Outrigger; leave it out$/,
    );
    expect(said('{ headers: { x-a: "a\\r\\nb: c" } }')).to.match(
      /^respond\.headers: the value of "x-a" has characters that cannot be sent/,
    );
    expect(said('{ contentType: "text" }')).to.match(
      /^respond\.contentType: "text" is not a content type; write a media type/,
    );
    expect(said('{ contentType: "text/a\\r\\nb: c" }')).to.match(/^respond\.contentType/);
    expect(said(`{ body: ${'x'.repeat(65_537)} }`)).to.match(/has 65537 characters; write at most 65536$/);
  });
});
