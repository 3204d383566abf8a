import { addNote, definePolicy, headerName, key, number, requestTraffic, section } from 'outrigger/policy';

/** Tenants that are counted apart; further ones are one together, so that clients cannot fill the memory. */
const tenantsMax = 10_000;

/** Bounds the requests of each tenant that are in flight at the same time. */
export default definePolicy({
  key: 'tenantLimit',
  schema: section(
    { doc: 'Bounds the requests of each tenant that are in flight.' },
    {
      header: key(headerName, { default: 'x-tenant', doc: 'The header that names the tenant.' }),
      inFlight: key(number({ min: 1, max: 100_000 }), { required: true, doc: 'Requests at the same time.' }),
    },
  ),
  compile({ header, inFlight }) {
    const active = new Map<string, number>();
    return {
      policy: 'tenantLimit',
      appliesTo: requestTraffic,
      request(request) {
        const named = request.requestHead.get(header.toLowerCase()) ?? '';
        const tenant = active.has(named) || active.size < tenantsMax ? named : '';
        const now = active.get(tenant) ?? 0;
        if (now >= inFlight) {
          const detail = `tenant "${tenant}" has ${now} requests in flight`;
          return { kind: 'error', error: { code: 'rate_limited', detail, mayHaveProcessed: false } };
        }
        active.set(tenant, now + 1);
        addNote(request.record, { policy: 'tenantLimit', text: `request ${now + 1} of tenant "${tenant}"` });
        request.follow({
          settled() {
            const left = (active.get(tenant) ?? 1) - 1;
            if (left === 0) active.delete(tenant);
            else active.set(tenant, left);
          },
        });
        return null;
      },
    };
  },
});
