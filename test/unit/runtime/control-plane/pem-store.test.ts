import { existsSync, readFileSync, statSync } from 'node:fs';
import { expect } from 'chai';
import { PemStore } from '../../../../src/runtime/control-plane/pem-store.ts';

describe('runtime/control-plane/pem-store', () => {
  let store: PemStore;
  let folder: string | undefined;
  beforeEach(() => {
    store = new PemStore();
    folder = process.env.TMPDIR;
  });
  afterEach(() => {
    if (folder === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = folder;
    store.close();
  });

  it('gives the same text the same file, which only this user may read, and removes it at the end', () => {
    const path = store.store('secret', 'key');
    expect(store.store('secret', 'key')).to.equal(path);
    expect(store.store('secret', 'cert')).not.to.equal(path);
    expect(readFileSync(path, 'utf8')).to.equal('secret');
    expect(statSync(path).mode & 0o777).to.equal(0o600);
    store.close();
    expect(existsSync(path)).to.equal(false);
  });

  it('names a file that is not there, where none can be written', () => {
    process.env.TMPDIR = '/dev/null/none';
    expect(existsSync(store.store('secret', 'key'))).to.equal(false);
  });
});
