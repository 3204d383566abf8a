import { expect } from 'chai';
import { staticFields, staticNames, staticTableLength } from '../../../../src/http2/hpack/static-table.ts';

describe('HPACK static table', () => {
  it('has the 61 entries of RFC 7541 appendix A', () => {
    expect(staticTableLength).to.equal(61);
    const some: Array<[number, string, string]> = [
      [1, ':authority', ''],
      [2, ':method', 'GET'],
      [8, ':status', '200'],
      [14, ':status', '500'],
      [16, 'accept-encoding', 'gzip, deflate'],
      [28, 'content-length', ''],
      [31, 'content-type', ''],
      [58, 'user-agent', ''],
      [61, 'www-authenticate', ''],
    ];
    for (const [index, name, value] of some) {
      const field = staticFields[index - 1];
      expect([field.name, field.value]).to.deep.equal([name, value]);
      expect(field.repeated).to.equal(true);
    }
  });

  it('is found by name, at the first index, and by value', () => {
    expect(staticNames.get(':status')?.index).to.equal(8);
    expect(staticNames.get(':status')?.values?.get('404')).to.equal(13);
    expect(staticNames.get(':status')?.values?.get('418')).to.equal(undefined);
    expect(staticNames.get('date')).to.deep.equal({ index: 33, values: null });
    expect(staticNames.get('x-request-id')).to.equal(undefined);
  });
});
