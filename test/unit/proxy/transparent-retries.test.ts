import { expect } from 'chai';
import { callAttemptsMax, notElsewhereBecause } from '../../../src/proxy/transparent-retries.ts';

describe('proxy/transparent-retries', () => {
  it('sends a call elsewhere while its request is at hand and its attempts are few', () => {
    expect(notElsewhereBecause(true, 1)).to.equal('');
    expect(notElsewhereBecause(true, callAttemptsMax - 1)).to.equal('');
    expect(notElsewhereBecause(false, 1)).to.match(/outgrew the replay buffer/);
    expect(notElsewhereBecause(true, callAttemptsMax)).to.match(/at most 100 attempts/);
  });
});
