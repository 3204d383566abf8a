import { expect } from 'chai';
import type { RequestView } from '../../../src/call/stage.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { masked } from '../../../src/core/secret-keys.ts';
import type { CallEvent, TapEvent } from '../../../src/tap/events.ts';
import { tapsMax } from '../../../src/tap/limits.ts';
import type { TapReader } from '../../../src/tap/tap.ts';
import { TapHub, type TapSession, type TapSettings } from '../../../src/tap/tap-hub.ts';
import {
  type CallRig,
  type CallRigOptions,
  callRig,
  grpcHead,
  httpHead,
  replyHead,
} from '../call/call-rig.ts';

class Reader implements TapReader {
  isBehind = false;
  ended = false;
  readonly events: TapEvent[] = [];
  send(event: TapEvent): void {
    if (this.isBehind) throw new Error('sent to a reader that is behind');
    if (this.ended) throw new Error('sent after the end');
    // As it goes over the wire, at this moment.
    this.events.push(JSON.parse(JSON.stringify(event)) as TapEvent);
  }
  end(): void {
    this.ended = true;
  }
  get calls(): CallEvent[] {
    return this.events.filter((event) => event.event === 'call');
  }
  of<K extends TapEvent['event']>(kind: K): Array<Extract<TapEvent, { event: K }>> {
    return this.events.filter((event) => event.event === kind) as Array<Extract<TapEvent, { event: K }>>;
  }
}

interface TapRig {
  readonly rig: CallRig;
  readonly hub: TapHub;
  readonly errors: string[];
  readonly shownIds: number[];
  open(query?: string): Reader & { readonly session: TapSession };
  refusal(query?: string): { status: number; problem: string };
  /** A call from its head to its reply with this status. */
  call(status?: number, head?: HeaderBlock, beforeReply?: () => void): void;
}

const metadata: TapSettings = { show: 'metadata', redact: [], reveal: [] };

function tapRig(settings: TapSettings = metadata, options: CallRigOptions = {}): TapRig {
  const rig = callRig(options);
  const errors: string[] = [];
  const shownIds: number[] = [];
  const hub = new TapHub(settings, {
    clock: rig.clock,
    random: new SeededRandom(1),
    logger: { ...silentLogger, error: (message) => void errors.push(message) },
    shown: (records) => shownIds.push(...records.map(({ id }) => id)),
  });
  const observe = (): void => {
    rig.context.watch.observer = hub.watch.observer;
  };
  return {
    rig,
    hub,
    errors,
    shownIds,
    open(query = '') {
      const prepared = hub.prepare(new URLSearchParams(query), null);
      if ('problem' in prepared) throw new Error(prepared.problem);
      const reader = new Reader();
      const session = prepared.open(reader);
      observe();
      return Object.assign(reader, { session });
    },
    refusal(query = '') {
      const prepared = hub.prepare(new URLSearchParams(query), null);
      if ('problem' in prepared) return prepared;
      throw new Error('it was not refused');
    },
    call(status = 0, head = grpcHead(), beforeReply = () => {}) {
      observe();
      const client = rig.call(head, true);
      beforeReply();
      const stream = rig.order.at(-1)!;
      stream.receiver!.head(replyHead('200', ['set-cookie', 'a=b']), false);
      stream.receiver!.trailers(HeaderBlock.of(['grpc-status', String(status)]));
      expect(client.said.at(-1)).to.equal('trailers');
    },
  };
}

