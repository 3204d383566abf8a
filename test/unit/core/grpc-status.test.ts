import { expect } from 'chai';
import fc from 'fast-check';
import { GrpcStatus, parseGrpcStatus } from '../../../src/core/grpc-status.ts';

describe('core/grpc-status', () => {
  it('reads the numbers of the table, with a leading zero too', () => {
    for (let code = 0; code <= 16; code++) {
      expect(parseGrpcStatus(String(code))).to.equal(code);
      expect(parseGrpcStatus(String(code).padStart(2, '0'))).to.equal(code);
    }
  });

  it('takes everything else for UNKNOWN', () => {
    const fixed = ['', '17', '99', '000', '-1', '+1', ' 1', '1 ', '1.', '0x', 'OK', '٣'];
    for (const text of fixed) expect(parseGrpcStatus(text), text).to.equal(GrpcStatus.UNKNOWN);
    fc.assert(
      fc.property(
        fc.string({ maxLength: 4 }).filter((text) => !/^\d{1,2}$/.test(text)),
        (text) => {
          expect(parseGrpcStatus(text)).to.equal(GrpcStatus.UNKNOWN);
        },
      ),
    );
  });
});
