import { expect } from 'chai';
import { ErrorCode } from '../../src/core/error-code.ts';
import { HeaderBlock } from '../../src/core/header-block.ts';
import type { Recorder } from '../support/memory-pair.ts';
import { grpcFields, latencyMs, okTrailers, replyHead, type Served, stages, statusOf } from './stage.ts';

const plain = HeaderBlock.of([':status', '200'], ['content-type', 'text/plain']);
const message = Buffer.from('\0\0\0\0\x05hello', 'latin1');

describe('how calls end', () => {
  const stage = stages();

  it('trailers then RST_STREAM(NO_ERROR) upstream: all DATA and the trailers reach the client', () => {
    // The reply fits into the window of the upstream and not into the client's.
    const s = stage({ client: { streamWindowBytes: 10_000 } });
    s.replicas[0].onCall = ({ stream, connection }) => {
      stream.head(replyHead, false);
      for (let i = 0; i < 60; i++) stream.data(Buffer.alloc(1000, i), 0, 1000, false);
      stream.trailers(okTrailers);
      connection.writer.rstStream(stream.id, ErrorCode.NO_ERROR);
    };
    // A reader that takes its time: the reset is with the sidecar long before all of the reply has left it.
    const recorder = s.call(true).recorder;
    recorder.stalled = true;
    s.advance(50);
    expect(recorder.ends).to.equal(0);
    recorder.resume();
    s.advance(50);
    expect(recorder.bodyBytes).to.equal(60_000);
    expect(statusOf(recorder).status).to.equal('0');
    expect(recorder.events.at(-1)).to.equal('trailers last');
    expect(s.records[0]).to.include({ endedBy: 'upstream', grpcStatus: 0 });
  });

  const parts: ReadonlyArray<readonly [string, (call: Served, head: HeaderBlock) => void]> = [
    ['before the head', () => {}],
    ['after the head', ({ stream }, head) => stream.head(head, false)],
    [
      'after a message',
      ({ stream }, head) => {
        stream.head(head, false);
        stream.data(message, 0, message.length, false);
      },
    ],
    [
      'in the middle of a message',
      ({ stream }, head) => {
        stream.head(head, false);
        stream.data(message, 0, 7, false);
      },
    ],
  ];
  for (const [when, say] of parts) {
    for (const code of [ErrorCode.NO_ERROR, ErrorCode.CANCEL, ErrorCode.INTERNAL_ERROR]) {
      it(`RST_STREAM(${code}) ${when}: an error status, never a clean end`, () => {
        const s = stage();
        s.replicas[0].onCall = (call) => {
          say(call, replyHead);
          // In a packet of its own, so that what was said before it does arrive.
          s.clock.at(1, () => call.stream.reset(code));
        };
        const { recorder } = s.call(true);
        s.advance(10);
        const status = code === ErrorCode.CANCEL ? '1' : '13';
        expect(statusOf(recorder)).to.include({ status, error: 'upstream_reset' });
        expect(recorder.ends).to.equal(1);
        expect(s.records[0].endedBy).to.equal('outrigger');
      });
    }

    it(`a reset ${when} of a plain HTTP reply: a 502, or a reset of what has begun`, () => {
      const s = stage();
      s.replicas[0].onCall = (call) => {
        say(call, plain);
        s.clock.at(1, () => call.stream.reset(ErrorCode.NO_ERROR));
      };
      const { recorder } = s.call(true, []);
      s.advance(10);
      expectNoCleanEnd(recorder, when !== 'before the head');
    });

    it(`a connection that is lost ${when}: UNAVAILABLE, never a clean end`, () => {
      const s = stage();
      s.replicas[0].onCall = (call) => say(call, replyHead);
      const { recorder } = s.call(true);
      s.advance(10);
      s.link(s.replicas[0].name).server.cut();
      s.advance(10);
      expect(statusOf(recorder)).to.include({ status: '14', error: 'upstream_closed' });
      expect(recorder.ends).to.equal(1);
    });
  }

  it('a connection that is lost after any byte of a reply ends no call well but the whole one', () => {
    const outcomes: string[] = [];
    for (let bytes = 1; ; bytes++) {
      const s = stage();
      s.replicas[0].onCall = ({ stream }) => {
        stream.head(replyHead, false);
        stream.data(message, 0, message.length, false);
        stream.trailers(okTrailers);
      };
      // The connection is there, and its SETTINGS are through, before the reply is counted.
      const first = s.call(true);
      s.advance(10);
      expect(statusOf(first.recorder).status).to.equal('0');
      s.link(s.replicas[0].name).client.cutAfterBytes = bytes;
      const { recorder } = s.call(true);
      s.advance(10);
      expect(recorder.ends, `after ${bytes} bytes`).to.equal(1);
      const { status, error } = statusOf(recorder);
      outcomes.push(status);
      if (status === '0') {
        expect(recorder.body.equals(message)).to.equal(true);
        break;
      }
      expect({ status, error }).to.deep.equal({ status: '14', error: 'upstream_closed' });
      expect(message.subarray(0, recorder.bodyBytes).equals(recorder.body)).to.equal(true);
    }
    expect(outcomes.length).to.be.greaterThan(30);
    expect(outcomes.filter((status) => status === '0')).to.have.length(1);
  });

  it("a reply before the client's END_STREAM is delivered, and both requests are declined with NO_ERROR", () => {
    const s = stage();
    const replica = s.replicas[0];
    replica.onCall = ({ stream }) => {
      stream.head(replyHead, false);
      stream.data(message, 0, message.length, false);
      stream.trailers(okTrailers);
    };
    const { stream, recorder } = s.call(false);
    stream.data(Buffer.alloc(300_000), 0, 300_000, false);
    s.advance(50);
    expect(recorder.events.at(-1)).to.equal('trailers last');
    expect(recorder.body.equals(message)).to.equal(true);
    expect(statusOf(recorder)).to.include({ status: '0', error: '' });
    // The client was told to stop, and no error was made of it.
    expect(recorder.failures).to.deep.equal([]);
    expect(s.downstream.connection.active).to.equal(0);
    expect(replica.bindings[0].connection.active).to.equal(0);
    expect(replica.served[0].recorder.ends).to.equal(0);
  });

  it('half-close, an empty END_STREAM and trailers-only pass as they are', () => {
    const s = stage();
    const replica = s.replicas[0];
    const { stream, recorder } = s.call(false);
    stream.data(message, 0, message.length, false);
    s.advance(10);
    const [served] = replica.served;
    expect(served.recorder.events).to.deep.equal(['head POST', 'data 10']);
    // An END_STREAM of its own, without bytes.
    stream.data(message, 0, 0, true);
    s.advance(10);
    expect(served.recorder.events.at(-1)).to.equal('data 0 last');
    // The other direction stays open for as long as its end likes.
    s.advance(3_600_000);
    expect(recorder.events).to.deep.equal([]);
    served.stream.head(
      HeaderBlock.of(...replyHead.fields.map(({ name, value }) => [name, value] as const), [
        'grpc-status',
        '5',
      ]),
      true,
    );
    s.advance(10);
    expect(recorder.events).to.deep.equal(['head 200 last']);
    expect(statusOf(recorder)).to.include({ status: '5', error: '' });
  });

  it('a bidirectional stream lives for hours, with pauses longer than any timeout', () => {
    const s = stage();
    const replica = s.replicas[0];
    replica.onCall = ({ stream }) => stream.head(replyHead, false);
    const { stream, recorder } = s.call(false);
    for (let turn = 1; turn <= 24; turn++) {
      s.advance(1_800_000);
      stream.data(message, 0, message.length, false);
      s.advance(10);
      const [served] = replica.served;
      expect(served.recorder.bodyBytes).to.equal(turn * message.length);
      served.stream.data(message, 0, message.length, false);
      s.advance(10);
      expect(recorder.bodyBytes).to.equal(turn * message.length);
    }
    stream.data(message, 0, 0, true);
    s.advance(10);
    replica.served[0].stream.trailers(okTrailers);
    s.advance(10);
    expect(statusOf(recorder).status).to.equal('0');
    expect(replica.served).to.have.length(1);
  });

  it("a client's cancel is with the upstream as soon as bytes travel, and nothing is left of it", () => {
    const s = stage();
    const replica = s.replicas[0];
    replica.onCall = ({ stream }) => stream.head(replyHead, false);
    const { stream } = s.call(false, grpcFields);
    // Of more than all windows on the way, so that it waits everywhere.
    stream.data(Buffer.alloc(4_000_000), 0, 4_000_000, false);
    s.advance(10);
    const [{ recorder }] = replica.served;
    recorder.stalled = true;
    s.advance(100);
    stream.reset(ErrorCode.CANCEL);
    s.advance(3 * latencyMs);
    expect(recorder.failures.map(({ kind, code }) => [kind, code])).to.deep.equal([
      ['reset', ErrorCode.CANCEL],
    ]);
    expect(s.sidecar.cluster.active).to.equal(0);
    expect(s.records[0]).to.include({ endedBy: 'client', grpcStatus: 1 });
  });
});

function expectNoCleanEnd(recorder: Recorder, begun: boolean): void {
  expect(recorder.ends).to.equal(1);
  if (begun) expect(recorder.failures.map(({ kind }) => kind)).to.deep.equal(['reset']);
  else {
    expect(recorder.heads[0].status).to.equal(502);
    expect(recorder.heads[0].get('x-outrigger-error')).to.equal('upstream_reset');
  }
}
