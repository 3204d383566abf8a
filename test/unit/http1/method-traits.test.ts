import { expect } from 'chai';
import { isIdempotent, maybeEmpty } from '../../../src/http1/method-traits.ts';
import { requestHead } from '../../support/client-end.ts';

describe('http1/method-traits', () => {
  it('knows which bodies are most likely empty', () => {
    for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'])
      expect(maybeEmpty(requestHead(method)), method).to.equal(true);
    for (const method of ['POST', 'PUT', 'PATCH', 'get'])
      expect(maybeEmpty(requestHead(method)), method).to.equal(false);
    expect(maybeEmpty(requestHead('GET', ['content-length', '3']))).to.equal(false);
  });

  it('knows which methods may be sent twice', () => {
    expect(['GET', 'PUT', 'DELETE', 'POST', 'PATCH', 'get'].map(isIdempotent)).to.deep.equal([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
