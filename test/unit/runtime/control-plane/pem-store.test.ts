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

  it('removes the files of secrets that no configuration uses any more', () => {
    const store = new PemStore();
    const [old, used] = [store.store('old', 'key'), store.store('used', 'key')];
    const lists = { listeners: [{ tls: { key: used } }], clusters: [] };
    store.keep([lists]);
    expect([existsSync(old), existsSync(used)]).to.deep.equal([false, true]);
    expect(readFileSync(store.store('old', 'key'), 'utf8')).to.equal('old');
    store.close();
  });
});
