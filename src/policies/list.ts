import { accessLog } from './access-log/policy.ts';
import { bodyLimit } from './body-limit/policy.ts';
import { cors } from './cors/policy.ts';
import { fault } from './fault/policy.ts';
import { forwarded } from './forwarded/policy.ts';
import { headers } from './headers/policy.ts';
import { hedge } from './hedge/policy.ts';
import { mirror } from './mirror/policy.ts';
import { policyModules } from './modules/policy.ts';
import { rateLimit } from './rate-limit/policy.ts';
import { redirect } from './redirect/policy.ts';
import { requestId } from './request-id/policy.ts';
import { respond } from './respond/policy.ts';
import { retry } from './retry/policy.ts';
import { rewrite } from './rewrite/policy.ts';
import { sampling } from './sampling/policy.ts';
import { split } from './split/policy.ts';
import { timeout } from './timeout/policy.ts';

/**
 * Every policy that a route may have. The order is that of the keys in the reference page, and of the stages: a request passes
 * them from first to last, its reply from last to first.
 *
 *  - `timeout`, `retry` and `hedge` do nothing before an endpoint is picked.
 *  - `accessLog` and `sampling` act where a request begins and ends, so their place counts for the reference page alone.
 *  - `requestId` comes before those that refuse a request: the id is for requests that go wrong, above all.
 *  - `forwarded` writes headers that later ones may change, `headers` above all.
 *  - `cors` comes before those that refuse a request: a page may read why only if the reply allows its origin.
 *  - `bodyLimit` comes before `rateLimit`: a request that is refused anyway must not use up what others may send.
 *  - `rateLimit` comes before `fault`: a request that is refused must not be delayed.
 *  - `policies`, of the user's own, come behind those that refuse requests, and before those that change or answer them.
 *  - `redirect` and `respond` come after those that refuse, delay or fail requests: what they do holds for their requests as well.
 *  - `rewrite` comes after those that answer requests: redirects and limits go by the path as it came.
 *  - `headers` comes after those that answer or rewrite a request. A reply passes it before theirs.
 *  - `split` comes after whatever may answer the request, so that a cluster is chosen for requests that go to one.
 *  - `mirror` is the last: it copies what the policies before it have made of the request, and no request that they answer.
 */
export const policies = [
  timeout,
  retry,
  hedge,
  accessLog,
  sampling,
  requestId,
  forwarded,
  cors,
  bodyLimit,
  rateLimit,
  fault,
  policyModules,
  redirect,
  respond,
  rewrite,
  headers,
  split,
  mirror,
] as const;