describe('tap', () => {
  it('shows a call when it has ended, with its metadata and without credentials', () => {
    const tap = tapRig();
    const reader = tap.open();
    tap.call(5, grpcHead(['authorization', 'Bearer x'], ['x-user', '42']));
    const [call] = reader.calls;
    expect(call).to.include({
      status: 'NOT_FOUND',
      grpcStatus: 5,
      path: '/a.B/C',
      traffic: 'grpc',
      endedBy: 'upstream',
    });
    expect(call.request.headers).to.deep.include.members([
      ['authorization', masked],
      ['x-user', '42'],
    ]);
    expect(call.response!.headers).to.deep.include(['set-cookie', masked]);
    expect(call.response!.trailers).to.deep.equal([['grpc-status', '5']]);
    expect(call.request.messages).to.equal(null);
    expect(call.attempts).to.have.length(1);
    expect(tap.shownIds, 'and /explain keeps it').to.deep.equal([call.id]);
  });

  it('shows a call that no endpoint answered, with the error', () => {
    const tap = tapRig();
    const reader = tap.open();
    for (const pool of tap.rig.pools) pool.atOnce = { code: 'connect_failed', message: 'refused' };
    tap.rig.call(grpcHead(), true);
    expect(reader.calls[0]).to.include({ status: 'UNAVAILABLE', error: 'connect_failed', response: null });
  });

  it('shows requests of HTTP, and by their method', () => {
    const tap = tapRig();
    const reader = tap.open('method=GET');
    tap.rig.call(httpHead('PUT'), true);
    tap.rig.call(httpHead('GET', '/a.B/x?password=y'), true);
    for (const stream of tap.rig.order) stream.receiver!.head(replyHead('503'), true);
    expect(reader.calls).to.have.length(1);
    expect(reader.calls[0]).to.include({
      status: '503',
      httpMethod: 'GET',
      grpcStatus: null,
      outcome: 'error',
    });
    expect(JSON.stringify(reader.calls)).not.to.contain('password=y');
  });

  for (const [query, shown] of [
    ['', 'OK NOT_FOUND UNAVAILABLE'],
    ['status=error', 'UNAVAILABLE'],
    ['status=ok', 'OK'],
    ['status=5,14', 'NOT_FOUND UNAVAILABLE'],
    ['status=not-found', 'NOT_FOUND'],
    ['min-latency=20ms', 'NOT_FOUND UNAVAILABLE'],
    ['max-latency=20ms', 'OK NOT_FOUND'],
    ['header=x-user', 'OK'],
    ['header=x-user=4*', 'OK'],
    ['header=x-user=5', ''],
    ['header=x-user&header=x-other', ''],
    ['method=a.B', 'OK NOT_FOUND UNAVAILABLE'],
    ['method=a.B/D', ''],
    ['cluster=greeter&route=*', 'OK NOT_FOUND UNAVAILABLE'],
    ['cluster=other', ''],
    ['route=other', ''],
    ['listener=nobody', ''],
    ['endpoint=10.9.9.9', ''],
    ['endpoint=*', 'OK NOT_FOUND UNAVAILABLE'],
  ] as const)
    it(`shows of three calls with ${query || 'no filter'}: ${shown || 'none'}`, () => {
      const tap = tapRig();
      const reader = tap.open(query);
      tap.call(0, grpcHead(['x-user', '42']), () => tap.rig.clock.advance(10));
      tap.call(5, grpcHead(), () => tap.rig.clock.advance(20));
      tap.call(14, grpcHead(), () => tap.rig.clock.advance(30));
      expect(reader.calls.map(({ status }) => status).join(' ')).to.equal(shown);
    });

  it('shows no more calls each second than the rate, and counts the others', () => {
    const tap = tapRig();
    const reader = tap.open('rate=3');
    for (let i = 0; i < 10; i++) tap.call();
    expect(reader.calls).to.have.length(3);
    tap.rig.clock.advance(1_000);
    expect(reader.of('not_shown')).to.deep.equal([
      {
        event: 'not_shown',
        calls: 7,
        reason: 'rate',
        text: '7 calls not shown: there are more than the rate allows each second',
      },
    ]);
    tap.call();
    expect(reader.calls).to.have.length(4);
    tap.rig.clock.advance(9_000);
    expect(reader.of('counts')).to.deep.equal([
      { event: 'counts', seen: 11, matched: 11, shown: 4, notShown: 7 },
    ]);
  });

  it('shows nothing to a reader that is behind, and says later how much that was', () => {
    const tap = tapRig();
    const reader = tap.open();
    tap.call();
    reader.isBehind = true;
    for (let i = 0; i < 12; i++) tap.call();
    tap.rig.clock.advance(5_000);
    reader.isBehind = false;
    tap.rig.clock.advance(1_000);
    expect(reader.calls).to.have.length(1);
    expect(reader.of('not_shown')[0].text).to.equal('12 calls not shown: the reader is too slow');
  });

  it('ends after its duration, with the counts, and is gone', () => {
    const tap = tapRig();
    const reader = tap.open('duration=90s');
    tap.call();
    tap.rig.clock.advance(89_999);
    expect(reader.ended).to.equal(false);
    tap.rig.clock.advance(1);
    expect(reader.events.slice(-2).map(({ event }) => event)).to.deep.equal(['counts', 'end']);
    expect(reader.of('end')[0].reason).to.equal('duration');
    expect(tap.hub.watch.observer).to.equal(null);
    tap.rig.cluster.stop();
    expect(tap.rig.clock.pending, 'timers').to.equal(0);
  });

  it('ends after its limit, exactly', () => {
    const tap = tapRig();
    const reader = tap.open('limit=2');
    for (let i = 0; i < 5; i++) tap.call();
    expect(reader.calls).to.have.length(2);
    expect(reader.of('end')[0].reason).to.equal('limit');
  });

  it('shows a part of the calls by sample', () => {
    const tap = tapRig();
    const reader = tap.open('sample=0.25&rate=1000');
    for (let i = 0; i < 400; i++) tap.call();
    expect(reader.calls.length, 'with seed 1').to.be.within(70, 130);
    reader.session.end('stopping');
    expect(reader.of('counts').at(-1)).to.include({ seen: 400, matched: reader.calls.length });
  });

  it('is no observer before the first tap and after the last', () => {
    const tap = tapRig();
    expect(tap.hub.watch.observer).to.equal(null);
    const [first, second] = [tap.open(), tap.open()];
    first.session.left();
    expect(tap.hub.watch.observer).to.equal(tap.hub);
    second.session.left();
    expect(tap.hub.watch.observer).to.equal(null);
    tap.call();
    expect(first.events.concat(second.events).map(({ event }) => event)).to.deep.equal(['tap', 'tap']);
  });

  it('sends nothing of calls that end after it', () => {
    const tap = tapRig();
    const reader = tap.open();
    tap.call(0, grpcHead(), () => reader.session.left());
    expect(reader.calls).to.deep.equal([]);
  });

  it('runs at most so many at a time', () => {
    const tap = tapRig();
    const readers = Array.from({ length: tapsMax }, () => tap.open());
    expect(tap.refusal()).to.deep.equal({
      status: 503,
      problem: `${tapsMax} taps run already, which is the maximum; end one of them`,
    });
    readers[0].session.left();
    tap.open();
  });

  it('ends at an error of its own, which the call does not notice', () => {
    const tap = tapRig();
    const reader = tap.open();
    reader.send = () => {
      reader.send = (event) => void reader.events.push(event);
      throw new Error('a bug');
    };
    tap.call();
    expect(tap.errors).to.deep.equal(['a tap failed']);
    expect(reader.of('end')[0].reason).to.equal('internal_error');
    expect(tap.rig.settled).to.have.length(1);
    tap.hub.started({} as RequestView);
  });

  it('with live, shows calls when they start', () => {
    const tap = tapRig();
    const reader = tap.open('live=true&rate=1');
    tap.call(0, grpcHead(['authorization', 'x']), () => {
      expect(reader.of('started')[0].headers).to.deep.include(['authorization', masked]);
      expect(reader.calls).to.deep.equal([]);
    });
    // The end of a call that was shown is no further call.
    tap.call();
    expect(reader.calls).to.have.length(1);
    expect(reader.of('started')).to.have.length(1);
  });
});

