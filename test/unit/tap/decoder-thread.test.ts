import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import type { DecodeJob } from '../../../src/tap/decoder.ts';
import { DecoderThread } from '../../../src/tap/decoder-thread.ts';
import { decoderLoadTimeoutMs, decodeTimeoutMs } from '../../../src/tap/limits.ts';

const job = (texts: readonly string[]): DecodeJob => ({
  schema: '',
  path: '/a.B/C',
  messages: texts.map((text) => ({
    direction: 'request',
    form: 'json',
    encoding: '',
    body: new TextEncoder().encode(text),
  })),
  hidden: [],
  revealed: [],
});

describe('tap: thread of the decoder', () => {
  const clock = new VirtualClock();
  let thread: DecoderThread;
  beforeEach(() => {
    thread = new DecoderThread(clock);
  });
  afterEach(() => thread.close());

  it('gives each request its own time, however long those before it took', async () => {
    expect(await thread.decode(job(['1']))).to.deep.equal([{ json: 1 }]);
    const answers = Array.from({ length: 20 }, async (_, i) => {
      const answer = await thread.decode(job([String(i)]));
      // As if it had taken nearly all of its time.
      clock.advance(decodeTimeoutMs - 1);
      return answer;
    });
    expect(await Promise.all(answers)).to.deep.equal(answers.map((_, i) => [{ json: i }]));
    expect(thread.generation).to.equal(0);
  });

  it('ends a thread that takes too long, and starts another one', async () => {
    const slow = [thread.decode(job(['1'])), thread.decode(job(['2']))];
    clock.advance(decoderLoadTimeoutMs);
    const problem = `was not decoded: the decoder took longer than ${decoderLoadTimeoutMs} ms`;
    expect(await Promise.all(slow)).to.deep.equal([[{ problem }], [{ problem }]]);
    expect(thread.generation).to.equal(1);
    expect(await thread.decode(job(['3']))).to.deep.equal([{ json: 3 }]);
  });
});
