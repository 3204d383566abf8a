import type { Follower, RequestView } from '../../call/stage.ts';
import type { HeaderBlock } from '../../core/header-block.ts';
import type { Cluster } from '../../upstream/cluster.ts';
import { checkedBlock } from './checked-head.ts';
import { Failed, type ModuleWatch } from './module-watch.ts';

/** A request as a module sees it: what the module registers runs guarded as its hooks do. */
export class GuardedRequest implements RequestView {
  private readonly request: RequestView;
  private readonly watch: ModuleWatch;

  constructor(request: RequestView, watch: ModuleWatch) {
    this.request = request;
    this.watch = watch;
  }

  get traffic() {
    return this.request.traffic;
  }
  get clock() {
    return this.request.clock;
  }
  get peer() {
    return this.request.peer;
  }
  get record() {
    return this.request.record;
  }
  get requestHead() {
    return this.request.requestHead;
  }
  get outgoing() {
    return this.request.outgoing;
  }
  get cluster() {
    return this.request.cluster;
  }
  get requestEnded() {
    return this.request.requestEnded;
  }
  get forwardsClient() {
    return this.request.forwardsClient;
  }
  traceContext() {
    return this.request.traceContext();
  }
  useCluster(cluster: Cluster): void {
    this.request.useCluster(cluster);
  }
  useHead(outgoing: HeaderBlock): void {
    this.request.useHead(checkedBlock(outgoing, this.request.outgoing));
  }
  follow(follower: Follower): void {
    const { watch } = this;
    this.request.follow({
      data(bytes, start, end, last) {
        const result = watch.run('body', () => follower.data?.(bytes, start, end, last) ?? null);
        return result instanceof Failed ? result.error : result;
      },
      trailers: (trailers) => void watch.run('body', () => follower.trailers?.(trailers)),
      settled: (record) => void watch.run('settled', () => follower.settled?.(record)),
    });
  }
}
