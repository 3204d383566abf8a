import { expect } from 'chai';
import { Field } from '../../../src/core/field.ts';
import { encodeGrpcMessage } from '../../../src/core/grpc-message.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { RawField } from '../../../src/core/raw-field.ts';
import {
  statusMessageBytesMax,
  statusMessageCharsMax,
  statusMessageOf,
} from '../../../src/core/status-message.ts';

const of = (value: string) =>
  statusMessageOf(new HeaderBlock([new Field('grpc-message', value)]), 'grpc-message');
const text = (value: string): string => String(of(value));

describe('core/status-message', () => {
  it('is nothing where a block has none, or an empty one', () => {
    expect(statusMessageOf(HeaderBlock.of(['grpc-status', '5']), 'grpc-message')).to.equal('');
    expect(of('')).to.equal('');
  });

  it('decodes percent-encoding and UTF-8 when asked, and keeps broken escapes', () => {
    for (const said of ['no such order', '50% off', 'kein Gruß für 日本', 'a\\b'])
      expect(text(encodeGrpcMessage(said))).to.equal(said);
    expect(text('100%zz %4')).to.equal('100%zz %4');
    // Some servers send UTF-8 as it is; each byte came as one character.
    expect(text(Buffer.from('für', 'utf8').toString('latin1'))).to.equal('für');
    expect(JSON.stringify({ message: of('a%20b') })).to.equal('{"message":"a b"}');
  });

  it('escapes control characters and replaces what is no UTF-8', () => {
    expect(text('a%0Ab%1B[31m%00%C2%85')).to.equal('a\\nb\\u001b[31m\\u0000\\u0085');
    expect(text('x%FFy%C3')).to.equal('x\ufffdy\ufffd');
    expect(text('%E2%80%AEevil')).to.equal('\\u202eevil');
  });

  it('hides user information and sensitive parameters of URLs that it quotes', () => {
    expect(text('Get "http://u:hunter2@h/a?token=hunter2&b=1": EOF')).to.equal(
      'Get "http://REDACTED@h/a?token=REDACTED&b=1": EOF',
    );
    expect(text('no route for /a%3Ftoken=hunter2%0A')).to.equal('no route for /a?token=REDACTED\\n');
  });

  it('keeps a given number of bytes, and splits neither an escape nor a character', () => {
    const full = 'x'.repeat(statusMessageBytesMax);
    expect(text(full)).to.equal(full);
    expect(text(`${full}y`)).to.equal(`${full}…`);
    expect(text('z'.repeat(60_000))).to.equal(`${'z'.repeat(statusMessageBytesMax)}…`);
    for (let pad = 0; pad < 12; pad++) {
      const said = text(encodeGrpcMessage('x'.repeat(pad) + '日'.repeat(2000)));
      expect(said).to.match(/^x*日+…$/);
    }
    expect(text('%01'.repeat(60)).length).to.equal(360);
    expect(text('%01'.repeat(20_000)).length).to.be.at.most(statusMessageCharsMax + 1);
  });

  it('copies the bytes of a field that stands on a block of the connection, and no more than it keeps', () => {
    const bytes = Buffer.from(`before${'m'.repeat(60_000)}`, 'latin1');
    const chunk = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
    const encodedName = { name: 'grpc-message', prefix: new Uint8Array() };
    const field = new RawField(encodedName, chunk, 6, 60_000);
    const message = statusMessageOf(new HeaderBlock([field]), 'grpc-message');
    bytes.fill(0);
    expect(String(message)).to.equal(`${'m'.repeat(statusMessageBytesMax)}…`);
    expect(Object.values(message).some((value) => value === chunk || value === field)).to.equal(false);
  });
});
