/**
 * Cases that RFC 9113 contradicts (h2spec was written for RFC 7540), where it says so of the target: they may fail. A case of
 * this list that passes is named by the runner, so that the list does not outlive its reasons.
 */
export interface Contradicted {
  /** Of `targets.ts`. */
  readonly target: string;
  /** As the runner prints it: suite, section, number or title. */
  readonly id: string;
  /** The section of RFC 9113 and what it says instead. */
  readonly because: string;
}

const closedStream =
  'section 5.1: an endpoint MAY treat frames on a closed stream as a connection error, where RFC 7540 said MUST; here it is a ' +
  'stream error, STREAM_CLOSED, so that one stray frame does not end the other calls of the connection';

export const contradicted: readonly Contradicted[] = [
  ...['engine as a client', 'upstream leg'].flatMap((target) => [
    { target, id: 'h2specd/client/5.1/8', because: closedStream },
    { target, id: 'h2specd/client/5.1/9', because: closedStream },
  ]),
  {
    target: 'listener',
    id: 'h2spec/http2/3.5/2',
    because:
      'section 3.4: what is no preface "indicates that the peer is not using HTTP/2", and this port speaks HTTP/1.1 as well: ' +
      'it answers 400 in HTTP/1.1 and closes; over TLS, where ALPN chose h2, the case passes',
  },
];
