import { definePolicy, headerName, key, requestTraffic, section } from 'outrigger/policy';

/** Refuses requests without a header. */
export default definePolicy({
  key: 'headerCheck',
  schema: section(
    { doc: 'Refuses requests without a header.' },
    { header: key(headerName, { required: true, doc: 'The header that must be there.' }) },
  ),
  compile: ({ header }) => ({
    policy: 'headerCheck',
    appliesTo: requestTraffic,
    request: ({ requestHead }) =>
      requestHead.get(header.toLowerCase()) === undefined
        ? {
            kind: 'error',
            error: { code: 'denied', detail: `the request has no ${header}`, mayHaveProcessed: false },
          }
        : null,
  }),
});
