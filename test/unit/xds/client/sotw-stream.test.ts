import { expect } from 'chai';
import { KindState } from '../../../../src/xds/client/kind-state.ts';
import { SotwStream } from '../../../../src/xds/client/sotw-stream.ts';
import { readSotwRequest } from '../../../support/xds-messages.ts';

describe('the requests of a stream in the state of the world', () => {
  const begin = () => {
    const stream = new SotwStream(Buffer.alloc(0));
    const state = new KindState('route', { total: 0 });
    state.subscribe(new Set(['a']));
    stream.subscribe(state);
    stream.reply(state, { nonce: '1', reason: '' });
    return { stream, state };
  };
  const read = (requests: readonly Buffer[]) =>
    requests.map((bytes) => {
      const { names, nonce, reason } = readSotwRequest(bytes);
      return { names: [...names].sort(), nonce, reason };
    });

  it('repeat names without a reason where they changed beside a response that is refused', () => {
    const { stream, state } = begin();
    state.subscribe(new Set(['a', 'b']));
    // With the nonce 1, for which a control plane ignores it: the response 2 is under way.
    stream.subscribe(state);
    expect(read(stream.reply(state, { nonce: '2', reason: 'wrong' }))).to.deep.equal([
      { names: ['a', 'b'], nonce: '2', reason: 'wrong' },
      { names: ['a', 'b'], nonce: '2', reason: '' },
    ]);
    expect(read(stream.reply(state, { nonce: '3', reason: 'wrong' }))).to.have.length(1);
  });

  it('are one answer where the names are known, or the answer has none but them', () => {
    const { stream, state } = begin();
    expect(read(stream.reply(state, { nonce: '2', reason: 'wrong' }))).to.deep.equal([
      { names: ['a'], nonce: '2', reason: 'wrong' },
    ]);
    state.subscribe(new Set(['b']));
    expect(read(stream.reply(state, { nonce: '3', reason: '' }))).to.deep.equal([
      { names: ['b'], nonce: '3', reason: '' },
    ]);
  });
});
