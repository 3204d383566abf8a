import { expect } from 'chai';
import { isInRanges, parseIp, parseRange } from '../../../src/routing/address-range.ts';

function holds(range: string, address: string): boolean {
  const { value, error } = parseRange(range);
  if (value === undefined) throw new Error(error);
  return isInRanges(parseIp(address)!, [value]);
}

describe('address ranges', () => {
  it('have the addresses that begin with the same bits', () => {
    for (const [range, inside, outside] of [
      ['10.0.0.0/8', '10.255.1.2', '11.0.0.0'],
      ['192.168.4.0/22', '192.168.7.255', '192.168.8.0'],
      ['203.0.113.7', '203.0.113.7', '203.0.113.6'],
      ['fd00::/8', 'fdff:1::2', 'fe00::'],
      ['2001:db8:8000::/33', '2001:db8:ffff::1', '2001:db8:7fff::1'],
      ['::1', '::1', '::2'],
    ]) {
      expect(holds(range, inside), `${inside} in ${range}`).to.equal(true);
      expect(holds(range, outside), `${outside} in ${range}`).to.equal(false);
    }
  });

  it('take an IPv4 address in IPv6 for what it is, and keep the two families apart', () => {
    expect(holds('10.0.0.0/8', '::ffff:10.1.2.3')).to.equal(true);
    expect(holds('::ffff:10.0.0.0/104', '10.1.2.3')).to.equal(true);
    expect(holds('0.0.0.0/0', '8.8.8.8')).to.equal(true);
    expect(holds('0.0.0.0/0', '2001:db8::1')).to.equal(false);
    expect(holds('::/0', '2001:db8::1')).to.equal(true);
    expect(holds('::/0', '8.8.8.8')).to.equal(false);
  });

  it('take an address without its zone', () => {
    expect(holds('fe80::/10', 'fe80::1%eth0')).to.equal(true);
  });

  it('say what is wrong with them, and what to write', () => {
    for (const text of [
      '',
      'a',
      '10.0.0',
      '10.0.0.0/',
      '10.0.0.0/a',
      '10.0.0.0/8/8',
      '10.0.0.0/-1',
      '10.0.0.256',
      ':::/8',
      '10.0.0.1-9',
    ])
      expect(parseRange(text).error, text).to.equal(
        'is not an address range; write an IP address, or a range such as 10.0.0.0/8 or fd00::/8',
      );
    expect(parseRange('10.0.0.0/33').error).to.equal(
      'has a length of 33 bits, and the address has 32; write 10.0.0.0/32 or less',
    );
    expect(parseRange('::/129').error).to.match(/and the address has 128/);
    expect(parseRange('10.1.2.3/8').error).to.equal(
      'has bits beyond the first 8; write 10.0.0.0/8 for the range, or 10.1.2.3 for one address',
    );
    expect(parseRange('fd00::1/8').error).to.match(
      /write fd00::\/8 for the range, or fd00::1 for one address$/,
    );
  });

  it('are not asked for what is no address', () => {
    for (const text of ['', 'a', '1.2.3', '::g']) expect(parseIp(text), text).to.equal(null);
  });
});
