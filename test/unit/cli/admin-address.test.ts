import { expect } from 'chai';
import { adminAddress } from '../../../src/cli/admin-address.ts';
import { formatAddress } from '../../../src/core/address.ts';

const found = (flag?: string, variable?: string): string => {
  const { value, error } = adminAddress(flag, { OUTRIGGER_ADMIN: variable });
  return value === undefined ? error : formatAddress(value);
};

describe('cli/admin-address', () => {
  it('is that of the flag, else of the variable, else the default', () => {
    expect(found('a:1', 'b:1')).to.equal('a:1');
    expect(found(undefined, 'b:1')).to.equal('b:1');
    expect(found(undefined, '')).to.equal('127.0.0.1:15000');
  });

  it('is reported by the name of what is wrong', () => {
    expect(found('a')).to.equal('--admin: "a" has no port; write host:port, such as a:50051');
    expect(found(undefined, 'a')).to.equal(
      'OUTRIGGER_ADMIN: "a" has no port; write host:port, such as a:50051',
    );
  });
});
