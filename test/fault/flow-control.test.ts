import { expect } from 'chai';
import { ErrorCode } from '../../src/core/error-code.ts';
import { BufferBudget } from '../../src/http2/buffer-budget.ts';
import { Flag, FrameType } from '../../src/http2/frame.ts';
import { connectionDefaults } from '../../src/http2/options.ts';
import { SettingId } from '../../src/http2/settings.ts';
import { Recorder } from '../support/memory-pair.ts';
import { grpcFields, okTrailers, replyHead, type Served, stages, statusOf } from './stage.ts';

const bodyBytes = 300_000;
const body = Buffer.alloc(bodyBytes, 'outrigger');

function replyWhole({ stream }: Served): void {
  stream.head(replyHead, false);
  stream.data(body, 0, bodyBytes, false);
  stream.trailers(okTrailers);
}

/** A DATA frame with padding, which the engine reads and never writes. */
function padded(streamId: number, bytes: number, padding: number): Buffer {
  const frame = Buffer.alloc(9 + 1 + bytes + padding);
  frame.writeUIntBE(1 + bytes + padding, 0, 3);
  frame[3] = FrameType.DATA;
  frame[4] = Flag.PADDED;
  frame.writeUInt32BE(streamId, 5);
  frame[9] = padding;
  return frame;
}

