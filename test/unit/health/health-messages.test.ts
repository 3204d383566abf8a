import { expect } from 'chai';
import fc from 'fast-check';
import { decodeResponse, encodeRequest } from '../../../src/health/health-messages.ts';
import { healthService } from '../../support/protos.ts';

const { requestSerialize, requestDeserialize, responseSerialize } = healthService.Check;

describe('the messages of grpc.health.v1', () => {
  it('a request is what a protobuf library reads, and would write', () => {
    const name = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.constant('x'.repeat(20_000)));
    fc.assert(
      fc.property(name, (service) => {
        const bytes = encodeRequest({ service });
        expect((requestDeserialize(bytes) as { service: string }).service).to.equal(service);
        if (service !== '') expect(bytes.equals(requestSerialize({ service }))).to.equal(true);
      }),
    );
    expect(encodeRequest({}).length).to.equal(0);
  });

  it('a response is read as a protobuf library wrote it; a number without a name stays a number', () => {
    for (const status of ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'])
      expect(decodeResponse(responseSerialize({ status })).status).to.equal(status);
    for (const number of [4, 77, 300, 0x7fff_ffff])
      expect(decodeResponse(responseSerialize({ status: number })).status).to.equal(number);
  });

  it('fields of a later version are passed over, and the last of two statuses counts', () => {
    const unknown = [
      0x10, 0x96, 0x01, 0x1a, 0x02, 0xff, 0xff, 0x25, 1, 2, 3, 4, 0x29, 1, 2, 3, 4, 5, 6, 7, 8,
    ];
    expect(decodeResponse(Buffer.of(0x08, 2, ...unknown, 0x08, 1)).status).to.equal('SERVING');
    expect(decodeResponse(Buffer.of(...unknown)).status).to.equal('UNKNOWN');
  });

  it('throws at what is no message, and reads nothing beyond its end', () => {
    const garbage = [
      '08',
      '0880',
      '1a05ff',
      '2501',
      '2901020304',
      '0b',
      '0f',
      '0001',
      'ff'.repeat(20),
      `08${'80'.repeat(10)}01`,
    ];
    for (const hex of garbage)
      expect(() => decodeResponse(Buffer.from(hex, 'hex')), hex).to.throw(RangeError);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          expect(decodeResponse(bytes).status).to.satisfy(
            (s: unknown) => typeof s === 'string' || Number.isInteger(s),
          );
        } catch (error) {
          expect(error).to.be.instanceOf(RangeError);
        }
      }),
    );
  });

  it('the length of a name takes as many bytes as it needs', () => {
    for (const length of [1, 127, 128, 129, 255, 16_383, 16_384, 16_385]) {
      const service = 'x'.repeat(length);
      expect(encodeRequest({ service }).equals(requestSerialize({ service })), `${length}`).to.equal(true);
    }
  });

  it('each kind of unknown field is passed over by itself, and one that is broken off is named', () => {
    const status = [0x08, 1];
    for (const unknown of [
      [0x10, 0x96, 0x01],
      [0x09, 1, 2, 3, 4, 5, 6, 7, 8],
      [0x1a, 2, 0xff, 0xff],
      [0x25, 1, 2, 3, 4],
    ])
      expect(decodeResponse(Buffer.of(...unknown, ...status)).status, `${unknown}`).to.equal('SERVING');
    for (const cut of [
      [0x1a, 5, 1],
      [0x25, 1, 2, 3],
      [0x29, 1],
    ])
      expect(() => decodeResponse(Buffer.of(...cut))).to.throw('ends inside a value');
    for (const group of [0x0b, 0x0f])
      expect(() => decodeResponse(Buffer.of(group, 1, 2, 3, 4, 5, 6, 7, 8))).to.throw('wire type');
    const minusOne = Buffer.from(`08${'ff'.repeat(9)}01`, 'hex');
    expect(decodeResponse(minusOne).status).to.equal(2 ** 49 - 1);
  });
});
