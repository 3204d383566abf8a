import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readFileBounded, textOf } from '../../../src/config/config-file.ts';

describe('config/config-file', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'outrigger-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('reads a file of up to a given number of bytes', () => {
    const path = join(folder, 'a');
    writeFileSync(path, Buffer.alloc(70_000, 'x'));
    expect(readFileBounded(path, 70_000).value).to.have.length(70_000);
    expect(readFileBounded(path, 69_999).error).to.equal('is larger than 69999 bytes; write a smaller file');
    expect(readFileBounded('/dev/zero', 70_000).error).to.include('is larger than');
  });

  it('says in words why it cannot', () => {
    expect(readFileBounded(join(folder, 'gone'), 10).error).to.include('does not exist');
    expect(readFileBounded(folder, 10).error).to.include('is a directory');
    expect(readFileBounded('a\0b', 10).error).to.include('is not a path');
    expect(readFileBounded('x'.repeat(10_000), 10).error).to.include('too long');
  });

  it('takes UTF-8 only, and drops a byte order mark', () => {
    expect(textOf(Buffer.from('\ufeffa: é')).value).to.equal('a: é');
    expect(textOf(Buffer.from([0xff, 0xfe, 0])).error).to.include('UTF-8');
  });
});
