import { expect } from 'chai';
import { FieldKind, kindOfName } from '../../../src/core/field.ts';

describe('the kind of a header name', () => {
  it('is an alias where a dash of a name that others rely on is written in another way', () => {
    const aliases = [
      'content_length',
      'transfer.encoding',
      'x_real_ip',
      'x-forwarded_for',
      'x.forwarded-proto',
    ];
    for (const name of aliases) expect(kindOfName(name), name).to.equal(FieldKind.Alias);
  });

  it('is its own for the name itself, and for others with such characters', () => {
    expect(kindOfName('content-length')).to.equal(FieldKind.ContentLength);
    expect(kindOfName('x-forwarded-proto')).to.equal(FieldKind.ForwardedProto);
    for (const name of ['x-forwarded-for', 'x-real-ip', 'x_user_id', 'x_forwarded', 'contentlength'])
      expect(kindOfName(name), name).to.equal(FieldKind.Regular);
  });
});
