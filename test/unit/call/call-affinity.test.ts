import { expect } from 'chai';
import type { Affinity } from '../../../src/balancing/affinity.ts';
import type { Candidate } from '../../../src/balancing/candidate.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { callRig, failure, grpcHead, replyHead } from './call-rig.ts';

/** Takes a key from `x-session` and says in the reply what was bound to which endpoint. */
function affinityOf(): Affinity & { readonly asked: string[]; readonly picked: string[] } {
  const asked: string[] = [];
  const picked: string[] = [];
  return {
    asked,
    picked,
    keyOf(head, clientAddress) {
      asked.push(clientAddress);
      return head.get('x-session') ?? '';
    },
    bind: (reply: HeaderBlock, key: string, endpoint: Candidate) =>
      HeaderBlock.of(
        [':status', `${reply.status}`],
        ['grpc-status', '0'],
        ['x-bound', `${key}=${endpoint.address}`],
      ),
  };
}

describe('Call in a cluster with affinity', () => {
  it('makes its key once, picks by it at every attempt and binds the reply to who gave it', () => {
    const affinity = affinityOf();
    const rig = callRig({ endpoints: 2, affinity });
    const { acquire } = rig.cluster;
    rig.cluster.acquire = function (...args) {
      affinity.picked.push(args[3]);
      return acquire.apply(this, args);
    };
    const client = rig.call(grpcHead(['x-session', 'ada']));
    const first = rig.endpoints.findIndex((endpoint) => endpoint.active === 1);
    rig.pools[first].streams[0].receiver!.failed(failure('refused'));
    rig.pools[1 - first].streams[0].receiver!.head(replyHead('200', ['grpc-status', '0']), true);
    expect(client.heads[0].get('x-bound')).to.equal(`ada=${rig.endpoints[1 - first].address}`);
    expect(affinity.asked).to.deep.equal(['127.0.0.9']);
    expect(affinity.picked).to.deep.equal(['ada', 'ada']);
    rig.cluster.stop();
  });

  it('passes the head of a reply on as it is in every other cluster', () => {
    const rig = callRig();
    const client = rig.call(grpcHead());
    const head = replyHead('200', ['grpc-status', '0']);
    rig.pools[0].streams[0].receiver!.head(head, true);
    expect(client.heads[0]).to.equal(head);
    rig.cluster.stop();
  });
});
