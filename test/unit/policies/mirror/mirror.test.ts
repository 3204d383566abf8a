import { expect } from 'chai';
import { endings } from '../../../../src/core/ending.ts';
import { ErrorCode } from '../../../../src/core/error-code.ts';
import { Field } from '../../../../src/core/field.ts';
import { HeaderBlock } from '../../../../src/core/header-block.ts';
import { prometheusText } from '../../../../src/telemetry/metrics/prometheus-text.ts';
import { createRegistry } from '../../../../src/telemetry/metrics/registry.ts';
import { noTrace } from '../../../../src/telemetry/tracing.ts';
import { watchLeases } from '../../../support/leases.ts';
import { answer, sayTrailersOnly } from '../../call/attempt-policies.ts';
import {
  type CallRigOptions,
  callRig,
  expectOver,
  type FakeStream,
  failure,
  grpcHead,
  httpHead,
  replyHead,
  send,
} from '../../call/call-rig.ts';
import { minimal, problemsOf } from '../../config/support.ts';

type Settings = Readonly<Record<string, string | number>>;

/** A route to `greeter` that copies its requests to `shadow`. */
function mirrorRig(settings: Settings = {}, more: CallRigOptions = {}) {
  const registry = createRegistry();
  const policies = { ...more.policies, mirror: { cluster: 'shadow', ...settings } };
  const rig = callRig({ ...more, policies, others: ['shadow'], registry });
  const [shadow] = rig.others;
  const endings: string[] = [];
  const answers = { count: 0 };
  watchLeases(shadow.cluster, {
    answered: () => void answers.count++,
    ended: ({ outcome, tally }) => void endings.push(`${outcome} ${tally}`),
  });
  return {
    rig,
    shadow,
    /** How the leases of the mirror cluster ended. */
    endings,
    answers,
    /** `sent 1`, `dropped in_flight 1`. */
    counts(): string[] {
      return prometheusText(registry, undefined)
        .body.split('\n')
        .filter((line) => line.startsWith('outrigger_mirror'))
        .map((line) => {
          const [, name, labels, value] = /^outrigger_mirror_(\w+)_total\{(.*)\} (\d+)$/.exec(line)!;
          expect(labels).to.match(
            /^outrigger_listener="in",outrigger_route="hello",outrigger_cluster="shadow"/,
          );
          const detail = /outrigger_(?:reason|outcome)="(\w+)"/.exec(labels)?.[1];
          return [name, detail, value].filter((part) => part !== undefined).join(' ');
        });
    },
  };
}

