import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { validate } from '../../../src/cli/validate.ts';
import { minimal } from '../config/support.ts';
import { CapturedIo } from './support.ts';

describe('cli/validate', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'outrigger-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  async function run(
    text: string,
    output: 'text' | 'json',
  ): Promise<{ code: number; io: CapturedIo; file: string }> {
    const file = join(folder, 'f.yaml');
    writeFileSync(file, text);
    const io = new CapturedIo();
    return { code: await validate({ flags: { config: file }, output }, io, {}), io, file };
  }

  it('says what is in a file that is fine', async () => {
    const { code, io, file } = await run(minimal(), 'text');
    expect([code, io.out, io.err]).to.deep.equal([
      0,
      `${file} is valid: 1 listener, 1 route, 1 cluster\n`,
      '',
    ]);
  });

  it('reports every problem on standard error and ends with 2', async () => {
    const { code, io, file } = await run(
      minimal({ more: 'drain: { grace: 10 }\nlog: { level: loud }' }),
      'text',
    );
    expect(code).to.equal(2);
    expect(io.out).to.equal('');
    expect(io.err.split('\n')).to.deep.equal([
      `${file}:10:17 drain.grace: 10 has no unit; write 10s or 10ms`,
      `${file}:11:15 log.level: "loud" is not known; write debug, info, warn or error`,
      `${file} has 2 problems`,
      '',
    ]);
  });

  it('warns and ends with 0 all the same', async () => {
    const cluster = '  - { name: spare, endpoints: [{ address: 127.0.0.1:1 }] }';
    const { code, io, file } = await run(minimal({ cluster }), 'text');
    expect([code, io.err]).to.deep.equal([
      0,
      `warning: ${file}:9:13 clusters[1].name: "spare" is used by no listener\n`,
    ]);
  });

  it('prints the same as JSON', async () => {
    const { code, io, file } = await run(minimal({ more: 'drain: { grace: 10 }' }), 'json');
    expect([code, io.err]).to.deep.equal([2, '']);
    expect(JSON.parse(io.out)).to.deep.equal({
      ok: false,
      file,
      problems: [
        {
          file,
          line: 10,
          column: 17,
          path: 'drain.grace',
          message: '10 has no unit; write 10s or 10ms',
          text: `${file}:10:17 drain.grace: 10 has no unit; write 10s or 10ms`,
        },
      ],
      warnings: [],
    });
  });
});
