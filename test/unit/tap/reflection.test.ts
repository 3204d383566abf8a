import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import type { MessageStream } from '../../../src/core/message-stream.ts';
import { type AnswerReader, reflectService } from '../../../src/tap/reflection.ts';
import type { ReflectionDialogue } from '../../../src/tap/reflection-dialogue.ts';
import type { Endpoint } from '../../../src/upstream/endpoint.ts';
import type { StreamOpener } from '../../../src/upstream/stream-opener.ts';

/** An endpoint whose one stream the test answers, and a reader that notes what it gets. */
function rig() {
  const openers: StreamOpener[] = [];
  const said: string[] = [];
  const stream = {
    head: () => void said.push('head'),
    data: () => void said.push('question'),
    consumed: () => {},
    reset: () => void said.push('reset'),
  } as unknown as MessageStream;
  const endpoint = {
    address: '10.0.0.1:80',
    target: { kind: 'tcp', host: '10.0.0.1', port: 80 },
    dial: { tls: null },
    pool: { open: (opener: StreamOpener) => openers.push(opener), cancel: () => {} },
  } as unknown as Endpoint;
  const read: Uint8Array[] = [];
  let step: ReturnType<ReflectionDialogue['answered']> = { isComplete: true };
  const reader: AnswerReader = {
    reflect: async () => ({ question: Buffer.from('q') }),
    async reflected(_name, answer) {
      read.push(answer);
      return step;
    },
  };
  const clock = new VirtualClock();
  const outcome = reflectService({ endpoint, service: 'a.B', name: 'n', reader, clock });
  return {
    outcome,
    said,
    read,
    /** What the reader says of an answer. */
    say: (next: typeof step) => {
      step = next;
    },
    async open(): Promise<StreamOpener> {
      await Promise.resolve();
      const [opener] = openers;
      opener.opened(stream, null);
      opener.head(HeaderBlock.of([':status', '200']), false);
      return opener;
    },
  };
}

/** Answers of no bytes: five bytes each. */
const answers = (count: number): Buffer => Buffer.alloc(5 * count);
const give = (opener: StreamOpener, bytes: Buffer): void => opener.data(bytes, 0, bytes.length, false);

describe('tap: reflection of an endpoint', () => {
  it('reads one answer to each question', async () => {
    const { outcome, said, read, say, open } = rig();
    say({ question: Buffer.from('q2') });
    const opener = await open();
    give(opener, answers(1));
    await Promise.resolve();
    await Promise.resolve();
    say({ isComplete: true });
    give(opener, answers(1));
    expect(await outcome).to.equal('');
    expect(read).to.have.length(2);
    expect(said).to.deep.equal(['head', 'question', 'question', 'reset']);
  });

  it('reads no answer that it did not ask for, however many come', async () => {
    const { outcome, said, read, open } = rig();
    const opener = await open();
    give(opener, answers(10_000));
    expect(await outcome).to.equal('10.0.0.1:80 sent more reflection answers than there were questions');
    expect(read).to.have.length(1);
    expect(said.at(-1)).to.equal('reset');
  });
});