describe('flow control when things go wrong', () => {
  const stage = stages();

  it('one slow consumer among many: the others flow, it stalls, and the credit of the connection returns', () => {
    const s = stage();
    s.replicas[0].onCall = replyWhole;
    const slow = s.call(true, grpcFields, new Recorder(true)).recorder;
    s.advance(100);
    const others = Array.from({ length: 50 }, () => s.call(true).recorder);
    s.advance(1000);
    expect(others.map((other) => other.bodyBytes)).to.deep.equal(others.map(() => bodyBytes));
    expect(others.every((other) => statusOf(other).status === '0')).to.equal(true);
    // It has its own window's worth, and the connections to the client and to the replica owe nobody anything.
    expect(slow.bodyBytes).to.be.within(1, connectionDefaults.streamWindowBytes);
    expect(slow.ends).to.equal(0);
    slow.resume();
    s.advance(1000);
    expect(slow.body.equals(body)).to.equal(true);
    expect(statusOf(slow).status).to.equal('0');
  });

  it('the same the other way: one replica that does not read a request holds up no other', () => {
    const s = stage();
    const replica = s.replicas[0];
    replica.onCall = ({ stream, recorder }) => {
      recorder.stalled = replica.served.length === 1;
      stream.head(replyHead, false);
    };
    const send = (): Recorder => {
      const { stream, recorder } = s.call(false);
      stream.data(body, 0, bodyBytes, true);
      return recorder;
    };
    send();
    s.advance(100);
    for (let i = 0; i < 50; i++) send();
    s.advance(1000);
    const [slow, ...others] = replica.served.map(({ recorder }) => recorder);
    expect(others.every((other) => other.body.equals(body))).to.equal(true);
    expect(slow.bodyBytes).to.be.within(1, connectionDefaults.streamWindowBytes);
    slow.resume();
    s.advance(1000);
    expect(slow.body.equals(body)).to.equal(true);
    for (const { stream } of replica.served) stream.trailers(okTrailers);
    s.advance(10);
  });

  // The stage's end compares, for each connection, what one side may send with what the other has granted and owes.

  it('DATA for a stream that was reset returns the credit of the connection, padding included', () => {
    const s = stage();
    const replica = s.replicas[0];
    replica.onCall = ({ stream }) => stream.head(replyHead, false);
    const { stream } = s.call(false);
    s.advance(10);
    const [served] = replica.served;
    // The cancel and what the replica still sends pass each other.
    stream.reset(ErrorCode.CANCEL);
    served.stream.data(body, 0, 50_000, false);
    s.advance(10);
    expect(replica.bindings[0].connection.active).to.equal(0);
    const { connection } = replica.bindings[0];
    connection.sendWindow.take(1 + 1000 + 200);
    connection.writer.raw(padded(stream.id, 1000, 200));
    s.advance(10);
  });

  it('and so does the DATA of a request that its replica has reset', () => {
    const s = stage();
    const replica = s.replicas[0];
    replica.onCall = ({ stream }) => s.clock.at(1, () => stream.reset(ErrorCode.INTERNAL_ERROR));
    const { stream, recorder } = s.call(false);
    stream.data(body, 0, bodyBytes, false);
    s.advance(50);
    expect(statusOf(recorder).error).to.equal('upstream_reset');
    // Said to have ended, and it sends on all the same.
    const { connection } = s.downstream;
    connection.sendWindow.take(1 + 100 + 255);
    connection.writer.raw(padded(stream.id, 100, 255));
    s.advance(50);
  });

  it('padding of a stream that lives is credited to its windows', () => {
    const s = stage();
    const replica = s.replicas[0];
    replica.onCall = ({ stream }) => stream.head(replyHead, false);
    const { stream } = s.call(false);
    s.advance(10);
    const { connection } = s.downstream;
    // Far more padding than there is window: it all came back.
    for (let i = 0; i < 3000; i++) {
      connection.sendWindow.take(1 + 10 + 255);
      connection.writer.raw(padded(stream.id, 10, 255));
      s.advance(1);
    }
    const [served] = replica.served;
    expect(served.recorder.bodyBytes).to.equal(30_000);
    expect(connection.over).to.equal(false);
    stream.data(body, 0, 0, true);
    s.advance(10);
    served.stream.trailers(okTrailers);
    s.advance(10);
  });

  it('DATA after GOAWAY, for a stream that was never taken, returns its credit', () => {
    const s = stage();
    const replica = s.replicas[0];
    replica.onCall = ({ stream }) => stream.head(replyHead, false);
    const { stream } = s.call(false);
    s.advance(10);
    const [downstream] = s.sidecar.downstreams;
    downstream.shutdown();
    // On its way when the GOAWAY was said: the sidecar will not have heard of it.
    const late = s.call(false);
    late.stream.data(body, 0, 60_000, false);
    s.advance(50);
    expect(late.recorder.failures.map(({ kind }) => kind)).to.deep.equal(['refused']);
    expect(replica.served).to.have.length(1);
    // The one that was there goes on, with all of the connection's window to itself.
    stream.data(body, 0, bodyBytes, true);
    s.advance(50);
    expect(replica.served[0].recorder.body.equals(body)).to.equal(true);
    replica.served[0].stream.trailers(okTrailers);
    s.advance(50);
    expect(s.links('sidecar')).to.equal(0);
  });

  it('SETTINGS_INITIAL_WINDOW_SIZE lowered in mid-flight: nothing is sent until the window is positive', () => {
    const before = 1_000_000;
    const s = stage({ replica: { streamWindowBytes: before } });
    const replica = s.replicas[0];
    replica.onCall = ({ stream, recorder }) => {
      recorder.stalled = true;
      stream.head(replyHead, false);
    };
    const { stream } = s.call(false);
    stream.data(body, 0, 60_000, false);
    s.advance(10);
    const [{ recorder, connection, stream: served }] = replica.served;
    expect(recorder.bodyBytes).to.equal(60_000);
    // 1,000,000 with 60,000 sent; lowered to 16,384 that is -43,616.
    connection.writer.settings([[SettingId.INITIAL_WINDOW_SIZE, 16_384]]);
    s.advance(10);
    stream.data(body, 60_000, 120_000, true);
    s.advance(1000);
    expect(recorder.bodyBytes).to.equal(60_000);
    connection.writer.windowUpdate(served.id, 43_616);
    s.advance(1000);
    expect(recorder.bodyBytes).to.equal(60_000);
    connection.writer.windowUpdate(served.id, 1);
    s.advance(10);
    expect(recorder.bodyBytes).to.equal(60_001);
    connection.writer.settings([[SettingId.INITIAL_WINDOW_SIZE, before - 43_617]]);
    s.advance(10);
    expect(recorder.body.equals(body.subarray(0, 120_000))).to.equal(true);
    expect(recorder.ends).to.equal(1);
    served.trailers(okTrailers);
    s.advance(10);
  });

  it('RST_STREAM with a window of 0 leaves at once, and what waited for it is dropped', () => {
    const s = stage({ replica: { streamWindowBytes: 1000 } });
    const replica = s.replicas[0];
    replica.onCall = ({ stream, recorder }) => {
      recorder.stalled = true;
      stream.head(replyHead, false);
    };
    // Until the replica knows that its SETTINGS have arrived it grants more.
    s.call(true).stream.reset(ErrorCode.CANCEL);
    s.advance(10);
    const before = replica.served.length;
    const { stream } = s.call(false);
    stream.data(body, 0, 50_000, true);
    s.advance(100);
    const { recorder } = replica.served[before];
    expect(recorder.bodyBytes).to.equal(1000);
    stream.reset(ErrorCode.CANCEL);
    s.advance(1);
    expect(recorder.events.at(-1)).to.equal('failed reset');
    recorder.resume();
    s.advance(1000);
    expect(recorder.bodyBytes).to.equal(1000);
    expect(recorder.ends).to.equal(1);
  });

  it('memory pressure: who reads nothing is ended before memory runs out, who reads is not', () => {
    const budget = new BufferBudget(2_097_152);
    const options = { ...connectionDefaults, budget };
    const s = stage({ sidecar: { downstream: options, upstream: options } });
    s.replicas[0].onCall = replyWhole;
    let heldBytes = 0;
    const stalled = Array.from({ length: 100 }, () => {
      const { recorder } = s.call(true, grpcFields, new Recorder(true));
      s.advance(5);
      heldBytes = Math.max(heldBytes, budget.bytes);
      return recorder;
    });
    s.advance(1000);
    // Without the budget it would be a window for each, 6.5 MB.
    expect(heldBytes).to.be.within(500_000, 2_097_152);
    const ended = stalled.filter(({ ends }) => ends > 0);
    expect(ended.length).to.be.greaterThan(50);
    expect(ended.every(({ failures }) => failures[0].code === ErrorCode.ENHANCE_YOUR_CALM)).to.equal(true);
    s.otherClient();
    for (let i = 0; i < 20; i++) {
      const honest = Array.from({ length: 3 }, () => s.call(true).recorder);
      s.advance(50);
      for (const recorder of honest) expect(statusOf(recorder).status).to.equal('0');
    }
    for (const recorder of stalled) recorder.resume();
    s.advance(1000);
    expect(budget.bytes).to.equal(0);
    expect(stalled.every(({ ends }) => ends === 1)).to.equal(true);
  });
});
