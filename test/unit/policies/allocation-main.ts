import { answer } from '../call/attempt-policies.ts';
import { callRig, grpcHead } from '../call/call-rig.ts';

/**
 * Prints how many bytes a call allocates on routes with other policies, as JSON. To be run with `--expose-gc` and a young
 * generation that holds a whole round, so that nothing is collected while it is measured.
 */
const callsPerRound = 2000;
const rounds = 15;

function bytesPerCall(policies: Parameters<typeof callRig>[0]): number {
  const rig = callRig({ ...policies, requestsMax: 1_000_000 });
  const head = grpcHead();
  const round = (): number => {
    globalThis.gc!();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < callsPerRound; i++) {
      rig.call(head);
      answer(rig.order[rig.order.length - 1]);
    }
    const bytes = (process.memoryUsage().heapUsed - before) / callsPerRound;
    rig.order.length = 0;
    rig.settled.length = 0;
    for (const pool of rig.pools) pool.streams.length = 0;
    return bytes;
  };
  // The optimiser learns in the first rounds, and the lists of the rig grow.
  for (let i = 0; i < 5; i++) round();
  // Now and then a list of the rig grows: the least is what a call takes.
  return Math.min(...Array.from({ length: rounds }, round));
}

const manyPolicies = {
  rateLimit: { requests: 1_000_000_000 },
  fault: { abort: { percent: 0 } },
  headers: { request: { set: { 'x-route': '{route}' } } },
};

const bare = bytesPerCall({});
const some = bytesPerCall({ policies: manyPolicies });
// What a route with policies has taught the optimiser must not cost the others anything.
const bareAgain = bytesPerCall({});
process.stdout.write(JSON.stringify({ bare, some, bareAgain }));
