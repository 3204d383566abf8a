import { expect } from 'chai';
import { Field } from '../../../../src/core/field.ts';
import { HeaderBlock } from '../../../../src/core/header-block.ts';
import { checkedBlock, checkedReplyHead } from '../../../../src/policies/modules/checked-head.ts';

const request = HeaderBlock.of(
  [':method', 'POST'],
  [':path', '/a'],
  [':scheme', 'http'],
  [':authority', 'a'],
  ['content-length', '5'],
);
const reply = HeaderBlock.of([':status', '200'], ['content-length', '5']);
const behind = (before: HeaderBlock, name: string, value: string) =>
  new HeaderBlock([new Field(name, value)], before);
const without = (before: HeaderBlock, name: string) =>
  new HeaderBlock(before.allFields.filter((field) => field.name !== name));

describe('policies/modules/checked-head', () => {
  it('takes heads with other headers, another path or another status', () => {
    const path = new HeaderBlock([
      new Field(':authority', 'b'),
      new Field(':path', '/b'),
      ...request.allFields.filter(({ name }) => !/^:(path|authority)$/.test(name)),
    ]);
    const status = new HeaderBlock([new Field(':status', '404'), new Field('content-length', '5')]);
    expect(checkedBlock(path, request)).to.equal(path);
    expect(checkedBlock(status, reply)).to.equal(status);
    for (const before of [request, reply]) {
      const more = behind(before, 'x-a', 'b');
      expect([checkedBlock(more, before), checkedBlock(before, before)]).to.deep.equal([more, before]);
    }
    const odd = HeaderBlock.of([':status', '999']);
    expect(() => checkedBlock(behind(odd, 'x-a', 'b'), odd), 'a status of the endpoint').not.to.throw();
  });

  it('refuses what breaks the message', () => {
    const cases: ReadonlyArray<readonly [HeaderBlock, HeaderBlock, RegExp]> = [
      [HeaderBlock.of(['x-a', 'b']), request, /other pseudo-headers/],
      [without(request, ':path'), request, /other pseudo-headers/],
      [behind(request, ':path', '/b'), request, /other pseudo-headers/],
      [behind(without(request, ':path'), ':path', '/a'), request, /other pseudo-headers/],
      [HeaderBlock.of(['x-a', 'b']), reply, /other pseudo-headers/],
      [without(request, 'content-length'), request, /another content-length/],
      [behind(reply, 'content-length', '5'), reply, /another content-length/],
      [behind(reply, 'x-a', 'b\r\nx-c: d'), reply, /malformed/],
      [behind(reply, 'connection', 'close'), reply, /belongs to the connection/],
      [HeaderBlock.of([':status', '101'], ['content-length', '5']), reply, /not from 200 to 599/],
    ];
    for (const [i, [block, before, error]] of cases.entries())
      expect(() => checkedBlock(block, before), `case ${i}`).to.throw(TypeError, error);
    expect(() => checkedBlock({}, reply)).to.throw(TypeError, /no HeaderBlock/);
  });

  it('refuses replies that cannot be sent', () => {
    const body = Buffer.from('hello');
    for (const given of [body, null]) expect(checkedReplyHead(reply, given)).to.equal(reply);
    const refused = (head: HeaderBlock) => expect(() => checkedReplyHead(head, body));
    refused(HeaderBlock.of(['x-a', 'b'])).to.throw(TypeError, /one :status/);
    refused(behind(reply, ':status', '200')).to.throw(TypeError, /one :status/);
    for (const status of ['101', '600', 'x', '200.5'])
      refused(HeaderBlock.of([':status', status])).to.throw(TypeError, /not from 200 to 599/);
    refused(HeaderBlock.of([':status', '200'], ['content-length', '3'])).to.throw(TypeError, /than its body/);
  });
});
