import { expect } from 'chai';
import {
  otherSubchannels,
  type SubchannelKey,
  SubchannelTable,
  subchannelKeysMax,
} from '../../../src/upstream/subchannels.ts';

describe('upstream/subchannels', () => {
  const key = (cluster: string, zone = '', security: SubchannelKey['security'] = 'none') => ({
    cluster,
    zone,
    security,
  });

  it('has one place for each cluster, zone and security', () => {
    const table = new SubchannelTable();
    const keys = [
      key('a'),
      key('b'),
      key('a', 'eu-1'),
      key('a', 'eu-2'),
      key('a', '', 'privacy_and_integrity'),
    ];
    expect(new Set(keys.map((one) => table.of(one)))).to.have.property('size', keys.length);
    expect(table.of(key('a', 'eu-1'))).to.equal(table.of(key('a', 'eu-1')));
    const reported: SubchannelKey[] = [];
    table.each((one) => reported.push(one));
    expect(reported).to.deep.equal(keys);
  });

  it('has one place for all that are beyond its limit', () => {
    const table = new SubchannelTable();
    for (let i = 0; i < subchannelKeysMax + 50; i++) table.of(key('a', `zone-${i}`)).failed++;
    let entries = 0;
    let failed = 0;
    table.each((_, counts) => {
      entries++;
      failed += counts.failed;
    });
    expect([entries, failed]).to.deep.equal([subchannelKeysMax + 1, subchannelKeysMax + 50]);
    expect(table.of(key(otherSubchannels)).failed).to.equal(50);
    expect(table.of(key('a', 'zone-0')).failed).to.equal(1);
  });
});
