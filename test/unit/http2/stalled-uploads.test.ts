import { expect } from 'chai';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { Recorder } from '../../support/memory-pair.ts';
import { data, headers, postHead, Scripted, settings } from './support.ts';

type Head = ReadonlyArray<readonly [string, string]>;

const replyHead = HeaderBlock.of([':status', '200']);
const grpcHead: Head = [...postHead, ['content-type', 'application/grpc']];

describe('http2 requests whose body stalls', () => {
  /** A server whose handler takes what comes at once; and whether it reset the request after this many checks. */
  function server(head: Head) {
    const scripted = new Scripted('server');
    scripted.send(settings(), headers(1, head, false));
    const check = (times: number): boolean => {
      for (let i = 0; i < times; i++) scripted.connection.checkUploads(5);
      return scripted.said().includes('RST_STREAM 1 11');
    };
    return { scripted, check };
  }

  it('are reset when next to nothing came for more checks than allowed', () => {
    const { scripted, check } = server(postHead);
    scripted.send(data(1, 'half'));
    expect(check(6)).to.equal(false);
    expect(check(1)).to.equal(true);
    expect(scripted.requests[0].recorder.failures.map(({ kind }) => kind)).to.deep.equal(['protocol']);
  });

  it('are left alone while they are slow, with 1024 bytes from one check to the next', () => {
    const { scripted, check } = server(postHead);
    for (let i = 0; i < 20; i++) {
      scripted.send(data(1, 'x'.repeat(1024)));
      expect(check(5)).to.equal(false);
    }
  });

  it('are left alone while it is not the client that holds them up', () => {
    const { scripted, check } = server(postHead);
    scripted.requests[0].stream.receiver = new Recorder(true);
    scripted.send(data(1, 'not passed on'));
    expect(check(50)).to.equal(false);
  });

  it('are left alone once the reply has begun, for two that talk', () => {
    const { scripted, check } = server(postHead);
    scripted.requests[0].stream.head(replyHead, false);
    expect(check(50)).to.equal(false);
  });

  it('are left alone in gRPC, whose streams may be silent for long', () => {
    expect(server(grpcHead).check(50)).to.equal(false);
  });
});
