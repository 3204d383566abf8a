import { expect } from 'chai';
import { grpcStatusOfReply } from '../../../src/call/reply-status.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';

describe('the gRPC status of a reply', () => {
  it('is the one that its last block has, whatever the HTTP status', () => {
    expect(grpcStatusOfReply(200, HeaderBlock.of(['grpc-status', '5']))).to.equal(5);
    expect(grpcStatusOfReply(503, HeaderBlock.of(['grpc-status', '0']))).to.equal(0);
  });

  it('is UNKNOWN where a reply with 200 has none, else what the HTTP status stands for', () => {
    for (const last of [null, HeaderBlock.of(['x-other', '1'])]) {
      expect(grpcStatusOfReply(200, last)).to.equal(2);
      expect(grpcStatusOfReply(201, last), 'no other status is a success').to.equal(2);
      expect(grpcStatusOfReply(401, last)).to.equal(16);
      expect(grpcStatusOfReply(404, last)).to.equal(12);
      expect(grpcStatusOfReply(503, last)).to.equal(14);
    }
  });
});
