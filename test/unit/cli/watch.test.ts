import { expect } from 'chai';
import type { AdminAnswer } from '../../../src/cli/admin-client.ts';
import type { Screen } from '../../../src/cli/io.ts';
import { firstRows, showView, type View } from '../../../src/cli/watch.ts';
import { watchMsOf } from '../../../src/cli/watch-flags.ts';
import { CapturedIo } from './support.ts';

/** Polls that count, and an output that closes once `pollsMax` of them have been answered. */
function counted(pollsMax: number, failAt = 0) {
  let polls = 0;
  const poll = async (): Promise<AdminAnswer<View>> => {
    polls++;
    if (polls === failAt) return { error: 'nothing listens there', unanswered: true };
    const n = polls;
    return { value: { json: { n }, text: () => `answer ${n}\n` } };
  };
  return { poll, isClosed: () => polls >= pollsMax };
}

describe('cli/watch', () => {
  it('shows one answer without --watch', async () => {
    const io = new CapturedIo();
    const { poll } = counted(1);
    expect(await showView(io, { output: 'text', watchMs: undefined }, poll)).to.equal(0);
    expect(io.out).to.equal('answer 1\n');
  });

  it('repeats until its reader is gone, each answer with its time, JSON in a line for each', async () => {
    const text = new CapturedIo();
    const three = counted(3);
    await showView(
      Object.assign(text, { isClosed: three.isClosed }),
      { output: 'text', watchMs: 1 },
      three.poll,
    );
    expect(text.out).to.match(/^\d{4}-\S+Z\nanswer 1\n\n\d{4}-\S+Z\nanswer 2\n\n\d{4}-\S+Z\nanswer 3\n\n$/);

    const json = new CapturedIo();
    const two = counted(2);
    await showView(Object.assign(json, { isClosed: two.isClosed }), { output: 'json', watchMs: 1 }, two.poll);
    expect(json.out).to.equal('{"n":1}\n{"n":2}\n');
  });

  it('ends with 3 if the first answer fails, and goes on if a later one does', async () => {
    const first = new CapturedIo();
    expect(await showView(first, { output: 'text', watchMs: 1 }, counted(1, 1).poll)).to.equal(3);
    expect(first.err).to.equal('nothing listens there\n');

    const later = new CapturedIo();
    const { poll, isClosed } = counted(3, 2);
    expect(await showView(Object.assign(later, { isClosed }), { output: 'json', watchMs: 1 }, poll)).to.equal(
      0,
    );
    expect([later.out, later.err]).to.deep.equal(['{"n":1}\n{"n":3}\n', 'nothing listens there\n']);
  });

  it('shows the last answer alone on a terminal, as far as it has rows', async () => {
    let shown = '';
    const screen: Screen = {
      columns: 80,
      rows: 24,
      hasStyles: true,
      onKey: null,
      write: (text) => {
        shown += text;
      },
    };
    const { poll, isClosed } = counted(2);
    await showView(
      Object.assign(new CapturedIo(), { isClosed, screen }),
      { output: 'text', watchMs: 1 },
      poll,
    );
    expect(shown.split('\x1b[H\x1b[2J')).to.have.length(3);
    expect(shown).to.match(/Ctrl-C ends\)\n\nanswer 2\n$/);
    expect(firstRows('a\nb\nc\nd\n', 3, 80)).to.equal('a\nb\n… 2 more lines\n');
    expect(firstRows('a\nb\nc\n', 3, 80)).to.equal('a\nb\nc\n');
    // A line that is longer than the terminal is wide takes several rows; styles take none.
    expect(firstRows(`${'x'.repeat(25)}\nb\nc\n`, 4, 10)).to.equal(`${'x'.repeat(25)}\n… 2 more …\n`);
    expect(firstRows('\x1b[31mabcdefgh\x1b[0m\nb\n', 2, 10)).to.equal('\x1b[31mabcdefgh\x1b[0m\nb\n');
  });

  it('reads its flags', () => {
    expect(watchMsOf({}, 'stat')).to.deep.equal({ value: undefined });
    expect(watchMsOf({ watch: 'true' }, 'stat')).to.deep.equal({ value: 2000 });
    expect(watchMsOf({ watch: 'true', interval: '500ms' }, 'stat')).to.deep.equal({ value: 500 });
    expect(watchMsOf({ interval: '1s' }, 'stat').error).to.equal(
      '--interval requires --watch; write outrigger stat --watch --interval 1s',
    );
    expect(watchMsOf({ watch: 'true', interval: '1ms' }, 'stat').error).to.equal(
      '--interval: "1ms" is out of range; write a duration from 100ms to 1h',
    );
    expect(watchMsOf({ watch: 'true', interval: 'soon' }, 'stat').error).to.match(
      /^--interval: "soon" is not a duration/,
    );
  });
});
