import { expect } from 'chai';
import {
  afterReceivingEnd,
  afterSendingEnd,
  mayReceive,
  maySend,
  StreamState,
} from '../../../src/http2/stream-state.ts';

describe('http2/stream-state', () => {
  const { Open, HalfClosedLocal, HalfClosedRemote, Closed } = StreamState;

  it('END_STREAM closes one half, the second the stream (RFC 9113 section 5.1)', () => {
    expect(afterSendingEnd(Open)).to.equal(HalfClosedLocal);
    expect(afterReceivingEnd(HalfClosedLocal)).to.equal(Closed);
    expect(afterReceivingEnd(Open)).to.equal(HalfClosedRemote);
    expect(afterSendingEnd(HalfClosedRemote)).to.equal(Closed);
  });

  it('to send END_STREAM twice is our own bug', () => {
    expect(() => afterSendingEnd(HalfClosedLocal)).to.throw('END_STREAM');
    expect(() => afterSendingEnd(Closed)).to.throw('END_STREAM');
  });

  it('a half that is closed neither sends nor receives', () => {
    const states = [Open, HalfClosedLocal, HalfClosedRemote, Closed];
    expect(states.map(maySend)).to.deep.equal([true, false, true, false]);
    expect(states.map(mayReceive)).to.deep.equal([true, true, false, false]);
  });
});
