import { expect } from 'chai';
import { configOf, minimal, problemsOf, warningsOf } from './support.ts';

/** What is wrong with the only route, without the place. */
function told(route: string): string[] {
  return problemsOf(minimal({ route: `, ${route}` })).map((line) =>
    line.replace(/^f\.yaml:\d+:\d+ listeners\[0\]\.routes\[0\]\./, ''),
  );
}

describe('config/rules/resilience', () => {
  it('reads a retry policy, however statuses are spelt, with its defaults', () => {
    const { retry } = configOf(
      minimal({ route: ', retry: { on: [UNAVAILABLE, resource_exhausted, 5xx, 429] }' }),
    ).listeners[0].routes[0];
    expect(retry).to.deep.equal({
      on: ['unavailable', 'resource-exhausted', '5xx', 429],
      attempts: 3,
      perTryTimeoutMs: undefined,
      backoff: { baseMs: 25, maxMs: 250 },
      headHoldMs: 50,
      budget: { percent: 20, min: 3 },
    });
  });

  it('a condition that is not known comes with the nearest', () => {
    expect(told('retry: { on: [unavailible] }')).to.deep.equal([
      'retry.on: "unavailible" is not a gRPC status or another condition; write unavailable',
    ]);
    expect(told('retry: { on: [gateway_errors] }')[0]).to.match(/write gateway-error$/);
    expect(told('retry: { on: [ok] }')).to.deep.equal(['retry.on: "ok" is no failure; leave it out']);
    expect(told('retry: { on: [200] }')[0]).to.match(/200 is no HTTP status of a failure/);
    expect(told('retry: { on: [] }')[0]).to.match(/is empty/);
    expect(told('retry: { on: unavailable }')[0]).to.match(/is text; write a list of conditions/);
    expect(told('retry: { attempts: 3 }')[0]).to.match(/^retry\.on: is missing/);
  });

  it('one attempt is no retry', () => {
    expect(told('retry: { on: [unavailable], attempts: 1 }')[0]).to.match(/^retry\.attempts: 1 is below 2/);
    expect(told('hedge: { delay: 1s, attempts: 1 }')[0]).to.match(/^hedge\.attempts: 1 is below 2/);
  });

  it('retry and hedge exclude each other', () => {
    expect(told('retry: { on: [unavailable] }, hedge: { delay: 50ms }')).to.deep.equal([
      'hedge: a route has hedge or retry, not both (gRFC A6); write one of them',
    ]);
  });

  it('a second attempt can begin within the timeout', () => {
    expect(told('timeout: 1s, retry: { on: [unavailable], perTryTimeout: 1s }')).to.deep.equal([
      'retry.perTryTimeout: "1s" is no shorter than timeout, so that no second attempt would begin; write less than 1s',
    ]);
    expect(told('timeout: 1s, hedge: { delay: 2s }')).to.have.length(1);
    expect(told('timeout: 1s, retry: { on: [unavailable], perTryTimeout: 900ms }')).to.deep.equal([]);
  });

  it('the first pause is within the longest', () => {
    expect(told('retry: { on: [unavailable], backoff: { base: 1s } }')).to.deep.equal([
      'retry.backoff.base: "1s" is longer than max; write 250ms or less',
    ]);
  });

  it('warns of hedging with nobody else to ask', () => {
    expect(warningsOf(minimal({ route: ', hedge: { delay: 50ms }' }))[0]).to.match(
      /routes\[0\]\.hedge: does nothing for calls that are slow: cluster "greeter" has one endpoint/,
    );
  });

  it('a rate limit by header has a header, and no other has one', () => {
    expect(told('rateLimit: { requests: 5, by: header }')).to.deep.equal([
      'rateLimit.header: is missing; write the header that by: header is to go by',
    ]);
    expect(told('rateLimit: { requests: 5, by: client, header: x-key }')).to.deep.equal([
      'rateLimit.header: "x-key" is for by: header, and this is by: client; write by: header',
    ]);
    expect(told('rateLimit: { requests: 0 }')[0]).to.match(/^rateLimit\.requests: 0 is below 1/);
    expect(told('rateLimit: { requests: 5, by: header, header: X-Key }')).to.deep.equal([]);
  });

  it('a fault makes trouble, by a status that there is', () => {
    expect(told('fault: {}')).to.deep.equal([
      'fault: injects no fault; write delay: {…} or abort: {…}, or leave it out',
    ]);
    expect(told('fault: { abort: { percent: 1, grpcStatus: unavailble } }')).to.deep.equal([
      'fault.abort.grpcStatus: "unavailble" is not a gRPC status; write unavailable',
    ]);
    expect(told('fault: { delay: { percent: 101, time: 1s } }')[0]).to.match(/101 is above 100/);
  });

  it('warns where what is known of the calls leaves the policy nothing to do', () => {
    const watch = 'match: { grpc: { service: grpc.health.v1.Health, method: Watch } }';
    expect(warningsOf(minimal({ route: `, ${watch}, retry: { on: [unavailable] }` }))[0]).to.match(
      /routes\[0\]\.retry: is for calls until their first message, and grpc\.health\.v1\.Health\/Watch is a stream/,
    );
    const http1 = (route: string) =>
      warningsOf(minimal({ route: `, ${route}`, cluster: '    protocol: http1' })).filter((line) =>
        line.includes('never holds'),
      );
    expect(http1('retry: { on: [unavailable] }')[0]).to.match(
      /retry\.on: never holds: cluster "greeter" is http1/,
    );
    expect(http1('retry: { on: [unavailable, 5xx] }')).to.deep.equal([]);
  });

  it('a stream of Layer 4 has no routes to try again on', () => {
    const listener = `  - { name: l4, listen: 127.0.0.1:6000, protocol: tcp, cluster: raw, routes: [{ name: r, cluster: raw, retry: { on: [unavailable] } }] }`;
    const cluster = '  - { name: raw, protocol: tcp, endpoints: [{ address: 127.0.0.1:6379 }] }';
    expect(problemsOf(minimal({ listener, cluster })).join()).to.contain(
      'routes: is for protocol: auto, since a tcp listener reads no HTTP',
    );
    const direct = listener.replace(/, routes: .*\}\] \}/, ', retry: { on: [unavailable] } }');
    expect(problemsOf(minimal({ listener: direct, cluster })).join()).to.contain(
      '"retry" is not a key here; it belongs to listeners[].routes[]',
    );
  });
});
