import type { StreamPool } from './stream-opener.ts';

/** For `protocol: tcp` and `udp`, which have no streams: nothing is kept, and no call is ever sent here. */
export const noPool: StreamPool = {
  open(opener) {
    opener.openFailed({
      code: 'connect_failed',
      message: 'a cluster with protocol tcp or udp carries no requests',
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