describe('tap: calls that its filter rules out at their start', () => {
  for (const [query, follows] of [
    ['method=a.B/D', false],
    ['header=x-user', false],
    ['route=other', false],
    ['listener=nobody', false],
    ['client=10.9.9.9', false],
    ['status=aborted', true],
  ] as const)
    it(`${follows ? 'follows' : 'does not follow'} a call that starts with ${query}`, () => {
      const tap = tapRig();
      tap.open(query);
      let followed = 0;
      const started = tap.hub.started.bind(tap.hub);
      tap.hub.started = (request) => {
        const counted = Object.create(request, { follow: { value: () => followed++ } }) as RequestView;
        started(counted);
      };
      tap.call();
      expect(followed > 0).to.equal(follows);
    });
});

describe('tap, as it is configured', () => {
  it('is refused where the configuration forbids it', () => {
    expect(tapRig({ ...metadata, show: 'none' }).refusal()).to.include({ status: 403 });
    expect(tapRig().refusal('messages=true')).to.include({ status: 403 });
    expect(tapRig().refusal('statsu=x')).to.include({ status: 400 });
  });

  it('hides what the configuration names, whatever the reader asks for', () => {
    const tap = tapRig({ show: 'messages', redact: ['X-User'], reveal: ['set-cookie'] });
    const reader = tap.open('redact=x-other');
    tap.call(0, grpcHead(['x-user', '42'], ['x-other', '43'], ['x-third', '44']));
    const { request, response } = reader.calls[0];
    expect(request.headers).to.deep.include.members([
      ['x-user', masked],
      ['x-other', masked],
      ['x-third', '44'],
    ]);
    expect(response!.headers).to.deep.include(['set-cookie', 'a=b']);
  });

  it('compares no value that is hidden', () => {
    const tap = tapRig({ show: 'metadata', redact: ['X-User'], reveal: [] });
    expect(tap.refusal('header=x-user=4*')).to.deep.equal({
      status: 403,
      problem:
        'header x-user compares a value that admin.tap.redact hides; write x-user alone to match requests that have this header',
    });
    const readers = ['header=x-user', 'header=x-note=Bearer s*', `header=x-note=${masked}`].map((query) =>
      tap.open(query),
    );
    tap.call(0, grpcHead(['x-user', '42'], ['x-note', 'Bearer secret']));
    expect(readers.map(({ calls }) => calls.length)).to.deep.equal([1, 0, 1]);
  });
});
