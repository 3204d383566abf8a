import { text } from './scalar-type.ts';

/** What headers may be called (RFC 9110 section 5.6.2). */
export const headerName = text({
  label: 'header name',
  charsMax: 256,
  pattern: /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/,
  write: 'a header name, such as x-user-id',
});

/** What cookies may be called (RFC 6265 section 4.1.1). */
export const cookieName = text({
  label: 'cookie name',
  charsMax: 256,
  pattern: /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/,
  write: 'a cookie name, such as session',
});

/** A host without a port. */
export const hostName = text({
  label: 'host name',
  charsMax: 253,
  pattern: /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/,
  write: 'a host name without a port, such as orders.default.svc',
});

/** A host, with a port if one is needed. */
export const authority = text({
  label: 'authority',
  charsMax: 261,
  pattern: /^([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/,
  write: 'a host with a port if one is needed, such as orders.example or orders.example:8443',
});
