import { expect } from 'chai';
import { HeaderBlock } from '../../../../src/core/header-block.ts';
import { callRig, expectOver, grpcHead, httpHead, replyHead, send } from '../../call/call-rig.ts';
import { configOf, minimal, problemsOf } from '../../config/support.ts';

const limited = { policies: { bodyLimit: '10B' } };
const post = (length?: number): HeaderBlock =>
  new HeaderBlock([
    ...httpHead('POST').allFields,
    ...(length === undefined ? [] : HeaderBlock.of(['content-length', String(length)]).fields),
  ]);

describe('bodyLimit', () => {
  it('refuses a longer content-length before an endpoint is picked', () => {
    const rig = callRig(limited);
    const client = rig.call(post(11), false);
    expect(client.heads[0].status).to.equal(413);
    expect(client.body.toString()).to.match(
      /^the request announces a body of 11 bytes, and the route allows 10B; the upstream did not process the call; .*\[body_too_large\]/,
    );
    expect(rig.order).to.have.length(0);
    expect(rig.settled[0]).to.include({ error: 'body_too_large' });
    expectOver(rig);
  });

  it('lets through what is no longer', () => {
    const rig = callRig(limited);
    for (const head of [post(10), post(), post(0)]) {
      const client = rig.call(head, false);
      send(client, '0123456789', true);
      expect(rig.order.at(-1)!.said).to.deep.equal(['head POST', 'data 10 last']);
      rig.order.at(-1)!.receiver!.head(HeaderBlock.of([':status', '204']), true);
    }
    expectOver(rig, 3);
  });

  it('ends a body that turns out longer, here and at the endpoint, and does not blame the endpoint', () => {
    const rig = callRig(limited);
    const client = rig.call(post(), false);
    send(client, '01234567');
    send(client, '89');
    expect(client.said).to.deep.equal([]);
    send(client, 'a');
    expect(client.heads[0].status).to.equal(413);
    expect(client.body.toString()).to.match(
      /larger than the 10B that the route allows; the upstream may have/,
    );
    expect(rig.order[0].said).to.deep.equal(['head POST', 'data 8', 'data 2', 'reset CANCEL']);
    expect(rig.settled[0]).to.include({ error: 'body_too_large', endedBy: 'client' });
    expect(rig.settled[0].attempts[0].tally).to.equal('other');
    expect(rig.endpoints[0]).to.include({ error: 0, unclear: 0 });
    expectOver(rig);
  });

  it('gives gRPC calls a status, also once the reply has begun', () => {
    const rig = callRig(limited);
    const early = rig.call(grpcHead(), false);
    send(early, '0123456789a');
    expect(early.heads[0].get('grpc-status')).to.equal('8');
    const late = rig.call(grpcHead(), false);
    send(late, '0123456789');
    rig.order[1].receiver!.head(replyHead(), false);
    send(late, 'a');
    expect(late.trailersBlock?.get('grpc-status')).to.equal('8');
    expect(late.trailersBlock?.get('x-outrigger-error')).to.equal('body_too_large');
    expect(rig.endpoints[0]).to.include({ error: 0, unclear: 0 });
    expectOver(rig, 2);
  });

  it('counts once where attempts are repeated, and ends them all', () => {
    const rig = callRig({
      endpoints: 2,
      policies: { bodyLimit: '10B', retry: { on: ['unavailable'], backoff: { base: '1ms', max: '1ms' } } },
    });
    const client = rig.call(grpcHead(), false);
    send(client, '012345');
    rig.order[0].receiver!.head(replyHead('200', ['grpc-status', '14']), true);
    rig.clock.advance(1);
    expect(rig.order[1].said).to.deep.equal(['head POST', 'data 6']);
    send(client, '6789');
    expect(client.heads).to.have.length(0);
    send(client, 'a');
    expect(client.heads[0].get('grpc-status')).to.equal('8');
    expect(rig.order[1].said.at(-1)).to.equal('reset CANCEL');
    // The error is the UNAVAILABLE that was retried.
    expect(rig.endpoints.map(({ error, unclear }) => error + unclear).sort()).to.deep.equal([0, 1]);
    expectOver(rig);
  });

  it('leaves the rate limit to requests that are not refused', () => {
    const rig = callRig({ policies: { bodyLimit: '10B', rateLimit: { requests: 1 } } });
    expect(rig.call(post(11), false).heads[0].status).to.equal(413);
    rig.call(post(0));
    expect(rig.order).to.have.length(1);
    rig.order[0].receiver!.head(HeaderBlock.of([':status', '204']), true);
    expectOver(rig, 2);
  });

  it('is a size', () => {
    const said = (limit: string) => problemsOf(minimal({ route: `, bodyLimit: ${limit}` }))[0];
    expect(configOf(minimal({ route: ', bodyLimit: 1MiB' })).listeners[0].routes[0].bodyLimit).to.equal(
      1 << 20,
    );
    expect(said('100')).to.match(/bodyLimit: 100 has no unit; write 100B, 100KiB or 100MiB$/);
    expect(said('1MB')).to.match(/write 1MiB$/);
    expect(said('-1B')).to.match(/is not a size/);
  });
});
