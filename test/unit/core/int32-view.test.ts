import { expect } from 'chai';
import { copyWords, viewOf } from '../../../src/core/int32-view.ts';

describe('core/int32-view', () => {
  it('a view is of the bytes asked for, of whichever buffer was asked for before', () => {
    const around = Buffer.from('abcdefghij');
    for (const bytes of [around.subarray(2, 8), around, around.subarray(2, 8)])
      expect(viewOf(bytes).getUint8(1)).to.equal(bytes[1]);
  });

  it('copies any number of bytes from four on, and nothing beside them', () => {
    const from = Buffer.from(Array.from({ length: 300 }, (_, i) => (i * 7 + 1) & 0xff));
    for (const length of [4, 5, 6, 7, 8, 9, 31, 255]) {
      const out = Buffer.alloc(300, 0x55);
      expect(copyWords(viewOf(from), 3, length, new DataView(out.buffer, out.byteOffset), 2)).to.equal(
        2 + length,
      );
      const wanted = Buffer.alloc(300, 0x55);
      from.copy(wanted, 2, 3, 3 + length);
      expect(out.equals(wanted), `${length}`).to.equal(true);
    }
  });
});
