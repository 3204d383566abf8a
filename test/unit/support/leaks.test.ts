import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';

const root = resolve(import.meta.dirname, '../../..');

interface Report {
  readonly failures: ReadonlyArray<{ readonly title: string; readonly err: { readonly message: string } }>;
  readonly passes: ReadonlyArray<{ readonly title: string }>;
}

/** Runs mocha with the hooks of `leaks.ts` over a file with this text, in a process of its own. */
async function runSuite(text: string): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-leaks-'));
  try {
    const file = join(folder, 'sample.test.ts');
    const clock = pathToFileURL(join(root, 'src/core/clock.ts'));
    const before = `import net from 'node:net';\nimport { spawn } from 'node:child_process';\nimport { systemClock } from '${clock}';\n`;
    writeFileSync(file, before + text);
    const stdout = await new Promise<string>((done) => {
      const args = [
        join(root, 'node_modules/mocha/bin/mocha.js'),
        '--reporter=json',
        '--exit',
        '--require',
        './test/support/leaks.ts',
        file,
      ];
      execFile(
        process.execPath,
        args,
        { cwd: root, env: { ...process.env, LEAK_GRACE_MS: '300' } },
        (_error, out) => done(out),
      );
    });
    return JSON.parse(stdout) as Report;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('the leak hooks of the test run', () => {
  it('fail the suite that left a server, a socket, a timer of the clock or a process, each by its name', async () => {
    const { failures, passes } = await runSuite(`
      describe('server', () => { it('one', (done) => { net.createServer().listen(0, '127.0.0.1', done); }); });
      describe('socket', () => {
        let server;
        before((done) => { server = net.createServer().listen(0, '127.0.0.1', done); });
        after(() => { server.close(); });
        it('two', (done) => { net.connect(server.address().port, '127.0.0.1', done).unref(); });
      });
      describe('timer', () => { it('three', () => { systemClock.after(100_000, () => {}); }); });
      describe('process', () => { it('four', () => { spawn(process.execPath, ['-e', 'setTimeout(() => {}, 2000)']).unref(); }); });
    `);
    expect(passes.map(({ title }) => title)).to.deep.equal(['one', 'two', 'three', 'four']);
    const messages = failures.map(({ err }) => err.message);
    expect(messages).to.have.length(4);
    expect(messages[0]).to.match(/a server listening on .*127\.0\.0\.1/);
    expect(messages[1]).to.match(/a socket, 127\.0\.0\.1:\d+ to 127\.0\.0\.1:\d+/);
    expect(messages[2]).to.match(/a timer of 100000 ms/);
    expect(messages[3]).to.match(/a process, .*setTimeout/);
  });

  it('are content with what ends by itself within the grace', async () => {
    const { failures } = await runSuite(`
      describe('clean', () => {
        it('one', (done) => {
          const server = net.createServer((socket) => socket.end()).listen(0, '127.0.0.1', () => {
            net.connect(server.address().port, '127.0.0.1').resume().on('close', () => server.close());
            systemClock.after(10_000, () => {}).cancel();
            systemClock.after(1, () => done());
          });
        });
      });
    `);
    expect(failures).to.deep.equal([]);
  });
});
