import { expect } from 'chai';
import { replyHeaders } from '../../../src/schema/metadata-type.ts';

describe('replyHeaders', () => {
  it('takes headers by names in any case', () => {
    expect(replyHeaders.parse({ 'Retry-After': '120' }).value).to.deep.equal({ 'retry-after': '120' });
  });

  it('refuses what frames the reply, with what to write instead where there is something', () => {
    for (const name of ['connection', 'Transfer-Encoding', 'content-length', 'trailer', ':status'])
      expect(replyHeaders.parse({ [name]: 'x' }).error, name).to.match(/leave it out$/);
    expect(replyHeaders.parse({ 'content-type': 'x' }).error).to.match(/write contentType, beside headers$/);
    expect(replyHeaders.parse({ 'grpc-status': '0' }).error).to.match(/write grpcStatus, beside headers$/);
  });

  it('refuses a value that could end its header', () => {
    for (const value of ['a\r\nb: c', 'a\nb', 'a\0b', ' a'])
      expect(replyHeaders.parse({ 'x-a': value }).error, JSON.stringify(value)).to.match(/cannot be sent/);
  });
});
