import { expect } from 'chai';
import { SeededRandom } from '../../../../src/core/random.ts';
import { randomUuid } from '../../../../src/policies/request-id/uuid.ts';
import { requestIdOf } from '../../../../src/policies/request-id.ts';
import type { Raw } from '../../../../src/schema/scalar-type.ts';
import { accessLogLine } from '../../../../src/telemetry/access-log.ts';
import { answer, retryPolicy } from '../../call/attempt-policies.ts';
import { callRig, grpcHead, replyHead } from '../../call/call-rig.ts';
import { minimal, problemsOf } from '../../config/support.ts';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
type Pair = readonly [string, string];

function rigOf(requestId: { readonly [key: string]: Raw } = {}, more: Readonly<Record<string, Raw>> = {}) {
  return callRig({ policies: { requestId, ...more }, endpoints: 2, attemptPolicy: retryPolicy() });
}

/** The ids that an endpoint gets from a client that sends these headers. */
function idsOf(config: { readonly [key: string]: Raw }, ...headers: readonly Pair[]): string[] {
  const rig = rigOf(config);
  rig.call(grpcHead(...headers));
  return rig.order[0].heads[0].all('x-request-id');
}

describe('policies/requestId', () => {
  it('a UUID is of version 4, and no two are the same', () => {
    const random = new SeededRandom(1);
    const ids = Array.from({ length: 1000 }, () => randomUuid(random));
    for (const id of ids) expect(id).to.match(uuid);
    expect(new Set(ids).size).to.equal(1000);
  });

  it('gives a request without an id one, the same on every attempt, for the log as well', () => {
    const rig = rigOf();
    rig.call(grpcHead());
    rig.order[0].receiver!.head(grpcStatus('14'), true);
    rig.clock.advance(1000);
    answer(rig.order[1]);
    const [first, second] = rig.order.map(({ heads }) => heads[0].all('x-request-id'));
    expect(first).to.have.length(1);
    expect(first[0]).to.match(uuid);
    expect(second).to.deep.equal(first);
    const [record] = rig.settled;
    expect(requestIdOf(record)).to.equal(first[0]);
    expect(JSON.parse(accessLogLine(record))).to.include({ requestId: first[0] });
    expect(record.notes.map(({ policy, text }) => `${policy}: ${text}`)).to.deep.equal([
      `requestId: generated ${first[0]}`,
    ]);
  });

  it('keeps the id of a client, and the head as it came', () => {
    const rig = rigOf();
    const head = grpcHead(['x-request-id', 'abc-1']);
    rig.call(head);
    expect(rig.order[0].heads[0]).to.equal(head);
    answer(rig.order[0]);
    expect(requestIdOf(rig.settled[0])).to.equal('abc-1');
    expect(String(rig.settled[0].notes[0].text)).to.equal('kept abc-1');
  });

  it('replaces an id that is not trusted', () => {
    const [id, ...others] = idsOf({ trustIncoming: false }, ['x-request-id', 'abc-1']);
    expect(id).to.match(uuid);
    expect(others).to.deep.equal([]);
  });

  for (const [what, ids] of [
    ['is too long', ['a'.repeat(129)]],
    ['has a space', ['a b']],
    ['has bytes that are not ASCII', ['a\xe9']],
    ['is empty', ['']],
    ['came twice', ['a', 'b']],
  ] as const) {
    it(`replaces an id that ${what}`, () => {
      const [id, ...others] = idsOf({}, ...ids.map((value): Pair => ['x-request-id', value]));
      expect(id).to.match(uuid);
      expect(others).to.deep.equal([]);
    });
  }

  it('takes another header, in whatever case it is written', () => {
    const rig = rigOf({ header: 'X-Correlation-Id' });
    rig.call(grpcHead(['x-request-id', 'other']));
    const [head] = rig.order[0].heads;
    expect(head.get('x-correlation-id')).to.match(uuid);
    expect(head.get('x-request-id')).to.equal('other');
  });

  it('is in the reply where the route has that, once, also in an error of Outrigger', () => {
    const rig = rigOf({ reply: true });
    const client = rig.call(grpcHead(['x-request-id', 'abc-1']));
    rig.order[0].receiver!.head(grpcStatus('0', ['x-request-id', 'of-endpoint']), true);
    expect(client.heads[0].all('x-request-id')).to.deep.equal(['abc-1']);
    const refused = rigOf({ reply: true }, { fault: { abort: { percent: 100 } } }).call(grpcHead());
    expect(refused.heads[0].get('x-outrigger-error')).to.equal('fault_injected');
    expect(refused.heads[0].get('x-request-id')).to.match(uuid);
  });

  it('leaves replies alone where the route does not have that', () => {
    const rig = rigOf();
    const client = rig.call(grpcHead());
    const reply = grpcStatus('0');
    rig.order[0].receiver!.head(reply, true);
    expect(client.heads[0]).to.equal(reply);
  });

  it('is the variable {request.id} of headers', () => {
    const rig = rigOf({}, { headers: { request: { set: { 'x-id': '<{request.id}>' } } } });
    rig.call(grpcHead());
    const [head] = rig.order[0].heads;
    expect(head.get('x-id')).to.equal(`<${head.get('x-request-id')}>`);
  });

  it('the header is one that may be set and logged', () => {
    const said = (route: string): string[] =>
      problemsOf(minimal({ route: `, ${route}` })).map((line) => line.replace(/^.*routes\[0\]\./, ''));
    expect(said('requestId: { header: connection }')).to.deep.equal([
      'requestId.header: "connection" is for one connection, which Outrigger manages; write x-request-id',
    ]);
    expect(said('requestId: { header: grpc-id }')[0]).to.match(/reserves "grpc-"; write x-request-id$/);
    expect(said('requestId: { header: Authorization }')[0]).to.match(/holds credentials/);
    expect(said('requestId: { header: x-id-bin }')[0]).to.match(/is for base64/);
    expect(said('headers: { reply: { set: { x-id: "{request.id}" } } }')).to.deep.equal([
      'headers.reply.set: "{request.id}" is empty without requestId; write requestId: {} in the route',
    ]);
    expect(said('requestId: {}, headers: { reply: { set: { x-id: "{request.id}" } } }')).to.deep.equal([]);
  });
});

function grpcStatus(status: string, ...more: readonly Pair[]) {
  return replyHead('200', ['grpc-status', status], ...more);
}
