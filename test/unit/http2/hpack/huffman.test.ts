import { expect } from 'chai';
import fc from 'fast-check';
import {
  huffmanDecode,
  huffmanDecodedLength,
  huffmanDecodedMax,
  huffmanEncode,
  huffmanEncodedLength,
} from '../../../../src/http2/hpack/huffman.ts';
import { hex } from './support.ts';

function encode(text: string): string {
  const out = Buffer.alloc(text.length * 4 + 8);
  const end = huffmanEncode(text, out, 3);
  expect(end - 3).to.equal(huffmanEncodedLength(text));
  return out.subarray(3, end).toString('hex');
}
function decode(wire: Uint8Array): string | null {
  const out = Buffer.alloc(huffmanDecodedMax(wire.length) + 2);
  const length = huffmanDecode(wire, 0, wire.length, out, 0);
  expect(huffmanDecodedLength(wire, 0, wire.length)).to.equal(length);
  return length < 0 ? null : out.toString('latin1', 0, length);
}
/** A code of appendix B, padded with ones to whole bytes. */
function padded(code: number, bits: number): string {
  const text = code.toString(2).padStart(bits, '0');
  const whole = text.padEnd(Math.ceil(bits / 8) * 8, '1');
  return Buffer.from(whole.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2))).toString('hex');
}

describe('HPACK Huffman code', () => {
  it('has the first and last code of each length as RFC 7541 appendix B prints them', () => {
    const printed: Array<[bits: number, first: [number, number], last: [number, number]]> = [
      [5, [48, 0x0], [116, 0x9]],
      [6, [32, 0x14], [117, 0x2d]],
      [7, [58, 0x5c], [122, 0x7b]],
      [8, [38, 0xf8], [90, 0xfd]],
      [10, [33, 0x3f8], [63, 0x3fc]],
      [11, [39, 0x7fa], [124, 0x7fc]],
      [12, [35, 0xffa], [62, 0xffb]],
      [13, [0, 0x1ff8], [126, 0x1ffd]],
      [14, [94, 0x3ffc], [125, 0x3ffd]],
      [15, [60, 0x7ffc], [123, 0x7ffe]],
      [19, [92, 0x7fff0], [208, 0x7fff2]],
      [20, [128, 0xfffe6], [226, 0xfffed]],
      [21, [153, 0x1fffdc], [230, 0x1fffe8]],
      [22, [129, 0x3fffd2], [233, 0x3fffeb]],
      [23, [1, 0x7fffd8], [239, 0x7ffff4]],
      [24, [9, 0xffffea], [237, 0xfffff5]],
      [25, [199, 0x1ffffec], [235, 0x1ffffef]],
      [26, [192, 0x3ffffe0], [255, 0x3ffffee]],
      [27, [203, 0x7ffffde], [254, 0x7fffff0]],
      [28, [2, 0xfffffe2], [249, 0xffffffe]],
      [30, [10, 0x3ffffffc], [22, 0x3ffffffe]],
    ];
    for (const [bits, ...ends] of printed)
      for (const [symbol, code] of ends)
        expect(encode(String.fromCharCode(symbol)), `symbol ${symbol}`).to.equal(padded(code, bits));
  });

  it('decodes every byte it encodes, alone and between others', () => {
    for (let byte = 0; byte < 256; byte++) {
      const symbol = String.fromCharCode(byte);
      for (const text of [symbol, `a${symbol}`, `${symbol}${symbol}`, `0${symbol}~`])
        expect(decode(hex(encode(text)))).to.equal(text);
    }
  });

  it('gives the strings of appendix C.4 and C.6', () => {
    expect(encode('www.example.com')).to.equal('f1e3c2e5f23a6ba0ab90f4ff');
    expect(encode('no-cache')).to.equal('a8eb10649cbf');
    expect(encode('Mon, 21 Oct 2013 20:13:21 GMT')).to.equal('d07abe941054d444a8200595040b8166e082a62d1bff');
  });

  it('takes padding of 0 to 7 ones', () => {
    // "0" is five zero bits, so one to eight of them leave 3, 6, 1, 4, 7, 2, 5 and 0 bits over.
    const wires = ['07', '003f', '0001', '00000f', '0000007f', '00000003', '000000001f', '0000000000'];
    for (const [index, wire] of wires.entries()) {
      expect(decode(hex(wire))).to.equal('0'.repeat(index + 1));
      expect(encode('0'.repeat(index + 1))).to.equal(wire);
    }
    expect(decode(hex(''))).to.equal('');
  });

  it('refuses padding of 8 bits or more, even all ones', () => {
    expect(decode(hex('ff'))).to.equal(null);
    expect(decode(hex('07ff'))).to.equal(null);
    expect(decode(hex('07ffff'))).to.equal(null);
  });

  it('refuses padding that is not all ones', () => {
    expect(decode(hex('00'))).to.equal(null);
    expect(decode(hex('06'))).to.equal(null);
    expect(decode(hex('03'))).to.equal(null);
  });

  it('refuses the end-of-string symbol, wherever it stands', () => {
    expect(decode(hex('ffffffff'))).to.equal(null);
    expect(decode(hex('fffffffc'))).to.equal(null);
    expect(decode(hex('ffffffff07'))).to.equal(null);
    expect(decode(hex('07ffffffff0707'))).to.equal(null);
  });

  it('bounds the length by the shortest code, of 5 bits', () => {
    expect([0, 1, 2, 5, 8, 100].map(huffmanDecodedMax)).to.deep.equal([0, 1, 3, 8, 12, 160]);
  });

  it('decodes what it encoded, and the bound on the length holds', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = Buffer.from(bytes).toString('latin1');
        const wire = hex(encode(text));
        expect(decode(wire)).to.equal(text);
        expect(text.length).to.be.at.most(huffmanDecodedMax(wire.length));
      }),
    );
  });

  it('decodes any bytes, or says that it cannot, and encodes the result to the same bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (wire) => {
        const text = decode(wire);
        if (text !== null) expect(encode(text)).to.equal(Buffer.from(wire).toString('hex'));
      }),
    );
  });
});