describe('policies/mirror', () => {
  it('sends a copy with the head, the body and the trailers, and discards its reply', () => {
    const { rig, shadow, counts, endings } = mirrorRig();
    const client = rig.call(grpcHead(['x-id', '7'], ['grpc-timeout', '5S']), false);
    send(client, 'ab');
    send(client, 'c', true);
    const [copy] = shadow.order;
    expect(copy.said).to.deep.equal(['head POST', 'data 2', 'data 1 last']);
    const [head] = copy.heads;
    expect(head.get('x-outrigger-mirrored')).to.equal('hello');
    expect([head.path, head.authority, head.get('x-id')]).to.deep.equal(['/a.B/C', 'orders', '7']);
    expect(head.get('grpc-timeout')).to.equal('5S');
    expect(rig.order[0].heads[0].get('x-outrigger-mirrored')).to.equal(undefined);
    // The copy is answered first, and nothing of that reaches the client.
    sayTrailersOnly(copy, 13);
    expect(client.said).to.deep.equal([]);
    answer(rig.order[0]);
    expect(client.heads[0].status).to.equal(200);
    expect(rig.settled[0]).to.include({ grpcStatus: 0, cluster: 'greeter' });
    expect(rig.settled[0].attempts).to.have.length(1);
    expect(rig.settled[0].notes.map(({ text }) => String(text))).to.deep.equal([
      'copied the request to cluster shadow',
    ]);
    expect(endings).to.deep.equal(['unclear error']);
    expect(counts()).to.deep.equal(['sent 1', 'ended error 1']);
    expectOver(rig);
  });

  it('copies trailers and requests without a body, of HTTP as of gRPC', () => {
    const { rig, shadow, counts } = mirrorRig();
    const client = rig.call(grpcHead(), false);
    send(client, 'ab');
    client.receiver!.trailers(HeaderBlock.of(['x-sum', '3']));
    rig.call(httpHead());
    expect(shadow.order.map(({ said }) => said)).to.deep.equal([
      ['head POST', 'data 2', 'trailers'],
      ['head GET end'],
    ]);
    for (const stream of [...rig.order, ...shadow.order]) answer(stream);
    expect(counts()).to.deep.equal(['sent 2', 'ended success 2']);
    expectOver(rig, 2);
  });

  it('copies a percentage of the requests, and none for 0', () => {
    const { rig, shadow } = mirrorRig({ percent: 25, maxCopies: 1000 }, { requestsMax: 1000 });
    for (let i = 0; i < 400; i++) rig.call(grpcHead());
    // Six standard deviations of 400 draws.
    expect(shadow.order.length).to.be.closeTo(100, 52);
    const none = mirrorRig({ percent: 0 });
    none.rig.call(grpcHead());
    expect(none.shadow.order).to.have.length(0);
  });

  it('carries the trace of its original', () => {
    const { rig, shadow } = mirrorRig();
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const trace = { ...noTrace, context: () => [new Field('traceparent', traceparent)] };
    Object.assign(rig.context.telemetry, { begin: () => trace });
    rig.call(grpcHead());
    expect(shadow.order[0].heads[0].all('traceparent')).to.deep.equal([traceparent]);
  });

  it('does not copy a copy', () => {
    const { rig, shadow, counts } = mirrorRig();
    rig.call(grpcHead(['x-outrigger-mirrored', 'other']));
    expect([rig.order.length, shadow.order.length]).to.deep.equal([1, 0]);
    expect(counts()).to.deep.equal([]);
  });

  it('copies what came of the body while the request was delayed, after the policies before it', () => {
    const { rig, shadow } = mirrorRig({}, { policies: { fault: { delay: { percent: 100, time: '50ms' } } } });
    const client = rig.call(grpcHead(), false);
    send(client, 'ab', true);
    expect(shadow.order).to.have.length(0);
    rig.clock.advance(50);
    expect(shadow.order[0].said).to.deep.equal(['head POST', 'data 2 last']);
    for (const stream of [...rig.order, ...shadow.order]) answer(stream);
    expectOver(rig);
  });

  it('keeps the body while the mirror cluster connects, and sends it then', () => {
    const { rig, shadow } = mirrorRig();
    shadow.pools[0].atOnce = null;
    const client = rig.call(grpcHead(), false);
    const bytes = Buffer.from('ab');
    client.receiver!.data(bytes, 0, 2, false);
    // They are the caller's again.
    bytes.fill(0);
    send(client, 'c', true);
    // The original is not held up.
    answer(rig.order[0]);
    expect(rig.settled).to.have.length(1);
    shadow.pools[0].grant();
    expect(shadow.order[0].said).to.deep.equal(['head POST', 'data 3 last']);
    expect(shadow.order[0].body.toString()).to.equal('abc');
    answer(shadow.order[0]);
    expectOver(rig);
  });

  it('puts a body of tiny pieces together, whether there is no stream yet or one that takes nothing', () => {
    const text = 'abcdefghij'.repeat(1000);
    const { rig, shadow } = mirrorRig();
    const sendText = (last: boolean): FakeStream => {
      const client = rig.call(grpcHead(), false);
      for (const [i, byte] of [...text].entries()) send(client, byte, last && i === text.length - 1);
      return client;
    };
    shadow.pools[0].atOnce = null;
    sendText(true);
    shadow.pools[0].grant();
    const [late] = shadow.order;
    // The first block has 4 KiB.
    expect(late.said).to.deep.equal(['head POST', 'data 4096', 'data 5904 last']);

    shadow.pools[0].atOnce = 'grant';
    const client = sendText(false);
    client.receiver!.trailers(HeaderBlock.of(['x-sum', '3']));
    const stalled = shadow.order[1];
    expect(stalled.said).to.deep.equal(['head POST', ...Array(16).fill('data 1')]);
    stalled.receiver!.sent(15);
    expect(stalled.said).to.have.length(17);
    stalled.receiver!.sent(1);
    expect(stalled.said.slice(17)).to.deep.equal(['data 4096', 'data 5888', 'trailers']);
    stalled.receiver!.sent(9984);
    expect(stalled.said).to.have.length(20);
    for (const stream of [late, stalled]) {
      expect(stream.body.toString()).to.equal(text);
      answer(stream);
    }
    for (const stream of rig.order) answer(stream);
    expectOver(rig, 2);
  });

  it('drops a copy whose endpoint takes the body too slowly, and the original goes on', () => {
    const { rig, shadow, counts, endings } = mirrorRig({ bufferedBytes: '1KiB' });
    const client = rig.call(grpcHead(), false);
    send(client, 'x'.repeat(1000));
    shadow.order[0].receiver!.sent(1000);
    send(client, 'x'.repeat(1024));
    expect(shadow.order[0].said.at(-1)).to.equal('data 1024');
    send(client, 'y');
    expect(shadow.order[0].said.at(-1)).to.equal('reset CANCEL');
    send(client, 'z', true);
    expect(rig.order[0].body.length).to.equal(2026);
    answer(rig.order[0]);
    expect(rig.settled[0].notes.map(({ text }) => String(text))).to.deep.equal([
      'copied the request to cluster shadow',
      'dropped the copy for cluster shadow: its endpoint takes the body too slowly',
    ]);
    expect(endings).to.deep.equal(['neutral other']);
    expect(counts()).to.deep.equal(['sent 1', 'dropped buffer 1', 'ended other 1']);
    expectOver(rig);
  });

  it('bounds the bytes of all copies, and has them back as copies end', () => {
    const { rig, shadow, counts } = mirrorRig({ bufferedBytes: '1KiB', totalBufferedBytes: '1KiB' });
    const fill = () => {
      const client = rig.call(grpcHead(), false);
      send(client, 'x'.repeat(1024));
      return client;
    };
    fill();
    fill();
    expect(shadow.order[1].said).to.deep.equal(['head POST', 'reset CANCEL']);
    // What the endpoint has taken, and what a copy held that is over, is free again.
    shadow.order[0].receiver!.sent(1024);
    fill();
    expect(shadow.order[2].said).to.deep.equal(['head POST', 'data 1024']);
    answer(shadow.order[2]);
    fill();
    expect(shadow.order[3].said).to.deep.equal(['head POST', 'data 1024']);
    expect(counts()).to.include('dropped buffer 1');
  });

  it('bounds the copies in flight, and copies again once one is over', () => {
    const { rig, shadow, counts } = mirrorRig({ maxCopies: 1 });
    rig.call(grpcHead());
    rig.call(grpcHead());
    expect([rig.order.length, shadow.order.length]).to.deep.equal([2, 1]);
    answer(shadow.order[0]);
    rig.call(grpcHead());
    expect(shadow.order).to.have.length(2);
    expect(counts()).to.deep.equal(['sent 2', 'dropped in_flight 1', 'ended success 1']);
    for (const stream of [...rig.order, shadow.order[1]]) answer(stream);
    expectOver(rig, 3);
  });

  it('gives up a copy that is not answered in time after its original', () => {
    const { rig, shadow, counts, endings } = mirrorRig({ timeout: '2s' });
    rig.call(grpcHead());
    rig.clock.advance(5000);
    answer(rig.order[0]);
    rig.clock.advance(1999);
    expect(shadow.order[0].said).to.deep.equal(['head POST end']);
    rig.clock.advance(1);
    expect(shadow.order[0].said.at(-1)).to.equal('reset CANCEL');
    expect(endings).to.deep.equal(['unclear error']);
    expect(counts()).to.deep.equal(['sent 1', 'dropped timeout 1', 'ended error 1']);
    expect(rig.settled[0].notes).to.have.length(1);
    expectOver(rig);
  });

  it('asks for no stream any more when the time is up', () => {
    const { rig, shadow, counts } = mirrorRig({ timeout: '2s' });
    shadow.pools[0].atOnce = null;
    rig.call(grpcHead());
    answer(rig.order[0]);
    rig.clock.advance(2000);
    expect(shadow.pools[0].cancelled).to.equal(1);
    expect(counts()).to.deep.equal(['dropped timeout 1']);
    expectOver(rig);
  });

  it('cancels the copy of a request that ends before its body is whole', () => {
    const { rig, shadow, counts, endings } = mirrorRig();
    const client = rig.call(grpcHead(), false);
    send(client, 'ab');
    client.receiver!.failed(failure('reset', ErrorCode.CANCEL));
    expect(shadow.order[0].said.at(-1)).to.equal('reset CANCEL');
    expect(endings).to.deep.equal(['neutral other']);
    expect(counts()).to.deep.equal(['sent 1', 'dropped request_ended 1', 'ended other 1']);
    expectOver(rig);
  });

  it('lets the copy of a whole request go on when its client cancels', () => {
    const { rig, shadow, counts } = mirrorRig();
    const client = rig.call(grpcHead());
    client.receiver!.failed(failure('reset', ErrorCode.CANCEL));
    answer(shadow.order[0]);
    expect(counts()).to.deep.equal(['sent 1', 'ended success 1']);
    expectOver(rig);
  });

  it('takes the whole of a long reply, and declines the rest of a request that is answered early', () => {
    const { rig, shadow } = mirrorRig();
    const client = rig.call(grpcHead(), false);
    const [copy] = shadow.order;
    copy.receiver!.head(replyHead(), false);
    copy.receiver!.data(Buffer.alloc(70_000), 0, 70_000, false);
    expect(copy.credit).to.equal(70_000);
    copy.receiver!.trailers(HeaderBlock.of(['grpc-status', '0']));
    expect(copy.said.at(-1)).to.equal('reset NO_ERROR');
    send(client, 'ab', true);
    expect(copy.said.at(-1)).to.equal('reset NO_ERROR');
    answer(rig.order[0]);
    expectOver(rig);
  });

  it('never fails the original, whatever the mirror cluster does', () => {
    const { rig, shadow, counts, endings: ends } = mirrorRig({}, { requestsMax: 3 });
    shadow.pools[0].atOnce = { code: 'connect_failed', message: 'refused' };
    const hello = () => {
      const client = rig.call(grpcHead());
      answer(rig.order.at(-1)!);
      expect(client.heads[0].status).to.equal(200);
    };
    hello();
    shadow.pools[0].atOnce = { code: 'overloaded', message: 'full' };
    hello();
    shadow.pools[0].atOnce = 'grant';
    hello();
    shadow.order[0].receiver!.failed(failure('closed'));
    for (let i = 0; i < 3; i++) hello();
    // The fourth copy is over the limit of the mirror cluster.
    hello();
    for (const stream of shadow.order.slice(1)) answer(stream);
    shadow.cluster.update([]);
    hello();
    expect(ends.slice(0, 3)).to.deep.equal(
      [endings.connectFailed, endings.overloaded, endings.connectionEnded].map(
        ({ outcome, tally }) => `${outcome} ${tally}`,
      ),
    );
    expect(counts()).to.have.members([
      'sent 4',
      'dropped connect_failed 1',
      'dropped overloaded 2',
      'dropped no_endpoint 1',
      'ended error 1',
      'ended success 3',
    ]);
    expect(rig.settled.every(({ grpcStatus }) => grpcStatus === 0)).to.equal(true);
    expectOver(rig, 8);
  });

  it('reports to the mirror cluster when its endpoint answers: with the head, or with an end that is no failure', () => {
    const { rig, shadow, answers } = mirrorRig();
    rig.call(grpcHead());
    shadow.order[0].receiver!.head(replyHead(), false);
    expect(answers.count).to.equal(1);
    rig.call(grpcHead());
    sayTrailersOnly(shadow.order[1], 5);
    expect(answers.count).to.equal(2);
    rig.call(grpcHead());
    sayTrailersOnly(shadow.order[2], 14);
    rig.call(httpHead());
    shadow.order[3].receiver!.head(replyHead('503'), false);
    expect(answers.count).to.equal(2);
  });

  it('sends no copy of a request whose body was too much before it began', () => {
    const policies = { fault: { delay: { percent: 100, time: '50ms' } } };
    const { rig, shadow, counts } = mirrorRig({ bufferedBytes: '1KiB' }, { policies });
    const client = rig.call(grpcHead(), false);
    send(client, 'x'.repeat(1025), true);
    rig.clock.advance(50);
    expect([rig.order.length, shadow.order.length]).to.deep.equal([1, 0]);
    expect(counts()).to.deep.equal(['dropped buffer 1']);
    answer(rig.order[0]);
    expectOver(rig);
  });

  it('sends no copy to the cluster that another policy chose for the request itself', () => {
    const split = { clusters: [{ cluster: 'shadow', weight: 1 }] };
    const { rig, shadow, counts } = mirrorRig({}, { policies: { split } });
    rig.call(grpcHead());
    expect(shadow.order).to.have.length(1);
    expect(shadow.order[0].heads[0].get('x-outrigger-mirrored')).to.equal(undefined);
    expect(counts()).to.deep.equal([]);
  });

  it('drops a copy whose trailers the endpoint does not take', () => {
    const { rig, shadow, counts } = mirrorRig();
    const client = rig.call(grpcHead(), false);
    Object.assign(shadow.order[0], { headListBytesMax: 100 });
    client.receiver!.trailers(HeaderBlock.of(['x-sum', 'x'.repeat(100)]));
    expect(shadow.order[0].said).to.deep.equal(['head POST', 'reset CANCEL']);
    expect(counts()).to.deep.equal(['sent 1', 'dropped unsendable 1', 'ended other 1']);
    answer(rig.order[0]);
    expectOver(rig);
  });

  it('drops a copy whose head the endpoint does not take', () => {
    const { rig, shadow, counts } = mirrorRig();
    const { granted } = shadow.pools[0];
    shadow.pools[0].granted = (stream) => {
      Object.assign(stream, { headListBytesMax: 100 });
      granted(stream);
    };
    rig.call(grpcHead());
    expect(shadow.order[0].said).to.deep.equal(['reset CANCEL']);
    expect(counts()).to.deep.equal(['dropped unsendable 1']);
    answer(rig.order[0]);
    expectOver(rig);
  });

  it('rejects a mirror to a cluster that gets the requests already, and bounds that do not agree', () => {
    const told = (text: string) =>
      problemsOf(text).map((line) => line.replace(/^f\.yaml:\d+:\d+ listeners\[0\]\.routes\[0\]\./, ''));
    const other = '  - { name: next, endpoints: [{ address: 127.0.0.1:50052 }] }';
    expect(told(minimal({ route: ', mirror: { cluster: greeter }' }))).to.deep.equal([
      'mirror.cluster: "greeter" gets the requests of this route already, and would get them twice; write another cluster',
    ]);
    const split = ', split: { clusters: [{ cluster: greeter, weight: 1 }, { cluster: next, weight: 1 }] }';
    const splitRoute = minimal({ route: `${split}, mirror: { cluster: next }`, cluster: other });
    expect(told(splitRoute.replace('cluster: greeter, split', 'split'))[0]).to.match(
      /^mirror\.cluster: "next" gets/,
    );
    expect(told(minimal({ route: ', mirror: { cluster: nxt }', cluster: other }))).to.deep.equal([
      'mirror.cluster: "nxt" is not the name of a cluster; write next',
    ]);
    const bounds = 'bufferedBytes: 2MiB, totalBufferedBytes: 1MiB';
    expect(told(minimal({ route: `, mirror: { cluster: next, ${bounds} }`, cluster: other }))).to.deep.equal([
      'mirror.bufferedBytes: "2MiB" is more than totalBufferedBytes, which holds for all copies; write 1MiB or less',
    ]);
  });
});
