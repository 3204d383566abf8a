import { expect } from 'chai';
import {
  callAttemptsMax,
  TransparentRetries,
  transparentRetryDenial,
} from '../../../../src/call/dispatch/transparent-retries.ts';
import type { AttemptRecord } from '../../../../src/telemetry/call-record.ts';

describe('call/dispatch/transparent-retries', () => {
  it('retries a call on another endpoint while its request is at hand and its attempts are few', () => {
    expect(transparentRetryDenial(true, 1)).to.equal('');
    expect(transparentRetryDenial(true, callAttemptsMax - 1)).to.equal('');
    expect(transparentRetryDenial(false, 1)).to.match(/larger than the replay buffer/);
    expect(transparentRetryDenial(true, callAttemptsMax)).to.match(/at most 100 attempts/);
  });

  it('says of an attempt that did no work where the call went next, and of the last one that it went nowhere', () => {
    const [first, second, third] = ['a', 'b', 'b'].map(
      (endpoint) => ({ endpoint, verdict: '' }) as AttemptRecord,
    );
    const retries = new TransparentRetries();
    retries.followedBy({ address: 'a' });
    retries.cameToNothing(first);
    expect(first.verdict).to.equal('not retried at once: no other endpoint was available');
    retries.followedBy({ address: 'b' });
    retries.cameToNothing(second);
    retries.followedBy({ address: 'b' });
    retries.followedBy({ address: 'c' });
    retries.cameToNothing(third);
    expect([first, second, third].map(({ verdict }) => verdict)).to.deep.equal([
      'retried on another endpoint: the endpoint did not process the request',
      'retried on the same endpoint: the endpoint did not process the request',
      'not retried at once: no other endpoint was available',
    ]);
  });
});

describe('TransparentRetries', () => {
  it('allows one attempt after a refusal, whatever came in between', () => {
    const retries = new TransparentRetries();
    expect(retries.allow('unsent', 3)).to.equal(true);
    expect(retries.allow('refused', 3)).to.equal(true);
    expect(retries.allow('unsent', 3)).to.equal(true);
    expect(retries.allow('refused', 3)).to.equal(false);
  });

  it('allows what never left to go around all endpoints, and once more', () => {
    const retries = new TransparentRetries();
    const allowed = Array.from({ length: 5 }, () => retries.allow('unsent', 3));
    expect(allowed).to.deep.equal([true, true, true, true, false]);
  });
});
