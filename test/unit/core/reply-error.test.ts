import { expect } from 'chai';
import { drainingError } from '../../../src/call/call-errors.ts';
import { decodeGrpcMessage, encodeGrpcMessage } from '../../../src/core/grpc-message.ts';
import { replySentence } from '../../../src/core/reply-error.ts';

describe('core/reply-error', () => {
  it('says of a drain once what it is, and then what to do', () => {
    expect(replySentence(drainingError(true))).to.equal(
      'the sidecar is shutting down and the grace period is over; the upstream may have processed the call; retry on another endpoint [draining]',
    );
  });

  it('quotes a peer in a bounded sentence of plain characters, which a client may show on a terminal', () => {
    const detail = `no route matches GET a\u001b[2J\u009b\u2028\u202e\ud800\n${'x'.repeat(100_000)}`;
    const sentence = replySentence({ code: 'no_route', detail, mayHaveProcessed: false });
    expect(sentence.length).to.be.below(1400);
    expect(sentence).to.match(
      /^no route matches GET a\\u001b\[2J\\u009b\\u2028\\u202e\\ud800\\nx+….*\[no_route\]$/,
    );
    expect(decodeGrpcMessage(encodeGrpcMessage(sentence))).to.equal(sentence);
  });
});
