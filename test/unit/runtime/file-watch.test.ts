import { mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import { FileWatch } from '../../../src/runtime/file-watch.ts';
import { until } from '../../support/until.ts';

describe('FileWatch', () => {
  const deferred: Array<() => void> = [];
  afterEach(() => {
    for (const takeDown of deferred.splice(0)) takeDown();
  });

  function setUp() {
    const dir = mkdtempSync(join(tmpdir(), 'outrigger-watch-'));
    const file = join(dir, 'a.yaml');
    writeFileSync(file, 'one');
    const clock = new VirtualClock();
    let told = 0;
    const watch = new FileWatch(
      () => [file],
      1000,
      clock,
      () => {
        told++;
      },
    );
    deferred.push(() => watch.stop());
    deferred.push(() => rmSync(dir, { recursive: true }));
    /** One look, to its end: it sets the timer of the next one. */
    const check = async (): Promise<number> => {
      clock.advance(1000);
      await until(
        () => clock.pending === 1,
        () => 'the check is not over',
      );
      return told;
    };
    return { dir, file, clock, watch, check };
  }

  it('reports a change once, when two polls agree', async () => {
    const { file, check } = setUp();
    expect(await check()).to.equal(0);
    writeFileSync(file, 'one and more');
    expect(await check(), 'it may not be written to the end').to.equal(0);
    expect(await check()).to.equal(1);
    expect(await check()).to.equal(1);
  });

  it('waits while it is written to', async () => {
    const { file, check } = setUp();
    for (let i = 0; i < 4; i++) {
      writeFileSync(file, 'x'.repeat(10 + i));
      expect(await check()).to.equal(0);
    }
    expect(await check()).to.equal(1);
  });

  it('sees a file replaced by one of the same size, and a link that leads elsewhere', async () => {
    const { dir, file, check } = setUp();
    writeFileSync(`${file}.new`, 'two');
    renameSync(`${file}.new`, file);
    await check();
    expect(await check()).to.equal(1);
    writeFileSync(join(dir, 'b.yaml'), 'two');
    unlinkSync(file);
    symlinkSync(join(dir, 'b.yaml'), file);
    await check();
    expect(await check()).to.equal(2);
  });

  it('a file that is gone is a change, and its return another', async () => {
    const { file, check } = setUp();
    unlinkSync(file);
    await check();
    expect(await check()).to.equal(1);
    writeFileSync(file, 'one');
    await check();
    expect(await check()).to.equal(2);
  });

  it('stopped, it leaves no timer', () => {
    const { clock, watch } = setUp();
    watch.stop();
    expect(clock.pending).to.equal(0);
  });
});
