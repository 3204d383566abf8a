import { expect } from 'chai';
import { HeaderAssembly } from '../../../src/http2/header-assembly.ts';

describe('http2/header-assembly', () => {
  const bytes = Buffer.from('..abcdef..');

  it('puts HEADERS and its CONTINUATIONs together, copied', () => {
    const assembly = new HeaderAssembly(100, 5);
    expect(assembly.expecting).to.equal(false);
    const read = Buffer.from(bytes);
    assembly.begin(7, true, read, 2, 5);
    expect(assembly.expecting).to.equal(true);
    expect([assembly.streamId, assembly.endStream]).to.deep.equal([7, true]);
    expect(assembly.add(read, 5, 5)).to.equal(true);
    expect(assembly.add(read, 5, 8)).to.equal(true);
    read.fill(0);
    expect(assembly.take().toString()).to.equal('abcdef');
    expect(assembly.expecting).to.equal(false);
  });

  it('is bounded in bytes', () => {
    const assembly = new HeaderAssembly(7, 100);
    assembly.begin(1, false, bytes, 0, 5);
    expect(assembly.add(bytes, 0, 2)).to.equal(true);
    expect(assembly.add(bytes, 0, 1)).to.equal(false);
  });

  it('is bounded in frames, empty ones too, and counts again for each section', () => {
    const assembly = new HeaderAssembly(1000, 3);
    for (let section = 0; section < 2; section++) {
      assembly.begin(1, false, bytes, 0, 1);
      for (let i = 0; i < 3; i++) expect(assembly.add(bytes, 0, 0)).to.equal(true);
      if (section === 0) assembly.take();
    }
    expect(assembly.add(bytes, 0, 0)).to.equal(false);
  });
});
