import type { Http1Pool } from '../http1/pool.ts';
import type { StreamOpener, StreamPool } from './stream-opener.ts';

/** An HTTP/1.1 pool as the call path sees one: a stream is there at once, and its failures come to the receiver. */
export function http1StreamPool(pool: Http1Pool): StreamPool {
  return {
    open(opener: StreamOpener) {
      const message = pool.fullBecause;
      // A limit of this process says nothing of the endpoint.
      if (message !== '') opener.openFailed({ code: 'overloaded', message });
      else opener.opened(pool.open(opener, opener.forwardsClient ? opener.clientAddress : null));
    },
    cancel() {},
    get connections() {
      return pool.active;
    },
    backingOff: '',
    resetBackoff() {},
    retire: () => pool.closeIdle(),
    drain: () => pool.close(),
    close: () => pool.destroy(),
  };
}

/** For `protocol: tcp`, whose connections are not streams: nothing is kept, and no call is ever sent here. */
export const noPool: StreamPool = {
  open(opener) {
    opener.openFailed({
      code: 'connect_failed',
      message: 'a cluster with protocol tcp serves TCP connections only',
    });
  },
  cancel() {},
  connections: 0,
  backingOff: '',
  resetBackoff() {},
  retire() {},
  drain() {},
  close() {},
};
